//! Sessions and their refresh tokens.

use auth::{Role, Scope, SessionId, UserId};
use jiff::Timestamp;
use store::{Db, DbError, Row, Tx, Value};

use crate::rotation::SessionState;
use crate::secrets::{SecretHash, Token};

/// Generations whose refresh tokens are remembered, so that their reuse is noticed. Older ones are
/// refused like any unknown token.
const GENERATIONS_KEPT: u32 = 100;

store::statements! {
    /// A new session.
    INSERT_SESSION = "INSERT INTO sessions (id, user_id, device, address, chain_key, generation, \
        used_generation, created_at, last_seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, 1, 0, $6, $6, $7)";
    /// A refresh token.
    INSERT_TOKEN = "INSERT INTO refresh_tokens (hash, session_id, generation) VALUES ($1, $2, $3)";
    /// The session that a refresh token is of; nobody else refreshes it meanwhile.
    FIND_BY_TOKEN =
        postgres "SELECT s.id, s.user_id, s.chain_key, s.generation, s.used_generation, s.expires_at, \
            s.ended_at, t.generation AS presented FROM refresh_tokens t \
            JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1 FOR UPDATE OF s"
        sqlite "SELECT s.id, s.user_id, s.chain_key, s.generation, s.used_generation, s.expires_at, \
            s.ended_at, t.generation AS presented FROM refresh_tokens t \
            JOIN sessions s ON s.id = t.session_id WHERE t.hash = $1";
    /// What the browser of a session calls itself.
    FIND_DEVICE = "SELECT device FROM sessions WHERE id = $1";
    /// The next generation.
    ROTATE = "UPDATE sessions SET generation = $2, used_generation = $3, last_seen_at = $4, expires_at = $5, \
        address = $6 WHERE id = $1";
    /// Tokens too old to be remembered.
    FORGET_TOKENS = "DELETE FROM refresh_tokens WHERE session_id = $1 AND generation < $2";
    /// A session with the account that it is of, for each request that is signed in.
    FIND_CALLER = "SELECT s.user_id, s.used_generation, s.ended_at, s.expires_at, u.blocked_at, \
        (SELECT string_agg(role, ' ') FROM user_roles r WHERE r.user_id = s.user_id) AS roles \
        FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1";
    /// A token of this generation was used for the first time.
    MARK_USED = "UPDATE sessions SET used_generation = $2, last_seen_at = $3 \
        WHERE id = $1 AND used_generation < $2";
    /// The sessions that go on.
    LIST_SESSIONS = "SELECT id, device, address, created_at, last_seen_at, expires_at FROM sessions \
        WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY last_seen_at DESC, id DESC";
    /// One session of an account ends.
    END_SESSION = "UPDATE sessions SET ended_at = $3, end_reason = $4 \
        WHERE id = $1 AND user_id = $2 AND ended_at IS NULL";
    /// All sessions of an account end, except one.
    END_OTHERS = "UPDATE sessions SET ended_at = $3, end_reason = $4 \
        WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL";
    /// All sessions of an account end.
    END_ALL = "UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND ended_at IS NULL";
    /// What makes an account have more sessions than allowed, the oldest first.
    END_OLDEST = "UPDATE sessions SET ended_at = $3, end_reason = 'too-many' WHERE id IN \
        (SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL \
        ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET $2)";
    /// Sessions that ended long ago.
    FORGET_SESSIONS = "DELETE FROM sessions WHERE user_id = $1 AND (ended_at < $2 OR expires_at < $2)";
}

/// A new session.
#[derive(Debug, Clone)]
pub(crate) struct NewSession {
    pub(crate) user: UserId,
    /// What the browser calls itself.
    pub(crate) device: String,
    pub(crate) address: String,
    pub(crate) expires_at: Timestamp,
}

/// A session that is to be refreshed.
pub(crate) struct Refreshed {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) chain_key: Vec<u8>,
    pub(crate) state: SessionState,
    /// The generation of the token that was presented.
    pub(crate) presented: u32,
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: SessionId,
    pub(crate) device: String,
    pub(crate) address: String,
    pub(crate) created_at: Timestamp,
    pub(crate) last_seen_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

/// What a request that is signed in needs to know of its session.
#[derive(Debug, Clone)]
pub(crate) struct CallerRow {
    pub(crate) user: UserId,
    pub(crate) used_generation: u32,
    /// The session goes on and the account is not blocked.
    pub(crate) is_live: bool,
    pub(crate) roles: Vec<Role>,
}

/// Reads a generation; what the database can't have counts as the last one.
fn generation(row: &Row, column: &str) -> Result<u32, DbError> {
    Ok(u32::try_from(row.int(column)?).unwrap_or(u32::MAX))
}

/// Makes a session with its first refresh token. At more than `sessions_max` the oldest ones end.
pub(crate) async fn insert(
    tx: &mut Tx,
    session: &NewSession,
    refresh: &Token,
    sessions_max: u32,
    now: Timestamp,
) -> Result<SessionId, DbError> {
    let id = store::new_id();
    let user: Value = session.user.uuid().into();
    let week = jiff::SignedDuration::from_hours(24 * 7);
    let long_ago = now.checked_sub(week).unwrap_or(Timestamp::MIN);
    tx.execute(FORGET_SESSIONS, &[user.clone(), long_ago.into()])
        .await?;
    let values: [Value; 7] = [
        id.into(),
        user.clone(),
        (&session.device).into(),
        (&session.address).into(),
        rand::random::<[u8; 32]>().as_slice().into(),
        now.into(),
        session.expires_at.into(),
    ];
    tx.execute(INSERT_SESSION, &values).await?;
    insert_token(tx, SessionId::new(id), refresh.hash(), 1).await?;
    tx.execute(END_OLDEST, &[user, sessions_max.into(), now.into()])
        .await?;
    Ok(SessionId::new(id))
}

