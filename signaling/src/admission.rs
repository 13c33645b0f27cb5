//! The door: who may open a signalling socket, and what the others are told.
//!
//! Texts and status codes are those of LiveKit's server, because SDKs show them; but the token is
//! never repeated in them.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::{Claims, TokenError};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::join_request::{JoinWish, Query};
use crate::room::Command;
use crate::room_settings::RoomSettings;
use crate::shared::Shared;

/// Whoever is admitted: verified claims, readable wishes, and the room they are about.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) room: String,
    pub(crate) claims: Claims,
    /// For the room, if this one opens it.
    pub(crate) settings: RoomSettings,
    pub(crate) wish: JoinWish,
}

/// A refusal, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    /// For the metrics.
    pub(crate) reason: &'static str,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            reason,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.text).into_response()
    }
}

/// Checks a request, in the order of LiveKit's server.
///
/// # Errors
///
/// [`Refusal`] with the status and text to answer with.
pub(crate) async fn admit(
    shared: &Shared,
    query: &Query,
    headers: &HeaderMap,
    needs_request: bool,
) -> Result<Admitted, Refusal> {
    let deadline = Duration::from_millis(shared.config.limit.handshake_timeout_ms);
    let checked = check(shared, query, headers, needs_request);
    timeout(deadline, checked).await.unwrap_or_else(|_| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let text = "joining took too long";
        Err(Refusal::new(status, "join-timeout", text))
    })
}

async fn check(
    shared: &Shared,
    query: &Query,
    headers: &HeaderMap,
    needs_request: bool,
) -> Result<Admitted, Refusal> {
    check_draining(shared)?;
    let mut claims = verify(shared, token(query, headers)?, now())?;
    let bytes_max = shared.config.limit.signal_message_bytes_max;
    let wish = JoinWish::read(query, user_agent(headers), needs_request, bytes_max)
        .map_err(|error| bad_request("join-request", error.to_string()))?;
    let room = room_name(shared, &claims)?;
    let settings = room_settings(shared, &claims)?;
    check_revoked(shared, &room, &mut claims)?;
    ask_policy(shared, &claims, &room).await?;
    if wish.resume.is_none() {
        check_place(shared, &room, &claims).await?;
    }
    Ok(Admitted {
        room,
        claims,
        settings,
        wish,
    })
}

/// Says no while the server goes down.
pub(crate) fn check_draining(shared: &Shared) -> Result<(), Refusal> {
    let text = "the server is shutting down";
    let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "draining", text);
    let is_draining = shared.is_draining.load(Ordering::Relaxed);
    (!is_draining).then_some(()).ok_or(refusal)
}

