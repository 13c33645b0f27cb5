//! Rooms and participants under the control of the server: what the server API is made of.

use std::sync::Arc;

use livekit_protocol::{
    CreateRoomRequest, ParticipantInfo, ParticipantPermission, Room, TrackInfo,
    UpdateParticipantMetadata, UpdateSubscription,
};
use sfu::DataChannel;
use tokio::sync::{oneshot, watch};

use crate::forwarded::Showing;
use crate::room::{Command, Order, OrderError, Reply, RoomHandle};
use crate::room_settings::RoomSettings;
use crate::server::Signaling;
use crate::shared::Shared;

/// A room may close while it is asked; then the next one is opened.
const OPEN_ATTEMPTS: usize = 3;

impl Signaling {
    /// Opens the room `request.name`, or changes the one that is open, and describes it. Zeros and
    /// empty texts mean "as configured" and "as it is".
    ///
    /// # Errors
    ///
    /// [`OrderError::TooLarge`] for long metadata; [`OrderError::NoRoom`] if the server is going
    /// down.
    pub async fn create_room(&self, request: &CreateRoomRequest) -> Result<Room, OrderError> {
        self.shared().create_room(request).await
    }

    /// Sends everybody in a room away and closes it.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`].
    pub async fn delete_room(&self, room: &str) -> Result<(), OrderError> {
        self.shared()
            .order(room, |reply| Order::Delete { reply })
            .await
    }

    /// Describes a room as of now.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`].
    pub async fn describe_room(&self, room: &str) -> Result<Room, OrderError> {
        let describe = |reply| Order::Describe { reply };
        self.shared().order(room, describe).await
    }

    /// Replaces a room's metadata and tells everybody in it.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::TooLarge`].
    pub async fn set_room_metadata(&self, room: &str, metadata: &str) -> Result<Room, OrderError> {
        let metadata = metadata.to_owned();
        let set = |reply| Order::SetMetadata { metadata, reply };
        self.shared().order(room, set).await
    }

    /// Lists everybody in a room, hidden participants too.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`].
    pub async fn list_participants(&self, room: &str) -> Result<Vec<ParticipantInfo>, OrderError> {
        self.shared()
            .order(room, |reply| Order::List { reply })
            .await
    }

    /// Describes one participant.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::NoParticipant`].
    pub async fn get_participant(
        &self,
        room: &str,
        identity: &str,
    ) -> Result<ParticipantInfo, OrderError> {
        let identity = identity.to_owned();
        let get = |reply| Order::Get { identity, reply };
        self.shared().order(room, get).await
    }

    /// Sends one participant away.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::NoParticipant`].
    pub async fn remove_participant(&self, room: &str, identity: &str) -> Result<(), OrderError> {
        let identity = identity.to_owned();
        let remove = |reply| Order::Remove {
            identity,
            revoke_before: 0,
            reply,
        };
        self.shared().order(room, remove).await
    }

    /// Mutes or unmutes a track of a participant, and describes it.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::NoParticipant`], [`OrderError::NoTrack`].
    pub async fn mute_track(
        &self,
        room: &str,
        identity: &str,
        track_sid: &str,
        muted: bool,
    ) -> Result<TrackInfo, OrderError> {
        let (identity, track_sid) = (identity.to_owned(), track_sid.to_owned());
        let mute = |reply| Order::Mute {
            identity,
            track_sid,
            muted,
            reply,
        };
        self.shared().order(room, mute).await
    }

    /// Changes a participant's name, metadata and attributes, as far as `profile` names them, and
    /// its permission, and describes it.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::NoParticipant`], [`OrderError::TooLarge`].
    pub async fn update_participant(
        &self,
        room: &str,
        identity: &str,
        profile: UpdateParticipantMetadata,
        permission: Option<ParticipantPermission>,
    ) -> Result<ParticipantInfo, OrderError> {
        let update = |reply| Order::Update {
            identity: identity.to_owned(),
            profile: Box::new(profile),
            permission: permission.map(Box::new),
            reply,
        };
        self.shared().order(room, update).await
    }

    /// Subscribes a participant to tracks, or unsubscribes it.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::NoParticipant`].
    pub async fn update_subscriptions(
        &self,
        room: &str,
        identity: &str,
        update: UpdateSubscription,
    ) -> Result<(), OrderError> {
        let subscribe = |reply| Order::Subscribe {
            identity: identity.to_owned(),
            update: Box::new(update),
            reply,
        };
        self.shared().order(room, subscribe).await
    }

    /// Sends an encoded `DataPacket` from the server to those that it names, or to all.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`], [`OrderError::TooLarge`], [`OrderError::Data`].
    pub async fn send_data(
        &self,
        room: &str,
        packet: Vec<u8>,
        channel: DataChannel,
    ) -> Result<(), OrderError> {
        let send = |reply| Order::SendData {
            packet,
            channel,
            reply,
        };
        self.shared().order(room, send).await
    }
}

impl Shared {
    /// Gives an order to an open room.
    ///
    /// # Errors
    ///
    /// [`OrderError::NoRoom`] if there is none, else that of the room.
    pub(crate) async fn order<T>(
        &self,
        room: &str,
        order: impl FnOnce(Reply<T>) -> Order,
    ) -> Result<T, OrderError> {
        let room = self.rooms.find(room).ok_or(OrderError::NoRoom)?;
        give(&room, order).await
    }

    /// Opens a room or changes the one that is open.
    ///
    /// # Errors
    ///
    /// As of [`Signaling::create_room`].
    pub(crate) async fn create_room(
        self: &Arc<Self>,
        request: &CreateRoomRequest,
    ) -> Result<Room, OrderError> {
        let settings = RoomSettings::from(request);
        if settings.metadata.len() > self.config.limit.metadata_bytes_max {
            return Err(OrderError::TooLarge("metadata size exceeds limits"));
        }
        for _ in 0..OPEN_ATTEMPTS {
            let room = self.open_room(&request.name, &settings);
            let configure = |reply| Order::Configure {
                settings: Box::new(settings.clone()),
                reply,
            };
            match give(&room, configure).await {
                Err(OrderError::NoRoom) => {}
                result => return result,
            }
        }
        Err(OrderError::NoRoom)
    }
}

impl Shared {
    /// Shows a participant of another room in `room`, which is opened if there is none.
    ///
    /// # Errors
    ///
    /// [`OrderError::Full`]; [`OrderError::NoParticipant`] if it has left meanwhile;
    /// [`OrderError::NoRoom`] if the server is going down.
    pub(crate) async fn show_in(
        self: &Arc<Self>,
        room: &str,
        feed: watch::Receiver<Showing>,
    ) -> Result<(), OrderError> {
        for _ in 0..OPEN_ATTEMPTS {
            let room = self.open_room(room, &RoomSettings::default());
            let take = |reply| Order::TakeShown {
                feed: feed.clone(),
                reply,
            };
            match give(&room, take).await {
                Err(OrderError::NoRoom) => {}
                result => return result,
            }
        }
        Err(OrderError::NoRoom)
    }
}

/// Gives an order to a room.
///
/// # Errors
///
/// [`OrderError::NoRoom`] if it has closed, else that of the room.
pub(crate) async fn give<T>(
    room: &RoomHandle,
    order: impl FnOnce(Reply<T>) -> Order,
) -> Result<T, OrderError> {
    let (reply, answer) = oneshot::channel();
    let sent = room.send(Command::Order(order(reply))).await;
    sent.map_err(|_| OrderError::NoRoom)?;
    // A room that closes drops the orders that it has not carried out.
    answer.await.map_err(|_| OrderError::NoRoom)?
}
