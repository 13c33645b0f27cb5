//! Twirp's wire format: requests, answers and errors over HTTP (Twirp wire protocol, version 7).
//!
//! A request is a POST of one message as JSON or protobuf, and the answer has the same format.
//! Errors are JSON in any case.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;

use super::json;
use super::shape::Shown;

/// Twirp's error codes, as far as they are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    BadRoute,
    Malformed,
    InvalidArgument,
    Unauthenticated,
    NotFound,
    FailedPrecondition,
    ResourceExhausted,
    DeadlineExceeded,
    Canceled,
    Unimplemented,
    Internal,
    Unavailable,
}

impl Code {
    /// Returns the name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BadRoute => "bad_route",
            Self::Malformed => "malformed",
            Self::InvalidArgument => "invalid_argument",
            Self::Unauthenticated => "unauthenticated",
            Self::NotFound => "not_found",
            Self::FailedPrecondition => "failed_precondition",
            Self::ResourceExhausted => "resource_exhausted",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Canceled => "canceled",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// Returns the HTTP status that goes with it.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRoute | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Malformed | Self::InvalidArgument => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::FailedPrecondition => StatusCode::PRECONDITION_FAILED,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::DeadlineExceeded | Self::Canceled => StatusCode::REQUEST_TIMEOUT,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// An error as it is answered. Its text goes to the caller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text}")]
pub(crate) struct TwirpError {
    pub(crate) code: Code,
    pub(crate) text: Cow<'static, str>,
    /// The route that nothing answers, for `bad_route`.
    route: Option<String>,
}

impl TwirpError {
    pub(crate) fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            text: text.into(),
            route: None,
        }
    }

    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, text)
    }

    /// Says that nothing answers at a route.
    pub(crate) fn bad_route(text: String, method: &str, path: &str) -> Self {
        Self {
            code: Code::BadRoute,
            text: text.into(),
            route: Some(format!("{method} {path}")),
        }
    }
}

impl IntoResponse for TwirpError {
    fn into_response(self) -> Response {
        let mut body = json!({"code": self.code.name(), "msg": self.text});
        if let Some(route) = self.route {
            body["meta"] = json!({"twirp_invalid_route": route});
        }
        let json = HeaderValue::from_static(Format::Json.mime());
        let headers = [(header::CONTENT_TYPE, json)];
        (self.code.status(), headers, body.to_string()).into_response()
    }
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Protobuf,
}

impl Format {
    /// Reads the content type of a request. Parameters such as `charset` don't matter.
    ///
    /// # Errors
    ///
    /// The text that is neither of the two.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, &str> {
        let value = headers.get(header::CONTENT_TYPE);
        let text = value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let mime = text.split(';').next().unwrap_or_default().trim();
        [Self::Json, Self::Protobuf]
            .into_iter()
            .find(|format| format.mime().eq_ignore_ascii_case(mime))
            .ok_or(text)
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }
}

/// A request: bytes in a format.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) format: Format,
    pub(crate) bytes: bytes::Bytes,
}

impl Body {
    /// Reads the message.
    ///
    /// # Errors
    ///
    /// `malformed` if the bytes are no such message.
    pub(crate) fn read<M: Message + Default + DeserializeOwned>(&self) -> Result<M, TwirpError> {
        match self.format {
            Format::Json => json::read(&self.bytes).map_err(|error| {
                let text = format!("the json request could not be decoded: {error}");
                TwirpError::new(Code::Malformed, text)
            }),
            Format::Protobuf => M::decode(self.bytes.clone()).map_err(|_| {
                let text = "the protobuf request could not be decoded";
                TwirpError::new(Code::Malformed, text)
            }),
        }
    }

    /// Writes an answer in the format of the request.
    pub(crate) fn answer<M: Shown>(&self, message: M) -> Response {
        let bytes = match self.format {
            Format::Json => json::write(message),
            Format::Protobuf => message.encode_to_vec(),
        };
        let mime = HeaderValue::from_static(self.format.mime());
        ([(header::CONTENT_TYPE, mime)], bytes).into_response()
    }
}
