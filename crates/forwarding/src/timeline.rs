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
