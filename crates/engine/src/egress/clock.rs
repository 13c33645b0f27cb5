//! Whose time it is: the clocks of publishers, and ours, as sender reports need them.
//!
//! A client plays sound and picture in step by their sender reports, so all tracks of one publisher have
//! to be told in one clock (RFC 3550, section 6.4.1). The first report of a publisher says how far its
//! clock is from ours; that distance then holds for all its tracks. A drift of its clock is theirs too.

use std::time::{Duration, Instant, SystemTime};

use crate::rtcp::NtpTime;

/// A report further than this from where the publisher's clock should be: the clock was set.
const STEP_MIN: Duration = Duration::from_secs(10);

/// The time of day, without asking for it again: a jump of the system's clock leaves calls alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    pub(crate) at: Instant,
    pub(crate) time: SystemTime,
}

impl WallClock {
    /// The time of day at an instant that is not before the clock's first.
    pub(crate) fn ntp(&self, now: Instant) -> NtpTime {
        NtpTime::from(self.time + now.saturating_duration_since(self.at))
    }
}

/// The moment, in our time, that an RTP timestamp of an encoding stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capture {
    pub(crate) at: Instant,
    pub(crate) rtp: u32,
}

impl Capture {
    /// The timestamp of a moment.
    pub(crate) fn timestamp(&self, moment: Instant, clock_rate: u32) -> u32 {
        match moment.checked_duration_since(self.at) {
            Some(later) => self.rtp.wrapping_add(ticks(later, clock_rate)),
            None => self.rtp.wrapping_sub(ticks(self.at - moment, clock_rate)),
        }
    }
}

/// A publisher's clock: what it showed when its first report came.
#[derive(Debug, Default)]
pub(crate) struct PublisherClock {
    first: Option<(SystemTime, Instant)>,
}

impl PublisherClock {
    /// The moment, in our time, at which a report that came just now was `sent`.
    pub(crate) fn place(&mut self, now: Instant, sent: SystemTime) -> Instant {
        let expected = self
            .first
            .and_then(|(time, at)| match sent.duration_since(time) {
                Ok(later) => at.checked_add(later),
                Err(earlier) => at.checked_sub(earlier.duration()),
            });
        let is_near = |at: &Instant| {
            let distance = now.checked_duration_since(*at).unwrap_or_else(|| *at - now);
            distance < STEP_MIN
        };
        expected.filter(is_near).unwrap_or_else(|| {
            self.first = Some((sent, now));
            now
        })
    }
}

/// Gives `duration` in ticks of the clock, modulo 2^32.
fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    let whole = duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000;
    u32::try_from(whole & u128::from(u32::MAX)).expect("32 bits are left")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::start;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn reports_of_all_tracks_are_placed_by_the_first_whatever_their_delay() {
        let (start, mut clock) = (start(), PublisherClock::default());
        let theirs = SystemTime::UNIX_EPOCH;

        let first = clock.place(start, theirs);
        let second = clock.place(start + 700 * MS, theirs + 500 * MS);
        let third = clock.place(start + 800 * MS, theirs - 100 * MS);

        assert_eq!(first, start);
        assert_eq!(second, start + 500 * MS);
        assert_eq!(third + 100 * MS, start);
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let (start, mut clock) = (start(), PublisherClock::default());
        let theirs = SystemTime::UNIX_EPOCH + 10_000_000 * MS;
        clock.place(start, theirs);

        let after = clock.place(start + 1000 * MS, theirs + 7_200_000 * MS);
        let next = clock.place(start + 2100 * MS, theirs + 7_201_000 * MS);

        assert_eq!(after, start + 1000 * MS);
        assert_eq!(next, start + 2000 * MS);
    }

    #[test]
    fn timestamps_count_in_both_directions_and_wrap() {
        let at = start();
        let later = at + 100 * MS;

        let capture = Capture { at, rtp: 5 };
        assert_eq!(capture.timestamp(later, 90_000), 9005);
        let capture = Capture { at: later, rtp: 5 };
        assert_eq!(capture.timestamp(at, 90_000), 5_u32.wrapping_sub(9000));
    }
}
