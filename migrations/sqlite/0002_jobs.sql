-- Work that is done later: mail, push, webhooks, thumbnails, reminders.
CREATE TABLE jobs (
    id BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    -- What may be put in once only.
    unique_key TEXT UNIQUE,
    -- Waiting: when to run it. Leased: when the lease ends, and it may be taken again.
    due_at INTEGER NOT NULL,
    -- The lease that holds it, or held it last.
    lease BLOB,
    attempts INTEGER NOT NULL,
    attempts_max INTEGER NOT NULL,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    -- Done; kept for a while if it has a key.
    done_at INTEGER,
    -- Given up; kept for somebody to look at.
    dead_at INTEGER
) STRICT;

CREATE INDEX jobs_due ON jobs (kind, due_at) WHERE done_at IS NULL AND dead_at IS NULL;
CREATE INDEX jobs_done ON jobs (done_at) WHERE done_at IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (dead_at) WHERE dead_at IS NOT NULL;
