//! The server API: LiveKit's `RoomService` and `AgentDispatchService` over Twirp, for the backends of applications.
//!
//! Here requests are read, grants checked and answers written; what is done in a room the room does
//! itself ([`Order`](crate::room::Order)), in order with the messages of its clients.
//!
//! Invariants:
//! - nothing of a body is read before the token holds, and nothing is done before the grant was
//!   checked;
//! - neither answers nor logs repeat a token.

mod caller;
mod dispatches;
pub(crate) mod json;
mod method;
mod participants;
mod rooms;
mod shape;
mod twirp;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Query as QueryExtractor, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::time::timeout;
use tower_http::cors::CorsLayer;

use crate::join_request::Query;
use crate::shared::Shared;
use caller::Caller;
use method::Method;
#[cfg(feature = "testing")]
pub(crate) use method::paths;
use twirp::{Body, Code, Format, TwirpError};

/// Browsers may remember for a day that they may call.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_hours(24);

/// Makes the routes of the server API; `cors` says which sites may call it.
pub(crate) fn router(shared: Arc<Shared>, cors: CorsLayer) -> Router {
    Router::new()
        .route("/twirp/{service}/{*method}", any(serve))
        .layer(cors.max_age(PREFLIGHT_MAX_AGE))
        .with_state(shared)
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    Path((service, name)): Path<(String, String)>,
    QueryExtractor(query): QueryExtractor<Query>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let method = Method::find(&service, &name);
    let result = answer(&shared, method, &query, request).await;
    let label = method.map_or("unknown", Method::name);
    let code = result.as_ref().err().map_or("ok", |e| e.code.name());
    let metrics = &shared.metrics;
    metrics.api_requests.with_label_values(&[label, code]).inc();
    metrics.api_seconds.observe(started.elapsed().as_secs_f64());
    result.unwrap_or_else(|error| {
        tracing::debug!(method = label, code, %error, "refused a call");
        error.into_response()
    })
}

async fn answer(
    shared: &Arc<Shared>,
    method: Option<Method>,
    query: &Query,
    request: Request,
) -> Result<Response, TwirpError> {
    let (parts, body) = request.into_parts();
    let bad_route =
        |text: String| TwirpError::bad_route(text, parts.method.as_str(), parts.uri.path());
    if parts.method != axum::http::Method::POST {
        let verb = &parts.method;
        let text = format!("unsupported method \"{verb}\" (only POST is allowed)");
        return Err(bad_route(text));
    }
    let no_handler = || bad_route(format!("no handler for path \"{}\"", parts.uri.path()));
    let method = method.ok_or_else(no_handler)?;
    let format = Format::of(&parts.headers)
        .map_err(|mime| bad_route(format!("unexpected Content-Type: \"{mime}\"")))?;
    let caller = Caller::of(shared, query, &parts.headers)?;
    if shared.is_draining.load(Ordering::Relaxed) {
        let text = "the server is shutting down";
        return Err(TwirpError::new(Code::Unavailable, text));
    }
    let bytes = read_body(shared, body).await?;
    caller.call(method, &Body { format, bytes }).await
}

/// Reads a body that is neither too long nor too slow.
async fn read_body(shared: &Shared, body: axum::body::Body) -> Result<bytes::Bytes, TwirpError> {
    let limit = &shared.config.limit;
    let bytes_max = limit.json_body_bytes_max;
    let time_max = Duration::from_millis(limit.handshake_timeout_ms);
    match timeout(time_max, to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let text =
                format!("the request could not be read whole; {bytes_max} bytes are allowed");
            Err(TwirpError::new(Code::Malformed, text))
        }
        Err(_) => {
            let text = "the request did not arrive in time";
            Err(TwirpError::new(Code::DeadlineExceeded, text))
        }
    }
}
