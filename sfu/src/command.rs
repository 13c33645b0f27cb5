//! What signalling asks of a shard.

use bytes::Bytes;
use engine::{
    Answer, DataChannel, Event, Offer, RoomId, SessionConfig, SessionId, Subscribe, Target, TrackId,
};
use tokio::sync::{mpsc, oneshot};

use crate::handle::SfuError;

/// One request to the shard that owns the session or track.
///
/// Where there is a `reply`, its receiver may be gone: the caller gave up, and the request is
/// carried out all the same.
#[derive(Debug)]
pub(crate) enum Command {
    /// Opens a room; its events go to `events`.
    OpenRoom {
        room: RoomId,
        events: mpsc::Sender<Event>,
    },
    /// Closes a room with its sessions on this shard.
    CloseRoom { room: RoomId },
    /// Creates a session in an open room.
    CreateSession {
        room: RoomId,
        session: SessionId,
        config: SessionConfig,
        reply: oneshot::Sender<Result<(), SfuError>>,
    },
    /// A client's offer.
    Offer {
        session: SessionId,
        offer: Offer,
        reply: oneshot::Sender<Result<Answer, SfuError>>,
    },
    /// A client's answer to our offer `id`.
    Answer {
        session: SessionId,
        id: u32,
        sdp: String,
        reply: oneshot::Sender<Result<(), SfuError>>,
    },
    /// A client's candidate.
    Candidate {
        session: SessionId,
        candidate: String,
    },
    /// Offers again with new ICE credentials.
    RestartIce { session: SessionId },
    /// Subscribes to a track, of another room if one is named.
    Subscribe {
        session: SessionId,
        room: Option<RoomId>,
        subscribe: Subscribe,
    },
    /// Lets another track take the place of a subscribed one.
    Switch {
        session: SessionId,
        from: TrackId,
        to: Subscribe,
    },
    /// Ends a subscription.
    Unsubscribe { session: SessionId, track: TrackId },
    /// Changes what a subscriber gets of a track.
    SetTarget {
        about: (SessionId, TrackId),
        target: Target,
    },
    /// Changes how important a track is to a subscriber.
    SetPriority {
        about: (SessionId, TrackId),
        priority: u8,
    },
    /// Bounds what a subscriber is sent.
    SetBandwidthCap {
        session: SessionId,
        /// Bits per second.
        most: Option<u64>,
    },
    /// Stops or resumes the forwarding of a track.
    SetMuted { track: TrackId, muted: bool },
    /// Ends a track.
    Unpublish { track: TrackId },
    /// Queues a message for the client.
    SendData {
        session: SessionId,
        channel: DataChannel,
        data: Bytes,
    },
    /// Closes a session.
    CloseSession { session: SessionId },
    /// Lets the shard panic, as a bug would.
    #[cfg(feature = "testing")]
    Panic,
}
