//! Tokens that are signed and not yet over, but no longer mean what they say: their holder was
//! removed, or was given other permissions.
//!
//! LiveKit's tokens carry no number, so that tokens are told apart by when they were made: those
//! older than the decision are concerned, later ones are not.
//!
//! Invariant: a token that was made before a removal opens the room to nobody, and one that was made
//! before a change of permissions opens it with the new ones.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use auth::{Claims, VideoGrant};

/// How far the clock of whoever makes tokens may be ahead: as far as `auth` lets it.
const LEEWAY_SECONDS: u64 = auth::NOT_BEFORE_LEEWAY_SECONDS;

/// What holds for tokens that are older than a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Tokens that were good before this time are concerned, in seconds since 1970.
    before: u64,
    /// `None`: they are refused.
    grant: Option<VideoGrant>,
}

impl Verdict {
    /// Refuses tokens made before `before`; 0 means all that can exist at `now`, those of a backend
    /// whose clock is ahead included.
    pub(crate) fn refuse(before: i64, now: u64) -> Self {
        let before = u64::try_from(before).ok().filter(|before| *before > 0);
        Self {
            before: before.unwrap_or(now.saturating_add(LEEWAY_SECONDS)),
            grant: None,
        }
    }

    /// Lets tokens made until `now` give `grant` instead of their own.
    pub(crate) fn regrant(grant: VideoGrant, now: u64) -> Self {
        Self {
            before: now.saturating_add(1),
            grant: Some(grant),
        }
    }
}

/// A verdict, with the end of the token that was in use when it was made.
#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    exp: u64,
}

type Key = (String, String);

/// The verdicts on tokens, by room and identity.
///
/// Bounded: when there are too many, the oldest one is forgotten.
#[derive(Debug)]
pub(crate) struct Revocations {
    entries_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_key: HashMap<Key, Entry>,
    /// In the order of the first verdict on each.
    order: VecDeque<Key>,
}

impl Revocations {
    /// Starts with none; `entries_max` is how many are kept.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            inner: Mutex::default(),
        }
    }

    /// Passes a verdict on the tokens for `room` that the holder of `claims` has.
    pub(crate) fn add(&self, room: &str, claims: &Claims, verdict: Verdict) {
        let key = (room.to_owned(), claims.identity.clone());
        let exp = claims.exp;
        let mut inner = self.lock();
        let entry = Entry { verdict, exp };
        if inner.by_key.insert(key.clone(), entry).is_none() {
            inner.order.push_back(key);
            if inner.order.len() > self.entries_max
                && let Some(oldest) = inner.order.pop_front()
            {
                inner.by_key.remove(&oldest);
            }
        }
    }

    /// Applies the verdicts to a token that wants to enter `room`; false if it is refused.
    pub(crate) fn admit(&self, room: &str, claims: &mut Claims) -> bool {
        let inner = self.lock();
        let key = (room.to_owned(), claims.identity.clone());
        let Some(entry) = inner
            .by_key
            .get(&key)
            .filter(|entry| entry.is_about(claims))
        else {
            return true;
        };
        match &entry.verdict.grant {
            Some(grant) => {
                claims.video = Some(grant.clone());
                true
            }
            None => false,
        }
    }

    /// The maps stay whole when a thread panics, since nothing is called while they are changed.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// A token without a beginning is older than the verdict if it ends no later than the one that was
    /// in use then, as makers of such tokens give all of them the same length.
    fn is_about(&self, claims: &Claims) -> bool {
        if claims.nbf > 0 {
            claims.nbf < self.verdict.before
        } else {
            claims.exp <= self.exp
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn token(identity: &str, nbf: u64, exp: u64) -> Claims {
        Claims {
            nbf,
            ..Claims::for_room(identity, "yoga", exp)
        }
    }

    #[test]
    fn tokens_from_before_a_removal_are_refused_and_later_ones_are_not() {
        let revocations = Revocations::new(10);
        let held = token("eve", NOW - 100, NOW + 500);

        revocations.add("yoga", &held, Verdict::refuse(0, NOW));

        let admit = |room: &str, claims: Claims| revocations.admit(room, &mut claims.clone());
        assert!(!admit("yoga", held.clone()));
        assert!(!admit("yoga", token("eve", NOW + 59, NOW + 9000)));
        assert!(admit("yoga", token("eve", NOW + 60, NOW + 9000)));
        assert!(admit("pilates", held));
        assert!(admit("yoga", token("bob", NOW - 100, NOW + 500)));
    }

    #[test]
    fn the_backend_may_say_which_tokens_are_too_old() {
        let revocations = Revocations::new(10);
        let held = token("eve", NOW - 100, NOW + 500);

        revocations.add("yoga", &held, Verdict::refuse(1_799_999_950, NOW));

        let admit = |nbf| revocations.admit("yoga", &mut token("eve", nbf, NOW + 500));
        assert!(!admit(NOW - 51));
        assert!(admit(NOW - 50));
    }

    #[test]
    fn tokens_without_a_beginning_are_told_apart_by_their_end() {
        let revocations = Revocations::new(10);
        revocations.add("yoga", &token("eve", 0, NOW + 500), Verdict::refuse(0, NOW));

        let admit = |exp| revocations.admit("yoga", &mut token("eve", 0, exp));

        assert!(!admit(NOW + 500));
        assert!(admit(NOW + 501));
    }

    #[test]
    fn an_old_token_gives_the_permissions_that_were_set_since() {
        let revocations = Revocations::new(10);
        let mut held = token("eve", NOW - 100, NOW + 500);
        let grant = VideoGrant {
            can_publish: Some(false),
            ..held.video.clone().unwrap()
        };
        revocations.add("yoga", &held, Verdict::regrant(grant.clone(), NOW));

        assert!(revocations.admit("yoga", &mut held));
        assert_eq!(held.video, Some(grant));
        let mut fresh = token("eve", NOW + 1, NOW + 500);
        assert!(revocations.admit("yoga", &mut fresh));
        assert!(fresh.video.unwrap().may_publish());
    }

    #[test]
    fn the_oldest_verdict_goes_when_there_are_too_many() {
        let revocations = Revocations::new(2);
        for identity in ["a", "b", "b", "c"] {
            let held = token(identity, NOW - 1, NOW + 500);
            revocations.add("yoga", &held, Verdict::refuse(0, NOW));
        }

        let admit = |identity| revocations.admit("yoga", &mut token(identity, NOW - 1, NOW + 500));
        assert!(admit("a") && !admit("b") && !admit("c"));
        let inner = revocations.lock();
        assert_eq!((inner.by_key.len(), inner.order.len()), (2, 2));
    }
}
