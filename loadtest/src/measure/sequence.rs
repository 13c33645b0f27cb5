//! Sequence numbers of one received RTP stream: what is expected, what came, what came twice.
//!
//! Invariants: a number is counted once; what came never exceeds what was expected.

/// How far back a late or repeated packet is told from a new stream (RFC 3550, appendix A.1, takes
/// 100 for late ones; repaired ones come later).
const BEHIND_MAX: u64 = 1024;

/// A jump ahead that is rather a new beginning (RFC 3550, appendix A.1, `MAX_DROPOUT`).
const AHEAD_MAX: u64 = 3000;

/// What a packet adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The number beyond 16 bits. It jumps ahead where the stream begins anew.
    pub(crate) number: u64,
    /// Numbers that went by with it.
    pub(crate) expected: u64,
    /// Whether it is one of them, and the first of its number.
    pub(crate) is_new: bool,
}

/// The numbers of one stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    /// The highest number, extended beyond 16 bits; nothing before the first packet.
    highest: Option<u64>,
    /// One bit for each of the last [`BEHIND_MAX`] numbers.
    seen: [u64; 16],
}

impl Sequence {
    /// Handles the number of an RTP header.
    pub(crate) fn handle(&mut self, number: u16) -> Step {
        let Some(highest) = self.highest else {
            return self.begin(number);
        };
        let low = u16::try_from(highest & 0xffff).expect("16 bits");
        let ahead = u64::from(number.wrapping_sub(low));
        if (1..AHEAD_MAX).contains(&ahead) {
            for missing in 1..=ahead.min(BEHIND_MAX) {
                self.set(highest + ahead + 1 - missing, false);
            }
            self.highest = Some(highest + ahead);
            self.set(highest + ahead, true);
            return Step {
                number: highest + ahead,
                expected: ahead,
                is_new: true,
            };
        }
        let behind = u64::from(low.wrapping_sub(number));
        if behind < BEHIND_MAX.min(highest) {
            let is_new = !self.get(highest - behind);
            self.set(highest - behind, true);
            return Step {
                number: highest - behind,
                expected: 0,
                is_new,
            };
        }
        self.begin(number)
    }

    /// All numbers before the first count as seen, so that a repetition of them is not new.
    fn begin(&mut self, number: u16) -> Step {
        let cycles = self.highest.map_or(0, |highest| highest >> 16) + 1;
        let number = u64::from(number) + (cycles << 16);
        self.highest = Some(number);
        self.seen = [u64::MAX; 16];
        Step {
            number,
            expected: 1,
            is_new: true,
        }
    }

    fn get(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }

    fn set(&mut self, number: u64, is_seen: bool) {
        let (word, bit) = place(number);
        if is_seen {
            self.seen[word] |= bit;
        } else {
            self.seen[word] &= !bit;
        }
    }
}

fn place(number: u64) -> (usize, u64) {
    let index = number % BEHIND_MAX;
    let word = usize::try_from(index / 64).expect("below 16");
    (word, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(numbers: &[u16]) -> (u64, u64) {
        let mut sequence = Sequence::default();
        let steps = numbers.iter().map(|&number| sequence.handle(number));
        steps.fold((0, 0), |(expected, arrived), step| {
            (expected + step.expected, arrived + u64::from(step.is_new))
        })
    }

    #[test]
    fn a_gap_is_expected_and_a_late_packet_fills_it() {
        assert_eq!(run(&[10, 11, 14]), (5, 3));
        assert_eq!(run(&[10, 11, 14, 13]), (5, 4));
    }

    #[test]
    fn a_repetition_counts_once() {
        assert_eq!(run(&[10, 10, 11, 10, 9]), (2, 2));
    }

    #[test]
    fn numbers_wrap() {
        assert_eq!(run(&[65_534, 65_535, 0, 1]), (4, 4));
    }

    #[test]
    fn a_far_jump_is_a_new_beginning() {
        assert_eq!(run(&[10, 30_000, 30_001]), (3, 3));
    }

    proptest! {
        #[test]
        fn what_is_lost_is_what_was_left_out(
            start: u16,
            lost in proptest::collection::btree_set(1_u16..999, 0..200),
        ) {
            let sent = (0..1000_u16).filter(|number| !lost.contains(number));
            let numbers: Vec<u16> = sent.map(|number| start.wrapping_add(number)).collect();

            let (expected, arrived) = run(&numbers);

            prop_assert_eq!(expected, 1000);
            prop_assert_eq!(expected - arrived, lost.len() as u64);
        }
    }
}
