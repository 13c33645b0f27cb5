//! Errors of the HTTP interface: `application/problem+json` (RFC 9457).

use std::error::Error;
use std::time::Duration;

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
    /// E-mail address and password don't belong together: 401.
    CredentialsInvalid,
    /// The password is right, and a code is needed as well: 401.
    SecondFactorRequired,
    /// The code is wrong, used or out of time: 401.
    CodeInvalid,
    /// The session is over; sign in again: 401.
    SessionEnded,
    /// The session was ended because one of its tokens was used twice: 401.
    SessionRevoked,
    /// The token does not allow it: 403.
    PermissionDenied,
    /// The e-mail address is not verified yet: 403.
    EmailUnverified,
    /// The account is blocked: 403.
    AccountBlocked,
    /// Nobody can register here: 403.
    RegistrationClosed,
    /// The request does not come from a page of this server: 403.
    OriginNotAllowed,
    /// The link was used, has run out, or never existed: 400.
    LinkInvalid,
    /// There is no such thing, or no such path: 404.
    NotFound,
    /// The path knows other methods only: 405.
    MethodNotAllowed,
    /// What was asked for contradicts what is there: 409.
    Conflict,
    /// The server is set up already: 409.
    AlreadySetUp,
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
    /// Too often in too short a time; `Retry-After` says when to come again: 429.
    TooManyRequests,
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
            Self::CredentialsInvalid => "credentials-invalid",
            Self::SecondFactorRequired => "second-factor-required",
            Self::CodeInvalid => "code-invalid",
            Self::SessionEnded => "session-ended",
            Self::SessionRevoked => "session-revoked",
            Self::PermissionDenied => "permission-denied",
            Self::EmailUnverified => "email-unverified",
            Self::AccountBlocked => "account-blocked",
            Self::RegistrationClosed => "registration-closed",
            Self::OriginNotAllowed => "origin-not-allowed",
            Self::LinkInvalid => "link-invalid",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::AlreadySetUp => "already-set-up",
            Self::PreconditionFailed => "precondition-failed",
            Self::PayloadTooLarge => "payload-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::Unprocessable => "unprocessable",
            Self::PreconditionRequired => "precondition-required",
            Self::ResourceExhausted => "resource-exhausted",
            Self::TooManyRequests => "too-many-requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns the HTTP status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::LinkInvalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated
            | Self::CredentialsInvalid
            | Self::SecondFactorRequired
            | Self::CodeInvalid
            | Self::SessionEnded
            | Self::SessionRevoked => StatusCode::UNAUTHORIZED,
            Self::PermissionDenied
            | Self::EmailUnverified
            | Self::AccountBlocked
            | Self::RegistrationClosed
            | Self::OriginNotAllowed => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::AlreadySetUp => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::ResourceExhausted | Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
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
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
}

/// What is wrong with one field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name in the body.
    pub field: &'static str,
    /// What is wrong, in a word that programs can rely on.
    pub code: &'static str,
    /// What is wrong, in a sentence for a person.
    pub message: String,
}

/// The body, with the members of RFC 9457 and three of ours: `code`, `request_id` and `errors`.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl ApiError {
    /// Makes an error that the client caused or should know about. `detail` is for a human reader.
    pub fn client(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            fields: Vec::new(),
            retry_after: None,
        }
    }

    /// Makes the answer for one who comes too often, and may come again after `wait`.
    #[must_use]
    pub fn too_many_requests(wait: Duration) -> Self {
        let detail = "That was too often in too short a time. Try again later.";
        Self::client(ErrorCode::TooManyRequests, detail).after(wait)
    }

    /// Says when to come again: in the header `Retry-After`, in whole seconds, at least one.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Says which fields of a form are wrong, and why.
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
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

    /// Returns which fields are wrong.
    #[must_use]
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
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
            errors: &self.fields,
        };
        let mut response = (status, Json(problem)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_come_again_is_rounded_up_to_whole_seconds() {
        for (milliseconds, expected) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")] {
            let error = ApiError::too_many_requests(Duration::from_millis(milliseconds));

            let response = error.into_response();

            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["retry-after"], expected);
        }
    }
}
