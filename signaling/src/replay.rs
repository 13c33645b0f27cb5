//! Recent reliable packets of a room, for clients that come back after a break.
//!
//! Each sender numbers its reliable packets, and receivers drop what they have had. So after a
//! resume everything from the last number on that the client names can be sent again.
//!
//! Bounded in bytes and in age; the oldest packets go first.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use prost::bytes::Bytes;

use crate::packet::Packet;

/// What a packet costs beside its bytes.
const OVERHEAD_BYTES: usize = 200;

/// The packets of one room.
#[derive(Debug)]
pub(crate) struct Replay {
    kept: VecDeque<Kept>,
    bytes: usize,
    bytes_max: usize,
    age_max: Duration,
}

#[derive(Debug)]
struct Kept {
    at: Instant,
    sender_sid: String,
    /// Without its bytes, which are in `bytes`.
    packet: Packet,
    bytes: Bytes,
}

/// Who asks, and what it has had: the last number of each sender that it has heard of.
#[derive(Debug)]
pub(crate) struct Had<'a> {
    pub(crate) sid: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) joined_at: Instant,
    pub(crate) last: HashMap<String, u64>,
}

impl Replay {
    /// Keeps at most `bytes_max`, none older than `age_max`.
    pub(crate) fn new(bytes_max: usize, age_max: Duration) -> Self {
        Self {
            kept: VecDeque::new(),
            bytes: 0,
            bytes_max,
            age_max,
        }
    }

    /// Keeps a packet that was passed on, if it has a number.
    pub(crate) fn keep(&mut self, now: Instant, sender_sid: &str, packet: Packet, bytes: Bytes) {
        if packet.sequence == 0 {
            return;
        }
        let kept = Kept {
            at: now,
            sender_sid: sender_sid.to_owned(),
            packet,
            bytes,
        };
        self.bytes += kept.size();
        self.kept.push_back(kept);
        while let Some(oldest) = self.kept.front()
            && (self.bytes > self.bytes_max
                || now.saturating_duration_since(oldest.at) > self.age_max)
        {
            self.bytes -= oldest.size();
            self.kept.pop_front();
        }
    }

    /// Lists what somebody has missed, in order: what it was to get since it joined, and has not had.
    pub(crate) fn missed(&self, now: Instant, had: &Had<'_>) -> Vec<Bytes> {
        let is_missed = |kept: &&Kept| {
            let last = had.last.get(&kept.sender_sid).copied().unwrap_or(0);
            kept.packet.sequence > last
                && kept.at >= had.joined_at
                && now.saturating_duration_since(kept.at) <= self.age_max
                && kept.sender_sid != had.sid
                && kept.packet.is_for(had.sid, had.identity)
        };
        let missed = self.kept.iter().filter(is_missed);
        missed.map(|kept| kept.bytes.clone()).collect()
    }
}

impl Kept {
    fn size(&self) -> usize {
        self.bytes.len() + OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AGE: Duration = Duration::from_secs(30);

    fn packet(sequence: u64, destinations: &[&str]) -> Packet {
        Packet {
            sequence,
            destinations: destinations.iter().map(|name| (*name).to_owned()).collect(),
            ..Packet::default()
        }
    }

    fn keep(replay: &mut Replay, now: Instant, sender: &str, packet: Packet) {
        let bytes = Bytes::from(format!("{sender} {}", packet.sequence));
        replay.keep(now, sender, packet, bytes);
    }

    fn missed(
        replay: &Replay,
        now: Instant,
        joined_at: Instant,
        last: &[(&str, u64)],
    ) -> Vec<String> {
        let had = Had {
            sid: "PA_bob",
            identity: "bob",
            joined_at,
            last: last
                .iter()
                .map(|(sid, last)| ((*sid).to_owned(), *last))
                .collect(),
        };
        let missed = replay.missed(now, &had).into_iter();
        missed
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn what_was_missed_comes_again_in_order_and_nothing_else() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let mut replay = Replay::new(100_000, AGE);
        keep(&mut replay, start, "PA_a", packet(1, &[]));
        keep(&mut replay, now, "PA_a", packet(2, &[]));
        keep(&mut replay, now, "PA_c", packet(1, &[]));
        keep(&mut replay, now, "PA_a", packet(3, &["carol"]));
        keep(&mut replay, now, "PA_a", packet(4, &["bob"]));
        keep(&mut replay, now, "PA_bob", packet(9, &[]));
        keep(&mut replay, now, "PA_a", packet(0, &[]));

        let all = missed(&replay, now, start, &[("PA_a", 1)]);
        let newcomer = missed(&replay, now, now, &[]);
        let complete = missed(&replay, now, start, &[("PA_a", 4), ("PA_c", 1)]);

        assert_eq!(all, ["PA_a 2", "PA_c 1", "PA_a 4"]);
        assert_eq!(newcomer, ["PA_a 2", "PA_c 1", "PA_a 4"]);
        assert!(complete.is_empty());
    }

    #[test]
    fn what_is_too_old_is_not_repeated() {
        let start = Instant::now();
        let mut replay = Replay::new(100_000, AGE);
        keep(&mut replay, start, "PA_a", packet(1, &[]));

        assert_eq!(missed(&replay, start + AGE, start, &[]).len(), 1);
        let later = start + AGE + Duration::from_millis(1);
        assert!(missed(&replay, later, start, &[]).is_empty());
        keep(&mut replay, later, "PA_a", packet(2, &[]));
        assert_eq!(replay.kept.len(), 1);
    }

    proptest! {
        #[test]
        fn no_more_bytes_are_kept_than_allowed(sizes in prop::collection::vec(0_usize..2000, 0..60)) {
            let now = Instant::now();
            let mut replay = Replay::new(5000, AGE);
            for (index, size) in sizes.into_iter().enumerate() {
                let sequence = u64::try_from(index).unwrap() + 1;
                replay.keep(now, "PA_a", packet(sequence, &[]), Bytes::from(vec![0; size]));
                prop_assert!(replay.bytes <= 5000);
                prop_assert_eq!(replay.bytes, replay.kept.iter().map(Kept::size).sum::<usize>());
            }
        }
    }
}
