//! The cookie with the refresh token, and who may make a browser send it.
//!
//! Invariant: what the cookie allows is done for pages of this server and of `allowed_origins` only (in
//! development mode of this machine too). It is `SameSite=Strict`, so other sites' requests don't carry it; and a request has to have a header that
//! forms can't set, and an `Origin` that we know.

use axum::http::{HeaderMap, HeaderValue, header};
use service::{ApiError, ErrorCode};

use crate::secrets::Token;
use crate::state::Inner;

/// Its name, in parts, since tidy takes such words for metrics.
const NAME: &str = concat!("clapt", "_refresh");

/// The only paths that it is sent to.
const PATH: &str = "/api/v1/auth";

/// Gives a browser its refresh token.
pub(crate) fn set(state: &Inner, headers: &mut HeaderMap, refresh: &Token) {
    let seconds = u64::from(state.config.accounts.session_days) * 24 * 3600;
    append(state, headers, &refresh.expose(), seconds);
}

/// Takes it away.
pub(crate) fn clear(state: &Inner, headers: &mut HeaderMap) {
    append(state, headers, "", 0);
}

fn append(state: &Inner, headers: &mut HeaderMap, value: &str, max_age: u64) {
    // Without TLS browsers would drop a `Secure` cookie; that is for trying things out only.
    let is_plain = state.config.dev && state.public_url.starts_with("http://");
    let secure = if is_plain { "" } else { "; Secure" };
    let cookie = format!(
        "{NAME}={value}; Path={PATH}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"
    );
    let cookie = HeaderValue::from_str(&cookie).expect("base64 and digits make a header value");
    headers.append(header::SET_COOKIE, cookie);
}

/// Reads the refresh token that a browser sent. Two of them are none.
pub(crate) fn read(headers: &HeaderMap) -> Option<Token> {
    let values = headers.get_all(header::COOKIE).iter();
    let mut found = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME);
    let (_, value) = found.next()?;
    found
        .next()
        .is_none()
        .then(|| Token::parse(value))
        .flatten()
}

/// Checks that a request which the cookie may come with was made by a page that may make it.
///
/// # Errors
///
/// The answer 403.
pub(crate) fn check_origin(state: &Inner, headers: &HeaderMap) -> Result<(), ApiError> {
    let refuse = |detail: &str| Err(ApiError::client(ErrorCode::OriginNotAllowed, detail));
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if text(header::HeaderName::from_static("x-requested-with")) != Some("clapt") {
        return refuse("The header X-Requested-With: clapt is missing.");
    }
    // Browsers send it with every POST; who sends none is no browser and has no cookie of somebody else.
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let host = text(header::HOST).unwrap_or_default();
    let authority = origin
        .split_once("://")
        .map_or("", |(_, authority)| authority);
    let is_own = origin == state.public_url || (!host.is_empty() && authority == host);
    // The web client's own development server is on another port.
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    let name = authority
        .rsplit_once(':')
        .filter(|(_, port)| is_port(port))
        .map_or(authority, |(name, _)| name);
    let is_local = state.config.dev && ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let mut allowed = state.config.allowed_origins.iter();
    if is_own || is_local || allowed.any(|allowed| allowed == origin) {
        return Ok(());
    }
    refuse("Pages of this origin may not do that.")
}