/// Remembers a refresh token.
pub(crate) async fn insert_token(
    tx: &mut Tx,
    id: SessionId,
    hash: SecretHash,
    generation: u32,
) -> Result<(), DbError> {
    let values = [hash.as_slice().into(), id.uuid().into(), generation.into()];
    tx.execute(INSERT_TOKEN, &values).await.map(|_| ())
}

/// Finds the session of a refresh token and keeps others from refreshing it until the transaction ends.
pub(crate) async fn find_by_token(
    tx: &mut Tx,
    hash: SecretHash,
) -> Result<Option<Refreshed>, DbError> {
    let row = tx
        .optional(FIND_BY_TOKEN, &[hash.as_slice().into()])
        .await?;
    row.map(|row| {
        Ok(Refreshed {
            id: SessionId::new(row.id("id")?),
            user: UserId::new(row.id("user_id")?),
            chain_key: row.bytes("chain_key")?,
            state: SessionState {
                generation: generation(&row, "generation")?,
                used_generation: generation(&row, "used_generation")?,
                expires_at: row.time("expires_at")?,
                ended_at: row.time_or_null("ended_at")?,
            },
            presented: generation(&row, "presented")?,
        })
    })
    .transpose()
}

/// Finds what the browser of a session calls itself.
pub(crate) async fn device_of(tx: &mut Tx, id: SessionId) -> Result<String, DbError> {
    tx.one(FIND_DEVICE, &[id.uuid().into()])
        .await?
        .text("device")
}

/// Takes a session to its next generation, whose refresh token hashes to `hash`.
pub(crate) async fn rotate(
    tx: &mut Tx,
    session: &Refreshed,
    next: u32,
    hash: SecretHash,
    address: &str,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    let id: Value = session.id.uuid().into();
    let used = session.state.used_generation.max(session.presented);
    let values: [Value; 6] = [
        id.clone(),
        next.into(),
        used.into(),
        now.into(),
        expires_at.into(),
        address.into(),
    ];
    tx.execute(ROTATE, &values).await?;
    insert_token(tx, session.id, hash, next).await?;
    let oldest = next.saturating_sub(GENERATIONS_KEPT);
    tx.execute(FORGET_TOKENS, &[id, oldest.into()]).await?;
    Ok(())
}

/// Finds the session of an access token.
pub(crate) async fn find_caller(
    db: &Db,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<CallerRow>, DbError> {
    let row = db.optional(FIND_CALLER, &[id.uuid().into()]).await?;
    row.map(|row| {
        let has_ended = row.time_or_null("ended_at")?.is_some();
        let is_blocked = row.time_or_null("blocked_at")?.is_some();
        Ok(CallerRow {
            user: UserId::new(row.id("user_id")?),
            used_generation: generation(&row, "used_generation")?,
            is_live: !has_ended && !is_blocked && row.time("expires_at")? > now,
            roles: super::users::roles(&row)?,
        })
    })
    .transpose()
}

/// Notes that a token of `generation` was used.
pub(crate) async fn mark_used(
    db: &Db,
    id: SessionId,
    generation: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    let values = [id.uuid().into(), generation.into(), now.into()];
    db.execute(MARK_USED, &values).await.map(|_| ())
}

/// Lists the sessions of whoever `scope` is about, that seen last first.
pub(crate) async fn list(db: &Db, scope: Scope, now: Timestamp) -> Result<Vec<Listed>, DbError> {
    let Some(owner) = scope.owner() else {
        return Ok(Vec::new());
    };
    let rows = db
        .all(LIST_SESSIONS, &[owner.uuid().into(), now.into()])
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Listed {
                id: SessionId::new(row.id("id")?),
                device: row.text("device")?,
                address: row.text("address")?,
                created_at: row.time("created_at")?,
                last_seen_at: row.time("last_seen_at")?,
                expires_at: row.time("expires_at")?,
            })
        })
        .collect()
}

/// Ends a session of `user`; `false` if there is none that goes on.
pub(crate) async fn end(
    tx: &mut Tx,
    user: UserId,
    id: SessionId,
    reason: &'static str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let values = [
        id.uuid().into(),
        user.uuid().into(),
        now.into(),
        reason.into(),
    ];
    Ok(tx.execute(END_SESSION, &values).await? == 1)
}

/// Ends all sessions of `user` but `kept` and returns how many there were.
pub(crate) async fn end_others(
    tx: &mut Tx,
    user: UserId,
    kept: SessionId,
    reason: &'static str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let values = [
        user.uuid().into(),
        kept.uuid().into(),
        now.into(),
        reason.into(),
    ];
    tx.execute(END_OTHERS, &values).await
}

/// Ends all sessions of `user` and returns how many there were.
pub(crate) async fn end_all(
    tx: &mut Tx,
    user: UserId,
    reason: &'static str,
    now: Timestamp,
) -> Result<u64, DbError> {
    let values = [user.uuid().into(), now.into(), reason.into()];
    tx.execute(END_ALL, &values).await
}
