//! One subscription: joins the choice of packets with the rewriting of numbers, times and codec ids.
//!
//! Invariants:
//! - a packet is sent only if every part has a place for it, so numbers, times and picture ids of
//!   what is sent belong together;
//! - a picture that is left out leaves no hole in VP8 picture ids, and ids go on over switches.

use std::time::Instant;

use crate::descriptor::Descriptor;
use crate::descriptor::vp8::Vp8Descriptor;
use crate::layer::{Codec, LayerLimit, LayerTarget};
use crate::packet::{PacketView, PayloadRewrite};
use crate::rewriter::{NumberMap, RtpRewriter};
use crate::selector::{EncodingChoice, EncodingSelector, LayerFilter, PacketPlace, Verdict};
use crate::timeline::{SourceStart, TimestampMapper};
use crate::track::{Arrival, EncodingTable};

/// What a subscriber's copy of a packet looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) rewrite: PayloadRewrite,
}

/// The state of one subscription.
#[derive(Debug)]
pub(crate) struct Forwarder {
    wish: Option<LayerTarget>,
    limit: LayerLimit,
    /// The wish under the limit.
    target: Option<LayerTarget>,
    encodings: EncodingSelector,
    filter: LayerFilter,
    rewriter: RtpRewriter,
    timestamps: TimestampMapper,
    /// The encoding that timestamps are mapped from.
    timed_by: Option<u8>,
    vp8: Option<Box<Vp8Rewriter>>,
}

/// What goes on when one stream carries one track after the other: its numbers, times and picture ids.
#[derive(Debug, Default)]
pub struct StreamState {
    rewriter: RtpRewriter,
    timestamps: TimestampMapper,
    vp8: Option<Box<Vp8Rewriter>>,
}

impl Forwarder {
    /// Starts to forward a track in a stream that is new, or where another track left it.
    pub(crate) fn new(codec: Codec, target: LayerTarget, stream: StreamState) -> Self {
        let is_vp8 = codec == Codec::Vp8;
        Self {
            wish: Some(target),
            limit: LayerLimit::None,
            target: Some(target),
            encodings: EncodingSelector::default(),
            filter: LayerFilter::new(codec),
            rewriter: stream.rewriter,
            timestamps: stream.timestamps,
            timed_by: None,
            vp8: is_vp8.then(|| stream.vp8.unwrap_or_default()),
        }
    }

    /// Gives the stream back.
    pub(crate) fn into_stream(self) -> StreamState {
        StreamState {
            rewriter: self.rewriter,
            timestamps: self.timestamps,
            vp8: self.vp8,
        }
    }

    /// What is wanted, whatever of it may be had.
    pub(crate) fn wish(&self) -> Option<LayerTarget> {
        self.wish
    }

    /// Changes what is wanted; `None` pauses.
    pub(crate) fn set_target(&mut self, wish: Option<LayerTarget>) {
        self.wish = wish;
        self.aim();
    }

    /// Changes what of it may be had.
    pub(crate) fn set_limit(&mut self, limit: LayerLimit) {
        self.limit = limit;
        self.aim();
    }

    fn aim(&mut self) {
        self.target = self.wish.and_then(|wish| wish.limited(self.limit));
        if self.target.is_none() {
            self.encodings.stop();
        }
    }

    /// The publisher began an encoding anew, with new numbers.
    pub(crate) fn handle_restart(&mut self, encoding: u8) {
        if self.encodings.current() == Some(encoding) {
            self.encodings.stop();
        }
        if self.timed_by == Some(encoding) {
            self.timed_by = None;
        }
    }

    /// Names the encoding that a keyframe has to come from before this goes on as wanted.
    pub(crate) fn waits_for(&self, table: &EncodingTable, now: Instant) -> Option<u8> {
        let target = self.target?;
        let wanted = table.wanted_encoding(target);
        let encoding = self
            .encodings
            .waits_for(wanted, table.flowing(now), table.count());
        encoding.or_else(|| {
            let current = self.encodings.current()?;
            self.filter
                .needs_keyframe(table.limit(target), table.spatial_flowing(now), now)
                .then_some(current)
        })
    }

    /// Names the encoding that a subscriber's keyframe request is meant for.
    pub(crate) fn asks_for(&self, table: &EncodingTable, now: Instant) -> Option<u8> {
        self.target?;
        self.waits_for(table, now).or(self.encodings.current())
    }

