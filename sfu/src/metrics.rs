//! Media metrics.
//!
//! Shards count in plain numbers and publish the differences once a second, so that no packet waits
//! for another thread.

use engine::{Counters, LIMITS};
use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};

use crate::send::SendCounters;

/// What a shard counts at one moment: in its engine and beside it.
#[derive(Debug, Default, Clone)]
struct Snapshot {
    engine: Counters,
    shard: ShardCounters,
}

/// Reads one number from a snapshot.
type Read = fn(&Snapshot) -> u64;

/// Counters without labels: name, help, value.
const COUNTERS: [(&str, &str, Read); 16] = [
    (
        "clapt_datagrams_received_total",
        "UDP datagrams received",
        |now| now.engine.datagrams_in,
    ),
    (
        "clapt_received_bytes_total",
        "UDP payload received",
        |now| now.engine.bytes_in,
    ),
    ("clapt_datagrams_sent_total", "UDP datagrams sent", |now| {
        now.shard.sent.datagrams
    }),
    ("clapt_sent_bytes_total", "UDP payload sent", |now| {
        now.shard.sent.bytes
    }),
    (
        "clapt_send_calls_total",
        "System calls to send datagrams",
        |now| now.shard.sent.calls,
    ),
    (
        "clapt_packets_received_total",
        "Media packets received",
        |now| now.engine.packets_in,
    ),
    (
        "clapt_packets_recovered_total",
        "Packets of sound that were lost on their way in, and taken from later ones that repeat them",
        |now| now.engine.packets_recovered,
    ),
    (
        "clapt_packets_forwarded_total",
        "Media packets handed to subscribers",
        |now| now.engine.packets_forwarded,
    ),
    (
        "clapt_forwarded_bytes_total",
        "Payload of media packets handed to subscribers",
        |now| now.engine.bytes_forwarded,
    ),
    (
        "clapt_packets_repaired_total",
        "Media packets sent to subscribers once more, because they were lost",
        |now| now.engine.packets_repaired,
    ),
    (
        "clapt_packets_relayed_total",
        "Media packets handed to other shards",
        |now| now.engine.packets_relayed,
    ),
    (
        "clapt_relay_dropped_total",
        "Messages dropped because another shard's queue was full",
        |now| now.shard.relay_dropped,
    ),
    (
        "clapt_media_events_dropped_total",
        "Media events that signalling was too slow for",
        |now| now.shard.events_dropped,
    ),
    (
        "clapt_padding_packets_total",
        "Packets of padding, sent to try whether more gets through to a client",
        |now| now.engine.packets_padding,
    ),
    (
        "clapt_streams_paused_total",
        "Pictures paused because a client's way in did not carry them",
        |now| now.engine.pauses,
    ),
    (
        "clapt_session_panics_total",
        "Sessions ended by a panic",
        |now| now.engine.panics + now.shard.panics,
    ),
];

/// Gauges, summed up over the shards: name, help, value.
const GAUGES: [(&str, &str, Read); 6] = [
    ("clapt_sessions", "Media sessions", |now| {
        now.engine.sessions
    }),
    (
        "clapt_sessions_limited",
        "Media sessions whose way to the client was found not to carry everything",
        |now| now.engine.sessions_limited,
    ),
    (
        "clapt_sessions_estimated",
        "Media sessions whose clients tell which packets came, so that bandwidth is estimated by that",
        |now| now.engine.sessions_estimated,
    ),
    ("clapt_media_rooms", "Rooms, once for each shard", |now| {
        now.engine.rooms
    }),
    ("clapt_tracks", "Published tracks", |now| now.engine.tracks),
    (
        "clapt_subscriptions",
        "Subscriptions to tracks, paused ones included",
        |now| now.engine.subscriptions,
    ),
];

/// Keyframe requests: direction, type, value.
const KEYFRAME_REQUESTS: [([&str; 2], Read); 3] = [
    (["in", "pli"], |now| now.engine.pli_in),
    (["in", "fir"], |now| now.engine.fir_in),
    (["out", "pli"], |now| now.engine.pli_out),
];

/// Packets reported lost: direction, value.
const NACKS: [([&str; 1], Read); 2] = [
    (["in"], |now| now.engine.nacks_in),
    (["out"], |now| now.engine.nacks_out),
];

/// Tries for more bandwidth: result, value.
const PROBES: [([&str; 1], Read); 3] = [
    (["more"], |now| now.engine.probes_proved),
    (["no_more"], |now| now.engine.probes_failed),
    (["unheard"], |now| now.engine.probes_unheard),
];

