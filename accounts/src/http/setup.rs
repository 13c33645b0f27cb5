//! `/setup`: the link that is printed at the first start makes the owner.

use auth::Role;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use service::access::ClientAddress;
use service::http::JsonBody;
use service::{ApiError, ErrorCode};
use store::{DbError, retry};
use utoipa::ToSchema;

use super::body::{Problem, Session as SessionBody, signed_in};
use super::session;
use crate::Accounts;
use crate::failure::Failure;
use crate::fields::{self, Email, Form};
use crate::password;
use crate::repo::audit::{self, Entry};
use crate::repo::pending;
use crate::repo::users::{self, EMAIL_TAKEN, NewUser};
use crate::secrets::Token;

/// Whether the server waits to be set up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupStatus {
    /// True until somebody followed the printed link.
    needed: bool,
}

/// Who sets the server up.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SetupBody {
    /// From the printed link.
    token: String,
    /// The owner's address.
    email: String,
    /// 10 to 128 characters.
    password: String,
    /// The name that others see.
    name: String,
    /// A language, such as `en`.
    locale: String,
    /// A time zone, such as `Europe/Berlin`.
    time_zone: String,
}

/// Says whether the server waits to be set up.
#[utoipa::path(
    get,
    path = "/api/v1/setup",
    tag = "set-up",
    responses((status = 200, description = "Whether it does.", body = SetupStatus)),
)]
pub(crate) async fn status(State(state): State<Accounts>) -> Result<Json<SetupStatus>, Failure> {
    let needed = !pending::is_set_up(&state.db).await?;
    Ok(Json(SetupStatus { needed }))
}

/// Makes the owner and signs them in.
#[utoipa::path(
    post,
    path = "/api/v1/setup",
    tag = "set-up",
    request_body = SetupBody,
    responses(
        (status = 201, description = "The owner is signed in.", body = SessionBody),
        (status = 400, description = "`invalid-argument` with `errors`, or `link-invalid`", body = Problem),
        (status = 409, description = "`already-set-up`", body = Problem),
    ),
)]
pub(crate) async fn complete(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SetupBody>,
) -> Result<Response, Failure> {
    let already = || {
        let detail = "This server is set up already. Sign in.";
        Failure::from(ApiError::client(ErrorCode::AlreadySetUp, detail))
    };
    let now = state.clock.now();
    if pending::is_set_up(&state.db).await? {
        return Err(already());
    }
    let token = Token::parse(&body.token).ok_or_else(link_invalid)?;
    if !pending::has_setup_link(&state.db, token.hash(), now).await? {
        return Err(link_invalid());
    }
    let mut owner = checked(&body)?;
    owner.password_hash = state.hasher.hash(&body.password).await?;
    let result: Result<_, DbError> = retry(|| async {
        let mut tx = state.db.begin().await?;
        let id = users::insert(&mut tx, &owner, now).await?;
        pending::complete_setup(&mut tx, id, now).await?;
        audit::insert(&mut tx, Entry::own(id, "set-up", address), now).await?;
        let issued = session::open(&state, &mut tx, id, &headers, address, now).await?;
        let user = users::find_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok((user, issued))
    })
    .await;
    match result {
        Ok((user, issued)) => Ok(signed_in(&state, StatusCode::CREATED, &user, &issued, now)),
        Err(error) if error.violates(pending::SETUP_DONE) || error.violates(EMAIL_TAKEN) => {
            Err(already())
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the answer for a link that was used, has run out, or never existed.
pub(crate) fn link_invalid() -> Failure {
    let detail = "This link was used already, or it has run out.";
    ApiError::client(ErrorCode::LinkInvalid, detail).into()
}

fn checked(body: &SetupBody) -> Result<NewUser, Failure> {
    let SetupBody {
        email,
        password,
        name,
        locale,
        time_zone,
        ..
    } = body;
    new_user(email, password, name, locale, time_zone, Role::Owner)
}

/// Reads the form of a new account; the password is still to be hashed.
pub(crate) fn new_user(
    email: &str,
    password: &str,
    name: &str,
    locale: &str,
    time_zone: &str,
    role: Role,
) -> Result<NewUser, Failure> {
    let mut form = Form::default();
    let address = form.check("email", Email::parse(email));
    form.check("password", password::check(password, email, name));
    let name = form.check("name", fields::name(name));
    let locale = form.check("locale", fields::locale(locale));
    let time_zone = form.check("time_zone", fields::time_zone(time_zone));
    match (address, name, locale, time_zone) {
        (Some(email), Some(name), Some(locale), Some(time_zone)) if form.is_fine() => Ok(NewUser {
            email: email.address,
            email_key: email.key,
            password_hash: String::new(),
            name,
            time_zone,
            locale,
            role,
        }),
        _ => Err(form.refusal().into()),
    }
}
