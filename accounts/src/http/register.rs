//! `/auth/register` and `/auth/verify-email`.
//!
//! A registration becomes an account when its link is followed, with the password that was chosen in that
//! very registration: so nobody can prepare an account for somebody else's address.

use auth::Role;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use service::access::ClientAddress;
use service::http::JsonBody;
use service::{ApiError, ErrorCode};
use std::time::Instant;
use store::{DbError, retry};
use utoipa::ToSchema;

use super::body::{Empty, Problem, Session as SessionBody, signed_in};
use super::session;
use super::setup::{link_invalid, new_user};
use crate::Accounts;
use crate::failure::Failure;
use crate::letters::About;
use crate::repo::audit::{self, Entry};
use crate::repo::pending;
use crate::repo::users::{self, EMAIL_TAKEN, NewUser};
use crate::secrets::Token;

/// Who registers.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RegisterBody {
    /// Where the link is sent.
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

/// A token from a link in a mail.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenBody {
    /// The token.
    token: String,
}

/// Registers: a mail is sent to the address. The answer doesn't tell whether there is an account.
#[utoipa::path(
    post,
    path = "/api/v1/auth/register",
    tag = "signing in",
    request_body = RegisterBody,
    responses(
        (status = 202, description = "Look into the mailbox.", body = Empty),
        (status = 400, description = "`invalid-argument` with `errors`", body = Problem),
        (status = 403, description = "`registration-closed`", body = Problem),
        (status = 429, description = "`too-many-requests`, with `Retry-After`", body = Problem),
    ),
)]
pub(crate) async fn register(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    JsonBody(body): JsonBody<RegisterBody>,
) -> Result<(StatusCode, Json<Empty>), Failure> {
    if !state.config.accounts.registration {
        let detail = "Nobody can register here. Ask whoever runs this server for an account.";
        return Err(ApiError::client(ErrorCode::RegistrationClosed, detail).into());
    }
    let RegisterBody {
        email,
        password,
        name,
        locale,
        time_zone,
    } = &body;
    let mut user = new_user(email, password, name, locale, time_zone, Role::Client)?;
    state
        .limits
        .mail(&user.email_key, address, &state.metrics, Instant::now())?;
    // Hashed before anybody looks whether there is an account, so that both take as long.
    user.password_hash = state.hasher.hash(password).await?;
    let token = Token::random();
    retry(|| keep(&state, &user, &token)).await?;
    Ok((StatusCode::ACCEPTED, Json(Empty {})))
}

/// Keeps the registration and writes the mail; of somebody who has an account, the mail only.
async fn keep(state: &Accounts, user: &NewUser, token: &Token) -> Result<(), DbError> {
    let now = state.clock.now();
    let existing = users::by_email(&state.db, &user.email_key).await?;
    let mut tx = state.db.begin().await?;
    if let Some(existing) = existing {
        let sign_in = format!("{}/signin", state.public_url);
        let about = About::HasAccount { sign_in: &sign_in };
        let to = (
            existing.email.as_str(),
            existing.name.as_str(),
            existing.locale.as_str(),
        );
        state.mail(&mut tx, to, about, now).await?;
    } else {
        let times = (now, state.link_expiry(now));
        pending::insert_registration(&mut tx, token.hash(), user, times).await?;
        let link = state.page("/verify", token);
        let minutes = state.config.accounts.link_minutes;
        let about = About::Verify {
            link: &link,
            minutes,
        };
        let to = (
            user.email.as_str(),
            user.name.as_str(),
            user.locale.as_str(),
        );
        state.mail(&mut tx, to, about, now).await?;
    }
    tx.commit().await
}

/// Verifies the address of a registration, which makes the account, and signs in.
#[utoipa::path(
    post,
    path = "/api/v1/auth/verify-email",
    tag = "signing in",
    request_body = TokenBody,
    responses(
        (status = 200, description = "Signed in.", body = SessionBody),
        (status = 400, description = "`link-invalid`", body = Problem),
    ),
)]
pub(crate) async fn verify(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    JsonBody(body): JsonBody<TokenBody>,
) -> Result<Response, Failure> {
    let token = Token::parse(&body.token).ok_or_else(link_invalid)?;
    let now = state.clock.now();
    let result: Result<_, DbError> = retry(|| async {
        let mut tx = state.db.begin().await?;
        let Some(new) = pending::take_registration(&mut tx, token.hash(), now).await? else {
            return Ok(None);
        };
        let id = users::insert(&mut tx, &new, now).await?;
        audit::insert(&mut tx, Entry::own(id, "registered", address), now).await?;
        let issued = session::open(&state, &mut tx, id, &headers, address, now).await?;
        let user = users::find_in(&mut tx, id).await?;
        tx.commit().await?;
        Ok(Some((user, issued)))
    })
    .await;
    match result {
        Ok(Some((user, issued))) => Ok(signed_in(&state, StatusCode::OK, &user, &issued, now)),
        Ok(None) => Err(link_invalid()),
        // The address has an account by now: another registration of it was verified first.
        Err(error) if error.violates(EMAIL_TAKEN) => Err(link_invalid()),
        Err(error) => Err(error.into()),
    }
}
