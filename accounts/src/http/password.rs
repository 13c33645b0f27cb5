//! Passwords: forgotten, set anew by a link, changed.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use service::access::{Caller, ClientAddress, unauthenticated};
use service::http::JsonBody;
use service::{ApiError, ErrorCode};
use store::{DbError, Tx, retry};
use utoipa::ToSchema;

use super::body::{Empty, Problem};
use super::setup::link_invalid;
use crate::Accounts;
use crate::failure::Failure;
use crate::fields::{Email, Form};
use crate::letters::About;
use crate::password;
use crate::repo::audit::{self, Entry};
use crate::repo::users::{self, Credentials};
use crate::repo::{pending, sessions};
use crate::secrets::Token;
use crate::state::Inner;

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ForgotBody {
    /// The e-mail address.
    email: String,
}

/// A new password, by a link.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ResetBody {
    /// From the link.
    token: String,
    /// 10 to 128 characters.
    password: String,
}

/// A new password, by the old one.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ChangeBody {
    /// The password until now.
    current: String,
    /// 10 to 128 characters.
    new: String,
}

/// Sends a link to set a new password. The answer doesn't tell whether there is an account.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/forgot",
    tag = "signing in",
    request_body = ForgotBody,
    responses(
        (status = 202, description = "Look into the mailbox.", body = Empty),
        (status = 400, description = "`invalid-argument` with `errors`", body = Problem),
        (status = 429, description = "`too-many-requests`, with `Retry-After`", body = Problem),
    ),
)]
pub(crate) async fn forgot(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    JsonBody(body): JsonBody<ForgotBody>,
) -> Result<(StatusCode, Json<Empty>), Failure> {
    let mut form = Form::default();
    let Some(email) = form.check("email", Email::parse(&body.email)) else {
        return Err(form.refusal().into());
    };
    state
        .limits
        .mail(&email.key, address, &state.metrics, Instant::now())?;
    let now = state.clock.now();
    let account = users::by_email(&state.db, &email.key).await?;
    let token = Token::random();
    retry(|| async {
        // With and without an account something is written and committed, so that both take about as long.
        let mut tx = state.db.begin().await?;
        let entry = Entry {
            actor: None,
            action: "password-forgotten",
            target: account.as_ref().map(|account| account.id),
            before: None,
            after: None,
            address,
        };
        audit::insert(&mut tx, entry, now).await?;
        if let Some(account) = &account {
            send_reset(&state, &mut tx, account, &token, now).await?;
        }
        tx.commit().await
    })
    .await?;
    Ok((StatusCode::ACCEPTED, Json(Empty {})))
}

/// Keeps a link to set a new password and writes the mail with it.
pub(crate) async fn send_reset(
    state: &Inner,
    tx: &mut Tx,
    account: &Credentials,
    token: &Token,
    now: jiff::Timestamp,
) -> Result<(), DbError> {
    let times = (now, state.link_expiry(now));
    pending::insert_reset(tx, token.hash(), account.id, times).await?;
    let link = state.page("/reset", token);
    let minutes = state.config.accounts.link_minutes;
    let about = About::Reset {
        link: &link,
        minutes,
    };
    state.mail(tx, addressee(account), about, now).await
}

/// Returns to whom a mail goes: address, name, language.
pub(crate) fn addressee(account: &Credentials) -> (&str, &str, &str) {
    (&account.email, &account.name, &account.locale)
}

/// Tells somebody that their password is another one now.
async fn tell_changed(
    state: &Inner,
    tx: &mut Tx,
    account: &Credentials,
    now: jiff::Timestamp,
) -> Result<(), DbError> {
    let forgot = format!("{}/forgot", state.public_url);
    let about = About::PasswordChanged { forgot: &forgot };
    state.mail(tx, addressee(account), about, now).await
}

