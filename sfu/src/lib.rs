//! The media server: shards with sockets around [`engine`].
//!
//! Each shard is one OS thread with one UDP port, one engine and its timers; nothing is locked or
//! shared on the media path. Signalling steers the shards by a handle ([`Sfu`]) and hears of what
//! happens by one queue per room. A room may use several shards: then each track crosses to each
//! other shard once, by a bounded relay.
//!
//! Linux only: batches are sent by `sendmmsg` with generic segmentation offload.

mod address;
mod command;
mod commands;
mod config;
mod events;
mod handle;
mod meter;
mod metrics;
mod placement;
mod receive;
mod relay;
mod runs;
mod send;
mod shard;
mod socket;
mod start;
mod wake;

pub use config::{SfuConfig, SpillConfig};
pub use handle::{Sfu, SfuError};
pub use start::{Running, StartError, start};

pub use engine::{
    Answer, BoundTrack, CloseReason, Codec, CodecSet, DataChannel, Event, LinkQuality, MediaFlow,
    MediaKind, Offer, OfferError, PendingTrack, PictureSize, RoomId, SessionConfig, SessionId,
    SessionKind, ShardId, Subscribe, Target, TrackId,
};
