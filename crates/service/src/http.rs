//! What all HTTP routes share: request ids, JSON bodies, answers for unknown paths and methods.

use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Json, Router};
use serde::de::DeserializeOwned;

use crate::{ApiError, ErrorCode};

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static REQUEST_ID: String;
}

/// Returns the id of the request that this task is answering, if it is answering one.
#[must_use]
pub fn current_request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// Lets `router` answer unknown paths with `application/problem+json`.
pub fn with_not_found(router: Router) -> Router {
    router.fallback(not_found)
}

/// Gives `router` what every route needs: an id for each request, a bound on bodies, and
/// `application/problem+json` for a wrong method.
///
/// Call it once, on the complete router.
pub fn with_common_layers(router: Router, json_body_bytes_max: usize) -> Router {
    router
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(json_body_bytes_max))
        .layer(middleware::from_fn(with_request_id))
}

/// Makes the answer for a path that does not exist.
#[must_use]
pub fn nothing_at(path: &str) -> ApiError {
    ApiError::client(ErrorCode::NotFound, format!("There is nothing at {path}."))
}

async fn not_found(uri: Uri) -> ApiError {
    nothing_at(uri.path())
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let path = uri.path();
    let detail = format!("{path} does not answer {method}.");
    ApiError::client(ErrorCode::MethodNotAllowed, detail)
}

/// The query is never logged: it may carry a token.
async fn with_request_id(request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::random::<u64>());
    let header = HeaderValue::from_str(&id).expect("hexadecimal digits make a header value");
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = REQUEST_ID.scope(id.clone(), next.run(request)).await;
    let status = response.status().as_u16();
    tracing::debug!(request.id = %id, %method, path, status, "answered");
    response.headers_mut().insert(REQUEST_ID_HEADER, header);
    response
}

/// A JSON body. Anything else is answered with the reason, as [`ApiError`].
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => {
                let code = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
                    StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
                    _ => ErrorCode::InvalidArgument,
                };
                Err(ApiError::client(code, rejection.body_text()))
            }
        }
    }
}

/// What stands behind the `?`. Anything else is answered with the reason, as [`ApiError`].
#[derive(Debug, Clone, Copy)]
pub struct QueryPart<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryPart<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => {
                let detail = rejection.body_text();
                Err(ApiError::client(ErrorCode::InvalidArgument, detail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::routing::{get, post};
    use serde::Deserialize;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    #[derive(Deserialize)]
    struct Name {
        name: String,
    }

    async fn echo(JsonBody(body): JsonBody<Name>) -> String {
        body.name
    }

    async fn echo_query(QueryPart(query): QueryPart<Name>) -> String {
        query.name
    }

    async fn fail() -> ApiError {
        ApiError::internal(std::io::Error::other("the canary sang"))
    }

    /// Returns status, headers and body; a problem's body as JSON.
    async fn answer(request: axum::http::request::Builder, body: &str) -> (Response, Value) {
        let router = Router::new()
            .route("/echo", post(echo))
            .route("/query", get(echo_query))
            .route("/fail", post(fail));
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = with_common_layers(with_not_found(router), 64)
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 10_000).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (Response::from_parts(parts, Body::empty()), body)
    }

    fn post_json(path: &str) -> axum::http::request::Builder {
        Request::post(path).header("content-type", "application/json")
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem_with_the_id_of_the_request() {
        let (response, body) = answer(Request::get("/nowhere?access_token=x"), "").await;

        assert_eq!(response.status(), 404);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert_eq!(body["code"], "not-found");
        assert_eq!(body["status"], 404);
        assert_eq!(body["detail"], "There is nothing at /nowhere.");
        assert_eq!(
            body["request_id"],
            response.headers()["x-request-id"].to_str().unwrap()
        );
    }

    #[tokio::test]
    async fn a_wrong_method_is_405_and_names_the_right_one() {
        let (response, body) = answer(Request::get("/echo"), "").await;

        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
        assert_eq!(body["code"], "method-not-allowed");
    }

    #[tokio::test]
    async fn a_bad_body_is_refused_with_the_reason() {
        let long = json!({"name": "x".repeat(100)}).to_string();
        let cases = [
            ("{", 400, "invalid-argument", "EOF"),
            (
                r#"{"nome": "x"}"#,
                400,
                "invalid-argument",
                "missing field `name`",
            ),
            (
                r#"{"name": 7}"#,
                400,
                "invalid-argument",
                "expected a string",
            ),
            (&long, 413, "payload-too-large", "limit"),
        ];

        for (sent, status, code, reason) in cases {
            let (response, body) = answer(post_json("/echo"), sent).await;

            assert_eq!(response.status(), status, "{sent}");
            assert_eq!(body["code"], code, "{sent}");
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.contains(reason), "{sent}: {detail}");
        }
    }

    #[tokio::test]
    async fn a_bad_query_is_refused_as_a_problem() {
        let (fine, _) = answer(Request::get("/query?name=x"), "").await;
        let (response, body) = answer(Request::get("/query?nome=x"), "").await;

        assert_eq!(fine.status(), 200);
        assert_eq!(response.status(), 400);
        assert_eq!(body["code"], "invalid-argument");
    }

    #[tokio::test]
    async fn a_body_that_is_not_json_is_415() {
        let (response, _) = answer(Request::post("/echo"), "{}").await;

        assert_eq!(response.status(), 415);
    }

    #[tokio::test]
    async fn an_internal_error_keeps_its_cause_to_itself() {
        let (response, body) = answer(post_json("/fail"), "").await;

        assert_eq!(response.status(), 500);
        assert!(!body.to_string().contains("canary"), "{body}");
        assert!(body["request_id"].is_string());
    }
}
