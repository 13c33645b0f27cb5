//! Tokens that count no more, because their holder was removed from a room.
//!
//! Whoever is removed could come back with the token that it has. So a removal also refuses tokens
//! for that room and identity that were good before it; a token made later lets its holder in again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use auth::Claims;

/// Removals that are remembered. The oldest is forgotten first; tokens of that age have mostly
/// expired.
const REVOCATIONS_MAX: usize = 10_000;

/// What was revoked.
#[derive(Debug, Default)]
pub(crate) struct Revocations(Mutex<Revoked>);

#[derive(Debug, Default)]
struct Revoked {
    /// Tokens for this room and identity count if they are good only from then on.
    not_before: HashMap<(String, String), u64>,
    order: VecDeque<(String, String)>,
}

impl Revocations {
    /// Refuses tokens for `room` and `identity` whose `nbf` is before `not_before`, in seconds since
    /// 1970. Tokens without `nbf` are refused for ever.
    pub(crate) fn revoke(&self, room: &str, identity: &str, not_before: u64) {
        let mut revoked = self.lock();
        let key = (room.to_owned(), identity.to_owned());
        if let Some(place) = revoked.not_before.get_mut(&key) {
            *place = not_before.max(*place);
            return;
        }
        revoked.not_before.insert(key.clone(), not_before);
        revoked.order.push_back(key);
        if revoked.order.len() > REVOCATIONS_MAX
            && let Some(oldest) = revoked.order.pop_front()
        {
            revoked.not_before.remove(&oldest);
        }
    }

    /// Asks whether a token for `room` counts no more.
    pub(crate) fn is_revoked(&self, room: &str, claims: &Claims) -> bool {
        let key = (room.to_owned(), claims.identity.clone());
        let revoked = self.lock();
        let not_before = revoked.not_before.get(&key);
        not_before.is_some_and(|not_before| claims.nbf < *not_before)
    }

    /// The maps stay whole when a thread panics, since nothing is called while they are changed.
    fn lock(&self) -> MutexGuard<'_, Revoked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(identity: &str, nbf: u64) -> Claims {
        Claims {
            nbf,
            ..Claims::for_room(identity, "yoga", 2000)
        }
    }

    #[test]
    fn tokens_from_before_a_removal_are_refused_and_later_ones_are_not() {
        let revocations = Revocations::default();

        revocations.revoke("yoga", "alice", 1000);
        revocations.revoke("yoga", "alice", 900);

        assert!(revocations.is_revoked("yoga", &token("alice", 999)));
        assert!(revocations.is_revoked("yoga", &token("alice", 0)));
        assert!(!revocations.is_revoked("yoga", &token("alice", 1000)));
        assert!(!revocations.is_revoked("yoga", &token("bob", 0)));
        assert!(!revocations.is_revoked("chess", &token("alice", 0)));
    }

    #[test]
    fn no_more_than_so_many_removals_are_remembered() {
        let revocations = Revocations::default();

        for number in 0..=REVOCATIONS_MAX {
            revocations.revoke("yoga", &number.to_string(), 1000);
        }

        assert!(!revocations.is_revoked("yoga", &token("0", 0)));
        assert!(revocations.is_revoked("yoga", &token("1", 0)));
        let revoked = revocations.lock();
        assert_eq!(revoked.not_before.len(), REVOCATIONS_MAX);
        assert_eq!(revoked.order.len(), REVOCATIONS_MAX);
    }
}
