//! The receiver's clock, as its feedback tells it: 24 bits of 64 ms, and ticks of 250 µs from there.

use crate::rtcp::{REFERENCE_BITS, REFERENCE_TICKS, TICK_MICROS};

/// Counts the wraps of the reference time (every 12 days).
#[derive(Debug, Default)]
pub(super) struct ReceiverClock {
    newest: Option<i64>,
}

impl ReceiverClock {
    /// Gives the time of a feedback, in microseconds from any origin: the one that is nearest to the
    /// last. A client may say what it likes.
    pub(super) fn place(&mut self, reference: u32) -> i64 {
        let reference = i64::from(reference);
        let range = 1 << REFERENCE_BITS;
        let placed = match self.newest {
            None => reference,
            Some(newest) => {
                let ahead = reference.wrapping_sub(newest).rem_euclid(range);
                let ahead = if ahead < range / 2 {
                    ahead
                } else {
                    ahead - range
                };
                newest.wrapping_add(ahead)
            }
        };
        self.newest = Some(placed);
        placed.wrapping_mul(REFERENCE_TICKS * TICK_MICROS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_time_goes_on_over_its_wrap_and_may_go_back_a_little() {
        let mut clock = ReceiverClock::default();
        let end = (1 << REFERENCE_BITS) - 1;

        let times = [end, 0, 2, 1, end].map(|reference| clock.place(reference) / 64_000);

        assert_eq!(times, [0, 1, 3, 2, 0].map(|step| i64::from(end) + step));
    }
}
