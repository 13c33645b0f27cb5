//! What all rooms and sockets share.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use service::Config;
use sfu::Sfu;

use crate::ids;
use crate::metrics::Metrics;
use crate::policy::RoomPolicy;
use crate::revocations::Revocations;
use crate::room::{self, RoomHandle};
use crate::room_settings::RoomSettings;

/// Bytes of the trailer that marks frames which the server has put into an encrypted track.
const SIF_TRAILER_BYTES: usize = 32;

/// One per process.
pub(crate) struct Shared {
    pub(crate) sfu: Sfu,
    pub(crate) config: Arc<Config>,
    pub(crate) policy: Arc<dyn RoomPolicy>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) rooms: Rooms,
    pub(crate) revocations: Revocations,
    pub(crate) node_id: String,
    pub(crate) sif_trailer: Vec<u8>,
    /// No more sockets are taken.
    pub(crate) is_draining: AtomicBool,
    next_number: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        sfu: Sfu,
        config: Arc<Config>,
        policy: Arc<dyn RoomPolicy>,
        metrics: Metrics,
    ) -> Self {
        let revocations = Revocations::new(config.limit.revocations_max);
        Self {
            sfu,
            config,
            policy,
            metrics: Arc::new(metrics),
            rooms: Rooms::default(),
            revocations,
            node_id: ids::node_id(),
            sif_trailer: rand::random::<[u8; SIF_TRAILER_BYTES]>().to_vec(),
            is_draining: AtomicBool::new(false),
            next_number: AtomicU64::new(1),
        }
    }

    /// Numbers rooms and sockets; no number comes twice.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Finds the room `name`, or opens it with `settings`.
    pub(crate) fn open_room(self: &Arc<Self>, name: &str, settings: &RoomSettings) -> RoomHandle {
        let open = || {
            let number = self.next_number();
            room::open(name.to_owned(), settings.clone(), number, Arc::clone(self))
        };
        match self.rooms.lock().entry(name.to_owned()) {
            Entry::Occupied(entry) if !entry.get().is_closed() => entry.get().clone(),
            Entry::Occupied(mut entry) => {
                entry.insert(open());
                entry.get().clone()
            }
            Entry::Vacant(entry) => entry.insert(open()).clone(),
        }
    }
}

/// The open rooms by name. Bounded by the sockets, as each room has had at least one, and by
/// `limit.rooms_max`, as the server API opens no more.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<HashMap<String, RoomHandle>>);

impl Rooms {
    /// Finds an open room.
    pub(crate) fn find(&self, name: &str) -> Option<RoomHandle> {
        let rooms = self.lock();
        rooms.get(name).filter(|room| !room.is_closed()).cloned()
    }

    /// Counts the open rooms.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Lists the open rooms.
    pub(crate) fn all(&self) -> Vec<RoomHandle> {
        self.lock().values().cloned().collect()
    }

    /// Takes a room out, if it is the one meant and not a later one of the same name.
    pub(crate) fn remove(&self, name: &str, is_meant: impl Fn(&RoomHandle) -> bool) {
        let mut rooms = self.lock();
        if rooms.get(name).is_some_and(is_meant) {
            rooms.remove(name);
        }
    }

    /// The map stays whole when a thread panics, since nothing is called while it is changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, RoomHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
