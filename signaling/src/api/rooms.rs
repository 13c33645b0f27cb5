//! Methods about rooms.

use std::time::Duration;

use futures_util::future::join_all;
use livekit_protocol::{
    CreateRoomRequest, DeleteRoomRequest, DeleteRoomResponse, ListRoomsRequest, ListRoomsResponse,
    Room, UpdateRoomMetadataRequest,
};
use tokio::time::timeout;

use super::caller::{Caller, ask};
use super::twirp::{Code, TwirpError};
use crate::room::{Order, OrderError};

/// A room that takes longer to describe itself is left out of a list.
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(2);

/// A room opens or closes within this time.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(5);

impl Caller<'_> {
    /// Opens a room, or changes the settings of one that is open.
    pub(super) async fn create_room(
        &self,
        request: &CreateRoomRequest,
    ) -> Result<Room, TwirpError> {
        self.must_create()?;
        if request.name.is_empty() {
            return Err(TwirpError::invalid("no room name"));
        }
        if request.name.len() > self.shared.config.limit.room_name_bytes_max {
            return Err(TwirpError::invalid("room name length exceeds limits"));
        }
        if request.egress.is_some() {
            let text = "egress is not supported";
            return Err(TwirpError::new(Code::Unimplemented, text));
        }
        self.must_have_place_for(&request.name)?;
        match timeout(CHANGE_TIMEOUT, self.shared.create_room(request)).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(OrderError::NoRoom)) | Err(_) => {
                let text = "the room could not be opened";
                Err(TwirpError::new(Code::Unavailable, text))
            }
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Asks whether the server may have one more room, unless this one is open.
    pub(super) fn must_have_place_for(&self, room: &str) -> Result<(), TwirpError> {
        let rooms = &self.shared.rooms;
        if rooms.find(room).is_some() || rooms.count() < self.shared.config.limit.rooms_max {
            return Ok(());
        }
        self.shared.metrics.refuse("rooms");
        let text = "the server has as many rooms as it may";
        Err(TwirpError::new(Code::ResourceExhausted, text))
    }

    pub(super) async fn list_rooms(
        &self,
        request: &ListRoomsRequest,
    ) -> Result<ListRoomsResponse, TwirpError> {
        self.must_list()?;
        let handles = if request.names.is_empty() {
            self.shared.rooms.all()
        } else {
            let mut wanted: Vec<&String> = request.names.iter().collect();
            wanted.sort_unstable();
            wanted.dedup();
            wanted
                .into_iter()
                .filter_map(|name| self.shared.rooms.find(name))
                .collect()
        };
        let describe = |reply| Order::Describe { reply };
        let asked = handles
            .iter()
            .map(|handle| ask(handle, describe, DESCRIBE_TIMEOUT));
        let mut rooms: Vec<Room> = join_all(asked).await.into_iter().flatten().collect();
        rooms.sort_by_key(|room| room.creation_time_ms);
        Ok(ListRoomsResponse { rooms })
    }

    /// Closes a room. When this is answered, the room is no longer listed.
    pub(super) async fn delete_room(
        &self,
        request: &DeleteRoomRequest,
    ) -> Result<DeleteRoomResponse, TwirpError> {
        self.must_create()?;
        let room = self.shared.rooms.find(&request.room);
        let room = room.ok_or(OrderError::NoRoom)?;
        ask(&room, |reply| Order::Delete { reply }, CHANGE_TIMEOUT).await?;
        if timeout(CHANGE_TIMEOUT, room.closed()).await.is_err() {
            tracing::warn!(room.name = %request.room, "a deleted room takes long to close");
        }
        Ok(DeleteRoomResponse {})
    }

    pub(super) async fn update_room_metadata(
        &self,
        request: UpdateRoomMetadataRequest,
    ) -> Result<Room, TwirpError> {
        let UpdateRoomMetadataRequest { room, metadata } = request;
        self.must_administer(&room)?;
        self.order(&room, |reply| Order::SetMetadata { metadata, reply })
            .await
    }
}
