//! Methods about participants.

use std::time::Duration;

use livekit_protocol::data_packet::{Kind, Value};
use livekit_protocol::{
    DataPacket, ForwardParticipantRequest, ForwardParticipantResponse, ListParticipantsRequest,
    ListParticipantsResponse, MoveParticipantRequest, MoveParticipantResponse,
    MuteRoomTrackRequest, MuteRoomTrackResponse, ParticipantInfo, PerformRpcRequest,
    PerformRpcResponse, RemoveParticipantResponse, RoomParticipantIdentity, SendDataRequest,
    SendDataResponse, UpdateParticipantMetadata, UpdateParticipantRequest, UpdateSubscription,
    UpdateSubscriptionsRequest, UpdateSubscriptionsResponse, UserPacket,
};
use prost::Message as _;
use sfu::DataChannel;
use tokio::time::timeout;

use super::caller::{Caller, ask};
use super::twirp::{Code, TwirpError};
use crate::room::{Order, OrderError, RPC_TIMEOUT_MAX};

/// Bytes of a nonce, if there is one.
const NONCE_BYTES: usize = 16;

/// A room opens and takes somebody in within this time.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(5);

/// A room tells that an RPC has timed out before the call does.
const RPC_MARGIN: Duration = Duration::from_secs(5);

