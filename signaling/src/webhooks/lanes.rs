//! The order in which notices go out to one URL: one at a time for each room, rooms side by side, so
//! that a room whose notices fail holds up no other.
//!
//! Invariants:
//! - notices of one room come out in the order in which they went in, each after the one before was
//!   [`done`](Lanes::done);
//! - no more than the maximum wait: a further one is turned away.

use std::collections::{HashMap, HashSet, VecDeque};

/// What waits, by room.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    waiting_max: usize,
    waiting: usize,
    by_room: HashMap<String, VecDeque<T>>,
    /// Rooms that have something to send and nothing under way.
    ready: VecDeque<String>,
    under_way: HashSet<String>,
}

impl<T> Lanes<T> {
    /// Starts empty.
    pub(super) fn new(waiting_max: usize) -> Self {
        Self {
            waiting_max,
            waiting: 0,
            by_room: HashMap::new(),
            ready: VecDeque::new(),
            under_way: HashSet::new(),
        }
    }

    /// Counts what waits and what is under way.
    pub(super) fn len(&self) -> usize {
        self.waiting + self.under_way.len()
    }

    /// Queues a notice of `room`; false if there is no place for it.
    pub(super) fn push(&mut self, room: &str, notice: T) -> bool {
        if self.waiting >= self.waiting_max {
            return false;
        }
        self.waiting += 1;
        let lane = self.by_room.entry(room.to_owned()).or_default();
        if lane.is_empty() && !self.under_way.contains(room) {
            self.ready.push_back(room.to_owned());
        }
        lane.push_back(notice);
        true
    }

    /// Takes the next notice that may be sent, with its room.
    pub(super) fn next(&mut self) -> Option<(String, T)> {
        let room = self.ready.pop_front()?;
        let lane = self.by_room.get_mut(&room)?;
        let notice = lane.pop_front()?;
        if lane.is_empty() {
            self.by_room.remove(&room);
        }
        self.waiting -= 1;
        self.under_way.insert(room.clone());
        Some((room, notice))
    }

    /// Notes that the notice of `room` that was under way has arrived or was given up.
    pub(super) fn done(&mut self, room: &str) {
        if self.under_way.remove(room) && self.by_room.contains_key(room) {
            self.ready.push_back(room.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_room_waits_for_its_own_notice_and_for_no_other() {
        let mut lanes = Lanes::new(10);
        for (room, number) in [("a", 1), ("a", 2), ("b", 3)] {
            assert!(lanes.push(room, number));
        }

        assert_eq!(lanes.next(), Some(("a".into(), 1)));
        assert_eq!(lanes.next(), Some(("b".into(), 3)));
        assert_eq!(lanes.next(), None);
        lanes.done("a");
        assert_eq!(lanes.next(), Some(("a".into(), 2)));
    }

    #[test]
    fn what_is_too_much_is_turned_away() {
        let mut lanes = Lanes::new(2);

        assert!(lanes.push("a", 1) && lanes.push("b", 2) && !lanes.push("c", 3));

        lanes.next();
        assert!(lanes.push("c", 4));
        assert_eq!(lanes.len(), 3);
    }

    proptest! {
        #[test]
        fn each_room_keeps_its_order_and_nothing_is_lost(
            steps in prop::collection::vec((0_usize..4, any::<bool>()), 0..200)
        ) {
            let mut lanes = Lanes::new(1000);
            let mut sent: HashMap<String, Vec<usize>> = HashMap::new();
            let mut under_way = Vec::new();
            for (number, (room, finish)) in steps.iter().enumerate() {
                prop_assert!(lanes.push(&room.to_string(), number));
                if let Some((room, number)) = lanes.next() {
                    prop_assert!(!under_way.contains(&room));
                    sent.entry(room.clone()).or_default().push(number);
                    under_way.push(room);
                }
                if *finish && let Some(room) = under_way.pop() {
                    lanes.done(&room);
                }
            }
            loop {
                under_way.drain(..).for_each(|room| lanes.done(&room));
                let Some((room, number)) = lanes.next() else { break };
                sent.entry(room.clone()).or_default().push(number);
                under_way.push(room);
            }

            prop_assert_eq!(lanes.len(), 0);
            prop_assert!(lanes.by_room.is_empty() && lanes.ready.is_empty());
            prop_assert_eq!(sent.values().map(Vec::len).sum::<usize>(), steps.len());
            for numbers in sent.values() {
                prop_assert!(numbers.is_sorted());
            }
        }
    }
}