/// The time that tokens count in, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// What the client calls itself.
pub(crate) fn user_agent(headers: &HeaderMap) -> &str {
    let value = headers.get(header::USER_AGENT);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Verifies a token as of `now`, and that it says anything about rooms.
pub(crate) fn verify(shared: &Shared, token: &str, now: u64) -> Result<Claims, Refusal> {
    let claims = auth::verify(token, &shared.config.keys, now).map_err(|error| {
        tracing::debug!(%error, "refused a token");
        unauthorized(token_reason(error), error.to_string())
    })?;
    if claims.video.is_none() {
        return Err(unauthorized(
            "no-grant",
            "no permissions to access the room",
        ));
    }
    Ok(claims)
}

/// Reads what the token asks of a room that its holder opens.
pub(crate) fn room_settings(shared: &Shared, claims: &Claims) -> Result<RoomSettings, Refusal> {
    RoomSettings::of(claims, shared.config.limit.metadata_bytes_max)
        .map_err(|error| bad_request("room-config", error.to_string()))
}

/// Refuses a token that was revoked, and lets permissions that were changed hold against it.
pub(crate) fn check_revoked(
    shared: &Shared,
    room: &str,
    claims: &mut Claims,
) -> Result<(), Refusal> {
    let is_admitted = shared.revocations.admit(room, claims);
    let refusal = || unauthorized("token-revoked", "the token was revoked");
    is_admitted.then_some(()).ok_or_else(refusal)
}

/// Asks [`RoomPolicy`](crate::RoomPolicy).
pub(crate) async fn ask_policy(
    shared: &Shared,
    claims: &Claims,
    room: &str,
) -> Result<(), Refusal> {
    let asked = shared.policy.may_enter(claims, room).await;
    asked.map_err(|refused| Refusal::new(StatusCode::FORBIDDEN, "policy", refused.reason))
}

/// Checks that the room has a place, if it is open. It decides again on entry.
pub(crate) async fn check_place(
    shared: &Shared,
    room: &str,
    claims: &Claims,
) -> Result<(), Refusal> {
    let text = "room has exceeded its max participants";
    let refusal = Refusal::new(StatusCode::FORBIDDEN, "room-full", text);
    let has_place = has_place(shared, room, claims).await;
    has_place.then_some(()).ok_or(refusal)
}

/// Finds the token: in the header, or in the query for browsers, which can't set headers.
pub(crate) fn token<'a>(query: &'a Query, headers: &'a HeaderMap) -> Result<&'a str, Refusal> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let value = value.to_str().unwrap_or_default();
        let invalid = || {
            unauthorized(
                "bad-header",
                "invalid authorization header. Must start with Bearer",
            )
        };
        return value
            .strip_prefix("Bearer ")
            .map(str::trim)
            .ok_or_else(invalid);
    }
    match query.get("access_token").filter(|token| !token.is_empty()) {
        Some(token) => Ok(token),
        None => Err(unauthorized(
            "no-token",
            "no permissions to access the room",
        )),
    }
}

/// The room that the token lets its holder join.
pub(crate) fn room_name(shared: &Shared, claims: &Claims) -> Result<String, Refusal> {
    let limit = &shared.config.limit;
    let grant = claims.video.as_ref().filter(|grant| grant.room_join);
    let Some(grant) = grant else {
        return Err(unauthorized("no-join-grant", "permissions denied"));
    };
    if claims.identity.is_empty() {
        return Err(bad_request("identity", "identity cannot be empty"));
    }
    if claims.identity.len() > limit.identity_bytes_max {
        let text = "participant identity length exceeds limits";
        return Err(bad_request("identity", text));
    }
    if grant.room.is_empty() {
        return Err(bad_request("room-name", "no room name"));
    }
    if grant.room.len() > limit.room_name_bytes_max {
        return Err(bad_request("room-name", "room name length exceeds limits"));
    }
    if claims.metadata.len() > limit.metadata_bytes_max {
        return Err(bad_request("metadata", "metadata size exceeds limits"));
    }
    let attributes = claims.attributes.iter();
    let attributes_bytes: usize = attributes.map(|(key, value)| key.len() + value.len()).sum();
    if attributes_bytes > limit.attributes_bytes_max {
        return Err(bad_request("attributes", "attribute size exceeds limits"));
    }
    Ok(grant.room.clone())
}

async fn has_place(shared: &Shared, room: &str, claims: &Claims) -> bool {
    let Some(room) = shared.rooms.find(room) else {
        return true;
    };
    let (reply, answer) = oneshot::channel();
    let claims = Box::new(claims.clone());
    if room.send(Command::Probe { claims, reply }).await.is_err() {
        return true;
    }
    answer.await.unwrap_or(true)
}

fn token_reason(error: TokenError) -> &'static str {
    match error {
        TokenError::TooLong { .. } => "token-too-long",
        TokenError::Malformed => "token-malformed",
        TokenError::UnsupportedHeader => "token-header",
        TokenError::UnknownKey => "token-key",
        TokenError::BadSignature => "token-signature",
        TokenError::BadClaims => "token-claims",
        TokenError::NoExpiry => "token-no-expiry",
        TokenError::Expired { .. } => "token-expired",
        TokenError::NotYetValid { .. } => "token-early",
    }
}

fn unauthorized(reason: &'static str, text: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, reason, text)
}

fn bad_request(reason: &'static str, text: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, reason, text)
}
