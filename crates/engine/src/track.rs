//! A published track, at home or relayed from its home.

use std::collections::HashMap;
use std::time::Instant;

use forwarding::{Codec, TrackKey};
use str0m::media::Mid;
use str0m::rtp::Ssrc;

use crate::bandwidth::LayerRates;
use crate::egress::{Capture, History};
use crate::flow::Flow;
use crate::media::Packet;
use crate::relay::SenderClock;
use crate::{ShardId, TrackId};

const ENCODINGS: usize = forwarding::ENCODINGS_MAX as usize;

pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) room: usize,
    pub(crate) key: TrackKey,
    pub(crate) codec: Codec,
    pub(crate) is_muted: bool,
    pub(crate) flow: Flow,
    pub(crate) origin: Origin,
    /// What was last told about the layers that are wanted.
    pub(crate) told_demand: Demand,
    pub(crate) rates: LayerRates,
    encodings: [Encoding; ENCODINGS],
}

/// What subscribers of this shard need of an encoding beside its packets.
#[derive(Default)]
struct Encoding {
    history: History,
    capture: Option<Capture>,
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
        ssrcs: [Option<Ssrc>; ENCODINGS],
        /// Shards that have opened a relay, with the highest layer that each wants.
        relays: HashMap<ShardId, Option<u8>>,
    },
    /// Published on another shard.
    Relayed,
}

impl Track {
    pub(crate) fn new(
        id: TrackId,
        room: usize,
        key: TrackKey,
        codec: Codec,
        origin: Origin,
    ) -> Self {
        Self {
            id,
            room,
            key,
            codec,
            is_muted: false,
            flow: Flow::default(),
            origin,
            told_demand: Demand::Untold,
            rates: LayerRates::default(),
            encodings: Default::default(),
        }
    }

    /// Keeps a packet for those who will not have got it; gives its place. Sound is not sent again.
    pub(crate) fn keep(&mut self, now: Instant, packet: &Packet) -> u32 {
        let is_video = self.codec.is_video();
        let encoding = self.encodings.get_mut(usize::from(packet.view.encoding));
        encoding
            .filter(|_| is_video)
            .map_or(0, |encoding| encoding.history.push(now, packet.clone()))
    }

    pub(crate) fn history(&self, encoding: u8) -> Option<&History> {
        let encoding = self.encodings.get(usize::from(encoding))?;
        Some(&encoding.history)
    }

    pub(crate) fn capture(&self, encoding: u8) -> Option<Capture> {
        self.encodings.get(usize::from(encoding))?.capture
    }

    pub(crate) fn set_capture(&mut self, encoding: u8, report: SenderClock) {
        if let Some(encoding) = self.encodings.get_mut(usize::from(encoding)) {
            encoding.capture = Some(Capture {
                at: report.at,
                rtp: report.rtp,
            });
        }
    }

    /// The encoding begins anew, with other timestamps.
    pub(crate) fn forget_capture(&mut self, encoding: u8) {
        if let Some(encoding) = self.encodings.get_mut(usize::from(encoding)) {
            encoding.capture = None;
        }
    }

    pub(crate) fn is_home(&self) -> bool {
        match self.origin {
            Origin::Home { .. } => true,
            Origin::Relayed => false,
        }
    }
}
