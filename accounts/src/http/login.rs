//! `/auth/login`.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use service::access::ClientAddress;
use service::http::JsonBody;
use service::{ApiError, ErrorCode};
use store::{DbError, retry};
use utoipa::ToSchema;

use super::body::{Problem, Session as SessionBody, signed_in};
use super::session;
use crate::Accounts;
use crate::failure::Failure;
use crate::fields::search_key;
use crate::repo::audit::{self, Entry};
use crate::repo::users::{self, Credentials};
use crate::repo::{pending, second_factor};
use crate::secrets::recovery_hash;
use crate::state::Inner;
use crate::{password, totp};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LoginBody {
    /// The e-mail address.
    email: String,
    /// The password.
    password: String,
    /// The code of the authenticator app, or a recovery code.
    code: Option<String>,
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "signing in",
    request_body = LoginBody,
    responses(
        (status = 200, description = "Signed in.", body = SessionBody),
        (status = 401, description = "`credentials-invalid`, `second-factor-required` or `code-invalid`", body = Problem),
        (status = 403, description = "After a right password only: `email-unverified` or `account-blocked`", body = Problem),
        (status = 429, description = "`too-many-requests`, with `Retry-After`", body = Problem),
    ),
)]
pub(crate) async fn login(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Response, Failure> {
    let email_key = search_key(body.email.trim());
    state
        .limits
        .login(&email_key, address, &state.metrics, Instant::now())?;
    let now = state.clock.now();
    let account = authenticate(&state, &email_key, &body.password, now).await?;
    if account.two_factor {
        let code = body
            .code
            .as_deref()
            .map(str::trim)
            .filter(|code| !code.is_empty());
        let Some(code) = code else {
            state.metrics.login("second-factor-required");
            let detail = "Enter the code of your authenticator app.";
            return Err(ApiError::client(ErrorCode::SecondFactorRequired, detail).into());
        };
        check_code(&state, &account, code, address, now).await?;
    }
    renew_hash(&state, &account, &body.password).await?;
    let (user, issued) = retry(|| async {
        let mut tx = state.db.begin().await?;
        let issued = session::open(&state, &mut tx, account.id, &headers, address, now).await?;
        let user = users::find_in(&mut tx, account.id).await?;
        tx.commit().await?;
        Ok::<_, DbError>((user, issued))
    })
    .await?;
    state.metrics.login("signed-in");
    Ok(signed_in(&state, StatusCode::OK, &user, &issued, now))
}

/// Compares the password: with that of the account, or of a registration that waits, or with nothing. It
/// is one hash in each case, and only who knows the password is told which.
async fn authenticate(
    state: &Inner,
    email_key: &str,
    password: &str,
    now: Timestamp,
) -> Result<Credentials, Failure> {
    let account = users::by_email(&state.db, email_key).await?;
    let waiting = pending::registration_password(&state.db, email_key, now).await?;
    let stored = account
        .as_ref()
        .map(|account| account.password_hash.as_str());
    let is_known_length = password.chars().count() <= password::CHARACTERS_MAX;
    let password = if is_known_length { password } else { "" };
    let is_right = state
        .hasher
        .verify(password, stored.or(waiting.as_deref()))
        .await?;
    let (result, code, detail) = match account {
        Some(account) if is_right && !account.blocked => return Ok(account),
        Some(_) if is_right => (
            "blocked",
            ErrorCode::AccountBlocked,
            "This account is blocked. Ask whoever runs this server.",
        ),
        None if is_right => (
            "unverified",
            ErrorCode::EmailUnverified,
            "Follow the link in the mail that was sent to you first.",
        ),
        Some(_) | None => (
            "credentials-invalid",
            ErrorCode::CredentialsInvalid,
            "E-mail address and password don't belong together.",
        ),
    };
    state.metrics.login(result);
    Err(ApiError::client(code, detail).into())
}

/// Takes a code of the authenticator app, or a recovery code.
///
/// # Errors
///
/// The answer 401 if it is wrong or was used.
pub(crate) async fn check_code(
    state: &Inner,
    account: &Credentials,
    code: &str,
    address: IpAddr,
    now: Timestamp,
) -> Result<(), Failure> {
    let secret = account.totp_secret.as_deref().unwrap_or_default();
    let step = totp::accepted_step(secret, code, now, account.totp_last_step);
    if let Some(step) = step
        && second_factor::take_step(&state.db, account.id, step).await?
    {
        return Ok(());
    }
    if let Some(hash) = recovery_hash(code)
        && second_factor::take_code(&state.db, account.id, hash, now).await?
    {
        let mut tx = state.db.begin().await?;
        let entry = Entry::own(account.id, "recovery-code-used", address);
        audit::insert(&mut tx, entry, now).await?;
        tx.commit().await?;
        return Ok(());
    }
    state.metrics.login("code-invalid");
    let detail = "This code is wrong, or it was used already.";
    Err(ApiError::client(ErrorCode::CodeInvalid, detail).into())
}

/// Hashes the password anew if that is done at other costs by now.
async fn renew_hash(state: &Inner, account: &Credentials, password: &str) -> Result<(), Failure> {
    if state.hasher.is_outdated(&account.password_hash) {
        let new = state.hasher.hash(password).await?;
        let mut tx = state.db.begin().await?;
        users::change_password(&mut tx, account.id, &account.password_hash, &new).await?;
        tx.commit().await?;
    }
    Ok(())
}
