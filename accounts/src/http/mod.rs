//! The HTTP interface of accounts: the table of who may call what, and the routes.

mod admin;
mod audit;
mod body;
mod cookie;
mod dev;
mod docs;
mod login;
mod password;
mod privacy;
mod profile;
mod register;
mod session;
mod sessions;
mod setup;
mod totp;

use auth::Permission;
use axum::Router;
use axum::http::Method;
use prometheus::Registry;
use service::access::Rule::{Permission as Needs, Public, SignedIn};
use service::access::{RouteRule, guarded, route};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Accounts;

/// Who may call what. A route that is not in here answers nobody.
const RULES: &[RouteRule] = &[
    route(Method::GET, "/.well-known/jwks.json", Public),
    route(Method::GET, "/api/openapi.json", Public),
    route(Method::GET, "/api/docs", Public),
    route(Method::GET, "/api/v1/setup", Public),
    route(Method::POST, "/api/v1/setup", Public),
    route(Method::POST, "/api/v1/auth/register", Public),
    route(Method::POST, "/api/v1/auth/verify-email", Public),
    route(Method::POST, "/api/v1/auth/login", Public),
    // By the cookie, from pages of this server only.
    route(Method::POST, "/api/v1/auth/refresh", Public),
    route(Method::POST, "/api/v1/auth/logout", Public),
    route(Method::GET, "/api/v1/auth/user", SignedIn),
    route(Method::POST, "/api/v1/auth/password/forgot", Public),
    route(Method::POST, "/api/v1/auth/password/reset", Public),
    route(Method::POST, "/api/v1/account/password", SignedIn),
    route(Method::GET, "/api/v1/account/sessions", SignedIn),
    route(Method::DELETE, "/api/v1/account/sessions", SignedIn),
    route(Method::DELETE, "/api/v1/account/sessions/{id}", SignedIn),
    route(Method::POST, "/api/v1/account/totp", SignedIn),
    route(Method::POST, "/api/v1/account/totp/confirm", SignedIn),
    route(Method::DELETE, "/api/v1/account/totp", SignedIn),
    route(Method::GET, "/api/v1/account/profile", SignedIn),
    route(Method::PATCH, "/api/v1/account/profile", SignedIn),
    route(Method::GET, "/api/v1/account/privacy", SignedIn),
    route(Method::PUT, "/api/v1/account/privacy", SignedIn),
    route(
        Method::GET,
        "/api/v1/admin/users",
        Needs(Permission::USERS_READ),
    ),
    route(
        Method::GET,
        "/api/v1/admin/users/{id}",
        Needs(Permission::USERS_READ),
    ),
    route(
        Method::POST,
        "/api/v1/admin/users/{id}/block",
        Needs(Permission::USERS_BLOCK),
    ),
    route(
        Method::DELETE,
        "/api/v1/admin/users/{id}/block",
        Needs(Permission::USERS_BLOCK),
    ),
    route(
        Method::POST,
        "/api/v1/admin/users/{id}/reset-password",
        Needs(Permission::USERS_RESET_PASSWORD),
    ),
    route(
        Method::PUT,
        "/api/v1/admin/users/{id}/roles",
        Needs(Permission::ROLES_ASSIGN),
    ),
    route(
        Method::GET,
        "/api/v1/admin/audit",
        Needs(Permission::AUDIT_READ),
    ),
];

/// What is there in development mode besides.
const DEV_RULES: &[RouteRule] = &[route(Method::GET, "/api/v1/dev/mails", Public)];

/// Returns the routes of accounts, guarded by the table.
///
/// # Errors
///
/// An error of `prometheus` if the metrics are registered already.
pub fn routes(accounts: &Accounts, registry: &Registry) -> prometheus::Result<Router> {
    let (router, api) = described();
    let mut router = router.merge(docs::routes(&api));
    let mut rules = RULES.to_vec();
    if accounts.config.dev {
        router = router.merge(dev::routes());
        rules.extend_from_slice(DEV_RULES);
    }
    let router = router.with_state(accounts.clone());
    guarded(router, &rules, accounts.clone(), &accounts.config, registry)
}

/// Returns the table of who may call what, without what is there in development mode besides.
#[must_use]
pub fn rules() -> &'static [RouteRule] {
    RULES
}

/// Returns the description of the interface, in the form of `OpenAPI` 3.1.
#[must_use]
pub fn openapi() -> OpenApi {
    described().1
}

/// The routes, and what the description tells of them.
fn described() -> (Router<Accounts>, OpenApi) {
    let (router, mut api) = documented().split_for_parts();
    docs::name_operations(&mut api);
    (router, api)
}

/// The routes that the description tells of.
fn documented() -> OpenApiRouter<Accounts> {
    OpenApiRouter::with_openapi(docs::description())
        .routes(routes!(docs::jwks))
        .routes(routes!(setup::status, setup::complete))
        .routes(routes!(register::register))
        .routes(routes!(register::verify))
        .routes(routes!(login::login))
        .routes(routes!(session::refresh))
        .routes(routes!(session::logout))
        .routes(routes!(profile::user))
        .routes(routes!(password::forgot))
        .routes(routes!(password::reset))
        .routes(routes!(password::change))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(totp::begin, totp::remove))
        .routes(routes!(totp::confirm))
        .routes(routes!(profile::show, profile::update))
        .routes(routes!(privacy::show, privacy::update))
        .routes(routes!(admin::list))
        .routes(routes!(admin::show))
        .routes(routes!(admin::block, admin::unblock))
        .routes(routes!(admin::reset_password))
        .routes(routes!(admin::set_roles))
        .routes(routes!(audit::list))
}
