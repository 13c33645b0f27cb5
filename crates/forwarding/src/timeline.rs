//! RTP timestamps that run on when a subscription changes its encoding.
//!
//! Encodings of one track have timestamps with random offsets. Sender reports tell which timestamp
//! belongs to which moment of the publisher's clock; without them arrival times have to do.
//!
//! Invariants:
//! - the first timestamp after a switch is newer than all before it;
//! - between switches timestamps keep their distances.

use std::time::{Duration, Instant, SystemTime};

/// A mapping by sender reports that differs more from arrival times than this is not believed.
const DEVIATION_MAX: Duration = Duration::from_secs(2);

/// Which RTP timestamp belongs to which moment of the sender's wall clock (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderReport {
    pub(crate) sent: SystemTime,
    pub(crate) rtp: u32,
}

impl SenderReport {
    /// Gives the timestamp that `self`'s encoding has at the moment when `other`'s has `timestamp`.
    pub(crate) fn align(&self, other: &Self, timestamp: u32, clock_rate: u32) -> u32 {
        let since_other = timestamp.wrapping_sub(other.rtp);
        let between = match other.sent.duration_since(self.sent) {
            Ok(later) => ticks(later, clock_rate),
            Err(earlier) => 0_u32.wrapping_sub(ticks(earlier.duration(), clock_rate)),
        };
        self.rtp.wrapping_add(between).wrapping_add(since_other)
    }
}

/// Where a packet that begins a new source comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceStart {
    pub(crate) now: Instant,
    pub(crate) timestamp: u32,
    pub(crate) clock_rate: u32,
    /// `timestamp` in the numbers of the source before, if known.
    pub(crate) aligned: Option<u32>,
}

/// Maps the timestamps of one subscription.
#[derive(Debug, Default)]
pub(crate) struct TimestampMapper {
    shift: u32,
    newest: Option<(u32, Instant)>,
}

impl TimestampMapper {
    /// Goes over to another source, or back to the same one after a pause.
    pub(crate) fn switch(&mut self, start: SourceStart) {
        let Some((newest, arrival)) = self.newest else {
            self.shift = 0;
            return;
        };
        let passed = ticks(
            start.now.saturating_duration_since(arrival),
            start.clock_rate,
        );
        let by_arrival = newest.wrapping_add(passed);
        let by_report = start
            .aligned
            .map(|timestamp| timestamp.wrapping_add(self.shift))
            .filter(|&timestamp| {
                let deviation = distance(timestamp, by_arrival).unsigned_abs();
                deviation <= ticks(DEVIATION_MAX, start.clock_rate)
            });
        let wished = by_report.unwrap_or(by_arrival);
        let outgoing = if distance(wished, newest) > 0 {
            wished
        } else {
            newest.wrapping_add(1)
        };
        self.shift = outgoing.wrapping_sub(start.timestamp);
    }

    /// Maps the timestamp of a packet that is sent.
    pub(crate) fn map(&mut self, now: Instant, timestamp: u32) -> u32 {
        let outgoing = timestamp.wrapping_add(self.shift);
        if self
            .newest
            .is_none_or(|(newest, _)| distance(outgoing, newest) > 0)
        {
            self.newest = Some((outgoing, now));
        }
        outgoing
    }
}

/// Tells how much newer timestamp `a` is than `b`; negative if it is older.
pub(crate) fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

/// Gives `duration` in ticks of the clock, modulo 2^32.
fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    let whole = duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000;
    u32::try_from(whole & u128::from(u32::MAX)).expect("32 bits are left")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::origin;
    use proptest::prelude::*;

    const CLOCK_RATE: u32 = 90_000;

    fn start(now: Instant, timestamp: u32, aligned: Option<u32>) -> SourceStart {
        SourceStart {
            now,
            timestamp,
            clock_rate: CLOCK_RATE,
            aligned,
        }
    }

    #[test]
    fn reports_give_the_same_moment_the_same_timestamp() {
        let epoch = SystemTime::UNIX_EPOCH;
        let low = SenderReport {
            sent: epoch + Duration::from_secs(1),
            rtp: u32::MAX - 10,
        };
        let high = SenderReport {
            sent: epoch + Duration::from_millis(1500),
            rtp: 7_000,
        };

        // 100 ms after its report, which is 600 ms after the report of the other.
        assert_eq!(low.align(&high, 7_000 + 9_000, CLOCK_RATE), 54_000 - 11);
        assert_eq!(
            high.align(&low, u32::MAX - 10, CLOCK_RATE),
            7_000_u32.wrapping_sub(45_000)
        );
    }

    #[test]
    fn without_reports_arrival_times_have_to_do() {
        let mut mapper = TimestampMapper::default();
        let begin = origin();
        mapper.switch(start(begin, 1_000, None));
        assert_eq!(mapper.map(begin, 1_000), 1_000);

        let later = begin + Duration::from_millis(100);
        mapper.switch(start(later, 500_000, None));

        assert_eq!(mapper.map(later, 500_000), 10_000);
        assert_eq!(mapper.map(later, 503_000), 13_000);
    }

    #[test]
    fn reports_are_preferred_unless_they_are_absurd() {
        let begin = origin();
        let later = begin + Duration::from_millis(100);
        for (aligned, expected) in [(8_000, 8_000), (200_000, 10_000), (0, 1_001)] {
            let mut mapper = TimestampMapper::default();
            mapper.switch(start(begin, 1_000, None));
            mapper.map(begin, 1_000);

            mapper.switch(start(later, 500_000, Some(aligned)));

            assert_eq!(mapper.map(later, 500_000), expected, "{aligned}");
        }
    }

    proptest! {
        #[test]
        fn a_timestamp_after_a_switch_is_newer_than_all_before(
            first: u32,
            switches in proptest::collection::vec(
                (any::<u32>(), proptest::option::of(any::<u32>()), 0_u64..5_000),
                1..10,
            ),
        ) {
            let mut mapper = TimestampMapper::default();
            let mut now = origin();
            mapper.switch(start(now, first, None));
            let mut newest = mapper.map(now, first);
            for (timestamp, aligned, passed_ms) in switches {
                now += Duration::from_millis(passed_ms);
                mapper.switch(start(now, timestamp, aligned));
                let outgoing = mapper.map(now, timestamp);
                prop_assert!(distance(outgoing, newest) > 0);
                newest = outgoing;
            }
        }
    }
}
