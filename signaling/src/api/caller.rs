//! Who calls, what the token allows, and how a call reaches its room.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::VideoGrant;
use axum::http::HeaderMap;
use tokio::time::timeout;

use super::twirp::{Code, TwirpError};
use crate::admission;
use crate::control::give;
use crate::join_request::Query;
use crate::room::{Order, OrderError, Reply, RoomHandle};
use crate::shared::Shared;

/// A room answers within this time; it waits for nobody but the media server.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The holder of a token, calling.
pub(super) struct Caller<'a> {
    pub(super) shared: &'a Arc<Shared>,
    grant: VideoGrant,
}

impl<'a> Caller<'a> {
    /// Checks the token. One without any grant passes, and may do nothing.
    ///
    /// # Errors
    ///
    /// `unauthenticated`.
    pub(super) fn of(
        shared: &'a Arc<Shared>,
        query: &Query,
        headers: &HeaderMap,
    ) -> Result<Self, TwirpError> {
        let token = admission::token(query, headers)
            .map_err(|refusal| TwirpError::new(Code::Unauthenticated, refusal.text))?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let claims = auth::verify(token, &shared.config.keys, now)
            .map_err(|error| TwirpError::new(Code::Unauthenticated, error.to_string()))?;
        let grant = claims.video.unwrap_or_default();
        Ok(Self { shared, grant })
    }

    /// Asks for the grant to create and delete rooms.
    pub(super) fn must_create(&self) -> Result<(), TwirpError> {
        allowed_if(self.grant.room_create)
    }

    /// Asks for the grant to list rooms.
    pub(super) fn must_list(&self) -> Result<(), TwirpError> {
        allowed_if(self.grant.room_list)
    }

    /// Asks for the grant to administer `room`.
    pub(super) fn must_administer(&self, room: &str) -> Result<(), TwirpError> {
        allowed_if(self.grant.room_admin && self.grant.room == room)
    }

    /// Asks for the grant to bring participants of `room` to `destination`.
    pub(super) fn must_move(&self, room: &str, destination: &str) -> Result<(), TwirpError> {
        self.must_administer(room)?;
        allowed_if(self.grant.destination_room == destination)
    }

    /// Gives an order to an open room and waits for the answer.
    ///
    /// # Errors
    ///
    /// The error of the room; `not_found` if there is no such room, or none any more.
    pub(super) async fn order<T>(
        &self,
        room: &str,
        order: impl FnOnce(Reply<T>) -> Order,
    ) -> Result<T, TwirpError> {
        let room = self.shared.rooms.find(room).ok_or(OrderError::NoRoom)?;
        ask(&room, order, ANSWER_TIMEOUT).await
    }

    /// Gives an order that is about a participant, who is not in a room that does not exist.
    ///
    /// # Errors
    ///
    /// The error of the room, `not_found` if there is none.
    pub(super) async fn order_about_somebody<T>(
        &self,
        room: &str,
        order: impl FnOnce(Reply<T>) -> Order,
    ) -> Result<T, TwirpError> {
        let result = self.order(room, order).await;
        result.map_err(|error| {
            if error == OrderError::NoRoom.into() {
                OrderError::NoParticipant.into()
            } else {
                error
            }
        })
    }
}

/// Gives an order to a room.
///
/// # Errors
///
/// The error of the room; `deadline_exceeded` if it takes longer than `time_max`.
pub(super) async fn ask<T>(
    room: &RoomHandle,
    order: impl FnOnce(Reply<T>) -> Order,
    time_max: Duration,
) -> Result<T, TwirpError> {
    let answer = timeout(time_max, give(room, order)).await;
    let answer = answer.map_err(|_| {
        let text = "the room did not answer in time";
        TwirpError::new(Code::DeadlineExceeded, text)
    })?;
    Ok(answer?)
}

fn allowed_if(is_allowed: bool) -> Result<(), TwirpError> {
    let denied = || TwirpError::new(Code::Unauthenticated, "permissions denied");
    is_allowed.then_some(()).ok_or_else(denied)
}

impl From<OrderError> for TwirpError {
    fn from(error: OrderError) -> Self {
        let code = match error {
            OrderError::NoRoom
            | OrderError::NoParticipant
            | OrderError::NoTrack
            | OrderError::NoDispatch => Code::NotFound,
            OrderError::TooLarge(_) | OrderError::Data(_) => Code::InvalidArgument,
            OrderError::TooManyRpcs | OrderError::TooManyDispatches | OrderError::Full => {
                Code::ResourceExhausted
            }
            OrderError::Forwarded => Code::FailedPrecondition,
            // The codes that SDKs have agreed on, as LiveKit's server translates them.
            OrderError::Rpc { code, .. } => match code {
                1400 => Code::InvalidArgument,
                1401 => Code::NotFound,
                1402 => Code::Malformed,
                1403 | 1404 => Code::Unimplemented,
                1501 | 1502 => Code::Canceled,
                1503 => Code::Unavailable,
                _ => Code::Internal,
            },
        };
        Self::new(code, error.to_string())
    }
}
