//! A room on one shard: what `forwarding` decides for, and whom its decisions reach.

use std::collections::HashMap;

use forwarding::{RoomOptions, SubscriptionKey, TrackKey};

use crate::RoomId;
use crate::egress::StreamKey;
use crate::timers::Timer;

pub(crate) struct Room {
    pub(crate) id: RoomId,
    pub(crate) media: forwarding::Room,
    /// Index of each track of the room, published here or relayed.
    pub(crate) tracks: HashMap<TrackKey, usize>,
    subscribers: Vec<Option<Subscriber>>,
    pub(crate) timer: Timer,
    pub(crate) is_touched: bool,
}

/// Where the packets of a subscription go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscriber {
    pub(crate) key: SubscriptionKey,
    pub(crate) session: usize,
    pub(crate) stream: StreamKey,
    /// Whether a packet has gone to it.
    pub(crate) is_served: bool,
}

impl Room {
    pub(crate) fn new(id: RoomId, options: RoomOptions) -> Self {
        Self {
            id,
            media: forwarding::Room::new(options),
            tracks: HashMap::new(),
            subscribers: Vec::new(),
            timer: Timer::default(),
            is_touched: false,
        }
    }

    pub(crate) fn add_subscriber(&mut self, subscriber: Subscriber) {
        let index = subscriber.key.index();
        if self.subscribers.len() <= index {
            self.subscribers.resize(index + 1, None);
        }
        self.subscribers[index] = Some(subscriber);
    }

    #[cfg(feature = "testing")]
    pub(crate) fn len(&self) -> usize {
        self.subscribers.len()
    }

    pub(crate) fn remove_subscriber(&mut self, key: SubscriptionKey) {
        let slot = self.subscribers.get_mut(key.index());
        if let Some(slot) = slot
            && slot.is_some_and(|subscriber| subscriber.key == key)
        {
            *slot = None;
        }
    }

    /// Finds where the packets of a subscription go: one index, one comparison.
    pub(crate) fn subscriber_mut(&mut self, key: SubscriptionKey) -> Option<&mut Subscriber> {
        let subscriber = self.subscribers.get_mut(key.index())?.as_mut()?;
        (subscriber.key == key).then_some(subscriber)
    }
}
