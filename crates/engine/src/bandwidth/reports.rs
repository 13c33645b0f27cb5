//! What clients without transport-wide feedback tell: their own estimate (REMB), and the loss in their
//! receiver reports. Both come about once a second.

use std::time::{Duration, Instant};

use super::window::Window;

/// Less time between two reports tells no rate.
const INTERVAL_MIN: Duration = Duration::from_millis(900);

/// An estimate below this share of what is sent, so often in a row, is believed.
const ESTIMATE_PERCENT: u64 = 85;
const ESTIMATES: u32 = 2;

/// Packets that a client has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    pub(crate) expected: u32,
    pub(crate) lost: u32,
}

impl Counted {
    /// Adds a stream that lost `fraction` 256ths of the `expected` packets (RFC 3550, section 6.4.1).
    pub(crate) fn add(&mut self, expected: u32, fraction: u8) {
        let lost = u64::from(expected) * u64::from(fraction) + 128;
        let lost = u32::try_from(lost / 256).unwrap_or(u32::MAX);
        self.expected = self.expected.saturating_add(expected);
        self.lost = self.lost.saturating_add(lost);
    }
}

/// A rate by the bytes that were sent between reports.
#[derive(Debug, Default)]
struct Meter {
    since: Option<(Instant, u64)>,
}

impl Meter {
    /// Gives the time since the last reading, and the bits per second sent in it.
    fn read(&mut self, now: Instant, bytes: u64) -> Option<(Duration, u64)> {
        let (since, before) = *self.since.get_or_insert((now, bytes));
        let elapsed = now.saturating_duration_since(since);
        if elapsed < INTERVAL_MIN {
            return None;
        }
        self.since = Some((now, bytes));
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        let rate = bytes.saturating_sub(before).saturating_mul(8_000_000) / micros.max(1);
        Some((elapsed, rate))
    }
}

/// Reports of one client.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    by_estimate: Meter,
    by_loss: Meter,
    low: u32,
    /// What was counted since the last reading, of all streams: one alone has few packets a second, and its share
    /// of lost ones scatters.
    counted: Counted,
}

impl Reports {
    /// Takes the client's estimate; the session has sent `bytes` so far. Gives it if it is to be believed.
    pub(crate) fn handle_estimate(&mut self, now: Instant, bits: u64, bytes: u64) -> Option<u64> {
        let (_, sent) = self.by_estimate.read(now, bytes)?;
        let is_low = bits < sent * ESTIMATE_PERCENT / 100;
        self.low = if is_low { self.low + 1 } else { 0 };
        (self.low >= ESTIMATES).then_some(bits)
    }

    /// Takes what the client has counted. Gives it as a window, when one is over.
    pub(crate) fn handle_loss(
        &mut self,
        now: Instant,
        counted: Counted,
        bytes: u64,
    ) -> Option<Window> {
        self.counted.expected = self.counted.expected.saturating_add(counted.expected);
        self.counted.lost = self.counted.lost.saturating_add(counted.lost);
        let (elapsed, sent) = self.by_loss.read(now, bytes)?;
        let Counted { expected, lost } = std::mem::take(&mut self.counted);
        let received = expected.saturating_sub(lost);
        Some(Window {
            micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            received,
            lost,
            bits_per_second: sent.saturating_mul(received.into()) / u64::from(expected.max(1)),
            queue_micros: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::start;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_estimate_counts_once_it_is_low_for_a_while() {
        let (start, mut reports) = (start(), Reports::default());
        let mut told = |second: u32, bits| {
            let bytes = u64::from(second) * 250_000; // 2 Mbit/s.
            reports.handle_estimate(start + second * SECOND, bits, bytes)
        };

        assert_eq!(told(0, 500_000), None);
        assert_eq!(told(1, 1_900_000), None);
        assert_eq!(told(2, 900_000), None);
        assert_eq!(told(3, 1_000_000), Some(1_000_000));
        assert_eq!(told(4, 2_000_000), None);
    }

    #[test]
    fn the_loss_of_all_streams_is_told_with_what_arrived() {
        let (start, mut reports) = (start(), Reports::default());
        let mut counted = Counted::default();
        counted.add(50, 0);
        counted.add(150, 128);
        let nothing = Counted::default();
        assert_eq!(reports.handle_loss(start, nothing, 0), None);
        assert_eq!(
            reports.handle_loss(start + SECOND / 2, counted, 100_000),
            None
        );

        let window = reports
            .handle_loss(start + SECOND, nothing, 250_000)
            .unwrap();

        assert_eq!((window.lost, window.received), (75, 125));
        assert_eq!(window.bits_per_second, 1_250_000);
    }

    #[test]
    fn counts_that_make_no_sense_do_no_harm() {
        let (start, mut reports) = (start(), Reports::default());
        let mut counted = Counted::default();
        for _ in 0..3 {
            counted.add(u32::MAX, 255);
        }
        counted.lost = u32::MAX;
        counted.expected = 1;
        reports.handle_loss(start, counted, 0);

        let window = reports.handle_loss(start + SECOND, counted, u64::MAX);

        assert_eq!(window.unwrap().received, 0);
    }
}
