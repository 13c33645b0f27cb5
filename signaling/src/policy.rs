//! Whether somebody with a valid token may enter a room: the place where booking will hook in.

use auth::Claims;
use futures_util::future::BoxFuture;
use thiserror::Error;

/// Decides about entry, after the token was verified and before anything was done for it.
pub trait RoomPolicy: Send + Sync + 'static {
    /// Asks whether the holder of `claims` may enter `room` now.
    ///
    /// Asked for each connection, resumed ones included. It has to answer well within the time that
    /// a handshake may take.
    ///
    /// # Errors
    ///
    /// [`EntryRefused`] if not, with a reason that the client is told.
    fn may_enter<'a>(
        &'a self,
        claims: &'a Claims,
        room: &'a str,
    ) -> BoxFuture<'a, Result<(), EntryRefused>>;
}

/// Entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct EntryRefused {
    /// A sentence for the person who wants to enter.
    pub reason: String,
}

/// Lets everybody in whose token names the room.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

impl RoomPolicy for AllowAll {
    fn may_enter<'a>(
        &'a self,
        _: &'a Claims,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), EntryRefused>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
