//! The table of jobs: putting in, leasing, ending.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Job, NewJob};
use crate::db::Db;
use crate::error::DbError;
use crate::new_id;
use crate::row::Row;
use crate::tx::Tx;

crate::statements! {
    /// Puts one in, unless there is one with the same key.
    INSERT =
        "INSERT INTO jobs (id, kind, payload, unique_key, due_at, attempts, attempts_max, created_at) \
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7) ON CONFLICT (unique_key) DO NOTHING";

    /// The kinds of which something is due.
    DUE_KINDS =
        "SELECT DISTINCT kind FROM jobs WHERE due_at <= $1 AND done_at IS NULL AND dead_at IS NULL";

    /// Leases what is due. What another transaction is just leasing is passed over.
    LEASE =
        postgres "WITH due AS MATERIALIZED (SELECT id FROM jobs WHERE kind = $1 AND due_at <= $2 \
                  AND done_at IS NULL AND dead_at IS NULL AND attempts < attempts_max \
                  ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED) \
                  UPDATE jobs SET lease = $4, due_at = $5, attempts = attempts + 1 \
                  FROM due WHERE jobs.id = due.id \
                  RETURNING jobs.id, jobs.kind, jobs.payload, jobs.attempts, jobs.attempts_max, \
                  jobs.created_at, jobs.lease, jobs.unique_key"
        sqlite "UPDATE jobs SET lease = $4, due_at = $5, attempts = attempts + 1 \
                WHERE id IN (SELECT id FROM jobs WHERE kind = $1 AND due_at <= $2 \
                AND done_at IS NULL AND dead_at IS NULL AND attempts < attempts_max \
                ORDER BY due_at LIMIT $3) \
                RETURNING id, kind, payload, attempts, attempts_max, created_at, lease, unique_key";

    /// Gives up what ended its last attempt without a word: whatever runs it kills its process.
    BURY_SILENT =
        "UPDATE jobs SET dead_at = $2, last_error = 'it never came to an end' WHERE kind = $1 \
         AND due_at <= $2 AND done_at IS NULL AND dead_at IS NULL AND attempts >= attempts_max";

    /// Done, without a key.
    DELETE = "DELETE FROM jobs WHERE id = $1 AND lease = $2 AND done_at IS NULL AND dead_at IS NULL";

    /// Done, with a key that has to be remembered.
    SET_DONE =
        "UPDATE jobs SET done_at = $3 \
         WHERE id = $1 AND lease = $2 AND done_at IS NULL AND dead_at IS NULL";

    /// Failed, to be tried again.
    SET_DUE =
        "UPDATE jobs SET due_at = $3, last_error = $4, lease = NULL \
         WHERE id = $1 AND lease = $2 AND done_at IS NULL AND dead_at IS NULL";

    /// Failed for good.
    SET_DEAD =
        "UPDATE jobs SET dead_at = $3, last_error = $4 \
         WHERE id = $1 AND lease = $2 AND done_at IS NULL AND dead_at IS NULL";

    /// Forgets what was done before an instant.
    SWEEP_DONE = "DELETE FROM jobs WHERE done_at < $1";

    /// Forgets what was given up before an instant.
    SWEEP_DEAD = "DELETE FROM jobs WHERE dead_at < $1";

    /// What was given up, the newest first.
    FIND_DEAD =
        "SELECT id, kind, payload, attempts, last_error, dead_at FROM jobs \
         WHERE dead_at IS NOT NULL ORDER BY dead_at DESC, id DESC LIMIT $1";

    /// Tries again what was given up.
    REVIVE =
        "UPDATE jobs SET dead_at = NULL, lease = NULL, attempts = 0, due_at = $2 \
         WHERE id = $1 AND dead_at IS NOT NULL";
}

