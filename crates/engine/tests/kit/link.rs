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
    /// Bits per second that get through; none: any number.
    pub(crate) rate: Option<u64>,
    /// How long a datagram may wait for those before it; what would wait longer is lost.
    pub(crate) queue: Duration,
    /// Of losses, how many come with so many more: bursts, of the same share in all.
    pub(crate) burst: u64,
    burst_left: u64,
    free_at: Option<Instant>,
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
            rate: None,
            queue: Duration::from_millis(400),
            burst: 1,
            burst_left: 0,
            free_at: None,
            last_arrival: None,
        }
    }
}

impl Link {
    /// Loses everything.
    pub(crate) const CUT: u64 = 1000;

    /// Says when a datagram of `bytes` arrives; `None`: it is lost.
    pub(crate) fn travel(&mut self, now: Instant, bytes: usize, rng: &mut Rng) -> Option<Instant> {
        if self.is_lost(rng) {
            return None;
        }
        let now = self.wait(now, bytes)?;
        let jitter = u64::try_from(self.jitter.as_micros()).expect("jitter is short");
        let arrival = now + self.delay + Duration::from_micros(rng.below(jitter + 1));
        if rng.below(1000) < self.reorder_permille {
            return Some(arrival + OVERTAKEN_BY);
        }
        let arrival = self.last_arrival.map_or(arrival, |last| last.max(arrival));
        self.last_arrival = Some(arrival);
        Some(arrival)
    }

    fn is_lost(&mut self, rng: &mut Rng) -> bool {
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return true;
        }
        let is_lost = rng.below(1000 * self.burst) < self.loss_permille;
        if is_lost {
            self.burst_left = self.burst - 1;
        }
        is_lost
    }

    /// Waits for those before it, and gives when it has left.
    fn wait(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let Some(rate) = self.rate else {
            return Some(now);
        };
        let begins = self.free_at.map_or(now, |free_at| free_at.max(now));
        if begins - now > self.queue {
            return None;
        }
        // UDP and IPv4 add 28 bytes.
        let bytes = u64::try_from(bytes + 28).expect("datagrams are short");
        let leaves = begins + Duration::from_micros(bytes * 8_000_000 / rate);
        self.free_at = Some(leaves);
        Some(leaves)
    }
}
