//! One published track: what is known of its encodings, and its subscriptions.
//!
//! Invariants:
//! - what depends on the packet alone is worked out once, not once per subscription;
//! - state follows the newest packet of each encoding; late packets change none.

use std::time::{Duration, Instant};

use crate::descriptor::Descriptor;
use crate::descriptor::vp8::PictureId;
use crate::forwarder::Forwarder;
use crate::keyframes::KeyframeRequests;
use crate::layer::{Codec, ENCODINGS, ENCODINGS_MAX, LayerTarget};
use crate::packet::PacketView;
use crate::slab::SubscriptionKey;
use crate::timeline::{SenderReport, distance};
use crate::voices::Loudness;

/// An encoding that sent nothing for this long has stopped. Cameras send at 5 fps at least; a still
/// screen is silent on all encodings, and then there is nothing better to go to.
const FLOWING_FOR: Duration = Duration::from_millis(500);

/// Spatial layers that are told apart: AV1 has 4, VP9 clients send 3.
const SPATIAL_LAYERS: usize = 4;

/// How often waiting subscriptions are looked through while packets come.
const EVALUATION_INTERVAL: Duration = Duration::from_millis(100);

/// Extended picture ids begin here, so that late ones don't go below zero.
const PICTURE_ID_ORIGIN: u64 = 1 << 15;

/// What the newest packets of an encoding told.
#[derive(Debug, Default, Clone, Copy)]
struct EncodingState {
    newest: Option<Newest>,
    picture_id: Option<u64>,
    report: Option<SenderReport>,
}

#[derive(Debug, Clone, Copy)]
struct Newest {
    arrival: Instant,
    sequence: u64,
    timestamp: u32,
}

/// What a packet is among the packets of its track.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Arrival {
    pub(crate) now: Instant,
    /// No later packet of the encoding has come.
    pub(crate) is_newest: bool,
    /// The first packet of a picture that came.
    pub(crate) is_picture_start: bool,
    /// A subscription can begin here: newest, and decoding can start with it.
    pub(crate) may_start: bool,
    /// The encoding sent nothing for [`FLOWING_FOR`] before this packet.
    pub(crate) was_silent: bool,
    /// A bit for each encoding that sends.
    pub(crate) flowing: u8,
    /// VP8 picture id, extended.
    pub(crate) picture_id: Option<u64>,
}

/// The encodings of a track.
#[derive(Debug)]
pub(crate) struct EncodingTable {
    codec: Codec,
    count: u8,
    states: [EncodingState; ENCODINGS],
    /// When each spatial layer of SVC was last seen.
    spatial_seen: [Option<Instant>; SPATIAL_LAYERS],
}

impl EncodingTable {
    fn new(codec: Codec, count: u8) -> Self {
        Self {
            codec,
            count: count.clamp(1, ENCODINGS_MAX),
            states: [EncodingState::default(); ENCODINGS],
            spatial_seen: [None; SPATIAL_LAYERS],
        }
    }

    pub(crate) fn count(&self) -> u8 {
        self.count
    }

    pub(crate) fn clock_rate(&self) -> u32 {
        self.codec.clock_rate()
    }

    /// Gives a bit for each encoding that sends.
    pub(crate) fn flowing(&self, now: Instant) -> u8 {
        let mut flowing = 0;
        for (encoding, state) in self.states.iter().enumerate() {
            let flows = state
                .newest
                .is_some_and(|newest| is_recent(newest.arrival, now));
            flowing |= u8::from(flows) << encoding;
        }
        flowing
    }

    /// Gives the highest spatial layer that was seen of late.
    pub(crate) fn spatial_flowing(&self, now: Instant) -> u8 {
        let mut highest = 0;
        for (spatial, seen) in (0_u8..).zip(&self.spatial_seen) {
            if seen.is_some_and(|seen| is_recent(seen, now)) {
                highest = spatial;
            }
        }
        highest
    }

    /// With simulcast the target's spatial layer is an encoding; without there is only one.
    pub(crate) fn wanted_encoding(&self, target: LayerTarget) -> u8 {
        if self.count > 1 { target.spatial } else { 0 }
    }

    /// What is left to decide within an encoding.
    pub(crate) fn limit(&self, target: LayerTarget) -> LayerTarget {
        LayerTarget {
            spatial: if self.count > 1 {
                u8::MAX
            } else {
                target.spatial
            },
            temporal: target.temporal,
        }
    }

    /// Gives the timestamp that encoding `from` has when encoding `to` has `timestamp`.
    pub(crate) fn align(&self, from: u8, to: u8, timestamp: u32) -> Option<u32> {
        if from == to {
            return Some(timestamp);
        }
        let from = self.states.get(usize::from(from))?.report?;
        let to = self.states.get(usize::from(to))?.report?;
        Some(from.align(&to, timestamp, self.clock_rate()))
    }

    pub(crate) fn handle_sender_report(&mut self, encoding: u8, report: SenderReport) {
        if let Some(state) = self.states.get_mut(usize::from(encoding)) {
            state.report = Some(report);
        }
    }

    fn restart(&mut self, encoding: u8) {
        if let Some(state) = self.states.get_mut(usize::from(encoding)) {
            *state = EncodingState::default();
        }
    }

