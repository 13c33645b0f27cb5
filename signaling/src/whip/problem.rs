//! Refusals, answered as problems (RFC 9457) with the headers that say what would be accepted.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use service::{ApiError, ErrorCode};
use sfu::{OfferError as MediaOfferError, SfuError};

use super::offer::OfferError;
use super::session::PatchError;
use crate::admission::Refusal;
use crate::room::{EnterError, OpenError};

/// Seconds after which a client may ask a full or stopping server again.
const RETRY_AFTER_SECONDS: &str = "5";

pub(crate) const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
pub(crate) const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
pub(crate) const SDP: HeaderValue = HeaderValue::from_static("application/sdp");
pub(crate) const FRAGMENT: HeaderValue =
    HeaderValue::from_static("application/trickle-ice-sdpfrag");

/// A request that is not carried out.
#[derive(Debug)]
pub(crate) struct Problem {
    /// For the metrics.
    pub(crate) reason: &'static str,
    error: ApiError,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Problem {
    pub(crate) fn new(code: ErrorCode, reason: &'static str, detail: impl Into<String>) -> Self {
        let challenge = HeaderValue::from_static("Bearer");
        let later = HeaderValue::from_static(RETRY_AFTER_SECONDS);
        let header = match code.status() {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, challenge)),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Some((header::RETRY_AFTER, later))
            }
            _ => None,
        };
        Self {
            reason,
            header: header.map(Box::new),
            error: ApiError::client(code, detail),
        }
    }

    /// The body has another type than `accepted`, which the header `name` says.
    pub(crate) fn media_type(name: HeaderName, accepted: HeaderValue) -> Self {
        let wanted = accepted.to_str().unwrap_or_default();
        let detail = format!("The body has to be {wanted}.");
        Self {
            header: Some(Box::new((name, accepted))),
            ..Self::new(ErrorCode::UnsupportedMediaType, "media-type", detail)
        }
    }

    /// There is no such session, or it is somebody else's.
    pub(crate) fn no_session() -> Self {
        let detail = "There is no such session.";
        Self::new(ErrorCode::NotFound, "no-session", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.error.into_response();
        if let Some((name, value)) = self.header.map(|header| *header) {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.status {
            StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
            StatusCode::FORBIDDEN => ErrorCode::PermissionDenied,
            StatusCode::TOO_MANY_REQUESTS => ErrorCode::ResourceExhausted,
            StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
            _ => ErrorCode::InvalidArgument,
        };
        Self::new(code, refusal.reason, refusal.text)
    }
}

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        let code = match error {
            OfferError::Malformed(_) => ErrorCode::InvalidArgument,
            OfferError::Unprocessable(_) => ErrorCode::Unprocessable,
        };
        Self::new(code, "offer", error.to_string())
    }
}

impl From<PatchError> for Problem {
    fn from(error: PatchError) -> Self {
        let code = match error {
            PatchError::NoTag => ErrorCode::PreconditionRequired,
            PatchError::OtherTag => ErrorCode::PreconditionFailed,
            PatchError::NoRestart => ErrorCode::Unprocessable,
        };
        Self::new(code, "ice", error.to_string())
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        let text = error.to_string();
        match error {
            OpenError::NotAllowed => Self::new(ErrorCode::PermissionDenied, "permission", text),
            OpenError::NoCodec | OpenError::Names => {
                Self::new(ErrorCode::Unprocessable, "offer", text)
            }
            OpenError::Enter(EnterError::Full) => {
                Self::new(ErrorCode::PermissionDenied, "room-full", text)
            }
            OpenError::Enter(EnterError::TooLarge(_)) => {
                Self::new(ErrorCode::InvalidArgument, "too-large", text)
            }
            OpenError::Enter(EnterError::Media(error)) => media(error),
            OpenError::Enter(error @ EnterError::NothingToResume) => {
                Self::new(ErrorCode::Internal, "no-media", error.to_string())
            }
        }
    }
}

fn media(error: SfuError) -> Problem {
    match error {
        SfuError::Sdp(error) => {
            let code = match &error {
                MediaOfferError::TooLong { .. } => ErrorCode::PayloadTooLarge,
                MediaOfferError::Malformed(_) => ErrorCode::InvalidArgument,
                MediaOfferError::Refused(_) | MediaOfferError::WrongRole => {
                    ErrorCode::Unprocessable
                }
                MediaOfferError::NoSession => ErrorCode::Unavailable,
            };
            Problem::new(code, "offer", error.to_string())
        }
        SfuError::Full | SfuError::Down | SfuError::NoSession => {
            tracing::warn!(%error, "no media session for a client");
            Problem::new(ErrorCode::Unavailable, "no-media", error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_status_and_says_how_to_do_better() {
        let cases = [
            (StatusCode::UNAUTHORIZED, "www-authenticate"),
            (StatusCode::TOO_MANY_REQUESTS, "retry-after"),
            (StatusCode::SERVICE_UNAVAILABLE, "retry-after"),
        ];
        for (status, name) in cases {
            let problem = Problem::from(Refusal::new(status, "reason", "text"));

            let response = problem.into_response();

            assert_eq!(response.status(), status);
            assert!(response.headers().contains_key(name), "{name}");
        }
        let problem = Problem::media_type(ACCEPT_POST, SDP);
        assert_eq!(problem.into_response().headers()[ACCEPT_POST], SDP);
    }
}
