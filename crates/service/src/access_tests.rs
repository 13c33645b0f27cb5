//! The table is enforced, on routes that nobody thought of too.

use auth::{Permissions, Role};
use axum::body::Body;
use axum::routing::get;
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::config::LimitConfig;

/// Takes the name of a role for a token.
struct Roles;

impl Authenticate for Roles {
    async fn authenticate(&self, token: &str) -> Result<Caller, ApiError> {
        let role: Role = token.parse().map_err(|_| unauthenticated())?;
        let user = UserId::new(Uuid::from_u128(1));
        Ok(Caller {
            user,
            session: SessionId::new(Uuid::from_u128(2)),
            actor: Actor::signed_in(user, Role::permissions_of([role])),
        })
    }
}

async fn hello() -> &'static str {
    "hello"
}

async fn whoami(caller: Caller, ClientAddress(address): ClientAddress) -> String {
    format!("{} {address}", caller.user)
}

fn router(requests_per_minute: u32) -> (Router, Registry) {
    let router = Router::new()
        .route("/public", get(hello))
        .route("/mine/{id}", get(whoami).put(whoami))
        .route("/audit", get(whoami))
        .route("/forgotten", get(hello))
        .route("/half", get(hello).post(hello));
    let table = [
        route(Method::GET, "/public", Rule::Public),
        route(Method::GET, "/mine/{id}", Rule::SignedIn),
        route(Method::PUT, "/mine/{id}", Rule::SignedIn),
        route(
            Method::GET,
            "/audit",
            Rule::Permission(Permission::AUDIT_READ),
        ),
        route(Method::GET, "/half", Rule::Public),
    ];
    let config = Config {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        limit: LimitConfig {
            requests_per_minute,
            ..LimitConfig::default()
        },
        ..Config::default()
    };
    let registry = Registry::new();
    let router = guarded(router, &table, Roles, &config, &registry).unwrap();
    (router, registry)
}

async fn answer(router: &Router, method: &str, path: &str, token: &str) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request
        .header("x-forwarded-for", "203.0.113.7")
        .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4000))))
        .body(Body::empty())
        .unwrap();
    router.clone().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn every_row_lets_in_whom_it_says() {
    let (router, _) = router(100);
    for (method, path, token, status) in [
        ("GET", "/public", "", 200),
        ("HEAD", "/public", "", 200),
        ("GET", "/public", "nonsense", 200),
        ("GET", "/mine/7", "", 401),
        ("GET", "/mine/7", "nonsense", 401),
        ("GET", "/mine/7", "client", 200),
        ("PUT", "/mine/7", "", 401),
        ("GET", "/audit", "", 401),
        ("GET", "/audit", "client", 403),
        ("GET", "/audit", "admin", 200),
        ("DELETE", "/mine/7", "owner", 405),
        ("GET", "/nowhere", "", 404),
        // Routes with a handler and without a rule.
        ("GET", "/forgotten", "owner", 403),
        ("POST", "/half", "owner", 405),
    ] {
        let response = answer(&router, method, path, token).await;
        assert_eq!(response.status(), status, "{method} {path} {token}");
    }
}

#[tokio::test]
async fn a_handler_knows_the_caller_and_the_address_behind_the_proxy() {
    let (router, _) = router(100);

    let response = answer(&router, "GET", "/mine/7", "client").await;

    let body = axum::body::to_bytes(response.into_body(), 1000)
        .await
        .unwrap();
    let expected = format!("{} 203.0.113.7", Uuid::from_u128(1));
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_refusal_says_how_to_do_better() {
    let (router, _) = router(100);

    let unknown = answer(&router, "GET", "/mine/7", "").await;
    let wrong = answer(&router, "DELETE", "/mine/7", "").await;

    assert_eq!(unknown.headers()["www-authenticate"], "Bearer");
    assert_eq!(wrong.headers()["allow"], "GET, PUT");
}

#[tokio::test]
async fn requests_above_the_rate_are_told_when_to_come_again() {
    let (router, registry) = router(2);
    for _ in 0..2 {
        assert_eq!(answer(&router, "GET", "/public", "").await.status(), 200);
    }

    let third = answer(&router, "GET", "/public", "").await;

    assert_eq!(third.status(), 429);
    assert_eq!(third.headers()["retry-after"], "30");
    assert_eq!(
        answer(&router, "GET", "/half", "").await.status(),
        200,
        "another route"
    );
    let metric = &registry.gather()[0];
    assert_eq!(metric.name(), "clapt_http_refused_total");
    assert_eq!(metric.get_metric()[0].get_label()[0].value(), "rate");
}

#[tokio::test]
async fn what_is_not_authenticated_never_counts_against_an_account() {
    let (router, _) = router(1);
    for _ in 0..3 {
        assert_eq!(answer(&router, "GET", "/mine/7", "").await.status(), 401);
    }

    assert_eq!(
        answer(&router, "GET", "/mine/7", "client").await.status(),
        200
    );
}

#[test]
fn permissions_alone_sign_nobody_in() {
    let actor = Actor {
        user: None,
        permissions: Permissions::from_iter([Permission::AUDIT_READ]),
    };

    assert!(!actor.has(Permission::AUDIT_READ));
}
