//! Who may call which route: a table that every route stands in, and the layer that enforces it.
//!
//! Invariants:
//! - a route that is not in the table answers nobody, whatever its handler would do;
//! - a handler of a route that needs somebody signed in runs for nobody else;
//! - nobody calls a route more often than `limit.requests_per_minute`.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use auth::{Actor, Permission, SessionId, UserId};
use axum::Router;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use prometheus::{IntCounterVec, Opts, Registry};

use crate::network::{Network, client_address};
use crate::rate::{Rate, RateTable, network_of};
use crate::{ApiError, Config, ErrorCode};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Everybody. The handler knows nobody.
    Public,
    /// Whoever is signed in, to whom the handler shows what is theirs.
    SignedIn,
    /// Whoever is signed in and has this permission.
    Permission(Permission),
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    /// The method; `GET` covers `HEAD`.
    pub method: Method,
    /// The path as the router has it, such as `/api/v1/admin/users/{id}`.
    pub path: &'static str,
    /// Who may call it.
    pub rule: Rule,
}

/// Makes a row.
#[must_use]
pub const fn route(method: Method, path: &'static str, rule: Rule) -> RouteRule {
    RouteRule { method, path, rule }
}

/// Somebody who is signed in. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account.
    pub user: UserId,
    /// The session whose access token was sent.
    pub session: SessionId,
    /// The account with its permissions.
    pub actor: Actor,
}

/// The address of the client, seen through trusted proxies. Handlers take it as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Finds out who sent an access token.
pub trait Authenticate: Send + Sync + 'static {
    /// Looks up the caller; `token` is what stands behind `Bearer`.
    ///
    /// # Errors
    ///
    /// The answer to give instead: 401 if the token is not good (any more), 503 if nobody can tell.
    fn authenticate(&self, token: &str) -> impl Future<Output = Result<Caller, ApiError>> + Send;
}

struct Guard<A> {
    rules: HashMap<(Method, &'static str), Rule>,
    methods: HashMap<&'static str, String>,
    authenticate: A,
    trusted_proxies: Vec<Network>,
    rate: Rate,
    rates: RateTable,
    refused: IntCounterVec,
}

/// Lets requests through to `router` as `table` says, callers being found by `authenticate`.
///
/// # Errors
///
/// An error of `prometheus` if the metrics are registered already.
///
/// # Panics
///
/// If two rows of the table are about the same method and path.
pub fn guarded<A: Authenticate>(
    router: Router,
    table: &[RouteRule],
    authenticate: A,
    config: &Config,
    registry: &Registry,
) -> prometheus::Result<Router> {
    let opts = Opts::new("clapt_http_refused_total", "Requests that were refused");
    let refused = IntCounterVec::new(opts, &["reason"])?;
    registry.register(Box::new(refused.clone()))?;
    let mut rules = HashMap::new();
    let mut methods: HashMap<&str, String> = HashMap::new();
    for RouteRule { method, path, rule } in table {
        let before = rules.insert((method.clone(), *path), *rule);
        assert_eq!(before, None, "{method} {path} has one rule");
        let listed = methods.entry(path).or_default();
        if !listed.is_empty() {
            listed.push_str(", ");
        }
        listed.push_str(method.as_str());
    }
    let guard = Guard {
        rules,
        methods,
        authenticate,
        trusted_proxies: config.trusted_proxies.clone(),
        rate: Rate::per_minute(config.limit.requests_per_minute),
        rates: RateTable::new(config.limit.rate_keys_max),
        refused,
    };
    Ok(router.layer(middleware::from_fn_with_state(
        Arc::new(guard),
        enforce::<A>,
    )))
}

/// Asks the table, then the caller's permissions, then the rate; only then the handler runs.
async fn enforce<A: Authenticate>(
    State(guard): State<Arc<Guard<A>>>,
    mut request: Request,
    next: Next,
) -> Response {
    match guard.check(&mut request).await {
        Ok(()) => next.run(request).await,
        Err(Refusal { reason, response }) => {
            guard.refused.with_label_values(&[reason]).inc();
            *response
        }
    }
}

struct Refusal {
    reason: &'static str,
    response: Box<Response>,
}

impl Refusal {
    fn new(reason: &'static str, error: ApiError) -> Self {
        let response = Box::new(error.into_response());
        Self { reason, response }
    }
}

impl<A: Authenticate> Guard<A> {
    async fn check(&self, request: &mut Request) -> Result<(), Refusal> {
        let address = self.address(request);
        request.extensions_mut().insert(ClientAddress(address));
        let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
            // No route: whatever answers for unknown paths does.
            return Ok(());
        };
        let (path, rule) = self.rule(request, path.as_str())?;
        let user = match rule {
            Rule::Public => None,
            Rule::SignedIn | Rule::Permission(_) => {
                let caller = self.caller(request.headers()).await?;
                if let Rule::Permission(permission) = rule
                    && !caller.actor.has(permission)
                {
                    let detail = format!("That needs the permission {permission}.");
                    let error = ApiError::client(ErrorCode::PermissionDenied, detail);
                    return Err(Refusal::new("permission", error));
                }
                let user = caller.user;
                request.extensions_mut().insert(caller);
                Some(user)
            }
        };
        let by = user.is_none().then(|| network_of(address));
        let key = (request.method(), path, user, by);
        self.rates
            .take(key, self.rate, Instant::now())
            .map_err(|wait| Refusal::new("rate", ApiError::too_many_requests(wait)))
    }

    fn address(&self, request: &Request) -> IpAddr {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| {
            client_address(*peer, request.headers(), &self.trusted_proxies)
        })
    }

    fn rule(&self, request: &Request, path: &str) -> Result<(&'static str, Rule), Refusal> {
        let method = match request.method() {
            &Method::HEAD => Method::GET,
            other => other.clone(),
        };
        if let Some((path, methods)) = self.methods.get_key_value(path) {
            if let Some(rule) = self.rules.get(&(method.clone(), *path)) {
                return Ok((path, *rule));
            }
            let detail = format!("{} does not answer {method}.", request.uri().path());
            let error = ApiError::client(ErrorCode::MethodNotAllowed, detail);
            let mut refusal = Refusal::new("method", error);
            if let Ok(allow) = HeaderValue::from_str(methods) {
                refusal.response.headers_mut().insert(header::ALLOW, allow);
            }
            return Err(refusal);
        }
        tracing::error!(%method, path, "a route has no rule and answers nobody");
        let detail = "Nobody may do that.";
        let error = ApiError::client(ErrorCode::PermissionDenied, detail);
        Err(Refusal::new("no-rule", error))
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let result = match bearer(headers) {
            Some(token) => self.authenticate.authenticate(token).await,
            None => Err(unauthenticated()),
        };
        result.map_err(|error| {
            let mut refusal = Refusal::new("unauthenticated", error);
            if refusal.response.status() == 401 {
                let scheme = HeaderValue::from_static("Bearer");
                let headers = refusal.response.headers_mut();
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            refusal
        })
    }
}

/// Makes the answer for one who is not signed in.
#[must_use]
pub fn unauthenticated() -> ApiError {
    ApiError::client(ErrorCode::Unauthenticated, "Sign in first.")
}

/// Reads `Authorization: Bearer …` (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let unknown = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Ok(parts.extensions.get().copied().unwrap_or(unknown))
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
