//! What feedback tells of the packets of a fifth of a second, summed up.
//!
//! The delay of a window is the smallest of its packets: a burst that is read late, or a keyframe that has
//! to squeeze through, leaves some packet on time behind it. A link that gets too much does not.

/// A window is this long at least, and has [`PACKETS_MIN`] packets, unless it got far longer.
const WINDOW_MICROS: u64 = 200_000;
const WINDOW_MICROS_MAX: u64 = 1_000_000;
const PACKETS_MIN: u32 = 4;

/// What is taken for the delay of an idle link is the least of the last one or two such spans: the clocks
/// of both sides drift apart, and routes change.
const BASE_SPAN_MICROS: u64 = 10_000_000;

/// Arrivals that span less or more tell no rate.
const SPAN_MICROS: std::ops::RangeInclusive<i64> = 20_000..=3_000_000;

/// A closed window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Window {
    /// How long it was open.
    pub(crate) micros: u64,
    pub(crate) received: u32,
    pub(crate) lost: u32,
    /// What arrived, in bits per second of the receiver's clock.
    pub(crate) bits_per_second: u64,
    /// By how much the fastest packet was slower than on an idle link.
    pub(crate) queue_micros: i64,
}

/// The window that is open.
#[derive(Debug, Default)]
pub(crate) struct OpenWindow {
    since: Option<u64>,
    received: u32,
    lost: u32,
    bytes: u64,
    /// Arrival less departure: the clocks differ by some constant.
    delay_min: Option<i64>,
    last_arrival: Option<i64>,
    previous_arrival: Option<i64>,
    base: Base,
}

/// The delay of an idle link.
#[derive(Debug, Default)]
struct Base {
    since: u64,
    present: Option<i64>,
    previous: Option<i64>,
}

impl Base {
    fn handle(&mut self, micros: u64, delay: i64) {
        if micros.saturating_sub(self.since) > BASE_SPAN_MICROS {
            self.since = micros;
            self.previous = self.present.take();
        }
        let least = self.present.map_or(delay, |present| present.min(delay));
        self.present = Some(least);
    }

    fn get(&self) -> Option<i64> {
        match (self.present, self.previous) {
            (Some(present), Some(previous)) => Some(present.min(previous)),
            (one, None) | (None, one) => one,
        }
    }
}

impl OpenWindow {
    /// Takes a packet that left at `sent` of our clock and came at `arrived` of the client's.
    pub(crate) fn handle_arrival(&mut self, now: u64, sent: u64, arrived: i64, bytes: u16) {
        let delay = arrived.wrapping_sub(i64::try_from(sent).unwrap_or(i64::MAX));
        self.base.handle(now, delay);
        self.received += 1;
        self.bytes += u64::from(bytes);
        self.delay_min = Some(self.delay_min.map_or(delay, |least| least.min(delay)));
        self.last_arrival = self.last_arrival.max(Some(arrived));
    }

    pub(crate) fn handle_loss(&mut self) {
        self.lost += 1;
    }

    /// A packet that was taken for lost has come after all.
    pub(crate) fn take_loss_back(&mut self) {
        self.lost = self.lost.saturating_sub(1);
    }

    /// Closes the window if it has told enough.
    pub(crate) fn close(&mut self, now: u64) -> Option<Window> {
        let micros = now.saturating_sub(*self.since.get_or_insert(now));
        let is_full = self.received >= PACKETS_MIN || micros >= WINDOW_MICROS_MAX;
        if micros < WINDOW_MICROS || !is_full {
            return None;
        }
        let arrivals = self.last_arrival.zip(self.previous_arrival);
        let span = arrivals
            .map(|(last, previous)| last.wrapping_sub(previous))
            .filter(|span| SPAN_MICROS.contains(span))
            .map_or(micros, i64::unsigned_abs);
        let queue = self.delay_min.zip(self.base.get());
        let window = Window {
            micros,
            received: self.received,
            lost: self.lost,
            bits_per_second: self.bytes * 8 * 1_000_000 / span.max(1),
            queue_micros: queue.map_or(0, |(delay, base)| delay.wrapping_sub(base)),
        };
        *self = Self {
            since: Some(now),
            previous_arrival: self.last_arrival.or(self.previous_arrival),
            base: std::mem::take(&mut self.base),
            ..Self::default()
        };
        Some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of 1000 bytes every 10 ms, which takes as long as `delay` says; feedback every 100 ms.
    fn windows(delay: impl Fn(u64) -> i64) -> Vec<Window> {
        let mut open = OpenWindow::default();
        let mut closed = Vec::new();
        for packet in 0..300 {
            let sent = packet * 10_000;
            let arrived = i64::try_from(sent).unwrap() - 5_000_000 + delay(packet);
            open.handle_arrival(sent + 50_000, sent, arrived, 1000);
            if packet % 10 == 9 {
                closed.extend(open.close(sent + 50_000));
            }
        }
        closed
    }

    #[test]
    fn a_window_tells_the_rate_and_no_queue_on_an_idle_link() {
        let windows = windows(|packet| if packet % 3 == 0 { 20_000 } else { 35_000 });

        assert!(windows.len() >= 13, "{}", windows.len());
        for window in &windows[1..] {
            assert!(window.queue_micros <= 0, "{window:?}");
            assert!(
                (720_000..=880_000).contains(&window.bits_per_second),
                "{window:?}"
            );
        }
    }

    #[test]
    fn a_late_burst_is_no_queue_but_a_standing_one_is() {
        // Packets 100 to 120 are read together, with the last of them.
        let stalled = windows(|packet| match packet {
            100..=120 => i64::try_from((120 - packet) * 10_000).unwrap(),
            _ => 0,
        });
        let standing = windows(|packet| if packet < 100 { 0 } else { 150_000 });

        assert!(stalled.iter().all(|window| window.queue_micros < 80_000));
        assert_eq!(standing.last().unwrap().queue_micros, 150_000);
    }

    #[test]
    fn a_longer_route_is_the_new_idle_link_after_a_while() {
        let mut open = OpenWindow::default();
        let mut last = None;
        for packet in 0..3000_u64 {
            let sent = packet * 10_000;
            let delay = if packet < 300 { 0 } else { 70_000 };
            open.handle_arrival(sent, sent, i64::try_from(sent).unwrap() + delay, 1000);
            last = open.close(sent).or(last);
        }

        assert_eq!(last.unwrap().queue_micros, 0);
    }

    #[test]
    fn times_that_make_no_sense_do_no_harm() {
        let mut open = OpenWindow::default();
        for (step, arrived) in (0..).zip([0, i64::MAX, i64::MIN, -1, i64::MAX].repeat(20)) {
            open.handle_arrival(step * 100_000, u64::MAX - step, arrived, u16::MAX);
            open.close(step * 100_000);
        }
    }
}
