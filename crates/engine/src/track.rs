//! A published track, at home or relayed from its home.

use std::collections::HashMap;

use forwarding::{Codec, TrackKey};
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use crate::{ShardId, TrackId};

pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) room: usize,
    pub(crate) key: TrackKey,
    pub(crate) codec: Codec,
    pub(crate) is_muted: bool,
    pub(crate) origin: Origin,
    /// What was last told about the layers that are wanted.
    pub(crate) told_demand: Demand,
}

/// Which layers of a track are wanted, as far as it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    Untold,
    /// Nobody watches.
    Nothing,
    /// Up to this encoding or spatial layer.
    UpTo(u8),
}

impl Demand {
    pub(crate) fn of(spatial: Option<u8>) -> Self {
        spatial.map_or(Self::Nothing, Self::UpTo)
    }
}

pub(crate) enum Origin {
    /// Published by a session of this shard.
    Home {
        session: usize,
        mid: Mid,
        /// SSRC of each encoding that has been seen.
        ssrcs: [Option<Ssrc>; forwarding::ENCODINGS_MAX as usize],
        /// Shards that have opened a relay, with the highest layer that each wants.
        relays: HashMap<ShardId, Option<u8>>,
    },
    /// Published on another shard.
    Relayed,
}

impl Track {
    pub(crate) fn is_home(&self) -> bool {
        match self.origin {
            Origin::Home { .. } => true,
            Origin::Relayed => false,
        }
    }
}
