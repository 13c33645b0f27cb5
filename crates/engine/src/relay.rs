//! What shards tell each other, so that a track crosses once per shard.
//!
//! The shard of the publisher is the track's *home*. Another shard whose sessions want the track opens a
//! relay; the home then sends it one copy of each packet that it wants, and learns in return which layers
//! are wanted and where a keyframe is needed.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use forwarding::{PacketView, RedLayout};

use crate::media::PacketExtensions;
use crate::{RoomId, TrackId};

/// A message between two shards. Made by one engine, handed to another as it is.
#[derive(Debug)]
pub struct RelayMessage {
    pub(crate) track: TrackId,
    pub(crate) body: RelayBody,
}

#[derive(Debug)]
pub(crate) enum RelayBody {
    /// To the home: send me the track.
    Open { room: RoomId },
    /// To the home: no session of mine wants it any more.
    Close,
    /// To the home: the highest encoding or spatial layer that my sessions want.
    Demand { spatial: Option<u8> },
    /// To the home: a keyframe of this encoding is needed.
    Keyframe { encoding: u8 },
    /// From the home: the relay is open.
    Opened { is_muted: bool },
    /// From the home: the track has ended, or was never there.
    Ended,
    /// From the home: forwarding is stopped or resumed.
    Muted { is_muted: bool },
    /// From the home: the sender's clock at an RTP time.
    Report { encoding: u8, report: SenderClock },
    /// From the home: a packet.
    Packet(Box<RelayedPacket>),
}

/// A sender report: the sender's clock at an RTP time (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderClock {
    /// The sender's wall clock.
    pub(crate) sent: SystemTime,
    /// The same moment in our time, by the clock that all tracks of the sender share.
    pub(crate) at: Instant,
    /// RTP timestamp at that time.
    pub(crate) rtp: u32,
}

#[derive(Debug)]
pub(crate) struct RelayedPacket {
    pub(crate) view: PacketView,
    pub(crate) extensions: PacketExtensions,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) red: Option<RedLayout>,
}

impl RelayMessage {
    /// Tells whether the message is media, which may be dropped when a queue is full. All else has to
    /// arrive.
    #[must_use]
    pub fn is_media(&self) -> bool {
        match self.body {
            RelayBody::Packet(_) | RelayBody::Report { .. } => true,
            RelayBody::Open { .. }
            | RelayBody::Close
            | RelayBody::Demand { .. }
            | RelayBody::Keyframe { .. }
            | RelayBody::Opened { .. }
            | RelayBody::Ended
            | RelayBody::Muted { .. } => false,
        }
    }
}
