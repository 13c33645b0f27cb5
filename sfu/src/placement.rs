//! Where a new session goes.
//!
//! A track that is published on one shard and watched on another crosses between them once. That is
//! cheap but not free, so a room stays where it is until its shard has much to do; only then do its
//! next sessions go elsewhere, and they stay together there too.
//!
//! Invariants:
//! - a room is placed on a shard that it already uses, as long as one of them has capacity left;
//! - otherwise on the shard with the least load;
//! - sessions that are being created count, so that many joins at once spread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{RoomId, ShardId};

use crate::config::SpillConfig;

/// How much a shard has to do. The shard writes it, placement reads it.
#[derive(Debug, Default)]
pub(crate) struct ShardLoad {
    sessions: AtomicU32,
    expected: AtomicU32,
    busy_permille: AtomicU32,
}

impl ShardLoad {
    /// Says how many sessions the shard holds.
    pub(crate) fn set_sessions(&self, sessions: u32) {
        self.sessions.store(sessions, Ordering::Relaxed);
    }

    /// Says for how many thousandths of the last second the shard was busy.
    pub(crate) fn set_busy_permille(&self, busy: u32) {
        self.busy_permille.store(busy, Ordering::Relaxed);
    }

    fn snapshot(&self) -> Load {
        let sessions = self.sessions.load(Ordering::Relaxed);
        Load {
            sessions: sessions.saturating_add(self.expected.load(Ordering::Relaxed)),
            busy_permille: self.busy_permille.load(Ordering::Relaxed),
        }
    }
}

/// A session that is being created; counts until it is dropped.
#[derive(Debug)]
pub(crate) struct ExpectedSession(Arc<ShardLoad>);

impl Drop for ExpectedSession {
    fn drop(&mut self) {
        self.0.expected.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The load of one shard at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Load {
    sessions: u32,
    busy_permille: u32,
}

impl Load {
    fn is_outgrown(self, spill: SpillConfig) -> bool {
        self.sessions >= spill.sessions || self.busy_permille >= spill.busy_permille
    }

    /// Busy time is the truth, but late by a second; sessions tell of the load to come.
    fn score(self, spill: SpillConfig) -> u64 {
        let expected = u64::from(self.sessions) * 1000 / u64::from(spill.sessions.max(1));
        expected + u64::from(self.busy_permille)
    }
}

/// Chooses a shard among `loads` for a room that uses the shards of `used`, in order of first use.
/// Gives an index into `loads`, which has at least one element.
fn choose(loads: &[Load], used: &[usize], spill: SpillConfig) -> usize {
    used.iter()
        .copied()
        .find(|&shard| !loads[shard].is_outgrown(spill))
        .unwrap_or_else(|| {
            (0..loads.len())
                .min_by_key(|&shard| loads[shard].score(spill))
                .expect("there is at least one shard")
        })
}

/// Places sessions on shards. Bounded by the number of open rooms times that of shards.
#[derive(Debug)]
pub(crate) struct Placement {
    shards: Vec<Arc<ShardLoad>>,
    spill: SpillConfig,
    rooms: Mutex<HashMap<RoomId, Vec<usize>>>,
}

impl Placement {
    /// Places among `shards`, of which there is at least one and at most 255.
    pub(crate) fn new(shards: Vec<Arc<ShardLoad>>, spill: SpillConfig) -> Self {
        assert!(!shards.is_empty(), "there is at least one shard");
        Self {
            shards,
            spill,
            rooms: Mutex::default(),
        }
    }

    /// Chooses the shard of the next session of `room`.
    pub(crate) fn place(&self, room: RoomId) -> ShardId {
        let loads: Vec<Load> = self.shards.iter().map(|shard| shard.snapshot()).collect();
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let used = rooms.entry(room).or_default();
        let shard = choose(&loads, used, self.spill);
        if !used.contains(&shard) {
            used.push(shard);
        }
        ShardId(u8::try_from(shard).expect("at most 255 shards"))
    }

    /// Counts a session of `shard` as there until the value is dropped.
    pub(crate) fn expect_session(&self, shard: ShardId) -> Option<ExpectedSession> {
        let load = self.shards.get(usize::from(shard.0))?;
        load.expected.fetch_add(1, Ordering::Relaxed);
        Some(ExpectedSession(Arc::clone(load)))
    }

    /// Forgets a closed room.
    pub(crate) fn forget(&self, room: RoomId) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.remove(&room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPILL: SpillConfig = SpillConfig {
        sessions: 10,
        busy_permille: 600,
    };

    fn load(sessions: u32, busy_permille: u32) -> Load {
        Load {
            sessions,
            busy_permille,
        }
    }

    #[test]
    fn a_new_room_goes_to_the_shard_with_the_least_load() {
        assert_eq!(choose(&[load(3, 0), load(2, 0), load(4, 0)], &[], SPILL), 1);
        assert_eq!(choose(&[load(2, 300), load(3, 0)], &[], SPILL), 1);
        assert_eq!(choose(&[load(2, 50), load(3, 0)], &[], SPILL), 0);
    }

    #[test]
    fn a_room_stays_until_its_shard_is_outgrown() {
        assert_eq!(choose(&[load(9, 599), load(0, 0)], &[0], SPILL), 0);
        assert_eq!(choose(&[load(10, 0), load(0, 0)], &[0], SPILL), 1);
        assert_eq!(choose(&[load(1, 600), load(0, 0)], &[0], SPILL), 1);
    }

    #[test]
    fn a_room_returns_to_its_first_shard_that_has_capacity() {
        let loads = [load(10, 0), load(5, 0), load(0, 0)];
        assert_eq!(choose(&loads, &[0, 1], SPILL), 1);

        let loads = [load(9, 0), load(5, 0), load(0, 0)];
        assert_eq!(choose(&loads, &[0, 1], SPILL), 0);
    }

    #[test]
    fn a_limit_of_no_sessions_spreads_every_room() {
        let none = SpillConfig {
            sessions: 0,
            ..SPILL
        };
        assert_eq!(choose(&[load(1, 0), load(0, 0)], &[0], none), 1);
        assert_eq!(choose(&[load(1, 0), load(2, 0)], &[0, 1], none), 0);
    }

    #[test]
    fn sessions_that_are_being_created_count() {
        let shards = vec![Arc::default(), Arc::default()];
        let placement = Placement::new(shards, SPILL);
        let first = placement.place(RoomId(1));

        let expected = placement.expect_session(first);
        let second = placement.place(RoomId(2));
        drop(expected);
        let third = placement.place(RoomId(3));

        assert_ne!(second, first);
        assert_eq!(third, first);
    }

    #[test]
    fn a_closed_room_leaves_nothing_behind() {
        let placement = Placement::new(vec![Arc::default()], SPILL);
        placement.place(RoomId(1));

        placement.forget(RoomId(1));

        assert!(placement.rooms.lock().unwrap().is_empty());
    }
}
