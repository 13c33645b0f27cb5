//! `/auth/user` and `/account/profile`: who one is.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use service::access::{Caller, unauthenticated};
use service::http::JsonBody;
use service::{ApiError, ErrorCode};
use utoipa::ToSchema;

use super::body::{Problem, User};
use crate::Accounts;
use crate::failure::Failure;
use crate::fields::{self, Form};
use crate::repo::users;
use crate::state::Inner;

/// What people say of themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Profile {
    /// The name that others see.
    name: String,
    /// What the person says of themselves.
    about: String,
    /// Two letters (ISO 3166-1), or empty.
    country: String,
    /// A name such as `Europe/Berlin`.
    time_zone: String,
    /// The language of mails and pages.
    locale: String,
    /// Where the picture is.
    avatar_url: Option<String>,
}

/// What is to be changed; what is missing stays.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct ProfileChange {
    /// The name that others see.
    name: Option<String>,
    /// What the person says of themselves.
    about: Option<String>,
    /// Two letters (ISO 3166-1), or empty.
    country: Option<String>,
    /// A name such as `Europe/Berlin`.
    time_zone: Option<String>,
    /// A language, such as `en`.
    locale: Option<String>,
}

/// Says who is signed in.
#[utoipa::path(
    get,
    path = "/api/v1/auth/user",
    tag = "account",
    responses((status = 200, description = "The account.", body = User)),
    security(("access_token" = [])),
)]
pub(crate) async fn user(
    State(state): State<Accounts>,
    caller: Caller,
) -> Result<Json<User>, Failure> {
    Ok(Json(User::from(&own(&state, &caller).await?)))
}

async fn own(state: &Inner, caller: &Caller) -> Result<users::User, Failure> {
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let user = users::find(&state.db, own, caller.user).await?;
    Ok(user.ok_or_else(unauthenticated)?)
}

/// Answers with the profile, and with its version in `ETag`.
fn answer(user: &users::User) -> Response {
    let profile = Profile {
        name: user.name.clone(),
        about: user.about.clone(),
        country: user.country.clone(),
        time_zone: user.time_zone.clone(),
        locale: user.locale.clone(),
        avatar_url: None,
    };
    let mut response = Json(profile).into_response();
    if let Ok(tag) = HeaderValue::from_str(&etag(user.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Shows the profile.
#[utoipa::path(
    get,
    path = "/api/v1/account/profile",
    tag = "account",
    responses((status = 200, description = "The profile; `ETag` has its version.", body = Profile)),
    security(("access_token" = [])),
)]
pub(crate) async fn show(
    State(state): State<Accounts>,
    caller: Caller,
) -> Result<Response, Failure> {
    Ok(answer(&own(&state, &caller).await?))
}

/// Changes the profile: with `If-Match`, only if it is still the version that was seen.
#[utoipa::path(
    patch,
    path = "/api/v1/account/profile",
    tag = "account",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that was seen.")),
    request_body = ProfileChange,
    responses(
        (status = 200, description = "The profile as it is now.", body = Profile),
        (status = 400, description = "`invalid-argument` with `errors`", body = Problem),
        (status = 412, description = "`precondition-failed`: it was changed meanwhile", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn update(
    State(state): State<Accounts>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(change): JsonBody<ProfileChange>,
) -> Result<Response, Failure> {
    let scope = caller.actor.own().ok_or_else(unauthenticated)?;
    let user = own(&state, &caller).await?;
    let seen = headers.get_all(header::IF_MATCH).iter();
    let seen: Vec<&str> = seen.filter_map(|value| value.to_str().ok()).collect();
    let tag = etag(user.version);
    let is_seen = |value: &&str| {
        value
            .split(',')
            .any(|one| one.trim() == tag || one.trim() == "*")
    };
    if !seen.is_empty() && !seen.iter().any(is_seen) {
        return Err(changed_meanwhile());
    }
    let profile = changed(&user, &change)?;
    if !users::update_profile(&state.db, scope, user.id, user.version, &profile).await? {
        return Err(changed_meanwhile());
    }
    Ok(answer(&own(&state, &caller).await?))
}

fn changed_meanwhile() -> Failure {
    let detail = "The profile was changed meanwhile, perhaps on another device. Load it anew.";
    ApiError::client(ErrorCode::PreconditionFailed, detail).into()
}

/// Lays a change over a profile.
fn changed(user: &users::User, change: &ProfileChange) -> Result<users::Profile, Failure> {
    let mut form = Form::default();
    let mut read = |field, new: &Option<String>, old: &String, parse: Parse| match new {
        Some(text) => form.check(field, parse(text)).unwrap_or_default(),
        None => old.clone(),
    };
    let profile = users::Profile {
        name: read("name", &change.name, &user.name, fields::name),
        about: read("about", &change.about, &user.about, fields::about),
        country: read("country", &change.country, &user.country, fields::country),
        time_zone: read(
            "time_zone",
            &change.time_zone,
            &user.time_zone,
            fields::time_zone,
        ),
        locale: read("locale", &change.locale, &user.locale, fields::locale),
    };
    if form.is_fine() {
        return Ok(profile);
    }
    Err(form.refusal().into())
}

type Parse = fn(&str) -> Result<String, fields::FieldProblem>;
