//! When a shard waits a moment before it reads.
//!
//! The first packet of a picture wakes the shard, the others follow within a millisecond. If each is sent on
//! as it comes, every subscriber costs the kernel one message per packet; if they leave together, one for
//! all of them (GSO), and the shard sleeps and wakes once. So a shard that sends much waits for them.
//!
//! Invariants:
//! - a shard that sends little waits for nothing;
//! - no datagram waits longer than the window for being read: what was there before the shard looked is
//!   taken to have come right after the last time that it read.

use std::time::{Duration, Instant};

/// Over so much time it is counted how much is sent: a few pictures.
const INTERVAL: Duration = Duration::from_millis(100);

/// Decides how long to wait before reading.
#[derive(Debug)]
pub(crate) struct Gather {
    window: Duration,
    /// Datagrams sent in an [`INTERVAL`] from which it counts as much.
    datagrams_min: u64,
    began: Instant,
    sent: u64,
    sent_before: u64,
    read_at: Instant,
}

impl Gather {
    /// Waits for `window` at most, where `datagrams_per_second` are sent or more.
    pub(crate) fn new(window: Duration, datagrams_per_second: u32, now: Instant) -> Self {
        let interval = u64::try_from(INTERVAL.as_millis()).unwrap_or(u64::MAX);
        Self {
            window,
            datagrams_min: u64::from(datagrams_per_second) * interval / 1000,
            began: now,
            sent: 0,
            sent_before: 0,
            read_at: now,
        }
    }

    /// Notes a turn that read at `read_at` and sent so many datagrams.
    pub(crate) fn note_turn(&mut self, read_at: Instant, sent: usize) {
        self.go_on(read_at);
        self.sent += sent as u64;
        self.read_at = read_at;
    }

    /// Tells how long to wait when datagrams are there. `was_asleep` says that the first of them has ended
    /// a sleep, so that it came just now.
    pub(crate) fn before_read(&mut self, now: Instant, was_asleep: bool) -> Duration {
        self.go_on(now);
        if self.sent.max(self.sent_before) < self.datagrams_min {
            return Duration::ZERO;
        }
        let came_at = if was_asleep { now } else { self.read_at };
        (came_at + self.window).saturating_duration_since(now)
    }

    /// Begins a new interval if it is time.
    fn go_on(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.began);
        if passed < INTERVAL {
            return;
        }
        self.sent_before = if passed < 2 * INTERVAL { self.sent } else { 0 };
        (self.sent, self.began) = (0, now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_millis(1);
    const MS: Duration = Duration::from_millis(1);

    /// 100 datagrams in a tenth of a second are much.
    fn gather(now: Instant) -> Gather {
        Gather::new(WINDOW, 1000, now)
    }

    #[test]
    fn a_shard_that_sends_little_never_waits() {
        let start = Instant::now();
        let mut gather = gather(start);
        for turn in 0..1000 {
            let now = start + 2 * MS * turn;
            assert_eq!(gather.before_read(now, turn % 2 == 0), Duration::ZERO);
            gather.note_turn(now, 1);
        }
    }

    #[test]
    fn a_shard_that_sends_much_waits_for_what_follows_the_first_packet() {
        let start = Instant::now();
        let mut gather = gather(start);
        gather.note_turn(start, 350);

        assert_eq!(gather.before_read(start + 33 * MS, true), WINDOW);
    }

    #[test]
    fn what_may_have_waited_for_the_turn_before_waits_so_much_less() {
        let start = Instant::now();
        let mut gather = gather(start);
        gather.note_turn(start, 350);

        let after_short = gather.before_read(start + WINDOW / 4, false);
        let after_long = gather.before_read(start + 2 * WINDOW, false);

        assert_eq!(after_short, WINDOW * 3 / 4);
        assert_eq!(after_long, Duration::ZERO);
    }

    #[test]
    fn after_a_pause_nothing_waits() {
        let start = Instant::now();
        let mut gather = gather(start);
        gather.note_turn(start, 350);

        let within = gather.before_read(start + INTERVAL, true);
        let later = gather.before_read(start + 3 * INTERVAL, true);

        assert_eq!([within, later], [WINDOW, Duration::ZERO]);
    }

    #[test]
    fn a_window_of_nothing_turns_it_off() {
        let start = Instant::now();
        let mut gather = Gather::new(Duration::ZERO, 0, start);
        gather.note_turn(start, 350);

        assert_eq!(gather.before_read(start + MS, true), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn nothing_waits_longer_than_the_window(
            turns in prop::collection::vec((0_u64..5000, 0_usize..400, any::<bool>()), 1..100),
        ) {
            let mut now = Instant::now();
            let mut gather = gather(now);
            let mut read_at = now;
            for (pause_us, sent, was_asleep) in turns {
                now += Duration::from_micros(pause_us);
                let wait = gather.before_read(now, was_asleep);
                let came_at = if was_asleep { now } else { read_at };
                prop_assert!(wait.is_zero() || now + wait <= came_at + WINDOW);
                now += wait;
                read_at = now;
                gather.note_turn(now, sent);
            }
        }
    }
}
