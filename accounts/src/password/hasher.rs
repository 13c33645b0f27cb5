//! Hashing passwords with argon2id, a few at a time.
//!
//! One hash takes 19 MiB and tens of milliseconds by design, so floods of sign-ins are bounded here:
//! so many run at once, so many wait, and who comes then is told to come again.
//!
//! Invariant: [`Hasher::verify`] does one hash, whether there is an account to compare with or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prometheus::IntCounter;
use rand::Rng;
use service::config::{AccountsConfig, LimitConfig};
use thiserror::Error;
use tokio::sync::Semaphore;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum HashError {
    /// `limit.password_hashes_waiting_max` are waiting: answer 503.
    #[error("too many passwords wait to be hashed")]
    Busy,
    /// A bug, or memory has run out.
    #[error("hashing a password failed")]
    Failed,
}

/// Hashes and compares.
#[derive(Debug)]
pub(crate) struct Hasher {
    params: Params,
    /// Something to compare with where there is no account. No password leads to it.
    dummy: String,
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    hashes: IntCounter,
    busy: IntCounter,
}

impl Hasher {
    /// Makes it with the costs that are configured. `hashes` counts them, `busy` those who
    /// were told to come again.
    pub(crate) fn new(
        config: &AccountsConfig,
        limit: &LimitConfig,
        hashes: IntCounter,
        busy: IntCounter,
    ) -> Result<Self, argon2::Error> {
        let params = Params::new(
            config.password_memory_kib,
            config.password_iterations,
            config.password_parallelism,
            Some(HASH_BYTES),
        )?;
        let mut random = rand::rng();
        let (salt, hash): ([u8; SALT_BYTES], [u8; HASH_BYTES]) = (random.random(), random.random());
        Ok(Self {
            dummy: encode(&params, &salt, &hash),
            params,
            running: Arc::new(Semaphore::new(limit.password_hashes_at_once)),
            waiting: AtomicUsize::new(0),
            waiting_max: limit.password_hashes_waiting_max,
            hashes,
            busy,
        })
    }

    /// Makes what is kept of a new password: a string in the PHC format.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub(crate) async fn hash(&self, password: &str) -> Result<String, HashError> {
        let salt: [u8; SALT_BYTES] = rand::rng().random();
        let params = self.params.clone();
        let hash = self.run(password, params, salt.to_vec()).await?;
        Ok(encode(&self.params, &salt, &hash))
    }

    /// Says whether `password` is the one of `stored`. Without an account it is not, in equal time.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub(crate) async fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<bool, HashError> {
        let Decoded { params, salt, hash } =
            decode(stored.unwrap_or(&self.dummy)).ok_or(HashError::Failed)?;
        let actual = self.run(password, params, salt).await?;
        let differing = actual
            .iter()
            .zip(&hash)
            .fold(0, |acc, (a, b)| acc | (a ^ b));
        Ok(stored.is_some() && hash.len() == actual.len() && differing == 0)
    }

    /// Says whether `stored` was made at other costs, so that it should be made anew.
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        decode(stored).is_none_or(|decoded| {
            let costs = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
            costs(&decoded.params) != costs(&self.params)
        })
    }

    async fn run(
        &self,
        password: &str,
        params: Params,
        salt: Vec<u8>,
    ) -> Result<[u8; HASH_BYTES], HashError> {
        let _waiting = Waiting::enter(&self.waiting, self.waiting_max).ok_or_else(|| {
            self.busy.inc();
            HashError::Busy
        })?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(|_| HashError::Failed)?;
        self.hashes.inc();
        let password = password.as_bytes().to_vec();
        let task = tokio::task::spawn_blocking(move || {
            let _running = running;
            let mut hash = [0; HASH_BYTES];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(&password, &salt, &mut hash)
                .map(|()| hash)
        });
        task.await
            .map_err(|_| HashError::Failed)?
            .map_err(|_| HashError::Failed)
    }
}

/// A place among those who wait or run.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Decoded {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// Writes `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
fn encode(params: &Params, salt: &[u8], hash: &[u8]) -> String {
    format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash)
    )
}

fn decode(text: &str) -> Option<Decoded> {
    let rest = text.strip_prefix("$argon2id$v=19$")?;
    let mut parts = rest.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut costs = costs.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, iterations, parallelism) = (cost("m=")?, cost("t=")?, cost("p=")?);
    Some(Decoded {
        params: Params::new(memory, iterations, parallelism, Some(HASH_BYTES)).ok()?,
        salt: STANDARD_NO_PAD.decode(salt).ok()?,
        hash: STANDARD_NO_PAD.decode(hash).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(memory_kib: u32, waiting_max: usize) -> Hasher {
        let config = AccountsConfig {
            password_memory_kib: memory_kib,
            password_iterations: 1,
            ..AccountsConfig::default()
        };
        let limit = LimitConfig {
            password_hashes_at_once: 1,
            password_hashes_waiting_max: waiting_max,
            ..LimitConfig::default()
        };
        let counter = |name| IntCounter::new(name, "Counts.").unwrap();
        Hasher::new(&config, &limit, counter("hashes"), counter("busy")).unwrap()
    }

    #[tokio::test]
    async fn only_the_password_itself_passes() {
        let hasher = hasher(64, 10);
        let stored = hasher.hash("correct horse battery").await.unwrap();

        assert!(
            hasher
                .verify("correct horse battery", Some(&stored))
                .await
                .unwrap()
        );
        assert!(
            !hasher
                .verify("Correct horse battery", Some(&stored))
                .await
                .unwrap()
        );
        assert!(!hasher.verify("", Some(&stored)).await.unwrap());
        assert_ne!(
            stored,
            hasher.hash("correct horse battery").await.unwrap(),
            "salted"
        );
        assert!(!stored.contains("horse"));
    }

    #[tokio::test]
    async fn without_an_account_as_much_is_hashed_and_nothing_passes() {
        let hasher = hasher(64, 10);
        let stored = hasher.hash("correct horse battery").await.unwrap();
        let before = hasher.hashes.get();

        assert!(!hasher.verify("correct horse battery", None).await.unwrap());
        let without = hasher.hashes.get() - before;
        hasher.verify("wrong", Some(&stored)).await.unwrap();

        assert_eq!((without, hasher.hashes.get() - before), (1, 2));
    }

    #[tokio::test]
    async fn a_hash_at_other_costs_passes_and_is_known_to_be_outdated() {
        let (old, new) = (hasher(64, 10), hasher(128, 10));
        let stored = old.hash("correct horse battery").await.unwrap();

        assert!(
            new.verify("correct horse battery", Some(&stored))
                .await
                .unwrap()
        );
        assert!(new.is_outdated(&stored) && !old.is_outdated(&stored));
        for broken in ["", "$argon2id$v=19$m=1", "$2b$10$abc"] {
            assert_eq!(new.verify("x", Some(broken)).await, Err(HashError::Failed));
        }
    }

    #[tokio::test]
    async fn only_so_many_wait() {
        let hasher = hasher(64, 2);
        let place = Arc::clone(&hasher.running).acquire_owned().await.unwrap();
        let mut waiting = Box::pin(async {
            tokio::join!(hasher.hash("one"), hasher.hash("two"), hasher.hash("three"))
        });

        let started = futures_util::poll!(&mut waiting);
        drop(place);
        let (one, two, three) = waiting.await;

        assert!(started.is_pending());
        assert!(one.is_ok() && two.is_ok());
        assert_eq!((three, hasher.busy.get()), (Err(HashError::Busy), 1));
        assert!(hasher.hash("four").await.is_ok());
    }
}
