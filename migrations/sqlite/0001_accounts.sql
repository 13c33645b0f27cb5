-- Accounts: people, their sessions and second factors, what is pending, and what was done by whom.
-- Keys are UUIDv7 made by the program, and so is every time (microseconds since 1970).

-- People. `email_key` and `name_key` are what is compared and searched: lower case, composed.
CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    email_verified_at INTEGER NOT NULL,
    password_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    about TEXT NOT NULL,
    country TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    locale TEXT NOT NULL,
    -- Counts changes of the profile, for ETag and If-Match.
    version INTEGER NOT NULL,
    last_seen_visibility TEXT NOT NULL,
    photo_visibility TEXT NOT NULL,
    about_visibility TEXT NOT NULL,
    read_receipts INTEGER NOT NULL,
    -- The secret of the authenticator app; it counts once it was confirmed.
    totp_secret BLOB,
    totp_confirmed_at INTEGER,
    -- The newest time step whose code was used: no code works twice.
    totp_last_step INTEGER,
    blocked_at INTEGER,
    blocked_reason TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE user_roles (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, role)
) STRICT;

-- One-time codes for those who lost their authenticator, as SHA-256.
CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, hash)
) STRICT;

-- Sign-ins. `generation` counts refreshes; `used_generation` is the newest one of which a token was used.
-- `chain_key` and a refresh token make the next one; neither is enough alone.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    chain_key BLOB NOT NULL,
    generation INTEGER NOT NULL,
    used_generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, created_at);

-- Refresh tokens as SHA-256, the past ones too, so that their reuse is noticed.
CREATE TABLE refresh_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL
) STRICT;
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id, generation);

-- Registrations whose e-mail address is not verified yet. The link in the mail makes the account.
CREATE TABLE registrations (
    token_hash BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    locale TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX registrations_email ON registrations (email_key, created_at);

-- Links to set a new password, as SHA-256.
CREATE TABLE password_resets (
    token_hash BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX password_resets_user ON password_resets (user_id);

-- Links to set the server up, as SHA-256; none is left once it is.
CREATE TABLE setup_links (
    token_hash BLOB NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- At most one row: the server is set up, and by whom.
CREATE TABLE setup (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    user_id BLOB NOT NULL,
    completed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys of access tokens; the newest one signs.
CREATE TABLE signing_keys (
    id TEXT NOT NULL PRIMARY KEY,
    seed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Mails that were made.
CREATE TABLE mails (
    id BLOB NOT NULL PRIMARY KEY,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text_body TEXT NOT NULL,
    html_body TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- What was done by whom to whom. Rows are only ever added.
CREATE TABLE audit_log (
    id BLOB NOT NULL PRIMARY KEY,
    actor_id BLOB,
    action TEXT NOT NULL,
    target_id BLOB,
    before TEXT,
    after TEXT,
    address TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;

CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
