//! The routes of the binary itself: what this server is, whether it is well, its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use service::telemetry::Metrics;
use service::{Config, Shutdown};

use crate::join::join;

/// What the routes know.
#[derive(Debug, Clone)]
pub(crate) struct ApiState {
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
}

/// Describes the server to its web client.
#[derive(Debug, Serialize)]
struct Instance {
    dev_mode: bool,
    name: &'static str,
    version: &'static str,
}

/// Builds the routes. Joining by name is among them with `--dev` only.
pub(crate) fn routes(state: ApiState) -> Router {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/api/v1/instance", get(instance));
    let router = if state.config.dev {
        router.route("/api/v1/dev/join", post(join))
    } else {
        router
    };
    router.with_state(state)
}

/// The process runs. Stays so while it stops, so that nobody kills it for that.
async fn livez() -> &'static str {
    "ok\n"
}

/// New participants are welcome.
async fn readyz(State(state): State<ApiState>) -> (StatusCode, &'static str) {
    if state.shutdown.is_triggered() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn metrics(State(state): State<ApiState>) -> impl IntoResponse {
    let content_type = (header::CONTENT_TYPE, "text/plain; version=0.0.4");
    ([content_type], state.metrics.to_text())
}

async fn instance(State(state): State<ApiState>) -> Json<Instance> {
    Json(Instance {
        dev_mode: state.config.dev,
        name: "Clapt",
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use serde_json::{Value, json};
    use service::config::Sources;
    use tower::ServiceExt;

    use super::*;

    fn state() -> ApiState {
        let sources = Sources {
            dev: true,
            ..Sources::default()
        };
        ApiState {
            config: Arc::new(Config::load(&sources).unwrap()),
            metrics: Metrics::new(),
            shutdown: Shutdown::new(),
        }
    }

    async fn answer(state: &ApiState, request: Request<Body>) -> (StatusCode, Value) {
        let response = routes(state.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn join(state: &ApiState, body: Value) -> (StatusCode, Value) {
        let request = Request::post("/api/v1/dev/join").header("content-type", "application/json");
        answer(state, request.body(Body::from(body.to_string())).unwrap()).await
    }

    fn get(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn joining_by_name_gives_a_token_that_passes() {
        let state = state();

        let (status, body) = join(&state, json!({"room": " yoga ", "name": "Ana Maria"})).await;

        assert_eq!(status, 200, "{body}");
        let token = body["token"].as_str().unwrap();
        let claims = auth::verify(token, &state.config.keys, crate::token::now()).unwrap();
        assert_eq!(claims.identity, body["identity"].as_str().unwrap());
        assert_eq!(claims.name, "Ana Maria");
        assert_eq!(claims.video.unwrap().room, "yoga");
    }

    #[tokio::test]
    async fn joining_with_an_identity_keeps_it() {
        let body = json!({"room": "yoga", "name": "Ana", "identity": "ana-1"});

        let (_, body) = join(&state(), body).await;

        assert_eq!(body["identity"], "ana-1");
    }

    #[tokio::test]
    async fn joining_without_a_room_is_refused_with_the_reason() {
        let (status, body) = join(&state(), json!({"room": " ", "name": "Ana"})).await;

        assert_eq!(status, 400);
        assert_eq!(body["detail"], "`room` is empty.");
    }

    #[tokio::test]
    async fn joining_by_name_does_not_exist_outside_development() {
        let mut state = state();
        state.config = Arc::new(Config {
            dev: false,
            ..Config::default()
        });

        let (status, _) = join(&state, json!({"room": "yoga", "name": "Ana"})).await;

        assert_eq!(status, 404);
        let (_, instance) = answer(&state, get("/api/v1/instance")).await;
        assert_eq!(instance["dev_mode"], false);
    }

    #[tokio::test]
    async fn a_stopping_server_is_alive_but_not_ready() {
        let state = state();
        assert_eq!(answer(&state, get("/readyz")).await.0, 200);

        state.shutdown.trigger();

        assert_eq!(answer(&state, get("/readyz")).await.0, 503);
        assert_eq!(answer(&state, get("/livez")).await.0, 200);
    }
}