/// Sets a new password by a link, and ends all sessions.
#[utoipa::path(
    post,
    path = "/api/v1/auth/password/reset",
    tag = "signing in",
    request_body = ResetBody,
    responses(
        (status = 204, description = "Sign in with it."),
        (status = 400, description = "`link-invalid`, or `invalid-argument` with `errors`: then the link is still good", body = Problem),
    ),
)]
pub(crate) async fn reset(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    JsonBody(body): JsonBody<ResetBody>,
) -> Result<StatusCode, Failure> {
    let token = Token::parse(&body.token).ok_or_else(link_invalid)?;
    let now = state.clock.now();
    let user = pending::find_reset(&state.db, token.hash(), now).await?;
    let user = user.ok_or_else(link_invalid)?;
    let account = users::by_id(&state.db, user)
        .await?
        .ok_or_else(link_invalid)?;
    check_new("password", &body.password, &account)?;
    let hash = state.hasher.hash(&body.password).await?;
    let was_taken = retry(|| async {
        let mut tx = state.db.begin().await?;
        if pending::take_reset(&mut tx, token.hash(), now).await? != Some(user) {
            return Ok::<_, DbError>(false);
        }
        users::reset_password(&mut tx, user, &hash).await?;
        sessions::end_all(&mut tx, user, "password-reset", now).await?;
        let entry = Entry {
            actor: None,
            ..Entry::own(user, "password-reset", address)
        };
        audit::insert(&mut tx, entry, now).await?;
        tell_changed(&state, &mut tx, &account, now).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await?;
    was_taken
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(link_invalid)
}

/// Checks a new password of an account.
fn check_new(field: &'static str, new: &str, account: &Credentials) -> Result<(), Failure> {
    let mut form = Form::default();
    form.check(field, password::check(new, &account.email, &account.name));
    if form.is_fine() {
        return Ok(());
    }
    Err(form.refusal().into())
}

/// Changes the password, and ends all other sessions.
#[utoipa::path(
    post,
    path = "/api/v1/account/password",
    tag = "account",
    request_body = ChangeBody,
    responses(
        (status = 204, description = "It is changed."),
        (status = 400, description = "`invalid-argument` with `errors`", body = Problem),
        (status = 401, description = "`credentials-invalid`: the current password is another one", body = Problem),
        (status = 429, description = "`too-many-requests`, with `Retry-After`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn change(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<StatusCode, Failure> {
    let now = state.clock.now();
    let account = proven(&state, &caller, &body.current, address).await?;
    check_new("new", &body.new, &account)?;
    let hash = state.hasher.hash(&body.new).await?;
    let is_changed = retry(|| async {
        let mut tx = state.db.begin().await?;
        if !users::change_password(&mut tx, caller.user, &account.password_hash, &hash).await? {
            return Ok::<_, DbError>(false);
        }
        sessions::end_others(
            &mut tx,
            caller.user,
            caller.session,
            "password-changed",
            now,
        )
        .await?;
        let entry = Entry::own(caller.user, "password-changed", address);
        audit::insert(&mut tx, entry, now).await?;
        tell_changed(&state, &mut tx, &account, now).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await?;
    is_changed
        .then_some(StatusCode::NO_CONTENT)
        .ok_or_else(wrong_password)
}

/// Finds the caller's account, if `password` is theirs.
///
/// # Errors
///
/// The answer 401 if it is not, 429 after too many tries.
pub(crate) async fn proven(
    state: &Inner,
    caller: &Caller,
    password: &str,
    address: std::net::IpAddr,
) -> Result<Credentials, Failure> {
    let id = caller.user.to_string();
    state
        .limits
        .login(&id, address, &state.metrics, Instant::now())?;
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let account = users::credentials(&state.db, own, caller.user).await?;
    let account = account.ok_or_else(unauthenticated)?;
    let is_known_length = password.chars().count() <= password::CHARACTERS_MAX;
    let password = if is_known_length { password } else { "" };
    if state
        .hasher
        .verify(password, Some(&account.password_hash))
        .await?
    {
        return Ok(account);
    }
    Err(wrong_password())
}

fn wrong_password() -> Failure {
    let detail = "This is not your password.";
    ApiError::client(ErrorCode::CredentialsInvalid, detail).into()
}
