//! The fields of sender and receiver reports (RFC 3550, section 6.4).

use std::time::{Duration, SystemTime};

use super::fields::word;

/// From the epoch of NTP, 1900, to that of Unix: 70 years, of which 17 were leap years.
const NTP_TO_UNIX: Duration = Duration::from_hours((70 * 365 + 17) * 24);

/// Half of what 32 bits of a round trip can tell: more is a clock that went back, or nonsense.
const ROUND_TRIP_MAX: u32 = u32::MAX / 2;

/// An NTP timestamp: seconds since 1900 with 32 bits of fraction (RFC 3550, section 4). Wraps in 2036,
/// as all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NtpTime(pub(crate) u64);

impl NtpTime {
    /// Gives the middle 32 bits: units of 1/65536 s, as reports refer to each other.
    pub(crate) fn middle(self) -> u32 {
        let [_, _, a, b, c, d, _, _] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }
}

impl From<SystemTime> for NtpTime {
    fn from(time: SystemTime) -> Self {
        let since_unix = time.duration_since(SystemTime::UNIX_EPOCH);
        let since_ntp = since_unix.unwrap_or_default() + NTP_TO_UNIX;
        let fraction = (u64::from(since_ntp.subsec_nanos()) << 32) / 1_000_000_000;
        Self(since_ntp.as_secs() << 32 | fraction)
    }
}

/// How an RTP stream's clock stands to the wall clock, and what was sent so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    pub(crate) ntp: NtpTime,
    /// The stream's RTP timestamp at `ntp`.
    pub(crate) rtp: u32,
    /// Packets sent so far, wrapping.
    pub(crate) packets: u32,
    /// Payload bytes sent so far without headers and padding, wrapping.
    pub(crate) octets: u32,
}

impl SenderInfo {
    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let (seconds, fraction) = (word(bytes)?, word(bytes)?);
        Some(Self {
            ntp: NtpTime(u64::from(seconds) << 32 | u64::from(fraction)),
            rtp: word(bytes)?,
            packets: word(bytes)?,
            octets: word(bytes)?,
        })
    }
}

/// What a receiver tells of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    /// SSRC of the stream.
    pub(crate) media: u32,
    /// Share of packets lost since the last report, in 1/256.
    pub(crate) fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits with sign: duplicates count against losses.
    pub(crate) cumulative_lost: i32,
    /// The highest sequence number received, with the count of its wraps above.
    pub(crate) highest_sequence: u32,
    /// Variation of the packets' transit, in units of the RTP clock.
    pub(crate) jitter: u32,
    /// The middle of the NTP time of the last sender report received; 0 if there was none.
    pub(crate) last_report: u32,
    /// From then until this report was sent, in 1/65536 s.
    pub(crate) delay: u32,
}

impl ReportBlock {
    pub(super) fn take(bytes: &mut &[u8]) -> Option<Self> {
        let media = word(bytes)?;
        let losses = word(bytes)?;
        let [fraction_lost, ..] = losses.to_be_bytes();
        Some(Self {
            media,
            fraction_lost,
            cumulative_lost: (losses << 8).cast_signed() >> 8,
            highest_sequence: word(bytes)?,
            jitter: word(bytes)?,
            last_report: word(bytes)?,
            delay: word(bytes)?,
        })
    }

    /// Gives the round trip, if the report came at `now` (RFC 3550, section 6.4.1). `None` if the
    /// receiver had no sender report yet, or what it says can't be.
    pub(crate) fn round_trip(&self, now: NtpTime) -> Option<Duration> {
        if self.last_report == 0 {
            return None;
        }
        let units = now
            .middle()
            .wrapping_sub(self.last_report)
            .wrapping_sub(self.delay);
        let nanos = (u64::from(units) * 1_000_000_000) >> 16;
        (units <= ROUND_TRIP_MAX).then_some(Duration::from_nanos(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        media: 1,
        fraction_lost: 0,
        cumulative_lost: 0,
        highest_sequence: 0,
        jitter: 0,
        last_report: 0,
        delay: 0,
    };

    #[test]
    fn the_round_trip_is_the_one_of_the_rfc() {
        // RFC 3550, figure 2.
        let block = ReportBlock {
            last_report: 0xb705_2000,
            delay: 0x0005_4000,
            ..BLOCK
        };

        let round_trip = block.round_trip(NtpTime(0xb44d_b710_8000_0000)).unwrap();

        assert_eq!(round_trip, Duration::from_millis(6_125));
    }

    #[test]
    fn a_receiver_without_a_sender_report_tells_no_round_trip() {
        let now = NtpTime(0x1234_5678_9abc_def0);

        assert_eq!(BLOCK.round_trip(now), None);
    }

    #[test]
    fn a_report_that_left_after_it_came_tells_no_round_trip() {
        let now = NtpTime(0x0001_0010_0000_0000);
        let block = ReportBlock {
            last_report: 0x0001_0000,
            ..BLOCK
        };
        let late = ReportBlock {
            delay: 0x0010_0001,
            ..block
        };
        let instant = ReportBlock {
            delay: 0x000f_0000,
            ..block
        };

        assert_eq!(block.round_trip(now).map(|trip| trip.as_secs()), Some(15));
        assert_eq!(late.round_trip(now), None);
        assert_eq!(instant.round_trip(now), Some(Duration::ZERO));
    }

    #[test]
    fn a_round_trip_may_span_a_wrap_of_the_clock() {
        let block = ReportBlock {
            last_report: 0xffff_8000,
            ..BLOCK
        };

        let round_trip = block.round_trip(NtpTime(0x0000_0000_8000_0000));

        assert_eq!(round_trip, Some(Duration::from_secs(1)));
    }

    #[test]
    fn wall_time_counts_from_1900() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);

        assert_eq!(NtpTime::from(time), NtpTime(2_208_988_801 << 32 | 1 << 31));
    }
}
