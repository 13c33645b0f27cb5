//! A token bucket.
//!
//! Invariant: over any span of `t` seconds at most `burst + rate × t` messages pass undelayed.

use std::time::{Duration, Instant};

/// Lets messages through at a steady rate, with bursts.
#[derive(Debug, Clone)]
pub(crate) struct RateLimit {
    interval: Duration,
    burst: Duration,
    /// When the bucket will be full again; it never lies in the past by meaning.
    full_at: Option<Instant>,
}

impl RateLimit {
    /// Allows `per_second` messages a second in the long run, and three seconds' worth at once.
    pub(crate) fn new(per_second: u32) -> Self {
        const BURST_SECONDS: u32 = 3;
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            burst: interval * per_second.max(1) * BURST_SECONDS,
            full_at: None,
        }
    }

    /// Takes one message at `now` and tells how long to wait before it is handled; zero mostly.
    pub(crate) fn take(&mut self, now: Instant) -> Duration {
        let start = self.full_at.map_or(now, |full_at| full_at.max(now));
        let full_at = start + self.interval;
        self.full_at = Some(full_at);
        full_at.duration_since(now).saturating_sub(self.burst)
    }

    /// Takes one message at `now` if it may pass undelayed; one that may not costs nothing.
    pub(crate) fn try_take(&mut self, now: Instant) -> bool {
        let before = self.full_at;
        let may_pass = self.take(now).is_zero();
        if !may_pass {
            self.full_at = before;
        }
        may_pass
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_waits() {
        let now = Instant::now();
        let mut limit = RateLimit::new(10);

        let burst: Vec<Duration> = (0..30).map(|_| limit.take(now)).collect();
        let next = limit.take(now);

        assert!(burst.iter().all(Duration::is_zero));
        assert_eq!(next, Duration::from_millis(100));
        assert!(limit.take(now + Duration::from_secs(10)).is_zero());
    }

    #[test]
    fn what_is_turned_away_is_not_held_against_the_sender() {
        let now = Instant::now();
        let mut limit = RateLimit::new(10);

        let passed = (0..1000).filter(|_| limit.try_take(now)).count();

        assert_eq!(passed, 30);
        assert!(limit.try_take(now + Duration::from_millis(100)));
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_rate_pass_undelayed(
            gaps in prop::collection::vec(0_u64..200, 1..300)
        ) {
            let start = Instant::now();
            let mut limit = RateLimit::new(10);
            let mut now = start;
            let mut passed = 0_u128;
            for gap in gaps {
                now += Duration::from_millis(gap);
                if limit.take(now).is_zero() {
                    passed += 1;
                }
            }
            let elapsed_ms = now.duration_since(start).as_millis();
            prop_assert!(passed <= 30 + elapsed_ms / 100 + 1);
        }
    }
}
