//! Rate limits: how often somebody may do something.
//!
//! Invariants:
//! - over any span of `t` at most `burst + t / interval` requests of one key pass;
//! - at most so many keys are remembered. When they are full, those that have nothing left to pay go;
//!   if none has, a new key is refused, for a flood of keys must not make others be forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many in a span of time, all at once if need be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which span.
    pub per: Duration,
}

impl Rate {
    /// Allows `count` a minute. 0 counts as 1.
    #[must_use]
    pub const fn per_minute(count: u32) -> Self {
        let per = Duration::from_mins(1);
        Self { count, per }
    }

    /// Allows `count` an hour. 0 counts as 1.
    #[must_use]
    pub const fn per_hour(count: u32) -> Self {
        let per = Duration::from_hours(1);
        Self { count, per }
    }
}

/// Remembers who came how often.
#[derive(Debug)]
pub struct RateTable {
    /// By the hash of the key: when it will have nothing left to pay.
    paid_at: Mutex<HashMap<u64, Instant>>,
    /// Keyed anew in each process, so that nobody can make keys fall together.
    hasher: RandomState,
    keys_max: usize,
}

impl RateTable {
    /// Makes a table of at most `keys_max` keys.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self {
            paid_at: Mutex::default(),
            hasher: RandomState::new(),
            keys_max,
        }
    }

    /// Takes one request of `key` at `now`.
    ///
    /// # Errors
    ///
    /// How long to wait, if it may not pass; then it costs nothing.
    pub fn take(&self, key: impl Hash, rate: Rate, now: Instant) -> Result<(), Duration> {
        let key = self.hasher.hash_one(key);
        let interval = rate.per / rate.count.max(1);
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        if paid_at.len() >= self.keys_max && !paid_at.contains_key(&key) {
            paid_at.retain(|_, paid| *paid > now);
            if paid_at.len() >= self.keys_max {
                return Err(interval);
            }
        }
        let before = paid_at.get(&key).copied().unwrap_or(now).max(now);
        let after = before + interval;
        match (after - now).checked_sub(rate.per) {
            Some(wait) if !wait.is_zero() => Err(wait),
            Some(_) | None => {
                paid_at.insert(key, after);
                Ok(())
            }
        }
    }
}

/// Returns the network that counts as one address: of IPv6, what one customer usually has (/64).
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIVE: Rate = Rate::per_minute(5);

    #[test]
    fn a_burst_passes_and_then_one_in_each_interval() {
        let (table, now) = (RateTable::new(10), Instant::now());

        let passed = (0..100)
            .filter(|_| table.take("ana", FIVE, now).is_ok())
            .count();

        assert_eq!(passed, 5);
        assert_eq!(table.take("ana", FIVE, now), Err(Duration::from_secs(12)));
        assert_eq!(table.take("bob", FIVE, now), Ok(()));
        let later = now + Duration::from_secs(12);
        assert_eq!(table.take("ana", FIVE, later), Ok(()));
        assert_eq!(table.take("ana", FIVE, later), Err(Duration::from_secs(12)));
        assert_eq!(
            table.take("ana", FIVE, now + Duration::from_mins(10)),
            Ok(())
        );
    }

    #[test]
    fn a_full_table_forgets_those_who_paid_and_refuses_the_rest() {
        let (table, now) = (RateTable::new(3), Instant::now());
        for key in 0..3 {
            assert!(table.take(key, FIVE, now).is_ok());
        }

        assert!(table.take(3, FIVE, now).is_err());
        assert!(table.take(2, FIVE, now).is_ok(), "who is known goes on");
        let later = now + Duration::from_secs(13);
        assert!(table.take(3, FIVE, later).is_ok());
        assert_eq!(table.paid_at.lock().unwrap().len(), 2);
    }

    #[test]
    fn neighbours_in_an_ipv6_network_count_as_one() {
        let network = |text: &str| network_of(text.parse().unwrap()).to_string();

        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
    }

    proptest! {
        #[test]
        fn no_more_than_burst_and_rate_pass(gaps in prop::collection::vec(0_u64..20_000, 1..200)) {
            let (table, start) = (RateTable::new(10), Instant::now());
            let mut elapsed = Duration::ZERO;
            let mut passed = 0_u128;
            for gap in gaps {
                elapsed += Duration::from_millis(gap);
                if table.take("ana", FIVE, start + elapsed).is_ok() {
                    passed += 1;
                }
            }
            prop_assert!(passed <= 5 + elapsed.as_millis() / 12_000);
        }
    }
}
