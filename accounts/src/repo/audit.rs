//! The audit log: who did what to whom, from where. The database lets rows be added and nothing else.

use std::net::IpAddr;

use auth::{Scope, UserId};
use jiff::Timestamp;
use serde_json::Value as Json;
use service::http::current_request_id;
use store::{Db, DbError, Row, Tx, Value};
use uuid::Uuid;

store::statements! {
    /// One more entry.
    INSERT_ENTRY = "INSERT INTO audit_log (id, actor_id, action, target_id, before, after, address, \
        request_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// A page of entries, the newest first.
    LIST_ENTRIES = "SELECT a.id, a.actor_id, a.action, a.target_id, a.before, a.after, a.address, \
        a.request_id, a.created_at, p.name AS actor_name, t.name AS target_name FROM audit_log a \
        LEFT JOIN users p ON p.id = a.actor_id LEFT JOIN users t ON t.id = a.target_id \
        WHERE a.id < $1 ORDER BY a.id DESC LIMIT $2";
}

/// What was done.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Who did it; `None` if nobody was signed in.
    pub(crate) actor: Option<UserId>,
    /// What, in a word.
    pub(crate) action: &'static str,
    /// To whom.
    pub(crate) target: Option<UserId>,
    /// How it was before, if that says something.
    pub(crate) before: Option<Json>,
    /// How it is now.
    pub(crate) after: Option<Json>,
    /// From where.
    pub(crate) address: IpAddr,
}

impl Entry {
    /// Makes an entry about something that people do to their own account.
    pub(crate) fn own(user: UserId, action: &'static str, address: IpAddr) -> Self {
        Self {
            actor: Some(user),
            action,
            target: Some(user),
            before: None,
            after: None,
            address,
        }
    }
}

/// An entry as it is read.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: Uuid,
    pub(crate) actor: Option<(Uuid, Option<String>)>,
    pub(crate) action: String,
    pub(crate) target: Option<(Uuid, Option<String>)>,
    pub(crate) before: Option<Json>,
    pub(crate) after: Option<Json>,
    pub(crate) address: String,
    pub(crate) request_id: String,
    pub(crate) created_at: Timestamp,
}

impl Kept {
    fn read(row: &Row) -> Result<Self, DbError> {
        let person = |id: &str, name: &str| {
            let id = row.id_or_null(id)?;
            let name = row.text_or_null(name)?;
            Ok::<_, DbError>(id.map(|id| (id, name)))
        };
        Ok(Self {
            id: row.id("id")?,
            actor: person("actor_id", "actor_name")?,
            action: row.text("action")?,
            target: person("target_id", "target_name")?,
            before: row.json_or_null("before")?,
            after: row.json_or_null("after")?,
            address: row.text("address")?,
            request_id: row.text("request_id")?,
            created_at: row.time("created_at")?,
        })
    }
}

/// Adds an entry in the transaction of what it tells of.
pub(crate) async fn insert(tx: &mut Tx, entry: Entry, now: Timestamp) -> Result<(), DbError> {
    let values: [Value; 9] = [
        store::new_id().into(),
        entry.actor.map(UserId::uuid).into(),
        entry.action.into(),
        entry.target.map(UserId::uuid).into(),
        entry.before.into(),
        entry.after.into(),
        entry.address.to_string().into(),
        current_request_id().unwrap_or_default().into(),
        now.into(),
    ];
    tx.execute(INSERT_ENTRY, &values).await.map(|_| ())
}

/// Lists entries older than `before`. A scope of one account has no log.
pub(crate) async fn list(
    db: &Db,
    scope: Scope,
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Kept>, DbError> {
    if scope.owner().is_some() {
        return Ok(Vec::new());
    }
    let values = [before.unwrap_or(Uuid::max()).into(), limit.into()];
    let rows = db.all(LIST_ENTRIES, &values).await?;
    rows.iter().map(Kept::read).collect()
}
