//! `/admin/users`: looking after people.

use std::net::IpAddr;

use auth::{Action, Permissions, Resource, Role, UserId, can};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use service::access::{Caller, ClientAddress};
use service::http::{JsonBody, QueryPart};
use service::{ApiError, ErrorCode};
use store::{Tx, retry};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::body::{Problem, User};
use super::password::send_reset;
use crate::Accounts;
use crate::failure::{Failure, not_found};
use crate::fields::{self, Form, problem};
use crate::repo::audit::{self, Entry};
use crate::repo::{people, sessions, users};
use crate::secrets::Token;

/// Accounts on a page unless asked otherwise.
const PAGE: u32 = 20;

/// Accounts on a page at most.
pub(super) const PAGE_MAX: u32 = 100;

/// Which accounts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// What the name or the address contains.
    #[serde(default)]
    query: String,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Accounts on a page: 20 unless said otherwise, at most 100.
    limit: Option<u32>,
}

/// An account, as those see it who look after it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Person {
    /// The account.
    #[serde(flatten)]
    user: User,
    /// When it was blocked, if it is.
    blocked_at: Option<Timestamp>,
    /// Why.
    blocked_reason: Option<String>,
}

impl From<&users::User> for Person {
    fn from(user: &users::User) -> Self {
        Self {
            user: User::from(user),
            blocked_at: user.blocked_at,
            blocked_reason: user.blocked_reason.clone(),
        }
    }
}

/// A page of accounts, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    /// The accounts.
    items: Vec<Person>,
    /// For the next page; null on the last one.
    next_cursor: Option<String>,
    /// How many there are on all pages.
    total: i64,
}

/// Why an account is blocked.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BlockBody {
    /// Shown to those who look after accounts.
    reason: String,
}

/// What somebody is from now on.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RolesBody {
    /// Of `owner`, `admin`, `professional`, `client`.
    roles: Vec<String>,
}

