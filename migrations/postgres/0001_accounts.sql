-- Accounts: people, their sessions and second factors, what is pending, and what was done by whom.
-- Keys are UUIDv7 made by the program, and so is every time.

-- People. `email_key` and `name_key` are what is compared and searched: lower case, composed.
CREATE TABLE users (
    id UUID PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
    email_verified_at TIMESTAMPTZ NOT NULL,
    password_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    about TEXT NOT NULL,
    country TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- Counts changes of the profile, for ETag and If-Match.
    version BIGINT NOT NULL,
    last_seen_visibility TEXT NOT NULL,
    photo_visibility TEXT NOT NULL,
    about_visibility TEXT NOT NULL,
    read_receipts BOOLEAN NOT NULL,
    -- The secret of the authenticator app; it counts once it was confirmed.
    totp_secret BYTEA,
    totp_confirmed_at TIMESTAMPTZ,
    -- The newest time step whose code was used: no code works twice.
    totp_last_step BIGINT,
    blocked_at TIMESTAMPTZ,
    blocked_reason TEXT,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE user_roles (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, role)
);

-- One-time codes for those who lost their authenticator, as SHA-256.
CREATE TABLE recovery_codes (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    used_at TIMESTAMPTZ,
    PRIMARY KEY (user_id, hash)
);

-- Sign-ins. `generation` counts refreshes; `used_generation` is the newest one of which a token was used.
-- `chain_key` and a refresh token make the next one; neither is enough alone.
CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    chain_key BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    used_generation BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    end_reason TEXT
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);

-- Refresh tokens as SHA-256, the past ones too, so that their reuse is noticed.
CREATE TABLE refresh_tokens (
    hash BYTEA PRIMARY KEY,
    session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id, generation);

-- Registrations whose e-mail address is not verified yet. The link in the mail makes the account.
CREATE TABLE registrations (
    token_hash BYTEA PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    locale TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX registrations_email ON registrations (email_key, created_at);

-- Links to set a new password, as SHA-256.
CREATE TABLE password_resets (
    token_hash BYTEA PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX password_resets_user ON password_resets (user_id);

-- Links to set the server up, as SHA-256; none is left once it is.
CREATE TABLE setup_links (
    token_hash BYTEA PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);

-- At most one row: the server is set up, and by whom.
CREATE TABLE setup (
    only_row BIGINT PRIMARY KEY CONSTRAINT setup_only_row CHECK (only_row = 1),
    user_id UUID NOT NULL,
    completed_at TIMESTAMPTZ NOT NULL
);

-- Keys of access tokens; the newest one signs.
CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY,
    seed BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- Mails that were made.
CREATE TABLE mails (
    id UUID PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- What was done by whom to whom. Rows are only ever added.
CREATE TABLE audit_log (
    id UUID PRIMARY KEY,
    actor_id UUID,
    action TEXT NOT NULL,
    target_id UUID,
    before JSONB,
    after JSONB,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END;
$$;

CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_audit_log();