    /// Decides on a packet. `arrival` is what the track made of it.
    pub(crate) fn handle_packet(
        &mut self,
        packet: &PacketView,
        arrival: &Arrival,
        table: &EncodingTable,
    ) -> Option<Outgoing> {
        let target = self.target?;
        let choice = self.encodings.decide(
            packet.encoding,
            table.wanted_encoding(target),
            arrival.flowing,
            arrival.may_start,
        );
        match choice {
            EncodingChoice::Skip => return None,
            EncodingChoice::Continue => {}
            EncodingChoice::Switch => self.switch(packet, arrival, table),
        }
        let place = PacketPlace {
            now: arrival.now,
            is_newest: arrival.is_newest,
            is_picture_start: arrival.is_picture_start,
        };
        let verdict = if packet.payload_bytes == 0 {
            Verdict::Skip
        } else {
            self.filter
                .decide(&packet.descriptor, table.limit(target), place)
        };
        let Verdict::Forward {
            ends_picture,
            active_targets,
        } = verdict
        else {
            self.skip(packet, arrival);
            return None;
        };
        let rewrite = self.rewrite_payload(packet, arrival, active_targets)?;
        let sequence = self.rewriter.rewrite(packet.sequence).ok()?;
        Some(Outgoing {
            sequence,
            timestamp: self.timestamps.map(arrival.now, packet.timestamp),
            marker: packet.marker || ends_picture,
            rewrite,
        })
    }

    /// Leaves a packet out without a gap in what is sent.
    pub(crate) fn leave_out(&mut self, packet: &PacketView, arrival: &Arrival) {
        if self.encodings.current() == Some(packet.encoding) {
            self.skip(packet, arrival);
        }
    }

    fn switch(&mut self, packet: &PacketView, arrival: &Arrival, table: &EncodingTable) {
        self.rewriter.switch_layer(packet.sequence);
        if let (Some(vp8), Descriptor::Vp8(descriptor)) = (&mut self.vp8, &packet.descriptor) {
            vp8.switch(descriptor, arrival.picture_id);
        }
        self.timestamps.switch(SourceStart {
            now: arrival.now,
            timestamp: packet.timestamp,
            clock_rate: table.clock_rate(),
            aligned: self
                .timed_by
                .and_then(|from| table.align(from, packet.encoding, packet.timestamp)),
        });
        self.timed_by = Some(packet.encoding);
    }

    fn skip(&mut self, packet: &PacketView, arrival: &Arrival) {
        self.rewriter.skip(packet.sequence);
        // Padding belongs to no picture.
        if packet.payload_bytes > 0
            && let (Some(vp8), Some(picture_id)) = (&mut self.vp8, arrival.picture_id)
        {
            vp8.pictures.skip(picture_id);
        }
    }

    fn rewrite_payload(
        &mut self,
        packet: &PacketView,
        arrival: &Arrival,
        active_targets: Option<u32>,
    ) -> Option<PayloadRewrite> {
        if let (Some(vp8), Descriptor::Vp8(descriptor)) = (&mut self.vp8, &packet.descriptor) {
            return vp8.rewrite(descriptor, arrival);
        }
        Some(match active_targets {
            None => PayloadRewrite::None,
            Some(active_targets) => PayloadRewrite::Av1 { active_targets },
        })
    }
}

/// Picture ids and TL0PICIDX of one subscription.
#[derive(Debug, Default)]
struct Vp8Rewriter {
    pictures: NumberMap,
    tl0_shift: u8,
    /// The last TL0PICIDX sent.
    tl0_newest: Option<u8>,
}

impl Vp8Rewriter {
    fn switch(&mut self, descriptor: &Vp8Descriptor, picture_id: Option<u64>) {
        if let Some(picture_id) = picture_id {
            self.pictures.restart(picture_id);
        }
        self.tl0_shift = match (self.tl0_newest, descriptor.tl0_pic_idx) {
            (Some(newest), Some(first)) => newest.wrapping_add(1).wrapping_sub(first),
            (None, _) | (_, None) => self.tl0_shift,
        };
    }

    fn rewrite(&mut self, descriptor: &Vp8Descriptor, arrival: &Arrival) -> Option<PayloadRewrite> {
        let picture_id = match (descriptor.picture_id, arrival.picture_id) {
            (Some(id), Some(extended)) => {
                let mapped = self.pictures.map(extended).or_else(|| {
                    // The publisher's ids went back without a keyframe: begin at the new ones.
                    arrival.is_newest.then(|| {
                        self.pictures.restart(extended);
                        self.pictures.map(extended)
                    })?
                })?;
                let mask = (1 << id.width_bits()) - 1;
                Some(u16::try_from(mapped & mask).expect("15 bits are left"))
            }
            (None, _) | (_, None) => None,
        };
        let tl0_pic_idx = descriptor.tl0_pic_idx.map(|index| {
            let mapped = index.wrapping_add(self.tl0_shift);
            if arrival.is_newest {
                self.tl0_newest = Some(mapped);
            }
            mapped
        });
        Some(PayloadRewrite::Vp8 {
            picture_id,
            tl0_pic_idx,
        })
    }
}
