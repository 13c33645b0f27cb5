//! What a peer receives on one stream, and a player that needs every packet of a frame and every frame
//! that a frame depends on.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use forwarding::descriptor::vp8::PictureId;
use str0m::rtp::RtpPacket;

use super::source::TRAILER;
use super::stamp::Stamp;

/// How long a player waits for a lost packet.
const PATIENCE: Duration = Duration::from_millis(400);

/// A received packet.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) at: Instant,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) stamp: Stamp,
    pub(crate) picture_id: Option<u16>,
    pub(crate) tl0_pic_idx: Option<u8>,
    /// Whether it ends with a trailer.
    pub(crate) has_trailer: bool,
    /// The frame of sound that it repeats.
    pub(crate) repeats: Option<u32>,
}

/// A frame that was played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Played {
    pub(crate) at: Instant,
    pub(crate) layer: u8,
    pub(crate) keyframe: bool,
}

/// One stream of one media section.
#[derive(Debug, Default)]
pub(crate) struct Reception {
    pub(crate) packets: BTreeMap<u64, Received>,
    /// Packets that came in an order other than that of their numbers.
    pub(crate) reordered: usize,
    pub(crate) played: Vec<Played>,
    /// Frames that came whole but that could not be decoded, or never came whole.
    pub(crate) spoilt: usize,
    /// Frames that end early where another encoding takes over, with its keyframe.
    pub(crate) cut: usize,
    next: Option<u64>,
    waiting_since: Option<Instant>,
    decoded: HashSet<(u8, u32)>,
}

impl Reception {
    pub(crate) fn handle_packet(&mut self, now: Instant, packet: &RtpPacket, is_vp8: bool) {
        let vp8 = is_vp8.then(|| forwarding::parse_vp8(&packet.payload).expect("VP8 can be read"));
        let without = packet.payload.strip_suffix(&TRAILER);
        let received = Received {
            at: now,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            stamp: Stamp::read(without.unwrap_or(&packet.payload)),
            picture_id: vp8.and_then(|vp8| vp8.picture_id).map(PictureId::value),
            tl0_pic_idx: vp8.and_then(|vp8| vp8.tl0_pic_idx),
            has_trailer: without.is_some(),
            repeats: None,
        };
        self.keep(packet, received);
    }

    /// Takes a packet with redundancy, all of whose blocks have to be Opus.
    pub(crate) fn handle_red(&mut self, now: Instant, packet: &RtpPacket, opus: u8) {
        let layout = forwarding::parse_red(&packet.payload).expect("it can be read");
        let blocks: Vec<_> = layout.blocks(&packet.payload).collect();
        assert!(blocks.iter().all(|block| block.payload_type == opus));
        let repeated = blocks.iter().rev().nth(1);
        let primary = blocks.last().expect("there is one");
        let received = Received {
            at: now,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            stamp: Stamp::read(primary.payload),
            picture_id: None,
            tl0_pic_idx: None,
            has_trailer: false,
            repeats: repeated.map(|block| Stamp::read(block.payload).frame),
        };
        self.keep(packet, received);
    }

    fn keep(&mut self, packet: &RtpPacket, received: Received) {
        let sequence = *packet.seq_no;
        if self
            .packets
            .keys()
            .next_back()
            .is_some_and(|last| *last > sequence)
        {
            self.reordered += 1;
        }
        let before = self.packets.insert(sequence, received);
        assert!(before.is_none(), "packet {sequence} came twice");
    }

    /// Plays what can be played; says whether a keyframe is needed.
    pub(crate) fn play(&mut self, now: Instant) -> bool {
        let Some(mut next) = self.next.or_else(|| self.first_keyframe(0)) else {
            return !self.packets.is_empty();
        };
        let mut needs_keyframe = false;
        loop {
            if let Some(keyframe) = self.cut_at(next) {
                self.cut += 1;
                next = keyframe;
            }
            match self.whole_frame(next) {
                Some(stamp) => {
                    self.waiting_since = None;
                    next += u64::from(stamp.count);
                    needs_keyframe |= !self.decode(now, stamp);
                }
                None if self.packets.range(next..).next().is_none() => break,
                None => {
                    let since = *self.waiting_since.get_or_insert(now);
                    if now - since < PATIENCE {
                        break;
                    }
                    needs_keyframe = true;
                    let Some(keyframe) = self.first_keyframe(next + 1) else {
                        break;
                    };
                    self.spoilt += 1;
                    self.waiting_since = None;
                    next = keyframe;
                }
            }
        }
        self.next = Some(next);
        needs_keyframe
    }

