//! What the way to a client can carry.
//!
//! Optimistic: nothing is known, and nothing limited, until packets queue up or get lost for a while. The
//! limit then is what has arrived. It rises by what is tried out: see [`ramp`](super::ramp).
//!
//! Loss alone is a suspicion: radio loses packets at any rate. If as much is lost after sending less, it
//! was not the rate, and the limit is taken back.
//!
//! Bounds: [`WINDOWS_MAX`] windows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::window::Window;

/// Two and a half seconds.
const WINDOWS_MAX: usize = 12;

/// A queue counts when no packet of so many windows got by it within so much time.
const QUEUE_WINDOWS: usize = 3;
const QUEUE_MICROS: i64 = 100_000;

/// By how much the queue grows over these windows if too much is sent; else it stands, as behind the
/// download of somebody else, or is none at all but a longer route.
const GROWTH_MICROS: i64 = 15_000;

/// A queue that is full does not grow, it overflows.
const OVERFLOW_LOSS: f32 = 0.03;

/// Loss that counts: over two seconds, or so much over one.
const LOSS: f32 = 0.12;
const LOSS_SUDDEN: f32 = 0.3;
const SECOND_MICROS: u64 = 1_000_000;

/// Fewer packets tell no share.
const LOSS_PACKETS_MIN: u32 = 20;

/// If so much of the loss is left when less is sent, the rate was not its cause.
const LOSS_LEFT: f32 = 0.6;

/// Less loss than this is no reason to take a picture away entirely.
const LOSS_UNBEARABLE: f32 = 0.35;

/// A limit is so many percent of what arrived while too much was sent, so that the queue drains.
const LIMIT_PERCENT: u64 = 85;
/// And of the limit before.
const FALL_PERCENT: u64 = 95;

/// How long a new limit takes to show: a keyframe of a lower layer, and the queue.
const HOLD: Duration = Duration::from_millis(1500);

/// What the way is taken to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) bits_per_second: u64,
    /// Whether pictures may be taken away entirely for it.
    pub(crate) may_pause: bool,
}

/// A limit that may have been an error.
#[derive(Debug, Clone, Copy)]
struct Suspicion {
    loss: f32,
    before: Option<Limit>,
}

/// Estimates one way.
#[derive(Debug)]
pub(crate) struct Estimator {
    least: u64,
    limit: Option<Limit>,
    windows: VecDeque<Window>,
    hold_until: Option<Instant>,
    /// Loss that does not depend on the rate.
    own_loss: f32,
    suspicion: Option<Suspicion>,
}

impl Estimator {
    /// No limit will be below `least`, in bits per second.
    pub(crate) fn new(least: u64) -> Self {
        Self {
            least,
            limit: None,
            windows: VecDeque::new(),
            hold_until: None,
            own_loss: 0.0,
            suspicion: None,
        }
    }

    /// The limit; `None`: none is known of.
    pub(crate) fn limit(&self) -> Option<Limit> {
        self.limit
    }

    /// Share of packets that is lost at any rate.
    pub(crate) fn own_loss(&self) -> f32 {
        self.own_loss
    }

    /// Sets the limit to what was tried out.
    pub(crate) fn raise(&mut self, bits_per_second: u64) {
        if let Some(limit) = &mut self.limit {
            limit.bits_per_second = limit.bits_per_second.max(bits_per_second);
        }
    }

    /// There is no limit any more.
    pub(crate) fn lift(&mut self) {
        self.limit = None;
        self.suspicion = None;
    }

    /// The way has changed: what it told before is forgotten, and a limit was another way's if it `leads_elsewhere`.
    pub(crate) fn handle_new_way(&mut self, leads_elsewhere: bool) {
        self.windows.clear();
        self.hold_until = None;
        if leads_elsewhere {
            self.own_loss = 0.0;
            self.lift();
        } else if let Some(suspicion) = self.suspicion.take() {
            self.limit = suspicion.before;
        }
    }

    /// Takes what a window tells. Says whether too much was sent.
    pub(crate) fn handle_window(&mut self, now: Instant, window: Window) -> bool {
        if self.hold_until.is_some_and(|until| now < until) {
            return false;
        }
        if self.hold_until.take().is_some() {
            self.windows.clear();
        }
        if self.windows.len() == WINDOWS_MAX {
            self.windows.pop_front();
        }
        self.windows.push_back(window);
        self.resolve_suspicion();
        if let Some(loss) = self.loss_over(2 * SECOND_MICROS) {
            self.own_loss = self.own_loss.min(loss);
        }
        if self.has_growing_queue() {
            self.suspicion = None;
            self.fall(now, true);
            return true;
        }
        if let Some(loss) = self.excessive_loss() {
            self.suspicion = Some(Suspicion {
                loss,
                before: self.limit,
            });
            self.fall(now, loss >= LOSS_UNBEARABLE);
            return true;
        }
        if window.queue_micros < QUEUE_MICROS / 2 {
            self.raise(window.bits_per_second);
        }
        false
    }