/// Lists accounts.
#[utoipa::path(
    get,
    path = "/api/v1/admin/users",
    tag = "administration",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of accounts.", body = People),
        (status = 403, description = "`permission-denied`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn list(
    State(state): State<Accounts>,
    caller: Caller,
    QueryPart(query): QueryPart<ListQuery>,
) -> Result<Json<People>, Failure> {
    let scope = caller.actor.all(Action::Read, Resource::Accounts);
    let scope = scope.ok_or_else(denied)?;
    let before = cursor(query.cursor.as_deref())?.map(UserId::new);
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let text: String = query
        .query
        .chars()
        .filter(|c| !c.is_control())
        .take(100)
        .collect();
    // One more than asked for tells whether there is a next page.
    let (mut found, total) = people::list(&state.db, scope, &text, before, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().map(|user| user.id.to_string());
    Ok(Json(People {
        items: found.iter().map(Person::from).collect(),
        next_cursor: last.filter(|_| has_more),
        total,
    }))
}

/// Reads a cursor that we gave.
pub(super) fn cursor(text: Option<&str>) -> Result<Option<Uuid>, Failure> {
    let parsed = text.map(str::parse::<Uuid>).transpose();
    parsed.map_err(|_| {
        ApiError::client(
            ErrorCode::InvalidArgument,
            "`cursor` is none that was given.",
        )
        .into()
    })
}

pub(super) fn denied() -> Failure {
    let detail = "You may not do that.";
    ApiError::client(ErrorCode::PermissionDenied, detail).into()
}

/// Shows an account.
#[utoipa::path(
    get,
    path = "/api/v1/admin/users/{id}",
    tag = "administration",
    params(("id" = Uuid, Path, description = "The account.")),
    responses(
        (status = 200, description = "The account.", body = Person),
        (status = 403, description = "`permission-denied`", body = Problem),
        (status = 404, description = "`not-found`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn show(
    State(state): State<Accounts>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Person>, Failure> {
    let id: UserId = id.parse().map_err(|_| not_found("account"))?;
    let scope = caller.actor.all(Action::Read, Resource::Accounts);
    let user = users::find(&state.db, scope.ok_or_else(denied)?, id).await?;
    let user = user.ok_or_else(|| not_found("account"))?;
    Ok(Json(Person::from(&user)))
}

/// What is done to an account, and by whom.
struct Deed<'a> {
    state: &'a Accounts,
    caller: &'a Caller,
    address: IpAddr,
    action: Action,
    now: Timestamp,
}

impl Deed<'_> {
    /// Finds the account in the transaction, if the caller may do this to it.
    ///
    /// # Errors
    ///
    /// 404 if there is none; 403 if it may not be done, to oneself among others.
    async fn target(
        &self,
        tx: &mut Tx,
        id: UserId,
        granted: Option<&Permissions>,
    ) -> Result<users::User, Failure> {
        let target = match users::find_in(tx, id).await {
            Err(store::DbError::NotFound) => return Err(not_found("account")),
            result => result?,
        };
        // What the caller may do is read again: since the request was let in it may have changed.
        let actor = users::find_in(tx, self.caller.user).await?.actor();
        let permissions = target.permissions();
        let resource = Resource::Account {
            owner: target.id,
            permissions: &permissions,
            granted: granted.unwrap_or(&permissions),
        };
        if can(&actor, self.action, resource) {
            Ok(target)
        } else {
            Err(denied())
        }
    }

    /// Notes the deed.
    async fn note(
        &self,
        tx: &mut Tx,
        action: &'static str,
        target: UserId,
        before: Option<serde_json::Value>,
        after: Option<serde_json::Value>,
    ) -> Result<(), Failure> {
        let entry = Entry {
            actor: Some(self.caller.user),
            action,
            target: Some(target),
            before,
            after,
            address: self.address,
        };
        Ok(audit::insert(tx, entry, self.now).await?)
    }
}

/// Checks that somebody is left who owns this server, as the transaction would leave it.
async fn check_owner_left(tx: &mut Tx) -> Result<(), Failure> {
    if people::lock_owners(tx).await?.is_empty() {
        let detail = "Nobody would be left who owns this server.";
        return Err(ApiError::client(ErrorCode::Conflict, detail).into());
    }
    Ok(())
}

/// Blocks an account, and ends all its sessions at once.
#[utoipa::path(
    post,
    path = "/api/v1/admin/users/{id}/block",
    tag = "administration",
    params(("id" = Uuid, Path, description = "The account.")),
    request_body = BlockBody,
    responses(
        (status = 200, description = "It is blocked.", body = Person),
        (status = 400, description = "`invalid-argument` with `errors`", body = Problem),
        (status = 403, description = "`permission-denied`: oneself, or one who may do more", body = Problem),
        (status = 404, description = "`not-found`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn block(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<BlockBody>,
) -> Result<Json<Person>, Failure> {
    let id: UserId = id.parse().map_err(|_| not_found("account"))?;
    let mut form = Form::default();
    let reason = match body.reason.trim() {
        "" => Err(problem("required", "Say why.")),
        reason => fields::about(reason),
    };
    let Some(reason) = form.check("reason", reason) else {
        return Err(form.refusal().into());
    };
    let deed = Deed {
        state: &state,
        caller: &caller,
        address,
        action: Action::Block,
        now: state.clock.now(),
    };
    let user = retry(|| async {
        let mut tx = deed.state.db.begin().await?;
        people::lock_owners(&mut tx).await?;
        deed.target(&mut tx, id, None).await?;
        if people::block(&mut tx, id, &reason, deed.now).await? {
            sessions::end_all(&mut tx, id, "blocked", deed.now).await?;
            check_owner_left(&mut tx).await?;
            let after = json!({"reason": reason});
            deed.note(&mut tx, "user-blocked", id, None, Some(after))
                .await?;
        }
        let user = users::find_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok::<_, Failure>(user)
    })
    .await?;
    Ok(Json(Person::from(&user)))
}

/// Lifts a block.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/users/{id}/block",
    tag = "administration",
    params(("id" = Uuid, Path, description = "The account.")),
    responses(
        (status = 200, description = "It is not blocked.", body = Person),
        (status = 403, description = "`permission-denied`", body = Problem),
        (status = 404, description = "`not-found`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn unblock(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Person>, Failure> {
    let id: UserId = id.parse().map_err(|_| not_found("account"))?;
    let deed = Deed {
        state: &state,
        caller: &caller,
        address,
        action: Action::Block,
        now: state.clock.now(),
    };
    let user = retry(|| async {
        let mut tx = deed.state.db.begin().await?;
        let before = deed.target(&mut tx, id, None).await?;
        if people::unblock(&mut tx, id).await? {
            let before = json!({"reason": before.blocked_reason});
            deed.note(&mut tx, "user-unblocked", id, Some(before), None)
                .await?;
        }
        let user = users::find_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok::<_, Failure>(user)
    })
    .await?;
    Ok(Json(Person::from(&user)))
}

/// Sends somebody a link to set a new password, and ends all their sessions.
#[utoipa::path(
    post,
    path = "/api/v1/admin/users/{id}/reset-password",
    tag = "administration",
    params(("id" = Uuid, Path, description = "The account.")),
    responses(
        (status = 204, description = "The mail is written."),
        (status = 403, description = "`permission-denied`: oneself, or one who may do more", body = Problem),
        (status = 404, description = "`not-found`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn reset_password(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let id: UserId = id.parse().map_err(|_| not_found("account"))?;
    let deed = Deed {
        state: &state,
        caller: &caller,
        address,
        action: Action::ResetPassword,
        now: state.clock.now(),
    };
    let account = users::by_id(&state.db, id).await?;
    let account = account.ok_or_else(|| not_found("account"))?;
    let token = Token::random();
    retry(|| async {
        let mut tx = deed.state.db.begin().await?;
        deed.target(&mut tx, id, None).await?;
        sessions::end_all(&mut tx, id, "password-reset", deed.now).await?;
        send_reset(deed.state, &mut tx, &account, &token, deed.now).await?;
        deed.note(&mut tx, "password-reset-sent", id, None, None)
            .await?;
        tx.commit().await?;
        Ok::<_, Failure>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives somebody these roles and no others.
#[utoipa::path(
    put,
    path = "/api/v1/admin/users/{id}/roles",
    tag = "administration",
    params(("id" = Uuid, Path, description = "The account.")),
    request_body = RolesBody,
    responses(
        (status = 200, description = "The account as it is now.", body = Person),
        (status = 400, description = "`invalid-argument` with `errors`", body = Problem),
        (status = 403, description = "`permission-denied`: oneself, one who may do more, or roles that may do more", body = Problem),
        (status = 404, description = "`not-found`", body = Problem),
        (status = 409, description = "`conflict`: nobody would be left who owns this server", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn set_roles(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<RolesBody>,
) -> Result<Json<Person>, Failure> {
    let id: UserId = id.parse().map_err(|_| not_found("account"))?;
    let mut form = Form::default();
    let roles: Result<Vec<Role>, _> = body.roles.iter().map(|name| name.parse()).collect();
    let roles =
        roles.map_err(|error: auth::UnknownRole| problem("role-unknown", error.to_string()));
    let Some(mut roles) = form.check("roles", roles) else {
        return Err(form.refusal().into());
    };
    roles.sort_unstable();
    roles.dedup();
    let granted = Role::permissions_of(roles.iter().copied());
    let deed = Deed {
        state: &state,
        caller: &caller,
        address,
        action: Action::AssignRoles,
        now: state.clock.now(),
    };
    let user = retry(|| async {
        let mut tx = deed.state.db.begin().await?;
        people::lock_owners(&mut tx).await?;
        let before = deed.target(&mut tx, id, Some(&granted)).await?;
        if before.roles != roles {
            people::set_roles(&mut tx, id, &roles).await?;
            check_owner_left(&mut tx).await?;
            let words =
                |roles: &[Role]| json!(roles.iter().map(|r| r.as_str()).collect::<Vec<_>>());
            let (before, after) = (words(&before.roles), words(&roles));
            deed.note(&mut tx, "roles-changed", id, Some(before), Some(after))
                .await?;
        }
        let user = users::find_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok::<_, Failure>(user)
    })
    .await?;
    Ok(Json(Person::from(&user)))
}
