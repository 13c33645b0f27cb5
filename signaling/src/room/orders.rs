//! What the server API asks of a room.
//!
//! Each order is answered; a receiver that is gone loses nothing but the answer.

use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AgentDispatch, MuteTrackRequest, ParticipantInfo, ParticipantPermission, PerformRpcRequest,
    Room as RoomInfo, RoomUpdate, TrackInfo, UpdateParticipantMetadata, UpdateSubscription,
};
use prost::bytes::Bytes;
use sfu::{DataChannel, SessionId};
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use super::leave::Departure;
use super::profile::{Sizes, apply};
use super::{Room, note, unix_seconds};
use crate::forwarded::Showing;
use crate::ids::ParticipantKey;
use crate::packet::{Packet, PacketError, Sender};
use crate::revocations::Verdict;
use crate::room_settings::RoomSettings;

/// Where the answer to an order goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, OrderError>>;

/// One order.
#[derive(Debug)]
pub(crate) enum Order {
    /// Describe the room.
    Describe { reply: Reply<RoomInfo> },
    /// List all participants, hidden ones too.
    List { reply: Reply<Vec<ParticipantInfo>> },
    /// Describe one participant.
    Get {
        identity: String,
        reply: Reply<ParticipantInfo>,
    },
    /// Take over what the settings name.
    Configure {
        settings: Box<RoomSettings>,
        reply: Reply<RoomInfo>,
    },
    /// Replace the room's metadata.
    SetMetadata {
        metadata: String,
        reply: Reply<RoomInfo>,
    },
    /// Send everybody away and close.
    Delete { reply: Reply<()> },
    /// Send one participant away. Tokens from before `revoke_before`, in seconds since 1970, don't
    /// bring it back; 0 means those that exist.
    Remove {
        identity: String,
        revoke_before: i64,
        reply: Reply<()>,
    },
    /// Mute or unmute a track.
    Mute {
        identity: String,
        track_sid: String,
        muted: bool,
        reply: Reply<TrackInfo>,
    },
    /// Change name, metadata, attributes and permission, as far as they are named.
    Update {
        identity: String,
        profile: Box<UpdateParticipantMetadata>,
        permission: Option<Box<ParticipantPermission>>,
        reply: Reply<ParticipantInfo>,
    },
    /// Subscribe or unsubscribe somebody.
    Subscribe {
        identity: String,
        update: Box<UpdateSubscription>,
        reply: Reply<()>,
    },
    /// Send a `DataPacket` from the server.
    SendData {
        packet: Vec<u8>,
        channel: DataChannel,
        reply: Reply<()>,
    },
    /// Send a participant to another room.
    Move {
        identity: String,
        destination: String,
        reply: Reply<()>,
    },
    /// Let other rooms see a participant.
    Show {
        identity: String,
        reply: Reply<watch::Receiver<Showing>>,
    },
    /// Show a participant of another room in this one.
    TakeShown {
        feed: watch::Receiver<Showing>,
        reply: Reply<()>,
    },
    /// Call an agent.
    AddDispatch {
        dispatch: Box<AgentDispatch>,
        reply: Reply<AgentDispatch>,
    },
    /// Send an agent away.
    DeleteDispatch {
        id: String,
        reply: Reply<AgentDispatch>,
    },
    /// List which agents were called: all, or one by its id.
    ListDispatches {
        id: String,
        reply: Reply<Vec<AgentDispatch>>,
    },
    /// Call a method of a participant; answered when the participant answers.
    PerformRpc {
        request: Box<PerformRpcRequest>,
        reply: Reply<String>,
    },
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// No room of this name is open.
    #[error("requested room does not exist")]
    NoRoom,
    /// Nobody in the room has this identity.
    #[error("participant does not exist")]
    NoParticipant,
    /// The participant has no such track.
    #[error("track is not found")]
    NoTrack,
    /// A limit on names, metadata, attributes or data.
    #[error("{0}")]
    TooLarge(&'static str),
    /// The data is no packet.
    #[error("the data can't be sent")]
    Data(#[from] PacketError),
    /// The participant is in another room, where all has to be done to it.
    #[error("the participant is forwarded from another room")]
    Forwarded,
    /// All places are taken.
    #[error("the room is full")]
    Full,
    /// The room has no such dispatch.
    #[error("dispatch ID not found")]
    NoDispatch,
    /// The room has as many dispatches as it may.
    #[error("the room has as many agent dispatches as it may")]
    TooManyDispatches,
    /// As many RPCs wait for their answers as may.
    #[error("too many RPCs are waiting for an answer")]
    TooManyRpcs,
    /// The participant answered an RPC with an error, or not at all.
    #[error("RpcError {code}: {message}")]
    Rpc {
        /// What SDKs know it by.
        code: u32,
        /// What it says.
        message: String,
    },
}

impl Room {
    /// Carries out an order and answers it.
    pub(super) async fn handle_order(&mut self, order: Order) {
        match order {
            Order::Describe { reply } => answer(reply, Ok(self.room_info())),
            Order::List { reply } => {
                let all = self.participants.values();
                answer(reply, Ok(all.map(super::Participant::info).collect()));
            }
            Order::Get { identity, reply } => answer(reply, self.described(&identity)),
            Order::Configure { settings, reply } => answer(reply, self.configure(&settings)),
            Order::SetMetadata { metadata, reply } => answer(reply, self.set_metadata(metadata)),
            Order::Delete { reply } => {
                self.dismiss(Departure::RoomDeleted);
                answer(reply, Ok(()));
            }
            Order::Remove {
                identity,
                revoke_before,
                reply,
            } => answer(reply, self.expel(&identity, revoke_before).await),
            Order::Mute {
                identity,
                track_sid,
                muted,
                reply,
            } => answer(reply, self.mute_for(&identity, track_sid, muted).await),
            Order::Update {
                identity,
                profile,
                permission,
                reply,
            } => {
                let permission = permission.as_deref();
                answer(reply, self.update(&identity, &profile, permission).await);
            }
            Order::Subscribe {
                identity,
                update,
                reply,
            } => {
                let key = self.own_key_of(&identity);
                if let Ok(key) = key {
                    self.update_subscription(key, *update).await;
                }
                answer(reply, key.map(|_| ()));
            }
            Order::SendData {
                packet,
                channel,
                reply,
            } => answer(reply, self.send_as_server(&packet, channel).await),
            Order::Move {
                identity,
                destination,
                reply,
            } => answer(reply, self.move_away(&identity, destination).await),
            Order::Show { identity, reply } => answer(reply, self.show(&identity)),
            Order::TakeShown { feed, reply } => answer(reply, self.take_shown(feed).await),
            Order::AddDispatch { dispatch, reply } => answer(reply, self.add_dispatch(*dispatch)),
            Order::DeleteDispatch { id, reply } => answer(reply, self.delete_dispatch(&id)),
            Order::ListDispatches { id, reply } => answer(reply, Ok(self.dispatches.list(&id))),
            Order::PerformRpc { request, reply } => self.perform_rpc(*request, reply).await,
        }
    }

    pub(super) fn key_of(&self, identity: &str) -> Result<ParticipantKey, OrderError> {
        self.find(|participant| participant.identity == identity)
            .ok_or(OrderError::NoParticipant)
    }

    fn described(&self, identity: &str) -> Result<ParticipantInfo, OrderError> {
        let key = self.key_of(identity)?;
        let participant = self.participants.get(&key);
        participant
            .map(super::Participant::info)
            .ok_or(OrderError::NoParticipant)
    }

    fn configure(&mut self, settings: &RoomSettings) -> Result<RoomInfo, OrderError> {
        self.check_metadata(&settings.metadata)?;
        let before = self.info.metadata.clone();
        settings.apply(&mut self.info);
        if self.info.metadata != before {
            self.tell_room();
        }
        Ok(self.room_info())
    }

    fn set_metadata(&mut self, metadata: String) -> Result<RoomInfo, OrderError> {
        self.check_metadata(&metadata)?;
        self.info.metadata = metadata;
        self.tell_room();
        Ok(self.room_info())
    }

    fn check_metadata(&self, metadata: &str) -> Result<(), OrderError> {
        let is_small = metadata.len() <= self.shared.config.limit.metadata_bytes_max;
        let error = OrderError::TooLarge("metadata size exceeds limits");
        is_small.then_some(()).ok_or(error)
    }

    /// Tells everybody about the room at once.
    fn tell_room(&mut self) {
        self.counts_changed_at = None;
        let room = Some(self.room_info());
        self.broadcast(Message::RoomUpdate(RoomUpdate { room }));
    }

    async fn expel(&mut self, identity: &str, revoke_before: i64) -> Result<(), OrderError> {
        let key = self.key_of(identity)?;
        let participant = self.participants.get(&key);
        // Of one who is only shown here no token is about this room.
        if let Some(participant) = participant.filter(|p| p.source.is_none()) {
            let verdict = Verdict::refuse(revoke_before, unix_seconds());
            let revocations = &self.shared.revocations;
            revocations.add(&self.info.name, &participant.claims, verdict);
        }
        self.remove(key, Departure::Removed).await;
        Ok(())
    }

    /// Mutes somebody's track. The client is told, so that it mutes its microphone too; one that
    /// does not is not heard either.
    async fn mute_for(
        &mut self,
        identity: &str,
        sid: String,
        muted: bool,
    ) -> Result<TrackInfo, OrderError> {
        let key = self.own_key_of(identity)?;
        let participant = self.participants.get_mut(&key);
        let participant = participant.ok_or(OrderError::NoParticipant)?;
        if participant.track_by_sid(&sid).is_none() {
            return Err(OrderError::NoTrack);
        }
        let request = MuteTrackRequest { sid, muted };
        participant.tell(Message::Mute(request.clone()));
        self.mute(key, &request).await;
        let participant = self.participants.get_mut(&key);
        participant
            .and_then(|participant| participant.track_by_sid(&request.sid))
            .map(|publication| publication.info.clone())
            .ok_or(OrderError::NoTrack)
    }

    /// Gives a client a token for another room and asks it to join anew, which leads it there.
    async fn move_away(&mut self, identity: &str, destination: String) -> Result<(), OrderError> {
        let key = self.own_key_of(identity)?;
        if let Some(participant) = self.participants.get_mut(&key) {
            let mut grant = participant.permissions.grant().clone();
            grant.room = destination;
            participant.claims.video = Some(grant);
            // It was about the room that the token was made for.
            participant.claims.room_config = None;
        }
        self.refresh_token(key);
        self.remove(key, Departure::Moved).await;
        Ok(())
    }

    async fn update(
        &mut self,
        identity: &str,
        profile: &UpdateParticipantMetadata,
        permission: Option<&ParticipantPermission>,
    ) -> Result<ParticipantInfo, OrderError> {
        let key = self.own_key_of(identity)?;
        let sizes = Sizes::of(&self.shared.config.limit);
        let participant = self.participants.get_mut(&key);
        let participant = participant.ok_or(OrderError::NoParticipant)?;
        let is_changed = apply(participant, profile, sizes).map_err(OrderError::TooLarge)?;
        if is_changed {
            self.announce(key);
            self.refresh_token(key);
        }
        if let Some(permission) = permission {
            self.change_permission(key, permission).await;
        }
        self.described(identity)
    }

    async fn send_as_server(
        &mut self,
        packet: &[u8],
        channel: DataChannel,
    ) -> Result<(), OrderError> {
        if packet.len() > self.shared.config.limit.data_packet_bytes_max {
            return Err(OrderError::TooLarge("data size exceeds limits"));
        }
        let packet = Packet::rewrite(packet, Sender::SERVER, channel)?;
        let receivers: Vec<SessionId> = self
            .participants
            .values()
            .filter(|receiver| packet.is_for(&receiver.sid, &receiver.identity))
            .filter_map(|receiver| receiver.receiving)
            .collect();
        let bytes = Bytes::from(packet.bytes);
        self.shared.metrics.data_packets.inc();
        for receiver in receivers {
            let sent = self.shared.sfu.send_data(receiver, channel, bytes.clone());
            note(sent.await, "send data");
        }
        Ok(())
    }
}

fn answer<T>(reply: Reply<T>, result: Result<T, OrderError>) {
    let _ = reply.send(result); // Whoever asked may have given up.
}