    /// Takes what a client itself says that it can get, when that is less than is sent.
    pub(crate) fn handle_estimate(&mut self, now: Instant, bits_per_second: u64) {
        self.set(now, bits_per_second, true);
    }

    fn fall(&mut self, now: Instant, may_pause: bool) {
        let arrived = self.throughput() * LIMIT_PERCENT / 100;
        let before = self.limit.map(|limit| limit.bits_per_second);
        let fallen = before.map_or(arrived, |before| arrived.min(before * FALL_PERCENT / 100));
        self.set(now, fallen, may_pause);
    }

    fn set(&mut self, now: Instant, bits_per_second: u64, may_pause: bool) {
        self.limit = Some(Limit {
            bits_per_second: bits_per_second.max(self.least),
            may_pause,
        });
        self.hold_until = Some(now + HOLD);
    }

    /// What arrived in the last windows, in bits per second.
    fn throughput(&self) -> u64 {
        let latest = self.windows.iter().rev().take(QUEUE_WINDOWS);
        let (mut bits, mut micros) = (0_u64, 0_u64);
        for window in latest {
            let rate = window.bits_per_second.min(1 << 40);
            bits = bits.saturating_add(rate.saturating_mul(window.micros) / SECOND_MICROS);
            micros = micros.saturating_add(window.micros);
        }
        bits.saturating_mul(SECOND_MICROS) / micros.max(1)
    }

    fn has_growing_queue(&self) -> bool {
        let Some(first) = self.windows.len().checked_sub(QUEUE_WINDOWS) else {
            return false;
        };
        let mut latest = self
            .windows
            .range(first..)
            .map(|window| window.queue_micros);
        if !latest.clone().all(|queue| queue > QUEUE_MICROS) {
            return false;
        }
        let (first, last) = (latest.next(), latest.next_back());
        let grown = last
            .zip(first)
            .map_or(0, |(last, first)| last.saturating_sub(first));
        let loss = self.loss_over(SECOND_MICROS).unwrap_or(0.0);
        let overflows = grown > -GROWTH_MICROS && loss > self.own_loss + OVERFLOW_LOSS;
        grown >= GROWTH_MICROS || overflows
    }

    fn excessive_loss(&self) -> Option<f32> {
        let latest = self.loss_over(SECOND_MICROS)?;
        let for_long = self.loss_over(2 * SECOND_MICROS).unwrap_or(0.0);
        let is_excessive =
            latest > self.own_loss + LOSS_SUDDEN || latest.min(for_long) > self.own_loss + LOSS;
        is_excessive.then_some(latest)
    }

    /// Looks whether less is lost since less is sent.
    fn resolve_suspicion(&mut self) {
        let Some((suspicion, loss)) = self.suspicion.zip(self.loss_over(SECOND_MICROS)) else {
            return;
        };
        self.suspicion = None;
        let is_own = loss > suspicion.loss * LOSS_LEFT && loss < LOSS_UNBEARABLE;
        let has_queue = self
            .windows
            .iter()
            .any(|window| window.queue_micros > QUEUE_MICROS);
        if is_own && !has_queue {
            self.own_loss = loss;
            self.limit = suspicion.before;
        } else if let Some(limit) = &mut self.limit {
            limit.may_pause = true;
        }
    }

    /// The share of packets that was lost over the last `micros`; `None` if that is not known yet.
    fn loss_over(&self, micros: u64) -> Option<f32> {
        let (mut span, mut lost, mut all) = (0, 0_u32, 0_u32);
        for window in self.windows.iter().rev() {
            span += window.micros;
            lost = lost.saturating_add(window.lost);
            all = all.saturating_add(window.lost.saturating_add(window.received));
            if span >= micros {
                return (all >= LOSS_PACKETS_MIN).then(|| share(lost, all));
            }
        }
        None
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
fn share(part: u32, of: u32) -> f32 {
    part as f32 / of as f32
}

#[cfg(test)]
#[path = "estimator_tests.rs"]
mod tests;
