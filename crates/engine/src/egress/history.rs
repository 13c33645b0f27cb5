//! The newest packets of one encoding of a track, kept once for all its subscribers.
//!
//! Bounds: [`PACKETS_MAX`] packets, of which those older than [`AGE_MAX`] go with the next packet.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::media::Packet;

/// About two seconds of a camera. More costs memory and cache misses, less loses repairs over a round
/// trip of half a second.
pub(crate) const PACKETS_MAX: usize = 400;

/// Older packets come too late for any player.
const AGE_MAX: Duration = Duration::from_secs(3);

/// Packets by the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct History {
    packets: VecDeque<(Instant, Packet)>,
    /// The place of the oldest one.
    first: u32,
}

impl History {
    /// Keeps a packet; gives its place, by which it is found again. Places wrap.
    pub(crate) fn push(&mut self, now: Instant, packet: Packet) -> u32 {
        while self.packets.len() >= PACKETS_MAX || self.is_oldest_outdated(now) {
            self.packets.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        self.packets.push_back((now, packet));
        let behind = u32::try_from(self.packets.len() - 1).expect("there are few packets");
        self.first.wrapping_add(behind)
    }

    /// Finds a packet that is still worth sending.
    pub(crate) fn get(&self, now: Instant, place: u32) -> Option<&Packet> {
        let behind = usize::try_from(place.wrapping_sub(self.first)).ok()?;
        let (at, packet) = self.packets.get(behind)?;
        (now.saturating_duration_since(*at) <= AGE_MAX).then_some(packet)
    }

    fn is_oldest_outdated(&self, now: Instant) -> bool {
        self.packets
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) > AGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use forwarding::{Descriptor, PacketView};

    use super::*;
    use crate::media::PacketExtensions;
    use crate::test_time::start;

    fn packet(sequence: u64) -> Packet {
        Packet {
            view: PacketView {
                encoding: 0,
                sequence,
                timestamp: 0,
                marker: false,
                payload_bytes: 1,
                descriptor: Descriptor::Audio,
            },
            payload: [0].into(),
            extensions: PacketExtensions::default(),
            red: None,
        }
    }

    fn found(history: &History, now: Instant, place: u32) -> Option<u64> {
        history.get(now, place).map(|packet| packet.view.sequence)
    }

    #[test]
    fn packets_are_found_by_their_places_until_too_many_came() {
        let (start, mut history) = (start(), History::default());

        let places: Vec<u32> = (0..1000)
            .map(|sequence| history.push(start, packet(sequence)))
            .collect();

        assert_eq!(found(&history, start, places[599]), None);
        assert_eq!(found(&history, start, places[600]), Some(600));
        assert_eq!(found(&history, start, places[999]), Some(999));
        assert_eq!(found(&history, start, places[999].wrapping_add(1)), None);
    }

    #[test]
    fn old_packets_are_not_given_and_then_not_kept() {
        let (start, mut history) = (start(), History::default());
        let place = history.push(start, packet(1));
        let later = start + AGE_MAX + Duration::from_millis(1);

        assert_eq!(found(&history, start + AGE_MAX, place), Some(1));
        assert_eq!(found(&history, later, place), None);
        history.push(later, packet(2));

        assert_eq!(history.packets.len(), 1);
    }

    #[test]
    fn places_go_on_over_a_wrap() {
        let (start, mut history) = (start(), History::default());
        history.first = u32::MAX;

        let places = [1, 2, 3].map(|sequence| history.push(start, packet(sequence)));

        assert_eq!(places, [u32::MAX, 0, 1]);
        assert_eq!(found(&history, start, 0), Some(2));
    }
}
