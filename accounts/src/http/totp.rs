//! `/account/totp`: two-step sign-in by an authenticator app.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use service::access::{Caller, ClientAddress, unauthenticated};
use service::http::JsonBody;
use service::{ApiError, ErrorCode};
use std::time::Instant;
use store::{DbError, retry};
use utoipa::ToSchema;

use super::body::Problem;
use super::login::check_code;
use super::password::{addressee, proven};
use crate::Accounts;
use crate::failure::Failure;
use crate::letters::About;
use crate::repo::audit::{self, Entry};
use crate::repo::{second_factor, users};
use crate::secrets::{RECOVERY_CODES, recovery_code, recovery_hash};
use crate::totp;

/// What the app shows as the name of the service.
const ISSUER: &str = "Clapt";

/// A secret that is to be confirmed.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpSecret {
    /// To be typed into the app.
    secret: String,
    /// To be scanned by it.
    uri: String,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CodeBody {
    /// Six digits.
    code: String,
}

/// Codes that sign in without the app, each once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Shown this once.
    recovery_codes: Vec<String>,
}

/// What turning it off takes.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RemoveBody {
    /// The password.
    password: String,
    /// A code of the app, or a recovery code.
    code: String,
}

/// Begins: makes a secret for the app, which counts once it is confirmed.
#[utoipa::path(
    post,
    path = "/api/v1/account/totp",
    tag = "account",
    responses(
        (status = 200, description = "The secret.", body = TotpSecret),
        (status = 409, description = "`conflict`: it is on already", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn begin(
    State(state): State<Accounts>,
    caller: Caller,
) -> Result<Json<TotpSecret>, Failure> {
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let user = users::find(&state.db, own, caller.user).await?;
    let user = user.ok_or_else(unauthenticated)?;
    let secret = totp::random_secret();
    if !second_factor::set_secret(&state.db, caller.user, &secret).await? {
        return Err(already_on());
    }
    Ok(Json(TotpSecret {
        secret: totp::secret_text(&secret),
        uri: totp::uri(&secret, ISSUER, &user.email),
    }))
}

fn already_on() -> Failure {
    let detail = "Two-step sign-in is on already.";
    ApiError::client(ErrorCode::Conflict, detail).into()
}

fn code_invalid() -> Failure {
    let detail = "This code is wrong. Look whether your phone shows the right time.";
    ApiError::client(ErrorCode::CodeInvalid, detail).into()
}

/// Confirms with a first code: from now on signing in takes one.
#[utoipa::path(
    post,
    path = "/api/v1/account/totp/confirm",
    tag = "account",
    request_body = CodeBody,
    responses(
        (status = 200, description = "It is on.", body = RecoveryCodes),
        (status = 401, description = "`code-invalid`", body = Problem),
        (status = 409, description = "`conflict`: it is on already, or was not begun", body = Problem),
        (status = 429, description = "`too-many-requests`, with `Retry-After`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn confirm(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    JsonBody(body): JsonBody<CodeBody>,
) -> Result<Json<RecoveryCodes>, Failure> {
    let id = caller.user.to_string();
    state
        .limits
        .login(&id, address, &state.metrics, Instant::now())?;
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let account = users::credentials(&state.db, own, caller.user).await?;
    let account = account.ok_or_else(unauthenticated)?;
    let Some(secret) = account
        .totp_secret
        .as_deref()
        .filter(|_| !account.two_factor)
    else {
        return Err(already_on());
    };
    let now = state.clock.now();
    let step = totp::accepted_step(secret, &body.code, now, account.totp_last_step);
    let step = step.ok_or_else(code_invalid)?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    let hashes: Vec<_> = codes
        .iter()
        .filter_map(|code| recovery_hash(code))
        .collect();
    let is_on = retry(|| async {
        let mut tx = state.db.begin().await?;
        if !second_factor::confirm(&mut tx, caller.user, secret, step, &hashes, now).await? {
            return Ok::<_, DbError>(false);
        }
        let entry = Entry::own(caller.user, "second-factor-on", address);
        audit::insert(&mut tx, entry, now).await?;
        let security = format!("{}/settings/security", state.public_url);
        let about = About::SecondFactor {
            on: true,
            security: &security,
        };
        state.mail(&mut tx, addressee(&account), about, now).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await?;
    if !is_on {
        return Err(already_on());
    }
    Ok(Json(RecoveryCodes {
        recovery_codes: codes,
    }))
}

/// Turns it off: that takes the password and a code.
#[utoipa::path(
    delete,
    path = "/api/v1/account/totp",
    tag = "account",
    request_body = RemoveBody,
    responses(
        (status = 204, description = "It is off."),
        (status = 401, description = "`credentials-invalid` or `code-invalid`", body = Problem),
        (status = 409, description = "`conflict`: it is off already", body = Problem),
        (status = 429, description = "`too-many-requests`, with `Retry-After`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn remove(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    caller: Caller,
    JsonBody(body): JsonBody<RemoveBody>,
) -> Result<StatusCode, Failure> {
    let account = proven(&state, &caller, &body.password, address).await?;
    if !account.two_factor {
        let detail = "Two-step sign-in is off already.";
        return Err(ApiError::client(ErrorCode::Conflict, detail).into());
    }
    let now = state.clock.now();
    check_code(&state, &account, &body.code, address, now).await?;
    retry(|| async {
        let mut tx = state.db.begin().await?;
        second_factor::clear(&mut tx, caller.user).await?;
        let entry = Entry::own(caller.user, "second-factor-off", address);
        audit::insert(&mut tx, entry, now).await?;
        let security = format!("{}/settings/security", state.public_url);
        let about = About::SecondFactor {
            on: false,
            security: &security,
        };
        state.mail(&mut tx, addressee(&account), about, now).await?;
        tx.commit().await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
