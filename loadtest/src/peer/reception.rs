//! What one connection receives: every RTP header is counted, and in the sample every payload is
//! checked.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::measure::{Counter, Piece, Playout, Sequence, Timing, Totals};
use crate::media::{Stamp, StampKind, is_intact};

/// Streams that are followed; more than any scene has. Further ones are counted without loss.
const STREAMS_MAX: usize = 4096;

/// Header of RTP without extensions (RFC 3550, section 5.1).
const HEADER_BYTES: usize = 12;

/// A packet not longer than this, padding bit set, is nothing but padding: the count fits a byte.
const PADDING_BYTES_MAX: usize = 255;

/// SRTP's tag, the longest one.
const TAG_BYTES_MAX: usize = 16;

/// What a payload type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    Audio,
    Video,
    Repair,
}

/// A video that is being watched.
#[derive(Debug)]
struct Watched {
    publisher: u32,
    playout: Playout,
}

/// The receiving side of a connection.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    payloads: HashMap<u8, Payload>,
    /// By SSRC; bounded by [`STREAMS_MAX`].
    sequences: HashMap<u32, Sequence>,
    /// By SSRC; each has a sequence too.
    videos: HashMap<u32, Watched>,
    has_first_frame: bool,
}

/// Tells RTP from RTCP, STUN and DTLS (RFC 7983, section 7; RFC 5761, section 4).
pub(crate) fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(64..=95).contains(&(kind & 0x7f)))
}

/// Reads payload types and what they stand for (RFC 8866, section 6.6, `rtpmap`).
fn payloads(sdp: &str) -> impl Iterator<Item = (u8, Payload)> {
    let mut is_video = false;
    sdp.lines().filter_map(move |line| {
        if let Some(section) = line.strip_prefix("m=") {
            is_video = section.starts_with("video");
        }
        let (number, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        let payload = match (is_video, codec.split('/').next()?) {
            (true, "rtx") => Payload::Repair,
            (true, _) => Payload::Video,
            (false, _) => Payload::Audio,
        };
        Some((number.parse().ok()?, payload))
    })
}

impl Reception {
    /// Learns payload types of a description that the server made.
    pub(crate) fn learn(&mut self, sdp: &str) {
        self.payloads = payloads(sdp).collect();
    }

    /// Counts a datagram that [`is_media`]; if its payload isn't going to be looked at, `is_final`,
    /// then for loss too.
    pub(crate) fn count(&mut self, datagram: &[u8], is_final: bool, totals: &mut Totals) {
        let Some(header) = datagram.first_chunk::<HEADER_BYTES>() else {
            return;
        };
        let kind = self.payloads.get(&(header[1] & 0x7f)).copied();
        let bytes = datagram.len() as u64;
        match kind {
            Some(Payload::Repair) => totals.count(Counter::Repairs),
            Some(_) | None if is_padding(datagram) => totals.count(Counter::Padding),
            Some(Payload::Audio | Payload::Video) | None => {
                totals.count(Counter::Packets);
                totals.add(Counter::Bytes, bytes);
                let is_video = kind == Some(Payload::Video);
                totals.add(Counter::VideoPackets, u64::from(is_video));
            }
        }
        if is_final && kind != Some(Payload::Repair) {
            let number = u16::from_be_bytes([header[2], header[3]]);
            let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
            self.follow(ssrc, number, totals);
        }
    }

    /// Follows the sequence of a stream; gives the extended number of a packet that is new.
    fn follow(&mut self, ssrc: u32, number: u16, totals: &mut Totals) -> Option<u64> {
        let has_place = self.sequences.len() < STREAMS_MAX || self.sequences.contains_key(&ssrc);
        if !has_place {
            return None;
        }
        let step = self.sequences.entry(ssrc).or_default().handle(number);
        totals.add(Counter::Expected, step.expected);
        totals.add(Counter::Arrived, u64::from(step.is_new));
        step.is_new.then_some(step.number)
    }

    /// Checks SSRC, sequence number and payload of a decrypted packet, which may be a repaired one.
    /// `at` is when it came, since the run's beginning.
    pub(crate) fn check(
        &mut self,
        now: Instant,
        at: Duration,
        (ssrc, number, payload): (u32, u16, &[u8]),
        totals: &mut Totals,
    ) {
        let Some(number) = self.follow(ssrc, number, totals) else {
            return;
        };
        let Some(stamp) = Stamp::read(payload) else {
            let is_padding = payload.is_empty();
            totals.add(Counter::Foreign, u64::from(!is_padding));
            if let Some(watched) = self.videos.get_mut(&ssrc) {
                watched.playout.handle_packet(now, number, NOTHING, totals);
            }
            return;
        };
        let is_whole = is_intact(payload);
        totals.add(Counter::Corrupt, u64::from(!is_whole));
        totals.time(Timing::Latency, at.saturating_sub(stamp.sent_at));
        if stamp.kind == StampKind::Microphone {
            return;
        }
        let watched = self.videos.entry(ssrc).or_insert_with(|| Watched {
            publisher: stamp.publisher,
            playout: Playout::default(),
        });
        let piece = Piece {
            is_start: stamp.is_start,
            is_end: stamp.is_end,
            is_keyframe: stamp.is_keyframe,
            layer: stamp.layer,
            frame: stamp.frame,
            sent_at: stamp.sent_at,
        };
        watched.playout.handle_packet(now, number, piece, totals);
    }

    /// Tells once that a first picture was shown.
    pub(crate) fn take_first_frame(&mut self) -> bool {
        let has_shown = || self.videos.values().any(|video| video.playout.has_shown());
        let is_first = !self.has_first_frame && has_shown();
        self.has_first_frame |= is_first;
        is_first
    }

    /// Gives up gaps and asks for the keyframes that are missing, by SSRC.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        mut want_keyframe: impl FnMut(u32),
        totals: &mut Totals,
    ) {
        for (ssrc, watched) in &mut self.videos {
            watched.playout.handle_timeout(now, totals);
            if watched.playout.wants_keyframe(now) {
                want_keyframe(*ssrc);
            }
        }
    }

    /// The viewer has hidden a publisher's video.
    pub(crate) fn pause(&mut self, publisher: u32) {
        let watched = self.videos.values_mut();
        for video in watched.filter(|video| video.publisher == publisher) {
            video.playout.pause();
        }
    }

    /// A publisher has left: that no picture comes is no freeze.
    pub(crate) fn forget(&mut self, publisher: u32) {
        self.videos.retain(|_, video| video.publisher != publisher);
    }

    /// Ends the watching. `has_left` tells which publishers are gone.
    pub(crate) fn finish(
        &mut self,
        now: Instant,
        has_left: impl Fn(u32) -> bool,
        totals: &mut Totals,
    ) {
        self.videos.retain(|_, video| !has_left(video.publisher));
        for video in self.videos.values_mut() {
            video.playout.finish(now, totals);
        }
    }
}

