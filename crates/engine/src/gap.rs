//! Sound that a publisher has sent and that did not come, taken from the packet that repeats it.
//!
//! It goes to all, also to those who get the redundancy: a packet more or less is nothing to them, and their own
//! way may lose the next one.

use std::sync::Arc;
use std::time::Instant;

use forwarding::{LostSound, PacketView, SoundGap};

use crate::Engine;
use crate::demux::SessionIndex;
use crate::media::{Packet, PacketExtensions};

impl Engine {
    /// Passes on what `packet` repeats of the gap before it, as far as the publisher may send so much.
    pub(crate) fn fill_gap(
        &mut self,
        now: Instant,
        index: SessionIndex,
        track: usize,
        (gap, packet): (SoundGap, &Packet),
    ) {
        let Some(layout) = packet.red else { return };
        for lost in gap.fill(layout, &packet.payload) {
            let rate = &mut self.sessions[index].publish_rate;
            if rate.take(now, lost.payload.len()) {
                self.counters.packets_recovered += 1;
                self.route(now, track, plain(&packet.view, lost));
            }
        }
    }
}

/// The packet as it would have come, without redundancy.
fn plain(view: &PacketView, lost: LostSound<'_>) -> Packet {
    Packet {
        view: PacketView {
            sequence: lost.sequence,
            timestamp: lost.timestamp,
            marker: false,
            payload_bytes: u16::try_from(lost.payload.len()).unwrap_or(u16::MAX),
            ..*view
        },
        payload: Arc::from(lost.payload),
        extensions: PacketExtensions::default(),
        red: None,
    }
}
