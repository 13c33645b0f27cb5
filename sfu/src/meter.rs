//! Measuring a shard: batch sizes, delay and CPU time, published once a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Counters, ShardId};
use nix::time::{ClockId, clock_gettime};
use prometheus::local::LocalHistogram;

use crate::metrics::{MediaMetrics, Publisher, ShardCounters};
use crate::placement::ShardLoad;
use crate::send::SendCounters;

const INTERVAL: Duration = Duration::from_secs(1);

/// Measures one shard, on its thread.
#[derive(Debug)]
pub(crate) struct Meter {
    publisher: Publisher,
    load: Arc<ShardLoad>,
    forward_delay: LocalHistogram,
    receive_batch: LocalHistogram,
    send_batch: LocalHistogram,
    dropped_too_long: u64,
    panics: u64,
    published: Instant,
    cpu: Duration,
}

impl Meter {
    pub(crate) fn new(
        metrics: MediaMetrics,
        shard: ShardId,
        load: Arc<ShardLoad>,
        now: Instant,
    ) -> Self {
        Self {
            forward_delay: metrics.forward_delay.local(),
            receive_batch: metrics.receive_batch.local(),
            send_batch: metrics.send_batch.local(),
            publisher: Publisher::new(metrics, shard.0.to_string()),
            load,
            dropped_too_long: 0,
            panics: 0,
            published: now,
            cpu: thread_cpu(),
        }
    }

    /// Counts a datagram that is longer than any that is meant for us.
    pub(crate) fn count_too_long(&mut self) {
        self.dropped_too_long += 1;
    }

    /// Notes a turn that received and sent so many datagrams; `age` tells how long ago the first of
    /// them was received.
    pub(crate) fn turn(
        &mut self,
        received: usize,
        sent: usize,
        age: impl FnOnce() -> Option<Duration>,
    ) {
        if received > 0 {
            self.receive_batch.observe(as_f64(received));
        }
        if sent > 0 {
            self.send_batch.observe(as_f64(sent));
        }
        if received > 0
            && sent > 0
            && let Some(age) = age()
        {
            self.forward_delay.observe(age.as_secs_f64());
        }
    }

    /// When to publish next.
    pub(crate) fn due(&self) -> Instant {
        self.published + INTERVAL
    }

    /// Tells whether to publish now.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.due()
    }

    /// Publishes what was counted and measured since the last time.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        engine: &Counters,
        sent: SendCounters,
        relay_dropped: u64,
        events_dropped: u64,
    ) {
        let cpu = thread_cpu();
        let wall = now.saturating_duration_since(self.published);
        let busy = cpu.saturating_sub(self.cpu).as_secs_f64() / wall.as_secs_f64().max(1e-3);
        (self.cpu, self.published) = (cpu, now);
        let busy_permille = Duration::from_secs_f64(busy.clamp(0.0, 1.0)).as_millis();
        self.load
            .set_busy_permille(u32::try_from(busy_permille).unwrap_or(1000));
        self.load
            .set_sessions(u32::try_from(engine.sessions).unwrap_or(u32::MAX));
        let counters = ShardCounters {
            sent,
            dropped_too_long: self.dropped_too_long,
            panics: self.panics,
            relay_dropped,
            events_dropped,
        };
        self.publisher.publish(engine, counters, busy);
        self.forward_delay.flush();
        self.receive_batch.flush();
        self.send_batch.flush();
    }

    /// Notes that the engine has started anew after a panic that ended so many sessions; even if there
    /// were none it shows.
    pub(crate) fn begin_anew(&mut self, sessions: usize) {
        self.panics += sessions.max(1) as u64;
        self.reset();
    }

    fn reset(&mut self) {
        self.load.set_sessions(0);
        self.publisher.reset_engine();
    }

    /// Takes the shard out of the metrics that tell of now.
    pub(crate) fn end(&mut self) {
        self.reset();
        self.load.set_busy_permille(0);
    }
}

/// CPU time of this thread; zero if the system doesn't tell.
fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
