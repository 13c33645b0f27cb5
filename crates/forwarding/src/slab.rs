//! A small slab with generational keys.
//!
//! Invariants:
//! - a key never reaches a value other than the one it was made for: a slot that is used again has a
//!   new generation, and a slot whose generations are used up is never used again;
//! - reading by key is one bounds check and one comparison.

/// Names a published track within its [`Room`](crate::Room). Stays invalid for ever once the track
/// is unpublished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackKey(Key);

/// Names a subscription within its [`Room`](crate::Room). Stays invalid for ever once the
/// subscription or its track ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubscriptionKey(Key);

impl SubscriptionKey {
    /// Gives the place of the subscription among those of its room: small and used again, for tables.
    #[must_use]
    pub fn index(self) -> usize {
        self.0.index as usize
    }
}

/// Where a value lies and which of the successive values of that place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// A key type of one slab.
pub(crate) trait SlabKey: Copy {
    fn from_key(key: Key) -> Self;
    fn key(self) -> Key;
}

impl SlabKey for TrackKey {
    fn from_key(key: Key) -> Self {
        Self(key)
    }

    fn key(self) -> Key {
        self.0
    }
}

impl SlabKey for SubscriptionKey {
    fn from_key(key: Key) -> Self {
        Self(key)
    }

    fn key(self) -> Key {
        self.0
    }
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Values by key. Holds as many slots as there were values at once at most.
#[derive(Debug)]
pub(crate) struct Slab<K, T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    key_type: std::marker::PhantomData<K>,
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            key_type: std::marker::PhantomData,
        }
    }
}

impl<K: SlabKey, T> Slab<K, T> {
    /// Stores `value` and gives its key.
    pub(crate) fn insert(&mut self, value: T) -> K {
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.value = Some(value);
            return K::from_key(Key {
                index,
                generation: slot.generation,
            });
        }
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 values fit in memory");
        self.slots.push(Slot {
            generation: 0,
            value: Some(value),
        });
        K::from_key(Key {
            index,
            generation: 0,
        })
    }

    /// Takes the value of `key` out; afterwards the key is invalid.
    pub(crate) fn remove(&mut self, key: K) -> Option<T> {
        let key = key.key();
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        let value = slot.value.take()?;
        // A slot at its last generation is given up rather than reused with an old key.
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(key.index);
        }
        Some(value)
    }

    pub(crate) fn get(&self, key: K) -> Option<&T> {
        let key = key.key();
        let slot = self.slots.get(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let key = key.key();
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.value.as_mut()
    }

    /// Goes through all values in the order of their slots.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.slots.iter_mut().enumerate().filter_map(|(at, slot)| {
            let index = u32::try_from(at).ok()?;
            let generation = slot.generation;
            let value = slot.value.as_mut()?;
            Some((K::from_key(Key { index, generation }), value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_does_not_reach_the_value_that_took_its_slot() {
        let mut slab: Slab<TrackKey, &str> = Slab::default();

        let first = slab.insert("first");
        slab.remove(first);
        let second = slab.insert("second");

        assert_ne!(first, second);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
    }

    #[test]
    fn a_slot_without_generations_left_is_given_up() {
        let mut slab: Slab<TrackKey, u8> = Slab::default();
        let first = slab.insert(1);
        slab.slots[0].generation = u32::MAX;
        let last = TrackKey(Key {
            index: 0,
            generation: u32::MAX,
        });

        assert_eq!(slab.remove(last), Some(1));
        let next = slab.insert(2);

        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get(last), None);
        assert_eq!(slab.get(next), Some(&2));
        assert_eq!(slab.slots.len(), 2);
    }

    #[test]
    fn iteration_gives_working_keys() {
        let mut slab: Slab<TrackKey, u8> = Slab::default();
        let keys = [slab.insert(1), slab.insert(2), slab.insert(3)];
        slab.remove(keys[1]);

        let found: Vec<(TrackKey, u8)> =
            slab.iter_mut().map(|(key, value)| (key, *value)).collect();

        assert_eq!(found, [(keys[0], 1), (keys[2], 3)]);
    }
}
