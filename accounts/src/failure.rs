//! Why a request was not answered as it was asked: the one place where accounts meet HTTP's statuses.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use service::{ApiError, ErrorCode};
use store::{DbError, Transient};

use crate::password::hasher::HashError;

/// When somebody should come again whom the database kept waiting, or who came when too many hashed.
const COME_AGAIN: Duration = Duration::from_secs(2);

/// Ends a request early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The answer.
    Refused(Box<ApiError>),
    /// The database did not do what it should.
    Store(DbError),
    /// No password was hashed.
    Hash(HashError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::Store(error)
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        Self::Hash(error)
    }
}

impl Transient for Failure {
    fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Refused(_) | Self::Hash(_) => false,
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => *error,
            Failure::Hash(HashError::Busy)
            | Failure::Store(DbError::Unavailable(_) | DbError::Retry(_)) => {
                let detail = "The server can't do that at the moment. Try again in a few seconds.";
                Self::client(ErrorCode::Unavailable, detail).after(COME_AGAIN)
            }
            Failure::Hash(error @ HashError::Failed) => Self::internal(error),
            Failure::Store(
                error @ (DbError::Constraint(_)
                | DbError::NotFound
                | DbError::Aborted
                | DbError::Refused(_)
                | DbError::Column { .. }
                | DbError::Other(_)),
            ) => Self::internal(error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        ApiError::from(self).into_response()
    }
}

/// Makes the answer for a thing that is not there, or is not theirs to see.
pub(crate) fn not_found(what: &str) -> Failure {
    ApiError::client(ErrorCode::NotFound, format!("There is no such {what}.")).into()
}