    /// Notes a packet; `None` if it belongs to no encoding.
    pub(crate) fn handle_packet(&mut self, now: Instant, packet: &PacketView) -> Option<Arrival> {
        let state = self.states.get_mut(usize::from(packet.encoding))?;
        let before = state.newest;
        let is_newest = before.is_none_or(|newest| packet.sequence > newest.sequence);
        let is_picture_start = is_newest
            && before.is_none_or(|newest| distance(packet.timestamp, newest.timestamp) != 0);
        let was_silent = before.is_none_or(|newest| !is_recent(newest.arrival, now));
        if is_newest {
            state.newest = Some(Newest {
                arrival: now,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
            });
        }
        let picture_id = match &packet.descriptor {
            Descriptor::Vp8(vp8) => vp8
                .picture_id
                .map(|id| state.extend_picture_id(id, is_newest)),
            Descriptor::Audio
            | Descriptor::H264(_)
            | Descriptor::Vp9(_)
            | Descriptor::Av1(_)
            | Descriptor::Unreadable => None,
        };
        let spatial = match &packet.descriptor {
            Descriptor::Vp9(vp9) => vp9.spatial(),
            Descriptor::Av1(av1) => av1.layer.spatial,
            Descriptor::Audio
            | Descriptor::Vp8(_)
            | Descriptor::H264(_)
            | Descriptor::Unreadable => 0,
        };
        if let Some(seen) = self.spatial_seen.get_mut(usize::from(spatial)) {
            *seen = Some(now);
        }
        Some(Arrival {
            now,
            is_newest,
            is_picture_start,
            may_start: is_newest && packet.payload_bytes > 0 && can_start(&packet.descriptor),
            was_silent,
            flowing: self.flowing(now),
            picture_id,
        })
    }
}

impl EncodingState {
    /// Extends a picture id by its distance to the newest one.
    fn extend_picture_id(&mut self, id: PictureId, is_newest: bool) -> u64 {
        let value = u64::from(id.value());
        let range = 1_u64 << id.width_bits();
        let extended = match self.picture_id {
            None => PICTURE_ID_ORIGIN + value,
            Some(newest) => {
                let ahead = value.wrapping_sub(newest) & (range - 1);
                if ahead < range / 2 {
                    newest.wrapping_add(ahead)
                } else {
                    newest.wrapping_add(ahead).wrapping_sub(range)
                }
            }
        };
        if is_newest {
            self.picture_id = Some(extended);
        }
        extended
    }
}

fn is_recent(then: Instant, now: Instant) -> bool {
    now.saturating_duration_since(then) < FLOWING_FOR
}

/// Tells whether decoding can start with a packet.
fn can_start(descriptor: &Descriptor) -> bool {
    match descriptor {
        Descriptor::Audio => true,
        Descriptor::Vp8(vp8) => vp8.keyframe,
        Descriptor::H264(h264) => h264.is_keyframe_start(),
        Descriptor::Vp9(vp9) => vp9.is_keyframe_start(),
        Descriptor::Av1(av1) => av1.keyframe,
        Descriptor::Unreadable => false,
    }
}

/// A subscription within its track.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) key: SubscriptionKey,
    pub(crate) forwarder: Forwarder,
    /// It gets sound that others do not get, because somebody is louder.
    pub(crate) hears_all: bool,
}

/// A published track with its subscriptions side by side in memory.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) codec: Codec,
    pub(crate) encodings: EncodingTable,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) keyframes: KeyframeRequests,
    /// What subscriptions wait for may have changed.
    pub(crate) is_stale: bool,
    pub(crate) loudness: Loudness,
    /// It is loud enough to be passed on.
    pub(crate) is_heard: bool,
    next_evaluation: Option<Instant>,
}

impl Track {
    pub(crate) fn new(codec: Codec, encodings: u8, keyframe_interval: Duration) -> Self {
        Self {
            codec,
            encodings: EncodingTable::new(codec, encodings),
            subscriptions: Vec::new(),
            keyframes: KeyframeRequests::new(keyframe_interval),
            is_stale: false,
            loudness: Loudness::default(),
            is_heard: true,
            next_evaluation: None,
        }
    }

    /// The publisher began an encoding anew, with new numbers.
    pub(crate) fn handle_restart(&mut self, encoding: u8) {
        self.encodings.restart(encoding);
        for subscription in &mut self.subscriptions {
            subscription.forwarder.handle_restart(encoding);
        }
        self.is_stale = true;
    }

    /// Gives the highest layers that any subscription wants; `None`: nobody watches.
    pub(crate) fn demand(&self) -> Option<LayerTarget> {
        self.subscriptions
            .iter()
            .filter_map(|subscription| subscription.forwarder.wish())
            .reduce(LayerTarget::union)
    }

    /// Notes what a packet changes for those who wait; called after it was handed round.
    pub(crate) fn handle_arrival(&mut self, packet: &PacketView, arrival: &Arrival) {
        if !self.codec.is_video() {
            return;
        }
        if arrival.may_start {
            self.keyframes.handle_keyframe(packet.encoding);
        }
        if packet.descriptor == Descriptor::Unreadable && self.demand().is_some() {
            self.keyframes.handle_request(packet.encoding);
            self.is_stale = true;
        }
        let is_due = self.next_evaluation.is_none_or(|at| at <= arrival.now);
        if is_due || arrival.may_start || arrival.was_silent {
            self.is_stale = true;
        }
    }

    /// Looks through the subscriptions for those that wait for a keyframe.
    pub(crate) fn evaluate(&mut self, now: Instant) {
        self.is_stale = false;
        self.next_evaluation = Some(now + EVALUATION_INTERVAL);
        let mut waited = 0;
        if self.codec.is_video() {
            for subscription in &self.subscriptions {
                if let Some(encoding) = subscription.forwarder.waits_for(&self.encodings, now) {
                    waited |= 1 << encoding;
                }
            }
        }
        self.keyframes
            .set_waited(waited, self.encodings.flowing(now));
    }
}
