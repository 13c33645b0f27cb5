//! Errors of the HTTP interface: `application/problem+json` (RFC 9457).

use std::error::Error;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::current_request_id;

/// What went wrong, in a word that programs can rely on. WebSockets use the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The request is malformed or breaks a rule: 400.
    InvalidArgument,
    /// There is no valid token: 401.
    Unauthenticated,
    /// The token does not allow it: 403.
    PermissionDenied,
    /// There is no such thing, or no such path: 404.
    NotFound,
    /// The path knows other methods only: 405.
    MethodNotAllowed,
    /// The thing has changed since the client last saw it: 412.
    PreconditionFailed,
    /// The body is too long: 413.
    PayloadTooLarge,
    /// The body is of another type than the path takes: 415.
    UnsupportedMediaType,
    /// The body is well-formed and asks for what can't be done: 422.
    Unprocessable,
    /// The request has to say which version of the thing it means: 428.
    PreconditionRequired,
    /// A limit is reached: 429.
    ResourceExhausted,
    /// Our fault: 500.
    Internal,
    /// Not now, for example while stopping: 503.
    Unavailable,
}

impl ErrorCode {
    /// Returns the word as it goes over the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid-argument",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission-denied",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::PreconditionFailed => "precondition-failed",
            Self::PayloadTooLarge => "payload-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Unprocessable => "unprocessable",
            Self::PreconditionRequired => "precondition-required",
            Self::ResourceExhausted => "resource-exhausted",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns the HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An answer that is an error.
#[derive(Debug)]
pub struct ApiError {
    code: ErrorCode,
    detail: String,
}

/// The body, with the members of RFC 9457 and two of ours: `code` and `request_id`.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl ApiError {
    /// Makes an error that the client caused or should know about. `detail` is for a human reader.
    pub fn client(code: ErrorCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { code, detail }
    }

    /// Logs `error` with its causes and tells the client nothing but that it is our fault.
    #[must_use]
    pub fn internal(error: impl Error) -> Self {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        let request_id = current_request_id().unwrap_or_default();
        tracing::error!(request.id = %request_id, error = %chain, "a request failed");
        let detail = "Something went wrong on the server. It was logged with this request id.";
        Self::client(ErrorCode::Internal, detail)
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let problem = Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code.as_str(),
            request_id: current_request_id(),
        };
        let mut response = (status, Json(problem)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    }
}
