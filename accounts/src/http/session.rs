//! `/auth/refresh` and `/auth/logout`: what the cookie is for.

use std::net::IpAddr;

use auth::UserId;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use service::access::ClientAddress;
use service::{ApiError, ErrorCode};
use store::{DbError, Tx, retry};

use super::body::{Issued, Problem, Session, device, signed_in};
use super::cookie;
use crate::Accounts;
use crate::failure::Failure;
use crate::letters::About;
use crate::repo::audit::{self, Entry};
use crate::repo::sessions::{self, NewSession, Refreshed};
use crate::repo::users;
use crate::rotation::{RefreshDecision, decide_refresh};
use crate::secrets::Token;
use crate::state::Inner;

/// Signs somebody in on a device, in the transaction that says why.
pub(crate) async fn open(
    state: &Inner,
    tx: &mut Tx,
    user: UserId,
    headers: &HeaderMap,
    address: IpAddr,
    now: Timestamp,
) -> Result<Issued, DbError> {
    let session = NewSession {
        user,
        device: device(headers),
        address: address.to_string(),
        expires_at: state.session_expiry(now),
    };
    let refresh = Token::random();
    let sessions_max = state.config.limit.sessions_per_account_max;
    let session = sessions::insert(tx, &session, &refresh, sessions_max, now).await?;
    Ok(Issued {
        session,
        generation: 1,
        refresh,
    })
}

/// What came of a refresh token.
enum Outcome {
    Issued(Box<users::User>, Issued),
    Ended,
    Revoked,
}

/// Signs a device on for some more minutes, by the cookie.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "signing in",
    params(("X-Requested-With" = String, Header, description = "Always `clapt`.")),
    responses(
        (status = 200, description = "A new access token, and a new cookie.", body = Session),
        (status = 401, description = "`session-ended`; or `session-revoked`, since the refresh token was used twice.", body = Problem),
        (status = 403, description = "`origin-not-allowed`", body = Problem),
    ),
)]
pub(crate) async fn refresh(
    State(state): State<Accounts>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    cookie::check_origin(&state, &headers)?;
    let now = state.clock.now();
    let outcome = match cookie::read(&headers) {
        Some(token) => retry(|| exchange(&state, &token, address, now)).await?,
        None => Outcome::Ended,
    };
    let (code, detail) = match outcome {
        Outcome::Issued(user, issued) => {
            state.metrics.refresh("issued");
            return Ok(signed_in(&state, StatusCode::OK, &user, &issued, now));
        }
        Outcome::Ended => {
            state.metrics.refresh("ended");
            (
                ErrorCode::SessionEnded,
                "The session has ended. Sign in again.",
            )
        }
        Outcome::Revoked => {
            state.metrics.refresh("revoked");
            let detail = "The session was ended for your safety. Sign in again.";
            (ErrorCode::SessionRevoked, detail)
        }
    };
    let mut response = ApiError::client(code, detail).into_response();
    cookie::clear(&state, response.headers_mut());
    Ok(response)
}

/// Exchanges a refresh token for its successor, in one transaction.
async fn exchange(
    state: &Inner,
    token: &Token,
    address: IpAddr,
    now: Timestamp,
) -> Result<Outcome, Failure> {
    let mut tx = state.db.begin().await?;
    let Some(session) = sessions::find_by_token(&mut tx, token.hash()).await? else {
        return Ok(Outcome::Ended);
    };
    let user = users::find_in(&mut tx, session.user).await?;
    let successor = token.successor(&session.chain_key);
    let generation = match decide_refresh(session.state, session.presented, now) {
        RefreshDecision::Ended => return Ok(Outcome::Ended),
        _ if user.blocked_at.is_some() => return Ok(Outcome::Ended),
        RefreshDecision::Reused => {
            revoke(state, &mut tx, &session, &user, address, now).await?;
            tx.commit().await?;
            return Ok(Outcome::Revoked);
        }
        RefreshDecision::Repeat => session.state.generation,
        RefreshDecision::Issue { generation } => {
            let times = (now, state.session_expiry(now));
            let address = address.to_string();
            let hash = successor.hash();
            sessions::rotate(&mut tx, &session, generation, hash, &address, times).await?;
            generation
        }
    };
    tx.commit().await?;
    let issued = Issued {
        session: session.id,
        generation,
        refresh: successor,
    };
    Ok(Outcome::Issued(Box::new(user), issued))
}

/// Ends a session of which a refresh token was used twice, and tells its owner.
async fn revoke(
    state: &Inner,
    tx: &mut Tx,
    session: &Refreshed,
    user: &users::User,
    address: IpAddr,
    now: Timestamp,
) -> Result<(), DbError> {
    sessions::end(tx, session.user, session.id, "reused", now).await?;
    let entry = Entry {
        actor: None,
        ..Entry::own(user.id, "session-revoked", address)
    };
    audit::insert(tx, entry, now).await?;
    let device = sessions::device_of(tx, session.id).await?;
    let security = format!("{}/settings/security", state.public_url);
    let about = About::SessionRevoked {
        device: &device,
        security: &security,
    };
    let to = (
        user.email.as_str(),
        user.name.as_str(),
        user.locale.as_str(),
    );
    state.mail(tx, to, about, now).await
}

/// Signs this device off, by the cookie. Whoever is signed off already is told the same.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "signing in",
    params(("X-Requested-With" = String, Header, description = "Always `clapt`.")),
    responses(
        (status = 204, description = "Signed off."),
        (status = 403, description = "`origin-not-allowed`", body = Problem),
    ),
)]
pub(crate) async fn logout(
    State(state): State<Accounts>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    cookie::check_origin(&state, &headers)?;
    let now = state.clock.now();
    if let Some(token) = cookie::read(&headers) {
        retry(|| async {
            let mut tx = state.db.begin().await?;
            if let Some(session) = sessions::find_by_token(&mut tx, token.hash()).await? {
                sessions::end(&mut tx, session.user, session.id, "signed-out", now).await?;
                tx.commit().await?;
            }
            Ok::<(), DbError>(())
        })
        .await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookie::clear(&state, response.headers_mut());
    Ok(response)
}
