-- Work that is done later: mail, push, webhooks, thumbnails, reminders.
CREATE TABLE jobs (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    payload JSONB NOT NULL,
    -- What may be put in once only.
    unique_key TEXT UNIQUE,
    -- Waiting: when to run it. Leased: when the lease ends, and it may be taken again.
    due_at TIMESTAMPTZ NOT NULL,
    -- The lease that holds it, or held it last.
    lease UUID,
    attempts BIGINT NOT NULL,
    attempts_max BIGINT NOT NULL,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    -- Done; kept for a while if it has a key.
    done_at TIMESTAMPTZ,
    -- Given up; kept for somebody to look at.
    dead_at TIMESTAMPTZ
);

CREATE INDEX jobs_due ON jobs (kind, due_at) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX jobs_done ON jobs (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (dead_at) WHERE dead_at IS NOT NULL;