/// Drops that are not the engine's: reason, value.
const DROPS: [([&str; 1], Read); 3] = [
    (["too_long"], |now| now.shard.dropped_too_long),
    (["send_queue_full"], |now| now.shard.sent.dropped_full),
    (["send_refused"], |now| now.shard.sent.dropped_refused),
];

/// All metrics of the media server; shared by its shards.
#[derive(Debug, Clone)]
pub(crate) struct MediaMetrics {
    counters: Vec<IntCounter>,
    gauges: Vec<IntGauge>,
    dropped: IntCounterVec,
    keyframe_requests: IntCounterVec,
    nacks: IntCounterVec,
    probes: IntCounterVec,
    limits: IntCounterVec,
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

    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> prometheus::Result<IntCounterVec> {
        self.put(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        buckets: Vec<f64>,
    ) -> prometheus::Result<Histogram> {
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.put(Histogram::with_opts(options)?)
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
        let batches = exponential_buckets(1.0, 2.0, 11)?;
        let counter = |(name, help, _): &(&str, &str, _)| make.put(IntCounter::new(*name, *help)?);
        let gauge = |(name, help, _): &(&str, &str, _)| make.put(IntGauge::new(*name, *help)?);
        let busy = Opts::new(
            "clapt_shard_busy_ratio",
            "CPU time of a shard's thread per second of the last interval",
        );
        Ok(Self {
            counters: COUNTERS.iter().map(counter).collect::<Result<_, _>>()?,
            gauges: GAUGES.iter().map(gauge).collect::<Result<_, _>>()?,
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
            probes: make.counters(
                "clapt_bandwidth_probes_total",
                "Tries whether more gets through to a client, by result",
                &["result"],
            )?,
            limits: make.counters(
                "clapt_bandwidth_limits_total",
                "How often a client's way in was found to carry at most so many bits per second",
                &["most"],
            )?,
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
    /// Sessions that ended because the whole shard panicked.
    pub(crate) panics: u64,
}

/// Publishes the counts of one shard.
#[derive(Debug)]
pub(crate) struct Publisher {
    metrics: MediaMetrics,
    shard: String,
    published: Snapshot,
}

impl Publisher {
    pub(crate) fn new(metrics: MediaMetrics, shard: String) -> Self {
        Self {
            metrics,
            shard,
            published: Snapshot::default(),
        }
    }

    /// Publishes what has happened since the last call; `busy` is the share of that time in which
    /// the shard's thread ran.
    pub(crate) fn publish(&mut self, engine: &Counters, shard: ShardCounters, busy: f64) {
        let engine = engine.clone();
        let now = Snapshot { engine, shard };
        let before = std::mem::replace(&mut self.published, now);
        let now = &self.published;
        let metrics = &self.metrics;
        let difference = |read: Read| read(now).saturating_sub(read(&before));

        for (counter, (_, _, read)) in metrics.counters.iter().zip(COUNTERS) {
            counter.inc_by(difference(read));
        }
        for (labels, read) in KEYFRAME_REQUESTS {
            let counter = metrics.keyframe_requests.with_label_values(&labels);
            counter.inc_by(difference(read));
        }
        for (labels, read) in NACKS {
            let counter = metrics.nacks.with_label_values(&labels);
            counter.inc_by(difference(read));
        }
        for (labels, read) in PROBES {
            let counter = metrics.probes.with_label_values(&labels);
            counter.inc_by(difference(read));
        }
        let most = LIMITS.iter().map(u64::to_string);
        let most = most.chain(["+Inf".to_owned()]);
        for (place, most) in most.enumerate() {
            let (now, before) = (now.engine.limits[place], before.engine.limits[place]);
            let counter = metrics.limits.with_label_values(&[&most]);
            counter.inc_by(now.saturating_sub(before));
        }
        for (labels, read) in DROPS {
            let counter = metrics.dropped.with_label_values(&labels);
            counter.inc_by(difference(read));
        }
        for ((drop, now), (_, before)) in now.engine.drops().zip(before.engine.drops()) {
            let counter = metrics.dropped.with_label_values(&[drop.label()]);
            counter.inc_by(now.saturating_sub(before));
        }
        for (gauge, (_, _, read)) in metrics.gauges.iter().zip(GAUGES) {
            gauge.add(read(now).cast_signed() - read(&before).cast_signed());
        }
        metrics.busy.with_label_values(&[&self.shard]).set(busy);
    }

    /// Takes back what the gauges say of this shard, whose engine has started anew or ended.
    pub(crate) fn reset_engine(&mut self) {
        for (gauge, (_, _, read)) in self.metrics.gauges.iter().zip(GAUGES) {
            gauge.sub(read(&self.published).cast_signed());
        }
        self.published.engine = Counters::default();
    }
}
