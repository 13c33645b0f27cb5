//! When which session wants to be woken: a heap with one live entry per session.
//!
//! A session moves its wake-up often and mostly later, so an entry is left where it is and looked at
//! when it comes up; only an earlier wake-up adds one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::demux::SessionIndex;

/// Wake-ups of all sessions.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, SessionIndex)>>,
}

/// The timer of one session, kept by it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Timer {
    wanted: Option<Instant>,
    queued: Option<Instant>,
}

impl Timers {
    /// Sets the wake-up of a session.
    pub(crate) fn set(&mut self, session: SessionIndex, timer: &mut Timer, at: Instant) {
        timer.wanted = Some(at);
        if timer.queued.is_none_or(|queued| at < queued) {
            timer.queued = Some(at);
            self.heap.push(Reverse((at, session)));
        }
    }

    /// Gives the time at which [`Timers::pop_due`] has to be asked again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one entry that is due. The owner then asks [`Timers::is_due`] with the session's timer.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, SessionIndex)> {
        let Reverse(first) = *self.heap.peek()?;
        if first.0 > now {
            return None;
        }
        self.heap.pop();
        Some(first)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Tells whether the session of a popped entry really wants to be woken; if it wants to later, the
    /// entry is put back.
    pub(crate) fn is_due(
        &mut self,
        entry: (Instant, SessionIndex),
        timer: &mut Timer,
        now: Instant,
    ) -> bool {
        if timer.queued != Some(entry.0) {
            return false; // An earlier entry has replaced it.
        }
        timer.queued = None;
        match timer.wanted {
            Some(at) if at <= now => {
                timer.wanted = None;
                true
            }
            Some(at) => {
                self.set(entry.1, timer, at);
                false
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::test_time::start;

    fn due(timers: &mut Timers, timer: &mut Timer, now: Instant) -> usize {
        let mut count = 0;
        while let Some(entry) = timers.pop_due(now) {
            count += usize::from(timers.is_due(entry, timer, now));
        }
        count
    }

    #[test]
    fn a_wake_up_that_moved_later_comes_once_and_later() {
        let (start, second) = (start(), Duration::from_secs(1));
        let (mut timers, mut timer) = (Timers::default(), Timer::default());

        timers.set(0, &mut timer, start + second);
        timers.set(0, &mut timer, start + 3 * second);

        assert_eq!(due(&mut timers, &mut timer, start + second), 0);
        assert_eq!(due(&mut timers, &mut timer, start + 3 * second), 1);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_wake_up_that_moved_earlier_comes_once_and_earlier() {
        let (start, second) = (start(), Duration::from_secs(1));
        let (mut timers, mut timer) = (Timers::default(), Timer::default());

        timers.set(0, &mut timer, start + 3 * second);
        timers.set(0, &mut timer, start + second);

        assert_eq!(due(&mut timers, &mut timer, start + second), 1);
        assert_eq!(due(&mut timers, &mut timer, start + 3 * second), 0);
    }

    #[test]
    fn moving_later_again_and_again_keeps_one_entry() {
        let start = start();
        let (mut timers, mut timer) = (Timers::default(), Timer::default());

        for step in 1..1000 {
            timers.set(0, &mut timer, start + Duration::from_millis(step));
        }

        assert_eq!(timers.heap.len(), 1);
    }
}
