//! The outgoing stream of one subscription.

use std::time::Instant;

use forwarding::{Forward, SubscriptionKey};

use super::batch::Kept;
use super::body::Body;
use super::clock::Capture;
use super::header::{self, Contents, ExtensionIds, Header, MidBytes};
use super::repair::{Lost, Repair, RepairClock};
use crate::media::Packet;
use crate::rtcp::{NtpTime, SenderInfo};
use crate::srtp::RtpSealer;

/// What was agreed on for a stream.
#[derive(Debug)]
pub(crate) struct StreamConfig {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    /// The payload type of redundant sound, where the client knows it; others get the newest sound only.
    pub(crate) red_type: Option<u8>,
    /// Whether what follows the frame in its last packet is cut off.
    pub(crate) cuts_trailer: bool,
    /// SSRC and payload type of retransmissions: only where the client knows them.
    pub(crate) repair: Option<(u32, u8)>,
    pub(crate) mid: MidBytes,
    pub(crate) ids: ExtensionIds,
    /// Names the publisher in reports: tracks of the same name play in step.
    pub(crate) name: Box<str>,
    /// Index of the track.
    pub(crate) track: usize,
    pub(crate) clock_rate: u32,
    pub(crate) subscription: SubscriptionKey,
}

/// How the timestamps that are sent lie to those of the encoding that they come from.
#[derive(Debug, Clone, Copy)]
struct Timeline {
    encoding: u8,
    shift: u32,
    /// The newest packet, by its arrival.
    arrived: Capture,
}

impl Timeline {
    /// The timestamp of the newest packet, as it was sent.
    fn newest(&self) -> u32 {
        self.arrived.rtp.wrapping_add(self.shift)
    }
}

/// A stream and what it has sent.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) config: StreamConfig,
    pub(crate) repair: Option<Repair>,
    /// Whether the client has reported on the stream: it knows then where it belongs.
    pub(crate) is_known: bool,
    /// The highest sequence number that it has told of.
    highest: Option<u32>,
    timeline: Option<Timeline>,
    packets: u32,
    octets: u32,
    packets_reported: u32,
}

impl Stream {
    pub(crate) fn new(config: StreamConfig, next_repair: u64) -> Self {
        let repair = config
            .repair
            .map(|(ssrc, payload_type)| Repair::new(ssrc, payload_type, next_repair));
        Self {
            config,
            repair,
            is_known: false,
            highest: None,
            timeline: None,
            packets: 0,
            octets: 0,
            packets_reported: 0,
        }
    }

    /// Takes the highest sequence number of a report. Gives how many packets the client has expected since the
    /// report before (RFC 3550, appendix A.3): 0 for the first one, and for what can't be.
    pub(super) fn expected_since(&mut self, highest: u32) -> u32 {
        let before = self.highest.replace(highest).unwrap_or(highest);
        let expected = highest.wrapping_sub(before);
        u16::try_from(expected).map_or(0, u32::from)
    }

    /// Packets that were sent so far; the count wraps.
    pub(super) fn packets(&self) -> u32 {
        self.packets
    }

    /// Appends a packet to `buffer`, encrypted. Says no if that can't be done, and `buffer` then ends with
    /// part of it.
    pub(crate) fn seal(
        &mut self,
        now: Instant,
        sealer: &RtpSealer,
        buffer: &mut Vec<u8>,
        kept: &Kept,
        forward: &Forward,
        transport_number: u16,
    ) -> bool {
        let (packet, place) = (&kept.packet, kept.place);
        let start = buffer.len();
        let body = Body::of(packet, &self.config);
        let header = Header {
            ssrc: self.config.ssrc,
            payload_type: body.payload_type(&self.config),
            marker: forward.marker,
            sequence: low_16(forward.sequence),
            timestamp: forward.timestamp,
        };
        let contents = Contents {
            ids: &self.config.ids,
            mid: (!self.is_known).then_some(&self.config.mid),
            transport_number,
            packet,
            body,
            rewrite: forward.rewrite,
            original: None,
            padding: body.padding(kept),
        };
        let Some(header_bytes) = header::write(buffer, &header, &contents) else {
            return false;
        };
        sealer.seal(forward.sequence, buffer, start, header_bytes);
        let bytes = body.bytes(packet);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self
            .octets
            .wrapping_add(u32::try_from(bytes).unwrap_or_default());
        self.timeline = Some(Timeline {
            encoding: packet.view.encoding,
            shift: forward.timestamp.wrapping_sub(packet.view.timestamp),
            arrived: Capture {
                at: now,
                rtp: packet.view.timestamp,
            },
        });
        if let Some(repair) = &mut self.repair {
            repair.note_sent(forward, packet.view.encoding, place, bytes);
        }
        true
    }

