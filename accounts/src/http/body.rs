//! What goes over the wire: bodies that several routes share.

use auth::{SessionId, UserClaims};
use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::cookie;
use crate::clock::seconds;
use crate::repo::users;
use crate::secrets::Token;
use crate::state::Inner;

/// Characters of what a browser calls itself that are kept.
const DEVICE_CHARACTERS_MAX: usize = 256;

/// An account, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct User {
    /// Its id.
    pub(crate) id: Uuid,
    /// The address to sign in with.
    pub(crate) email: String,
    /// Whether a mail to it was answered.
    pub(crate) email_verified: bool,
    /// The name that others see.
    pub(crate) name: String,
    /// What the person says of themselves.
    pub(crate) about: String,
    /// Two letters (ISO 3166-1), or empty.
    pub(crate) country: String,
    /// A name such as `Europe/Berlin`.
    pub(crate) time_zone: String,
    /// The language of mails and pages.
    pub(crate) locale: String,
    /// Where the picture is.
    pub(crate) avatar_url: Option<String>,
    /// The roles, the mightiest first.
    pub(crate) roles: Vec<&'static str>,
    /// What the roles allow.
    pub(crate) permissions: Vec<&'static str>,
    /// Whether signing in takes a code.
    pub(crate) two_factor: bool,
    /// When the account was made.
    pub(crate) created_at: Timestamp,
}

impl From<&users::User> for User {
    fn from(user: &users::User) -> Self {
        let permissions = user.permissions();
        Self {
            id: user.id.uuid(),
            email: user.email.clone(),
            // An account is made by the link in the mail.
            email_verified: true,
            name: user.name.clone(),
            about: user.about.clone(),
            country: user.country.clone(),
            time_zone: user.time_zone.clone(),
            locale: user.locale.clone(),
            avatar_url: None,
            roles: user.roles.iter().map(|role| role.as_str()).collect(),
            permissions: permissions.iter().map(|one| one.as_str()).collect(),
            two_factor: user.two_factor,
            created_at: user.created_at,
        }
    }
}

/// Somebody is signed in. The refresh token is in the cookie `clapt_refresh`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// To be sent as `Authorization: Bearer …`.
    pub(crate) access_token: String,
    /// Seconds that the access token is good.
    pub(crate) expires_in: u32,
    /// Who it is.
    pub(crate) user: User,
}

/// Nothing to tell.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Empty {}

/// What an error says (RFC 9457). `Content-Type` is `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// A sentence for a person.
    detail: String,
    /// A word that programs can rely on.
    code: String,
    /// The id under which the server has logged the request.
    request_id: Option<String>,
    /// What is wrong with the fields of the body.
    errors: Option<Vec<ProblemField>>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemField {
    /// The field's name in the body.
    field: String,
    /// A word that programs can rely on.
    code: String,
    /// A sentence for a person.
    message: String,
}

/// Tokens of a session that were made and are to be sent.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) session: SessionId,
    pub(crate) generation: u32,
    pub(crate) refresh: Token,
}

/// Answers with the tokens of a session: the access token in the body, the refresh token in the cookie.
pub(crate) fn signed_in(
    state: &Inner,
    status: StatusCode,
    user: &users::User,
    issued: &Issued,
    now: Timestamp,
) -> Response {
    let expires_in = state.config.accounts.access_token_minutes * 60;
    let issued_at = seconds(now);
    let claims = UserClaims {
        issuer: state.public_url.clone(),
        user: user.id,
        session: issued.session,
        generation: issued.generation,
        issued_at,
        expires_at: issued_at + u64::from(expires_in),
    };
    let body = Session {
        access_token: state.keys().sign(&claims),
        expires_in,
        user: User::from(user),
    };
    let no_store = (header::CACHE_CONTROL, "no-store");
    let mut response = (status, [no_store], Json(body)).into_response();
    cookie::set(state, response.headers_mut(), &issued.refresh);
    response
}

/// Returns what the browser calls itself.
pub(crate) fn device(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT);
    let agent = agent
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    agent
        .chars()
        .filter(|c| !c.is_control())
        .take(DEVICE_CHARACTERS_MAX)
        .collect()
}
