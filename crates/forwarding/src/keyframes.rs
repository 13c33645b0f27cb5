//! When to ask a publisher for keyframes.
//!
//! Invariants:
//! - an encoding is asked at most once per [`INTERVAL`], however many subscribers ask;
//! - a request that comes too early is not lost but sent later, unless a keyframe came first;
//! - while a subscription waits for a keyframe, its encoding is asked again and again.

use std::time::{Duration, Instant};

use crate::layer::ENCODINGS;

/// Shortest time between two requests for the same encoding (reliability.md: 500 ms per layer).
pub(crate) const INTERVAL: Duration = Duration::from_millis(500);

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
    /// Says when the next request is due; `Some(None)` means at once.
    fn due(&self) -> Option<Option<Instant>> {
        let interval = if self.asked || (self.waited && self.flows) {
            INTERVAL
        } else if self.waited {
            INTERVAL_IDLE
        } else {
            return None;
        };
        Some(self.last_sent.map(|last| last + interval))
    }
}

/// The requests of one track.
#[derive(Debug, Default)]
pub(crate) struct KeyframeRequests {
    slots: [Slot; ENCODINGS],
}

impl KeyframeRequests {
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
            if slot.due().is_some_and(|due| due.is_none_or(|at| at <= now)) {
                slot.last_sent = Some(now);
                slot.asked = false;
                return Some(encoding);
            }
        }
        None
    }

    /// Says when [`poll`](Self::poll) has something next; `now` for what is due at once.
    pub(crate) fn timeout(&self, now: Instant) -> Option<Instant> {
        self.slots
            .iter()
            .filter_map(Slot::due)
            .map(|due| due.unwrap_or(now))
            .min()
    }
}
