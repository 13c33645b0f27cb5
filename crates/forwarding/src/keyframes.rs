//! When to ask a publisher for keyframes.
//!
//! Invariants:
//! - an encoding is asked at most once per interval, however many subscribers ask;
//! - a request that comes too early is not lost but sent later, unless a keyframe came first;
//! - while a subscription waits for a keyframe, its encoding is asked again and again.

use std::time::{Duration, Instant};

use crate::layer::ENCODINGS;

/// Shortest time between two requests for the same encoding, if nothing else is configured.
pub(crate) const INTERVAL_DEFAULT: Duration = Duration::from_millis(500);

/// Time between two requests for an encoding that sends nothing: it may be paused or muted.
const INTERVAL_IDLE: Duration = Duration::from_secs(2);

#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    last_sent: Option<Instant>,
    /// A subscriber lost its picture and asked.
    asked: bool,
    /// A subscription can't begin or change its layer without one.
    waited: bool,
    flows: bool,
}

impl Slot {
    /// Says when the next request is due; `now` if at once.
    fn due(&self, now: Instant, interval: Duration) -> Option<Instant> {
        let interval = if self.asked || (self.waited && self.flows) {
            interval
        } else if self.waited {
            interval.max(INTERVAL_IDLE)
        } else {
            return None;
        };
        Some(self.last_sent.map_or(now, |last| last + interval))
    }
}

/// The requests of one track.
#[derive(Debug)]
pub(crate) struct KeyframeRequests {
    interval: Duration,
    slots: [Slot; ENCODINGS],
}

impl KeyframeRequests {
    /// Asks an encoding at most once per `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            slots: [Slot::default(); ENCODINGS],
        }
    }

    /// A subscriber asked.
    pub(crate) fn handle_request(&mut self, encoding: u8) {
        if let Some(slot) = self.slots.get_mut(usize::from(encoding)) {
            slot.asked = true;
        }
    }

    /// A keyframe began: who asked before is served.
    pub(crate) fn handle_keyframe(&mut self, encoding: u8) {
        if let Some(slot) = self.slots.get_mut(usize::from(encoding)) {
            slot.asked = false;
        }
    }

    /// Tells which encodings are waited for and which send, as bits.
    pub(crate) fn set_waited(&mut self, waited: u8, flowing: u8) {
        for (encoding, slot) in self.slots.iter_mut().enumerate() {
            slot.waited = waited >> encoding & 1 == 1;
            slot.flows = flowing >> encoding & 1 == 1;
        }
    }

    /// Gives an encoding to ask now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<u8> {
        for (encoding, slot) in (0_u8..).zip(self.slots.iter_mut()) {
            if slot.due(now, self.interval).is_some_and(|at| at <= now) {
                slot.last_sent = Some(now);
                slot.asked = false;
                return Some(encoding);
            }
        }
        None
    }

    /// Says when [`poll`](Self::poll) has something next; `now` for what is due at once.
    pub(crate) fn timeout(&self, now: Instant) -> Option<Instant> {
        let due = |slot: &Slot| slot.due(now, self.interval);
        self.slots.iter().filter_map(due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::origin;
    use proptest::prelude::*;

    const INTERVAL: Duration = INTERVAL_DEFAULT;
    const FLOWING: u8 = 0b111;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_request_that_comes_too_early_is_sent_later() {
        let start = origin();
        let mut requests = KeyframeRequests::new(INTERVAL);
        requests.handle_request(1);
        assert_eq!(requests.poll(start), Some(1));
        assert_eq!(requests.poll(start), None);

        requests.handle_request(1);
        requests.handle_request(1);

        assert_eq!(requests.poll(start + ms(499)), None);
        assert_eq!(requests.timeout(start + ms(499)), Some(start + INTERVAL));
        assert_eq!(requests.poll(start + ms(500)), Some(1));
        assert_eq!(requests.poll(start + ms(1_000)), None);
        assert_eq!(requests.timeout(start), None);
    }

    #[test]
    fn a_keyframe_serves_those_who_asked_before() {
        let start = origin();
        let mut requests = KeyframeRequests::new(INTERVAL);
        requests.handle_request(0);
        requests.poll(start);
        requests.handle_request(0);

        requests.handle_keyframe(0);

        assert_eq!(requests.poll(start + ms(500)), None);
    }

    #[test]
    fn an_encoding_that_is_waited_for_is_asked_again() {
        let start = origin();
        let mut requests = KeyframeRequests::new(INTERVAL);
        requests.set_waited(0b100, FLOWING);

        let mut asked_at = Vec::new();
        for at in (0..1_600).step_by(100) {
            if let Some(encoding) = requests.poll(start + ms(at)) {
                asked_at.push((encoding, at));
            }
        }

        assert_eq!(asked_at, [(2, 0), (2, 500), (2, 1_000), (2, 1_500)]);
    }

    #[test]
    fn a_silent_encoding_is_asked_less_often() {
        let start = origin();
        let mut requests = KeyframeRequests::new(INTERVAL);
        requests.set_waited(0b001, 0);
        requests.poll(start);

        assert_eq!(requests.poll(start + ms(1_999)), None);
        assert_eq!(requests.poll(start + ms(2_000)), Some(0));
    }

    proptest! {
        #[test]
        fn no_encoding_is_asked_twice_within_the_interval(
            steps in proptest::collection::vec((0_u64..300, 0_u8..4, 0_u8..8, 0_u8..8), 0..100),
        ) {
            let mut now = origin();
            let mut requests = KeyframeRequests::new(INTERVAL);
            let mut last: [Option<Instant>; ENCODINGS] = [None; ENCODINGS];
            for (passed_ms, asked, waited, flowing) in steps {
                now += ms(passed_ms);
                requests.handle_request(asked);
                requests.set_waited(waited, flowing);
                while let Some(encoding) = requests.poll(now) {
                    let last = &mut last[usize::from(encoding)];
                    prop_assert!(last.is_none_or(|last| now - last >= INTERVAL));
                    *last = Some(now);
                }
                prop_assert!(requests.timeout(now).is_none_or(|at| at > now));
            }
        }
    }
}