    /// Appends a retransmission to `buffer`, encrypted. Says no if it has to wait or can't be done, and
    /// `buffer` may then end with part of it.
    pub(crate) fn seal_again(
        &mut self,
        sealer: &RtpSealer,
        buffer: &mut Vec<u8>,
        packet: &Packet,
        lost: &Lost,
        clock: RepairClock,
        transport_number: u16,
    ) -> bool {
        let Some(repair) = &mut self.repair else {
            return false;
        };
        let bytes = packet.payload.len();
        let Some(sequence) = repair.begin(lost.original, bytes, clock) else {
            return false;
        };
        let start = buffer.len();
        let header = Header {
            ssrc: repair.ssrc,
            payload_type: repair.payload_type,
            marker: lost.marker,
            sequence: low_16(sequence),
            timestamp: lost.timestamp,
        };
        let contents = Contents {
            ids: &self.config.ids,
            mid: (!self.is_known).then_some(&self.config.mid),
            transport_number,
            packet,
            body: Body::of(packet, &self.config),
            rewrite: lost.rewrite,
            original: Some(lost.original),
            padding: 0,
        };
        let Some(header_bytes) = header::write(buffer, &header, &contents) else {
            return false;
        };
        sealer.seal(sequence, buffer, start, header_bytes);
        true
    }

    /// Appends a packet of padding to `buffer`, encrypted, where retransmissions go: players look at no
    /// number there. Says no if that can't be done, and `buffer` may then end with part of it.
    pub(crate) fn seal_padding(
        &mut self,
        sealer: &RtpSealer,
        buffer: &mut Vec<u8>,
        padding: u8,
        transport_number: u16,
    ) -> bool {
        let Some(repair) = &mut self.repair else {
            return false;
        };
        let sequence = repair.take_number();
        let start = buffer.len();
        let header = Header {
            ssrc: repair.ssrc,
            payload_type: repair.payload_type,
            marker: false,
            sequence: low_16(sequence),
            timestamp: self.timeline.map_or(0, |timeline| timeline.newest()),
        };
        let mid = (!self.is_known).then_some(&self.config.mid);
        let names = (mid, transport_number);
        let written = header::write_padding(buffer, &header, &self.config.ids, names, padding);
        let Some(header_bytes) = written else {
            return false;
        };
        sealer.seal(sequence, buffer, start, header_bytes);
        true
    }

    /// What a sender report says now, if anything was sent since the last. `capture` knows the publisher's
    /// report of an encoding; before there is one, arrival has to do.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        capture: impl Fn(usize, u8) -> Option<Capture>,
    ) -> Option<SenderInfo> {
        let timeline = self.timeline?;
        if self.packets == self.packets_reported {
            return None;
        }
        self.packets_reported = self.packets;
        let capture = capture(self.config.track, timeline.encoding).unwrap_or(timeline.arrived);
        let rtp = capture.timestamp(now, self.config.clock_rate);
        Some(SenderInfo {
            ntp,
            rtp: rtp.wrapping_add(timeline.shift),
            packets: self.packets,
            octets: self.octets,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the wire has the lower half"
)]
fn low_16(sequence: u64) -> u16 {
    sequence as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is promised for a stream of a subscriber.
    const BYTES_MAX: usize = 40 * 1024;

    #[test]
    fn a_stream_takes_no_more_memory_than_promised() {
        let repair = Repair::new(1, 97, 0);

        let bytes = size_of::<Stream>() + repair.bytes();

        assert!(bytes <= BYTES_MAX, "{bytes}");
    }
}
