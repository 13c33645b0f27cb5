//! A token bucket in virtual time.
//!
//! Invariant: over any span of `t` at most `burst + t / interval` units pass.

use std::time::{Duration, Instant};

/// Lets units through at a steady rate, with bursts.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Time in which one unit comes back.
    interval: Duration,
    /// Time in which a whole burst comes back.
    burst: Duration,
    /// When the bucket will be full again.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Allows `per_span` units each `span` in the long run, and at once as many as come back in
    /// `burst`. Zero units are taken for one.
    pub(crate) fn new(per_span: u64, span: Duration, burst: Duration) -> Self {
        let nanos = span.as_nanos() / u128::from(per_span.max(1));
        Self {
            interval: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            burst,
            full_at: None,
        }
    }

    /// Takes `units` at `now`, if they are there; what is refused costs nothing.
    pub(crate) fn take(&mut self, now: Instant, units: u32) -> bool {
        let start = self.full_at.map_or(now, |full_at| full_at.max(now));
        let full_at = start + self.interval * units;
        let may_pass = full_at.saturating_duration_since(now) <= self.burst;
        if may_pass {
            self.full_at = Some(full_at);
        }
        may_pass
    }
}

/// What a session may publish at once: the packets of a second.
const PUBLISH_BURST: Duration = Duration::from_secs(1);

/// How much a session may publish, in packets and in bits.
#[derive(Debug, Clone)]
pub(crate) struct PublishRate {
    packets: Bucket,
    bits: Bucket,
}

impl PublishRate {
    pub(crate) fn new(packets_per_second: u32, bits_per_second: u64) -> Self {
        let second = Duration::from_secs(1);
        Self {
            packets: Bucket::new(packets_per_second.into(), second, PUBLISH_BURST),
            bits: Bucket::new(bits_per_second, second, PUBLISH_BURST),
        }
    }

    /// Tells whether a packet of so many bytes may pass at `now`.
    pub(crate) fn take(&mut self, now: Instant, bytes: usize) -> bool {
        let bits = u32::try_from(bytes * 8).unwrap_or(u32::MAX);
        self.packets.take(now, 1) && self.bits.take(now, bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_time::start;

    #[test]
    fn a_burst_passes_and_then_only_what_comes_back() {
        let start = start();
        let mut bucket = Bucket::new(4, Duration::from_mins(1), Duration::from_mins(8));

        let burst = (0..100).filter(|_| bucket.take(start, 1)).count();
        let soon = bucket.take(start + Duration::from_secs(14), 1);
        let later = bucket.take(start + Duration::from_secs(15), 1);

        assert_eq!((burst, soon, later), (32, false, true));
    }

    #[test]
    fn many_small_packets_and_few_large_ones_are_both_limited() {
        let start = start();
        let mut rate = PublishRate::new(100, 80_000);

        let small = (0..1000).filter(|_| rate.take(start, 10)).count();
        let later = start + Duration::from_secs(5);
        let large = (0..1000).filter(|_| rate.take(later, 1000)).count();

        assert_eq!((small, large), (100, 10));
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_rate_pass(gaps in prop::collection::vec(0_u64..200, 1..300)) {
            let start = start();
            let mut bucket = Bucket::new(10, Duration::from_secs(1), Duration::from_secs(3));
            let mut now = start;
            let mut passed = 0_u128;
            for gap in gaps {
                now += Duration::from_millis(gap);
                passed += u128::from(bucket.take(now, 1));
            }
            prop_assert!(passed <= 30 + now.duration_since(start).as_millis() / 100 + 1);
        }
    }
}