/// Puts a job in, as part of the transaction of its cause. Returns false if there is one with its key.
///
/// # Errors
///
/// As for [`Tx::execute`].
pub async fn enqueue(tx: &mut Tx, job: NewJob, now: Timestamp) -> Result<bool, DbError> {
    let values = [
        new_id().into(),
        job.kind.into(),
        job.payload.into(),
        job.key.into(),
        job.due_at.unwrap_or(now).into(),
        job.attempts_max.into(),
        now.into(),
    ];
    let is_new = tx.execute(INSERT, &values).await? > 0;
    tx.has_jobs |= is_new;
    Ok(is_new)
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadJob {
    /// Its id, for [`revive`].
    pub id: Uuid,
    /// What kind of work.
    pub kind: String,
    /// What it was to do.
    pub payload: serde_json::Value,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: String,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// Lists what was given up, the newest first, `limit` at most.
///
/// # Errors
///
/// As for [`Db::all`].
pub async fn dead(db: &Db, limit: u32) -> Result<Vec<DeadJob>, DbError> {
    let rows = db.all(FIND_DEAD, &[limit.into()]).await?;
    let read = |row: &Row| {
        Ok(DeadJob {
            id: row.id("id")?,
            kind: row.text("kind")?,
            payload: row.json("payload")?,
            attempts: row.int("attempts")?,
            last_error: row.text_or_null("last_error")?.unwrap_or_default(),
            dead_at: row.time("dead_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Lets a job that was given up be tried again, with all its attempts. Returns false if there is none.
///
/// # Errors
///
/// As for [`Db::execute`].
pub async fn revive(db: &Db, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let revived = db.execute(REVIVE, &[id.into(), now.into()]).await? > 0;
    db.shared.jobs.notify_one();
    Ok(revived)
}

/// Lists the kinds of which something is due.
pub(super) async fn due_kinds(db: &Db, now: Timestamp) -> Result<Vec<String>, DbError> {
    let rows = db.all(DUE_KINDS, &[now.into()]).await?;
    rows.iter().map(|row| row.text("kind")).collect()
}

/// Leases jobs of a kind until `until`, `limit` at most.
pub(super) async fn lease(
    db: &Db,
    kind: &str,
    limit: usize,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<Job>, DbError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut tx = db.begin().await?;
    tx.execute(BURY_SILENT, &[kind.into(), now.into()]).await?;
    let values = [
        kind.into(),
        now.into(),
        limit.into(),
        new_id().into(),
        until.into(),
    ];
    let rows = tx.all(LEASE, &values).await?;
    let jobs = rows.iter().map(read).collect::<Result<_, _>>()?;
    tx.commit().await?;
    Ok(jobs)
}

fn read(row: &Row) -> Result<Job, DbError> {
    let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(Job {
        id: row.id("id")?,
        kind: row.text("kind")?,
        payload: row.json("payload")?,
        attempt: small(row.int("attempts")?),
        attempts_max: small(row.int("attempts_max")?),
        created_at: row.time("created_at")?,
        lease: row.id("lease")?,
        has_key: row.text_or_null("unique_key")?.is_some(),
    })
}

/// Notes that a job is done. Returns false if its lease had ended and another one has it, or had.
pub(super) async fn set_done(db: &Db, job: &Job, now: Timestamp) -> Result<bool, DbError> {
    let (id, lease) = (job.id.into(), job.lease.into());
    let touched = if job.has_key {
        db.execute(SET_DONE, &[id, lease, now.into()]).await?
    } else {
        db.execute(DELETE, &[id, lease]).await?
    };
    Ok(touched > 0)
}

/// Notes that a job failed and is to be tried again at `due_at`. Returns false as [`set_done`] does.
pub(super) async fn set_due(
    db: &Db,
    job: &Job,
    due_at: Timestamp,
    reason: &str,
) -> Result<bool, DbError> {
    let values = [
        job.id.into(),
        job.lease.into(),
        due_at.into(),
        reason.replace('\0', "").into(),
    ];
    Ok(db.execute(SET_DUE, &values).await? > 0)
}

/// Notes that a job is given up. Returns false as [`set_done`] does.
pub(super) async fn set_dead(
    db: &Db,
    job: &Job,
    now: Timestamp,
    reason: &str,
) -> Result<bool, DbError> {
    let values = [
        job.id.into(),
        job.lease.into(),
        now.into(),
        reason.replace('\0', "").into(),
    ];
    Ok(db.execute(SET_DEAD, &values).await? > 0)
}

/// Forgets what was done or given up long ago. Returns how many.
pub(super) async fn sweep(
    db: &Db,
    done_before: Timestamp,
    dead_before: Timestamp,
) -> Result<u64, DbError> {
    let done = db.execute(SWEEP_DONE, &[done_before.into()]).await?;
    Ok(done + db.execute(SWEEP_DEAD, &[dead_before.into()]).await?)
}

#[cfg(test)]
mod tests;
