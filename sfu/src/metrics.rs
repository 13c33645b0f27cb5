//! Media metrics.
//!
//! Shards count in plain numbers and publish the differences once a second, so that no packet waits
//! for another thread.

use engine::Counters;
use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};

use crate::send::SendCounters;

/// All metrics of the media server; shared by its shards.
#[derive(Debug, Clone)]
pub(crate) struct MediaMetrics {
    datagrams_received: IntCounter,
    received_bytes: IntCounter,
    datagrams_sent: IntCounter,
    sent_bytes: IntCounter,
    send_calls: IntCounter,
    packets_received: IntCounter,
    packets_forwarded: IntCounter,
    forwarded_bytes: IntCounter,
    packets_relayed: IntCounter,
    relay_dropped: IntCounter,
    dropped: IntCounterVec,
    keyframe_requests: IntCounterVec,
    nacks: IntCounterVec,
    panics: IntCounter,
    events_dropped: IntCounter,
    sessions: IntGauge,
    rooms: IntGauge,
    tracks: IntGauge,
    busy: GaugeVec,
    pub(crate) forward_delay: Histogram,
    pub(crate) receive_batch: Histogram,
    pub(crate) send_batch: Histogram,
}

/// Registers what it makes.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn put<C: Collector + Clone + 'static>(&self, metric: C) -> prometheus::Result<C> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.put(IntCounter::new(name, help)?)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.put(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.put(IntGauge::new(name, help)?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: Vec<f64>,
    ) -> prometheus::Result<Histogram> {
        self.put(Histogram::with_opts(
            HistogramOpts::new(name, help).buckets(buckets),
        )?)
    }
}

impl MediaMetrics {
    /// Registers the metrics.
    ///
    /// # Errors
    ///
    /// If one of the names is taken.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let make = Maker(registry);
        let counter = |name, help| make.counter(name, help);
        let batches = exponential_buckets(1.0, 2.0, 11)?;
        let busy = Opts::new(
            "clapt_shard_busy_ratio",
            "CPU time of a shard's thread per second of the last interval",
        );
        Ok(Self {
            datagrams_received: counter(
                "clapt_datagrams_received_total",
                "UDP datagrams received",
            )?,
            received_bytes: counter("clapt_received_bytes_total", "UDP payload received")?,
            datagrams_sent: counter("clapt_datagrams_sent_total", "UDP datagrams sent")?,
            sent_bytes: counter("clapt_sent_bytes_total", "UDP payload sent")?,
            send_calls: counter("clapt_send_calls_total", "System calls to send datagrams")?,
            packets_received: counter("clapt_packets_received_total", "Media packets received")?,
            packets_forwarded: counter(
                "clapt_packets_forwarded_total",
                "Media packets handed to subscribers",
            )?,
            forwarded_bytes: counter(
                "clapt_forwarded_bytes_total",
                "Payload of media packets handed to subscribers",
            )?,
            packets_relayed: counter(
                "clapt_packets_relayed_total",
                "Media packets handed to other shards",
            )?,
            relay_dropped: counter(
                "clapt_relay_dropped_total",
                "Messages dropped because another shard's queue was full",
            )?,
            dropped: make.counters(
                "clapt_packets_dropped_total",
                "Datagrams and packets that went no further, by reason",
                &["reason"],
            )?,
            keyframe_requests: make.counters(
                "clapt_keyframe_requests_total",
                "Keyframe requests from subscribers (in) and to publishers (out)",
                &["direction", "type"],
            )?,
            nacks: make.counters(
                "clapt_nacked_packets_total",
                "Packets reported lost by subscribers (in) and to publishers (out)",
                &["direction"],
            )?,
            panics: counter("clapt_session_panics_total", "Sessions ended by a panic")?,
            events_dropped: counter(
                "clapt_media_events_dropped_total",
                "Media events that signalling was too slow for",
            )?,
            sessions: make.gauge("clapt_sessions", "Media sessions")?,
            rooms: make.gauge("clapt_media_rooms", "Rooms, once for each shard they use")?,
            tracks: make.gauge("clapt_tracks", "Published tracks")?,
            busy: make.put(GaugeVec::new(busy, &["shard"])?)?,
            forward_delay: make.histogram(
                "clapt_forward_delay_seconds",
                "From a datagram's arrival in the kernel to handing what it caused back to it",
                exponential_buckets(0.000_05, 2.0, 13)?,
            )?,
            receive_batch: make.histogram(
                "clapt_receive_batch_datagrams",
                "Datagrams received in one turn of a shard",
                batches.clone(),
            )?,
            send_batch: make.histogram(
                "clapt_send_batch_datagrams",
                "Datagrams sent in one turn of a shard",
                batches,
            )?,
        })
    }
}