impl Caller<'_> {
    /// Lists who is in a room; nobody is in one that does not exist.
    pub(super) async fn list_participants(
        &self,
        request: &ListParticipantsRequest,
    ) -> Result<ListParticipantsResponse, TwirpError> {
        self.must_administer(&request.room)?;
        let list = |reply| Order::List { reply };
        match self.order(&request.room, list).await {
            Ok(participants) => Ok(ListParticipantsResponse { participants }),
            Err(error) if error == OrderError::NoRoom.into() => {
                Ok(ListParticipantsResponse::default())
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn get_participant(
        &self,
        request: RoomParticipantIdentity,
    ) -> Result<ParticipantInfo, TwirpError> {
        self.must_administer(&request.room)?;
        let identity = request.identity;
        let get = |reply| Order::Get { identity, reply };
        self.order_about_somebody(&request.room, get).await
    }

    pub(super) async fn remove_participant(
        &self,
        request: RoomParticipantIdentity,
    ) -> Result<RemoveParticipantResponse, TwirpError> {
        self.must_administer(&request.room)?;
        let remove = |reply| Order::Remove {
            identity: request.identity,
            revoke_before: request.revoke_token_ts,
            reply,
        };
        self.order_about_somebody(&request.room, remove).await?;
        Ok(RemoveParticipantResponse {})
    }

    pub(super) async fn mute_track(
        &self,
        request: MuteRoomTrackRequest,
    ) -> Result<MuteRoomTrackResponse, TwirpError> {
        self.must_administer(&request.room)?;
        if !request.muted && !self.shared.config.room.enable_remote_unmute {
            let text = "remote unmute not enabled";
            return Err(TwirpError::new(Code::FailedPrecondition, text));
        }
        let mute = |reply| Order::Mute {
            identity: request.identity,
            track_sid: request.track_sid,
            muted: request.muted,
            reply,
        };
        let track = self.order_about_somebody(&request.room, mute).await?;
        Ok(MuteRoomTrackResponse { track: Some(track) })
    }

    pub(super) async fn update_participant(
        &self,
        request: UpdateParticipantRequest,
    ) -> Result<ParticipantInfo, TwirpError> {
        self.must_administer(&request.room)?;
        let update = |reply| Order::Update {
            identity: request.identity,
            profile: Box::new(UpdateParticipantMetadata {
                metadata: request.metadata,
                name: request.name,
                attributes: request.attributes,
                request_id: 0,
            }),
            permission: request.permission.map(Box::new),
            reply,
        };
        self.order_about_somebody(&request.room, update).await
    }

    pub(super) async fn update_subscriptions(
        &self,
        request: UpdateSubscriptionsRequest,
    ) -> Result<UpdateSubscriptionsResponse, TwirpError> {
        self.must_administer(&request.room)?;
        let subscribe = |reply| Order::Subscribe {
            identity: request.identity,
            update: Box::new(UpdateSubscription {
                track_sids: request.track_sids,
                subscribe: request.subscribe,
                participant_tracks: request.participant_tracks,
            }),
            reply,
        };
        self.order_about_somebody(&request.room, subscribe).await?;
        Ok(UpdateSubscriptionsResponse {})
    }

    #[expect(
        deprecated,
        reason = "older backends name their receivers by session ids"
    )]
    pub(super) async fn send_data(
        &self,
        request: SendDataRequest,
    ) -> Result<SendDataResponse, TwirpError> {
        self.must_administer(&request.room)?;
        let nonce_bytes = request.nonce.len();
        if nonce_bytes != 0 && nonce_bytes != NONCE_BYTES {
            let text = format!("nonce should be 16-bytes or not present, got: {nonce_bytes} bytes");
            return Err(TwirpError::invalid(text));
        }
        let channel = match request.kind() {
            Kind::Reliable => DataChannel::Reliable,
            Kind::Lossy => DataChannel::Lossy,
        };
        let packet = DataPacket {
            destination_identities: request.destination_identities.clone(),
            value: Some(Value::User(UserPacket {
                payload: request.data,
                destination_sids: request.destination_sids,
                destination_identities: request.destination_identities,
                topic: request.topic,
                nonce: request.nonce,
                ..UserPacket::default()
            })),
            ..DataPacket::default()
        };
        let send = |reply| Order::SendData {
            packet: packet.encode_to_vec(),
            channel,
            reply,
        };
        self.order(&request.room, send).await?;
        Ok(SendDataResponse {})
    }

    /// Shows a participant in another room too, until it leaves or is removed there.
    pub(super) async fn forward_participant(
        &self,
        request: ForwardParticipantRequest,
    ) -> Result<ForwardParticipantResponse, TwirpError> {
        let (room, destination) = (request.room, request.destination_room);
        self.must_move(&room, &destination)?;
        self.check_destination(&room, &destination)?;
        let identity = request.identity;
        let show = |reply| Order::Show { identity, reply };
        let feed = self.order_about_somebody(&room, show).await?;
        self.must_have_place_for(&destination)?;
        let shown = timeout(FORWARD_TIMEOUT, self.shared.show_in(&destination, feed)).await;
        match shown {
            Ok(Ok(())) => Ok(ForwardParticipantResponse {}),
            Ok(Err(OrderError::NoRoom)) | Err(_) => {
                let text = "the destination room could not be opened";
                Err(TwirpError::new(Code::Unavailable, text))
            }
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Sends a participant to another room, where its client joins anew.
    pub(super) async fn move_participant(
        &self,
        request: MoveParticipantRequest,
    ) -> Result<MoveParticipantResponse, TwirpError> {
        let destination = request.destination_room;
        self.must_move(&request.room, &destination)?;
        self.check_destination(&request.room, &destination)?;
        let go = |reply| Order::Move {
            identity: request.identity,
            destination,
            reply,
        };
        self.order_about_somebody(&request.room, go).await?;
        Ok(MoveParticipantResponse {})
    }

    fn check_destination(&self, room: &str, destination: &str) -> Result<(), TwirpError> {
        if room == destination {
            let text = "destination room cannot be the same as source room";
            return Err(TwirpError::invalid(text));
        }
        if destination.is_empty() {
            return Err(TwirpError::invalid("no room name"));
        }
        if destination.len() > self.shared.config.limit.room_name_bytes_max {
            return Err(TwirpError::invalid("room name length exceeds limits"));
        }
        Ok(())
    }

    pub(super) async fn perform_rpc(
        &self,
        request: PerformRpcRequest,
    ) -> Result<PerformRpcResponse, TwirpError> {
        self.must_administer(&request.room)?;
        if request.destination_identity.is_empty() {
            return Err(TwirpError::invalid("destination identity is required"));
        }
        let room = self.shared.rooms.find(&request.room);
        let room = room.ok_or(OrderError::NoParticipant)?;
        let request = Box::new(request);
        let perform = |reply| Order::PerformRpc { request, reply };
        let payload = ask(&room, perform, RPC_TIMEOUT_MAX + RPC_MARGIN).await?;
        Ok(PerformRpcResponse { payload })
    }
}
