//! The methods of the server API, and how a call reaches the one that answers it.

use axum::response::Response;

use super::caller::Caller;
use super::twirp::{Body, TwirpError};

/// A method of one of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    CreateRoom,
    ListRooms,
    DeleteRoom,
    UpdateRoomMetadata,
    ListParticipants,
    GetParticipant,
    RemoveParticipant,
    MutePublishedTrack,
    UpdateParticipant,
    UpdateSubscriptions,
    SendData,
    ForwardParticipant,
    MoveParticipant,
    PerformRpc,
    CreateDispatch,
    DeleteDispatch,
    ListDispatch,
}

const ROOM_SERVICE: [Method; 14] = [
    Method::CreateRoom,
    Method::ListRooms,
    Method::DeleteRoom,
    Method::UpdateRoomMetadata,
    Method::ListParticipants,
    Method::GetParticipant,
    Method::RemoveParticipant,
    Method::MutePublishedTrack,
    Method::UpdateParticipant,
    Method::UpdateSubscriptions,
    Method::SendData,
    Method::ForwardParticipant,
    Method::MoveParticipant,
    Method::PerformRpc,
];

const AGENT_DISPATCH_SERVICE: [Method; 3] = [
    Method::CreateDispatch,
    Method::DeleteDispatch,
    Method::ListDispatch,
];

impl Method {
    /// Finds a method by the two last parts of its path.
    pub(super) fn find(service: &str, name: &str) -> Option<Self> {
        let methods: &[Self] = match service {
            "livekit.RoomService" => &ROOM_SERVICE,
            "livekit.AgentDispatchService" => &AGENT_DISPATCH_SERVICE,
            _ => &[],
        };
        methods.iter().copied().find(|method| method.name() == name)
    }

    /// Returns the name, as it stands in the path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CreateRoom => "CreateRoom",
            Self::ListRooms => "ListRooms",
            Self::DeleteRoom => "DeleteRoom",
            Self::UpdateRoomMetadata => "UpdateRoomMetadata",
            Self::ListParticipants => "ListParticipants",
            Self::GetParticipant => "GetParticipant",
            Self::RemoveParticipant => "RemoveParticipant",
            Self::MutePublishedTrack => "MutePublishedTrack",
            Self::UpdateParticipant => "UpdateParticipant",
            Self::UpdateSubscriptions => "UpdateSubscriptions",
            Self::SendData => "SendData",
            Self::ForwardParticipant => "ForwardParticipant",
            Self::MoveParticipant => "MoveParticipant",
            Self::PerformRpc => "PerformRpc",
            Self::CreateDispatch => "CreateDispatch",
            Self::DeleteDispatch => "DeleteDispatch",
            Self::ListDispatch => "ListDispatch",
        }
    }
}

/// Lists the paths of all methods.
#[cfg(feature = "testing")]
pub(crate) fn paths() -> impl Iterator<Item = String> {
    let of = |service: &'static str| {
        move |method: &Method| format!("/twirp/{service}/{}", method.name())
    };
    let rooms = ROOM_SERVICE.iter().map(of("livekit.RoomService"));
    let dispatches = AGENT_DISPATCH_SERVICE.iter();
    rooms.chain(dispatches.map(of("livekit.AgentDispatchService")))
}

impl Caller<'_> {
    /// Reads the request of a method, does what it asks and writes the answer.
    ///
    /// # Errors
    ///
    /// [`TwirpError`] to answer with.
    pub(super) async fn call(&self, method: Method, body: &Body) -> Result<Response, TwirpError> {
        Ok(match method {
            Method::CreateRoom => body.answer(self.create_room(&body.read()?).await?),
            Method::ListRooms => body.answer(self.list_rooms(&body.read()?).await?),
            Method::DeleteRoom => body.answer(self.delete_room(&body.read()?).await?),
            Method::UpdateRoomMetadata => {
                body.answer(self.update_room_metadata(body.read()?).await?)
            }
            Method::ListParticipants => body.answer(self.list_participants(&body.read()?).await?),
            Method::GetParticipant => body.answer(self.get_participant(body.read()?).await?),
            Method::RemoveParticipant => body.answer(self.remove_participant(body.read()?).await?),
            Method::MutePublishedTrack => body.answer(self.mute_track(body.read()?).await?),
            Method::UpdateParticipant => body.answer(self.update_participant(body.read()?).await?),
            Method::UpdateSubscriptions => {
                body.answer(self.update_subscriptions(body.read()?).await?)
            }
            Method::SendData => body.answer(self.send_data(body.read()?).await?),
            Method::ForwardParticipant => {
                body.answer(self.forward_participant(body.read()?).await?)
            }
            Method::MoveParticipant => body.answer(self.move_participant(body.read()?).await?),
            Method::PerformRpc => body.answer(self.perform_rpc(body.read()?).await?),
            Method::CreateDispatch => body.answer(self.create_dispatch(body.read()?).await?),
            Method::DeleteDispatch => body.answer(self.delete_dispatch(body.read()?).await?),
            Method::ListDispatch => body.answer(self.list_dispatch(body.read()?).await?),
        })
    }
}