    fn decode(&mut self, now: Instant, stamp: Stamp) -> bool {
        let needed = stamp.needs.map(|needs| (stamp.layer, needs));
        let decodes = stamp.keyframe || needed.is_some_and(|needed| self.decoded.contains(&needed));
        if decodes {
            if stamp.keyframe {
                self.decoded.clear();
            }
            self.decoded.insert((stamp.layer, stamp.frame));
            self.played.push(Played {
                at: now,
                layer: stamp.layer,
                keyframe: stamp.keyframe,
            });
        } else {
            self.spoilt += 1;
        }
        decodes
    }

    fn first_keyframe(&self, from: u64) -> Option<u64> {
        self.packets
            .range(from..)
            .find(|(_, packet)| packet.stamp.keyframe && packet.stamp.index == 0)
            .map(|(sequence, _)| *sequence)
    }

    fn whole_frame(&self, first: u64) -> Option<Stamp> {
        let stamp = self.packets.get(&first)?.stamp;
        if stamp.index != 0 {
            return None;
        }
        let count = u64::from(stamp.count);
        (first..first + count)
            .all(|sequence| self.is_of_frame(sequence, stamp))
            .then_some(stamp)
    }

    fn is_of_frame(&self, sequence: u64, of: Stamp) -> bool {
        let stamp = self.packets.get(&sequence).map(|packet| packet.stamp);
        stamp.is_some_and(|stamp| stamp.layer == of.layer && stamp.frame == of.frame)
    }

    /// Finds the keyframe of another encoding that begins inside the frame at `first`, without a gap.
    fn cut_at(&self, first: u64) -> Option<u64> {
        let stamp = self.packets.get(&first)?.stamp;
        let after = (first..=first + u64::from(u8::MAX))
            .find(|sequence| !self.is_of_frame(*sequence, stamp))?;
        let next = self.packets.get(&after)?.stamp;
        let is_cut = after < first + u64::from(stamp.count - stamp.index);
        let is_switch = next.keyframe && next.index == 0 && next.layer != stamp.layer;
        (is_cut && is_switch).then_some(after)
    }

    /// Numbers that never came, other than at the very end.
    pub(crate) fn missing(&self) -> usize {
        let (Some(first), Some(last)) =
            (self.packets.keys().next(), self.packets.keys().next_back())
        else {
            return 0;
        };
        let span = usize::try_from(last - first + 1).expect("a test is short");
        span - self.packets.len()
    }

    /// Panics unless the stream is one that a decoder can play from its first to its last packet.
    pub(crate) fn assert_flawless(&self) {
        assert_eq!(self.missing(), 0, "packets are missing");
        assert_eq!(self.spoilt, 0, "frames can't be decoded");
        let first = self.packets.values().next().expect("packets came");
        assert!(
            first.stamp.keyframe && first.stamp.index == 0,
            "the stream starts with {:?}",
            first.stamp
        );
        self.assert_numbers_rise();
    }

    /// Panics if timestamps go back, or if VP8 picture ids jump between neighbours.
    pub(crate) fn assert_numbers_rise(&self) {
        let neighbours = self.packets.iter().zip(self.packets.iter().skip(1));
        for ((a_number, a), (b_number, b)) in neighbours {
            if a_number + 1 != *b_number {
                continue;
            }
            let is_same_frame = a.stamp.frame == b.stamp.frame && a.stamp.layer == b.stamp.layer;
            let elapsed = b.timestamp.wrapping_sub(a.timestamp).cast_signed();
            assert!(
                elapsed >= 0,
                "timestamps go back at {b_number}: {a:?} {b:?}"
            );
            if let (Some(a_id), Some(b_id)) = (a.picture_id, b.picture_id) {
                let expected = if is_same_frame {
                    a_id
                } else {
                    (a_id + 1) & 0x7fff
                };
                assert_eq!(b_id, expected, "picture ids jump: {a:?} {b:?}");
            }
            if let (Some(a_index), Some(b_index)) = (a.tl0_pic_idx, b.tl0_pic_idx) {
                let step = b_index.wrapping_sub(a_index);
                assert!(step <= 1, "TL0PICIDX jumps: {a:?} {b:?}");
            }
        }
    }
}
