//! The network between one peer and the server, one direction of it.

use std::time::{Duration, Instant};

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Gives a number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Gives `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}

/// What happens to datagrams on their way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) delay: Duration,
    /// Added to the delay, evenly spread; it does not reorder.
    pub(crate) jitter: Duration,
    /// Of 1000 datagrams, how many are lost.
    pub(crate) loss_permille: u64,
    /// Of 1000 datagrams, how many are overtaken by those of the next [`OVERTAKEN_BY`].
    pub(crate) reorder_permille: u64,
    last_arrival: Option<Instant>,
}

/// How much later a datagram comes that is overtaken.
const OVERTAKEN_BY: Duration = Duration::from_millis(30);

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            jitter: Duration::from_millis(4),
            loss_permille: 0,
            reorder_permille: 0,
            last_arrival: None,
        }
    }
}

impl Link {
    /// Loses everything.
    pub(crate) const CUT: u64 = 1000;

    /// Says when a datagram arrives; `None`: it is lost.
    pub(crate) fn travel(&mut self, now: Instant, rng: &mut Rng) -> Option<Instant> {
        if rng.below(1000) < self.loss_permille {
            return None;
        }
        let jitter = u64::try_from(self.jitter.as_micros()).expect("jitter is short");
        let arrival = now + self.delay + Duration::from_micros(rng.below(jitter + 1));
        if rng.below(1000) < self.reorder_permille {
            return Some(arrival + OVERTAKEN_BY);
        }
        let arrival = self.last_arrival.map_or(arrival, |last| last.max(arrival));
        self.last_arrival = Some(arrival);
        Some(arrival)
    }
}
