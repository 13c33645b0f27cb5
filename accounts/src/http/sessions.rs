//! `/account/sessions`: where one is signed in.

use auth::SessionId;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use service::access::{Caller, ClientAddress, unauthenticated};
use store::{DbError, retry};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Problem;
use crate::Accounts;
use crate::failure::{Failure, not_found};
use crate::repo::audit::{self, Entry};
use crate::repo::sessions;

/// A session of the account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedSession {
    /// Its id.
    id: Uuid,
    /// What the browser calls itself.
    device: String,
    /// From where it was last refreshed.
    address: String,
    /// When it began.
    created_at: Timestamp,
    /// When it was last used, up to a quarter of an hour ago.
    last_seen_at: Timestamp,
    /// When it ends unless it is used before.
    expires_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

/// The sessions of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sessions {
    /// Those that go on, that seen last first.
    items: Vec<ListedSession>,
}

/// Lists where one is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/account/sessions",
    tag = "account",
    responses((status = 200, description = "The sessions.", body = Sessions)),
    security(("access_token" = [])),
)]
pub(crate) async fn list(
    State(state): State<Accounts>,
    caller: Caller,
) -> Result<Json<Sessions>, Failure> {
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let listed = sessions::list(&state.db, own, state.clock.now()).await?;
    let items = listed
        .into_iter()
        .map(|session| ListedSession {
            id: session.id.uuid(),
            device: session.device,
            address: session.address,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            current: session.id == caller.session,
        })
        .collect();
    Ok(Json(Sessions { items }))
}

/// Signs one device off.
#[utoipa::path(
    delete,
    path = "/api/v1/account/sessions/{id}",
    tag = "account",
    params(("id" = Uuid, Path, description = "The session.")),
    responses(
        (status = 204, description = "It has ended; its access tokens too."),
        (status = 404, description = "The account has no such session.", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn end(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id: SessionId = id.parse().map_err(|_| not_found("session"))?;
    let now = state.clock.now();
    let has_ended = retry(|| async {
        let mut tx = state.db.begin().await?;
        let has_ended = sessions::end(&mut tx, caller.user, id, "ended", now).await?;
        if has_ended {
            let entry = Entry::own(caller.user, "session-ended", address);
            audit::insert(&mut tx, entry, now).await?;
            tx.commit().await?;
        }
        Ok::<_, DbError>(has_ended)
    })
    .await?;
    has_ended
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(|| not_found("session"))
}

/// Signs all other devices off.
#[utoipa::path(
    delete,
    path = "/api/v1/account/sessions",
    tag = "account",
    responses((status = 204, description = "They have ended; their access tokens too.")),
    security(("access_token" = [])),
)]
pub(crate) async fn end_others(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
) -> Result<StatusCode, Failure> {
    let now = state.clock.now();
    retry(|| async {
        let mut tx = state.db.begin().await?;
        let Caller { user, session, .. } = caller;
        if sessions::end_others(&mut tx, user, session, "ended", now).await? > 0 {
            let entry = Entry::own(user, "sessions-ended", address);
            audit::insert(&mut tx, entry, now).await?;
        }
        tx.commit().await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
