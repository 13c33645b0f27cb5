//! `/admin/audit`: who did what to whom.

use auth::{Action, Resource};
use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::access::Caller;
use service::http::QueryPart;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::admin::{cursor, denied};
use super::body::Problem;
use crate::Accounts;
use crate::failure::Failure;
use crate::repo::audit;

/// Entries on a page.
const PAGE: u32 = 50;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Somebody in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPerson {
    /// The account.
    id: Uuid,
    /// Its name today; null if it is gone.
    name: Option<String>,
}

/// An entry of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its id.
    id: Uuid,
    /// Who did it; null if nobody was signed in.
    actor: Option<AuditPerson>,
    /// What, in a word.
    action: String,
    /// To whom.
    target: Option<AuditPerson>,
    /// How it was before, if that says something.
    before: Option<serde_json::Value>,
    /// How it was afterwards.
    after: Option<serde_json::Value>,
    /// From where.
    address: String,
    /// The request that did it.
    request_id: String,
    /// When.
    created_at: Timestamp,
}

/// A page of the log, the newest entry first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// The entries.
    items: Vec<AuditEntry>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Lists who did what to whom.
#[utoipa::path(
    get,
    path = "/api/v1/admin/audit",
    tag = "administration",
    params(AuditQuery),
    responses(
        (status = 200, description = "A page of the log.", body = AuditPage),
        (status = 403, description = "`permission-denied`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn list(
    State(state): State<Accounts>,
    caller: Caller,
    QueryPart(query): QueryPart<AuditQuery>,
) -> Result<Json<AuditPage>, Failure> {
    let scope = caller.actor.all(Action::Read, Resource::AuditLog);
    let before = cursor(query.cursor.as_deref())?;
    let mut found = audit::list(&state.db, scope.ok_or_else(denied)?, before, PAGE + 1).await?;
    let has_more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let last = found.last().map(|entry| entry.id.to_string());
    Ok(Json(AuditPage {
        items: found.into_iter().map(entry).collect(),
        next_cursor: last.filter(|_| has_more),
    }))
}

fn entry(kept: audit::Kept) -> AuditEntry {
    let person = |(id, name)| AuditPerson { id, name };
    AuditEntry {
        id: kept.id,
        actor: kept.actor.map(person),
        action: kept.action,
        target: kept.target.map(person),
        before: kept.before,
        after: kept.after,
        address: kept.address,
        request_id: kept.request_id,
        created_at: kept.created_at,
    }
}
