//! What clients without transport-wide feedback tell: their own estimate (REMB), and the loss in their
//! receiver reports. Both come about once a second.

use std::time::{Duration, Instant};

use super::window::Window;

/// Less time between two reports tells no rate.
const INTERVAL_MIN: Duration = Duration::from_millis(900);

/// An estimate below this share of what is sent, so often in a row, is believed.
const ESTIMATE_PERCENT: u64 = 85;
const ESTIMATES: u32 = 2;

/// A report stands for so many packets.
const PACKETS: f32 = 100.0;

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
    /// The most that any stream lost since the last reading.
    loss: f32,
}

impl Reports {
    /// Takes the client's estimate; the session has sent `bytes` so far. Gives it if it is to be believed.
    pub(crate) fn handle_estimate(&mut self, now: Instant, bits: u64, bytes: u64) -> Option<u64> {
        let (_, sent) = self.by_estimate.read(now, bytes)?;
        let is_low = bits < sent * ESTIMATE_PERCENT / 100;
        self.low = if is_low { self.low + 1 } else { 0 };
        (self.low >= ESTIMATES).then_some(bits)
    }

    /// Takes the share of packets that was lost of some stream. Gives it as a window, when one is over.
    pub(crate) fn handle_loss(&mut self, now: Instant, share: f32, bytes: u64) -> Option<Window> {
        self.loss = self.loss.max(share.clamp(0.0, 1.0));
        let (elapsed, sent) = self.by_loss.read(now, bytes)?;
        let share = std::mem::take(&mut self.loss);
        let (lost, received) = (parts(share), parts(1.0 - share));
        Some(Window {
            micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            received,
            lost,
            bits_per_second: sent.saturating_mul(received.into())
                / u64::from((received + lost).max(1)),
            queue_micros: 0,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is between 0 and 1"
)]
fn parts(share: f32) -> u32 {
    (share * PACKETS).round() as u32
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
    fn the_worst_loss_of_a_second_is_told_with_what_arrived() {
        let (start, mut reports) = (start(), Reports::default());
        assert_eq!(reports.handle_loss(start, 0.5, 0), None);
        assert_eq!(reports.handle_loss(start + SECOND / 2, 0.1, 100_000), None);

        let window = reports.handle_loss(start + SECOND, 0.0, 250_000).unwrap();

        assert_eq!((window.lost, window.received), (50, 50));
        assert_eq!(window.bits_per_second, 1_000_000);
    }
}
