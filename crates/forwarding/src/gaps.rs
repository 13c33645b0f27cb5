//! Sound that was lost on its way to us, and comes again with the next packet (RFC 2198).
//!
//! Who gets the redundancy fills the gap by itself; for those who don't know it the gap is filled here. The
//! packet before the present one in its blocks has the number before it: clients repeat only what they sent.
//!
//! Invariants:
//! - what is filled in lies between the packets on both sides of the gap, in number and in time;
//! - nothing is copied or allocated.

use crate::descriptor::red::RedLayout;

/// A wider gap is a pause, or another sender.
const MISSING_MAX: u64 = 100;

/// Finds the gaps in one stream.
#[derive(Debug, Default, Clone, Copy)]
pub struct SoundGaps {
    newest: Option<(u64, u32)>,
}

/// A gap before a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoundGap {
    /// How many packets did not come.
    missing: u64,
    /// Timestamp of the packet before the gap.
    after: u32,
    /// The packet behind it.
    sequence: u64,
    timestamp: u32,
}

/// A packet that did not come, as a later one repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostSound<'a> {
    /// Its number.
    pub sequence: u64,
    /// Its timestamp.
    pub timestamp: u32,
    /// The encoded sound.
    pub payload: &'a [u8],
}

impl SoundGaps {
    /// Takes the number and timestamp of a packet; gives the gap before it. One that comes late has none.
    pub fn handle(&mut self, sequence: u64, timestamp: u32) -> Option<SoundGap> {
        let Some((newest, after)) = self.newest else {
            self.newest = Some((sequence, timestamp));
            return None;
        };
        let ahead = sequence.checked_sub(newest).filter(|ahead| *ahead > 0)?;
        self.newest = Some((sequence, timestamp));
        (2..=MISSING_MAX).contains(&ahead).then_some(SoundGap {
            missing: ahead - 1,
            after,
            sequence,
            timestamp,
        })
    }
}

impl SoundGap {
    /// Gives what the packet behind the gap repeats of it, the oldest first. `layout` was read of `payload`.
    pub fn fill(self, layout: RedLayout, payload: &[u8]) -> impl Iterator<Item = LostSound<'_>> {
        let repeated = layout.repeated();
        let mut after = self.after;
        let blocks = (0..repeated).zip(layout.blocks(payload));
        blocks.filter_map(move |(index, block)| {
            let back = u64::from(repeated - index);
            let timestamp = self.timestamp.wrapping_sub(block.age);
            let is_later = timestamp.wrapping_sub(after).cast_signed() > 0;
            if back > self.missing || block.age == 0 || !is_later || block.payload.is_empty() {
                return None;
            }
            after = timestamp;
            Some(LostSound {
                sequence: self.sequence - back,
                timestamp,
                payload: block.payload,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::descriptor::red::{parse_red, testing::write};

    const TICKS: u32 = 960;

    /// What a packet, 20 ms and some numbers after the packet 1000, fills in; its blocks are so many packets
    /// older than it, and each says how old.
    fn filled(ahead: u64, blocks: &[u8]) -> Vec<(u64, u8)> {
        let mut gaps = SoundGaps::default();
        gaps.handle(1000, 0);
        let sequence = 1000 + ahead;
        let timestamp = u32::try_from(ahead).unwrap() * TICKS;
        let repeated: Vec<(u16, Vec<u8>)> = blocks
            .iter()
            .map(|back| (u16::from(*back) * 960, vec![*back]))
            .collect();
        let payload = write(111, &repeated, &[0]);
        let layout = parse_red(&payload).unwrap();
        let Some(gap) = gaps.handle(sequence, timestamp) else {
            return Vec::new();
        };
        gap.fill(layout, &payload)
            .map(|lost| {
                let back = u64::from(lost.payload[0]);
                let at = u32::try_from(lost.sequence - 1000).unwrap();
                assert_eq!(
                    (lost.sequence, lost.timestamp),
                    (sequence - back, at * TICKS)
                );
                (lost.sequence, lost.payload[0])
            })
            .collect()
    }

    #[test]
    fn a_gap_is_filled_as_far_as_it_is_repeated() {
        assert_eq!(filled(1, &[1]), [], "nothing is missing");
        assert_eq!(filled(2, &[1]), [(1001, 1)]);
        assert_eq!(filled(3, &[1]), [(1002, 1)]);
        assert_eq!(filled(3, &[2, 1]), [(1001, 2), (1002, 1)]);
        assert_eq!(filled(2, &[3, 2, 1]), [(1001, 1)], "the others have come");
        assert_eq!(filled(3, &[]), []);
    }

    #[test]
    fn blocks_whose_times_fit_no_gap_are_left_out() {
        let mut gaps = SoundGaps::default();
        gaps.handle(7, 5000);
        let payload = write(111, &[(960, vec![1]), (960, vec![2]), (0, vec![3])], &[0]);
        let layout = parse_red(&payload).unwrap();

        let gap = gaps.handle(11, 5900).unwrap();
        assert_eq!(gap.fill(layout, &payload).count(), 0, "of before the gap");

        let gap = gaps.handle(15, 9000).unwrap();
        let filled: Vec<_> = gap.fill(layout, &payload).collect();
        assert_eq!(filled.len(), 1, "the first of one time, and none of age 0");
        assert_eq!((filled[0].sequence, filled[0].payload), (12, &[1][..]));
    }

    #[test]
    fn late_packets_and_new_beginnings_have_no_gap() {
        let mut gaps = SoundGaps::default();

        assert_eq!(gaps.handle(5, 0), None);
        assert_eq!(gaps.handle(4, 0), None);
        assert_eq!(gaps.handle(6, 0), None);
        assert_eq!(gaps.handle(2000, 0), None);
        assert!(gaps.handle(2002, 0).is_some());
    }

    proptest! {
        #[test]
        fn what_is_filled_in_lies_inside_the_gap_and_in_order(
            packets in prop::collection::vec((any::<u16>(), any::<u32>()), 1..30),
            repeated in prop::collection::vec((0_u16..1 << 14, prop::collection::vec(any::<u8>(), 0..4)), 0..9),
        ) {
            let payload = write(111, &repeated, &[1]);
            let layout = parse_red(&payload).unwrap();
            let mut gaps = SoundGaps::default();
            for (sequence, timestamp) in packets {
                let newest = gaps.newest;
                let Some(gap) = gaps.handle(sequence.into(), timestamp) else { continue };
                let (before, after) = newest.unwrap();
                let filled: Vec<_> = gap.fill(layout, &payload).collect();
                let numbers: Vec<_> = filled.iter().map(|lost| lost.sequence).collect();
                prop_assert!(numbers.is_sorted_by(|a, b| a < b));
                prop_assert!(numbers.iter().all(|number| (before + 1..sequence.into()).contains(number)));
                let elapsed = filled.iter().map(|lost| lost.timestamp.wrapping_sub(after));
                prop_assert!(elapsed.is_sorted_by(|a, b| a < b));
            }
        }
    }
}
