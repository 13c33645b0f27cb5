//! The paths of the client protocol, and with them those of the server API.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, FromRequestParts, Query as QueryExtractor, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use service::network::client_address;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::addresses::{SocketRefused, Sockets};
use crate::admission::{Refusal, admit};
use crate::join_request::Query;
use crate::shared::Shared;
use crate::{api, socket, whip};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sockets: Arc<Sockets>,
}

/// Makes the routes of the client protocol and of the server API.
pub(crate) fn router(door: Door) -> Router {
    let cors = cors(&door.shared.config.allowed_origins);
    let whip = whip::routes::router(door.clone());
    let api = api::router(Arc::clone(&door.shared), cors.clone());
    Router::new()
        .route("/rtc", get(open_v0).options(preflight))
        .route("/rtc/v1", get(open_v1).options(preflight))
        .route("/rtc/validate", get(validate_v0).options(preflight))
        .route("/rtc/v1/validate", get(validate_v1).options(preflight))
        .layer(cors)
        .with_state(door)
        .merge(whip)
        .merge(api)
}

/// Which sites' scripts may read our answers.
pub(crate) fn readers(allowed_origins: &[String]) -> AllowOrigin {
    let origins = allowed_origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok());
    if allowed_origins.is_empty() {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins)
    }
}

fn cors(allowed_origins: &[String]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(readers(allowed_origins))
        .allow_methods(Any)
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
}

/// Stands for the preflight requests of browsers, which the layer around it answers. Without a
/// handler, whoever merges these routes could answer that the method is wrong.
async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The address that the connection comes from. Without it, as in tests that don't serve by a socket,
/// all clients count as one.
pub(crate) struct Peer(pub(crate) SocketAddr);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Ok(Self(info.map_or(unknown, |info| info.0)))
    }
}

/// A WebSocket to be, or the reason why the request does not ask for one.
type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

async fn open_v0(
    State(door): State<Door>,
    peer: Peer,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    open(door, peer, query, headers, upgrade, false).await
}

async fn open_v1(
    State(door): State<Door>,
    peer: Peer,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    open(door, peer, query, headers, upgrade, true).await
}

async fn open(
    door: Door,
    Peer(peer): Peer,
    query: Query,
    headers: HeaderMap,
    upgrade: Upgrade,
    needs_request: bool,
) -> Response {
    // As LiveKit answers: SDKs take a 404 as "no such path" and fall back.
    let Ok(upgrade) = upgrade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let checked = async {
        check_origin(&door.shared.config.allowed_origins, &headers)?;
        let admitted = admit(&door.shared, &query, &headers, needs_request).await?;
        let address = client_address(peer, &headers, &door.shared.config.trusted_proxies);
        let place = door.sockets.take(address).map_err(refuse_socket)?;
        Ok((admitted, place))
    };
    match checked.await {
        Ok((admitted, place)) => {
            let bytes_max = door.shared.config.limit.signal_message_bytes_max;
            upgrade
                .max_message_size(bytes_max)
                .max_frame_size(bytes_max)
                .on_upgrade(move |websocket| socket::run(websocket, door.shared, admitted, place))
        }
        Err(refusal) => refuse(&door, refusal),
    }
}

async fn validate_v0(
    State(door): State<Door>,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
) -> Response {
    validate(&door, &query, &headers, false).await
}

async fn validate_v1(
    State(door): State<Door>,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
) -> Response {
    validate(&door, &query, &headers, true).await
}

/// Says what opening a socket would be answered: browsers can't see that answer.
async fn validate(
    door: &Door,
    query: &Query,
    headers: &HeaderMap,
    needs_request: bool,
) -> Response {
    match admit(&door.shared, query, headers, needs_request).await {
        Ok(_) => "success".into_response(),
        Err(refusal) => refuse(door, refusal),
    }
}

fn refuse(door: &Door, refusal: Refusal) -> Response {
    door.shared.metrics.refuse(refusal.reason);
    tracing::debug!(
        reason = refusal.reason,
        status = refusal.status.as_u16(),
        "refused"
    );
    refusal.into_response()
}

pub(crate) fn refuse_socket(refused: SocketRefused) -> Refusal {
    match refused {
        SocketRefused::Address => Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "sockets-per-address",
            "too many connections from this address",
        ),
        SocketRefused::Total => Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "server-full",
            "the server is full",
        ),
    }
}

/// Browsers name the site that a page comes from; other clients name none and are not bound by it.
pub(crate) fn check_origin(allowed: &[String], headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let is_allowed = allowed.is_empty()
        || allowed
            .iter()
            .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()));
    is_allowed.then_some(()).ok_or_else(|| {
        let text = "this origin may not connect";
        Refusal::new(StatusCode::FORBIDDEN, "origin", text)
    })
}