/// What a shard counts beside its engine.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ShardCounters {
    /// What was sent.
    pub(crate) sent: SendCounters,
    /// Datagrams longer than any that is meant for us.
    pub(crate) dropped_too_long: u64,
    /// Messages to other shards that found no room.
    pub(crate) relay_dropped: u64,
    /// Events that signalling was too slow for.
    pub(crate) events_dropped: u64,
}

/// Publishes the counts of one shard.
#[derive(Debug)]
pub(crate) struct Publisher {
    metrics: MediaMetrics,
    shard: String,
    engine: Counters,
    counters: ShardCounters,
}

impl Publisher {
    pub(crate) fn new(metrics: MediaMetrics, shard: String) -> Self {
        Self {
            metrics,
            shard,
            engine: Counters::default(),
            counters: ShardCounters::default(),
        }
    }

    /// Publishes what has happened since the last call; `busy` is the share of that time in which
    /// the shard's thread ran.
    pub(crate) fn publish(&mut self, engine: &Counters, counters: ShardCounters, busy: f64) {
        let metrics = &self.metrics;
        let (old, old_shard) = (&self.engine, self.counters);
        let (sent, old_sent) = (counters.sent, old_shard.sent);
        for (counter, now, before) in [
            (
                &metrics.datagrams_received,
                engine.datagrams_in,
                old.datagrams_in,
            ),
            (&metrics.received_bytes, engine.bytes_in, old.bytes_in),
            (&metrics.datagrams_sent, sent.datagrams, old_sent.datagrams),
            (&metrics.sent_bytes, sent.bytes, old_sent.bytes),
            (&metrics.send_calls, sent.calls, old_sent.calls),
            (&metrics.packets_received, engine.packets_in, old.packets_in),
            (
                &metrics.packets_forwarded,
                engine.packets_forwarded,
                old.packets_forwarded,
            ),
            (
                &metrics.forwarded_bytes,
                engine.bytes_forwarded,
                old.bytes_forwarded,
            ),
            (
                &metrics.packets_relayed,
                engine.packets_relayed,
                old.packets_relayed,
            ),
            (
                &metrics.relay_dropped,
                counters.relay_dropped,
                old_shard.relay_dropped,
            ),
            (
                &metrics.events_dropped,
                counters.events_dropped,
                old_shard.events_dropped,
            ),
            (&metrics.panics, engine.panics, old.panics),
        ] {
            counter.inc_by(now.saturating_sub(before));
        }
        for (labels, now, before) in [
            (["in", "pli"], engine.pli_in, old.pli_in),
            (["in", "fir"], engine.fir_in, old.fir_in),
            (["out", "pli"], engine.pli_out, old.pli_out),
        ] {
            let counter = metrics.keyframe_requests.with_label_values(&labels);
            counter.inc_by(now.saturating_sub(before));
        }
        for (direction, now, before) in [
            ("in", engine.nacks_in, old.nacks_in),
            ("out", engine.nacks_out, old.nacks_out),
        ] {
            let counter = metrics.nacks.with_label_values(&[direction]);
            counter.inc_by(now.saturating_sub(before));
        }
        let ours = [
            (
                "too_long",
                counters.dropped_too_long,
                old_shard.dropped_too_long,
            ),
            ("send_queue_full", sent.dropped_full, old_sent.dropped_full),
            (
                "send_refused",
                sent.dropped_refused,
                old_sent.dropped_refused,
            ),
        ];
        let of_engine = engine.drops().zip(old.drops());
        let of_engine = of_engine.map(|((drop, now), (_, before))| (drop.label(), now, before));
        for (reason, now, before) in ours.into_iter().chain(of_engine) {
            let counter = metrics.dropped.with_label_values(&[reason]);
            counter.inc_by(now.saturating_sub(before));
        }
        for (gauge, now, before) in [
            (&metrics.sessions, engine.sessions, old.sessions),
            (&metrics.rooms, engine.rooms, old.rooms),
            (&metrics.tracks, engine.tracks, old.tracks),
        ] {
            gauge.add(now.cast_signed() - before.cast_signed());
        }
        metrics.busy.with_label_values(&[&self.shard]).set(busy);
        self.engine = engine.clone();
        self.counters = counters;
    }

    /// Takes back what the gauges say of this shard, whose engine has started anew or ended.
    pub(crate) fn reset_engine(&mut self) {
        for (gauge, count) in [
            (&self.metrics.sessions, self.engine.sessions),
            (&self.metrics.rooms, self.engine.rooms),
            (&self.metrics.tracks, self.engine.tracks),
        ] {
            gauge.sub(count.cast_signed());
        }
        self.engine = Counters::default();
    }
}