/// A packet without anything of a picture.
const NOTHING: Piece = Piece {
    is_start: false,
    is_end: false,
    is_keyframe: false,
    layer: 0,
    frame: 0,
    sent_at: Duration::ZERO,
};

fn is_padding(datagram: &[u8]) -> bool {
    let has_padding = datagram[0] & 0x20 != 0;
    let sources = usize::from(datagram[0] & 0x0f) * 4;
    let mut header = HEADER_BYTES + sources;
    if datagram[0] & 0x10 != 0
        && let Some([_, _, high, low]) = datagram.get(header..header + 4)
    {
        header += 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
    }
    has_padding && datagram.len() <= header + PADDING_BYTES_MAX + TAG_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(kind: u8, number: u16, bytes: usize) -> Vec<u8> {
        let mut datagram = vec![0; bytes];
        let [high, low] = number.to_be_bytes();
        datagram[..12].copy_from_slice(&[0x80, kind, high, low, 0, 0, 0, 0, 0, 0, 0, 9]);
        datagram
    }

    fn reception() -> Reception {
        let mut reception = Reception::default();
        reception.learn(
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n\
             a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:x VP9/90000\r\n",
        );
        reception
    }

    #[test]
    fn headers_are_counted_by_payload_type_and_loss_is_seen_without_decrypting() {
        let mut totals = Totals::default();
        let mut reception = reception();
        for number in [1, 2, 4] {
            reception.count(&datagram(96, number, 500), true, &mut totals);
        }
        reception.count(&datagram(97, 77, 500), true, &mut totals);
        reception.count(&datagram(0x80 | 0x6f, 5, 100), true, &mut totals);

        assert_eq!(totals[Counter::Packets], 4);
        assert_eq!(totals[Counter::VideoPackets], 3);
        assert_eq!(totals[Counter::Bytes], 1600);
        assert_eq!(totals[Counter::Repairs], 1);
    }

    #[test]
    fn loss_is_what_no_packet_filled() {
        let mut totals = Totals::default();
        let mut reception = reception();
        for number in [1, 2, 4, 7, 3] {
            reception.count(&datagram(96, number, 500), true, &mut totals);
        }

        assert_eq!(totals[Counter::Expected] - totals[Counter::Arrived], 2);
    }

    #[test]
    fn short_packets_with_the_padding_bit_are_padding_and_long_ones_media() {
        let mut totals = Totals::default();
        let mut reception = reception();
        for bytes in [12 + 255 + 16, 900] {
            let mut padded = datagram(96, 1, bytes);
            padded[0] |= 0x20;
            reception.count(&padded, true, &mut totals);
        }

        assert_eq!(totals[Counter::Padding], 1);
        assert_eq!(totals[Counter::Packets], 1);
    }

    #[test]
    fn media_is_told_from_what_else_comes_to_the_port() {
        assert!(is_media(&datagram(96, 1, 20)));
        assert!(is_media(&datagram(0x80 | 0x60, 1, 20)));
        assert!(!is_media(&datagram(200, 1, 20)), "sender report");
        assert!(!is_media(&datagram(205, 1, 20)), "feedback");
        assert!(!is_media(&[0, 1, 0, 0]), "STUN");
        assert!(!is_media(&[22, 254, 253]), "DTLS");
        assert!(!is_media(&[]));
    }
}
