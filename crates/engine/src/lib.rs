//! The media server without sockets: WebRTC sessions around `forwarding`.
//!
//! [`Engine`] owns the sessions of one shard. Datagrams, time and commands go in; datagrams, events and
//! messages for other shards come out. It never waits and never asks for the time, so that whole calls
//! can be tested in virtual time.
//!
//! A datagram's walk: [`Engine::handle_datagram`] finds the session (`demux`), checks what the packet
//! claims (`gate`), lets str0m authenticate it, turns media into numbers (`media`), asks `forwarding` who
//! gets it, and queues it at the subscribers' `egress`. [`Engine::flush`] then lets each touched session
//! speak once and seals what is queued.

mod bandwidth;
mod channels;
mod codecs;
mod config;
mod counters;
mod crypto;
mod demux;
mod egress;
mod engine;
mod flow;
mod gap;
mod gate;
mod ingress;
mod media;
mod negotiation;
mod peer;
mod peer_events;
#[cfg(feature = "testing")]
mod plain;
mod rate;
mod relay;
mod relaying;
mod rids;
mod room;
mod rtcp;
mod sdp;
mod sections;
mod sending;
mod session;
mod srtp;
mod steering;
mod stun;
mod subscriptions;
mod switching;
#[cfg(feature = "testing")]
mod testing;
mod timers;
mod track;
mod transmit;
mod types;

pub use codecs::CodecSet;
pub use config::{CongestionConfig, EngineConfig};
pub use counters::{Counters, Drop, LIMITS};
pub use engine::{CreateSessionError, Engine};
pub use forwarding::{Codec, PictureSize};
pub use negotiation::OfferError;
pub use relay::RelayMessage;
#[cfg(feature = "testing")]
pub use rtcp::exercise as exercise_rtcp;
#[cfg(feature = "testing")]
pub use testing::use_plain_crypto;
pub use transmit::{Datagram, Transmit};
pub use types::{
    Answer, BoundTrack, CloseReason, DataChannel, Event, LinkQuality, MediaFlow, MediaKind, Offer,
    PendingTrack, RoomId, SessionConfig, SessionId, SessionKind, ShardId, Subscribe, Target,
    TrackId,
};

#[cfg(test)]
mod test_time {
    use std::time::Instant;

    /// Some point in time for virtual clocks to begin at.
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can be had no other way; tests count from it"
    )]
    pub(crate) fn start() -> Instant {
        Instant::now()
    }
}
