//! What signalling counts.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// The metrics of signalling; all names begin with `clapt_signal_`.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Open WebSockets.
    pub(crate) sockets: IntGauge,
    /// Open rooms.
    pub(crate) rooms: IntGauge,
    /// Rooms that a bug has ended.
    pub(crate) room_panics: IntCounter,
    /// Participants in rooms, those who may still resume included.
    pub(crate) participants: IntGauge,
    /// Messages of clients, by kind.
    pub(crate) requests: IntCounterVec,
    /// Messages to clients.
    pub(crate) responses: IntCounter,
    /// What was refused, by reason.
    pub(crate) refused: IntCounterVec,
    /// Participants that left, by reason.
    pub(crate) departures: IntCounterVec,
    /// Data packets that were passed on.
    pub(crate) data_packets: IntCounter,
    /// Workers that are connected.
    pub(crate) agent_workers: IntGauge,
    /// Jobs of agents, by whether a worker took them.
    pub(crate) agent_jobs: IntCounterVec,
    /// Webhooks, by how they ended.
    pub(crate) webhook_events: IntCounterVec,
    /// WHIP and WHEP sessions.
    pub(crate) http_sessions: IntGaugeVec,
    /// WHIP and WHEP requests, by kind, method and status.
    pub(crate) http_requests: IntCounterVec,
    /// Calls of the server API, by method and result.
    pub(crate) api_requests: IntCounterVec,
    /// Seconds that calls of the server API took.
    pub(crate) api_seconds: Histogram,
    /// Reliable data packets that were sent again after a resume.
    pub(crate) data_replayed: IntCounter,
    /// Seconds from the opening of a socket to the join response.
    pub(crate) join_seconds: Histogram,
}

impl Metrics {
    /// Creates the metrics and registers them.
    ///
    /// # Errors
    ///
    /// An error of `prometheus` if they are registered already.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counters = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            prometheus::Result::Ok(counters)
        };
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let join_seconds = join_seconds(registry)?;
        let http_sessions = IntGaugeVec::new(
            Opts::new("clapt_signal_whip_sessions", "WHIP and WHEP sessions"),
            &["kind"],
        )?;
        registry.register(Box::new(http_sessions.clone()))?;
        let http_requests = IntCounterVec::new(
            Opts::new("clapt_signal_whip_requests_total", "WHIP and WHEP requests"),
            &["kind", "method", "status"],
        )?;
        registry.register(Box::new(http_requests.clone()))?;
        let api_requests = IntCounterVec::new(
            Opts::new("clapt_signal_api_requests_total", "Calls of the server API"),
            &["method", "code"],
        )?;
        registry.register(Box::new(api_requests.clone()))?;
        let api_seconds = Histogram::with_opts(HistogramOpts::new(
            "clapt_signal_api_seconds",
            "Seconds that calls of the server API took",
        ))?;
        registry.register(Box::new(api_seconds.clone()))?;
        Ok(Self {
            sockets: gauge("clapt_signal_sockets", "Open signalling WebSockets")?,
            rooms: gauge("clapt_signal_rooms", "Open rooms")?,
            room_panics: counter("clapt_signal_room_panics_total", "Rooms ended by a bug")?,
            participants: gauge("clapt_signal_participants", "Participants in rooms")?,
            requests: counters("clapt_signal_requests_total", "Messages of clients", "kind")?,
            responses: counter("clapt_signal_responses_total", "Messages to clients")?,
            refused: counters("clapt_signal_refused_total", "What was refused", "reason")?,
            departures: counters(
                "clapt_signal_departures_total",
                "Participants that left",
                "reason",
            )?,
            data_packets: counter(
                "clapt_signal_data_packets_total",
                "Data packets of clients that were passed on",
            )?,
            agent_workers: gauge("clapt_signal_agent_workers", "Connected agent workers")?,
            agent_jobs: counters("clapt_signal_agent_jobs_total", "Jobs of agents", "result")?,
            webhook_events: counters("clapt_signal_webhook_events_total", "Webhooks", "result")?,
            http_sessions,
            http_requests,
            api_requests,
            api_seconds,
            data_replayed: counter(
                "clapt_signal_data_replayed_total",
                "Reliable data packets that were sent again after a resume",
            )?,
            join_seconds,
        })
    }

    /// Counts something refused.
    pub(crate) fn refuse(&self, reason: &'static str) {
        self.refused.with_label_values(&[reason]).inc();
    }
}

fn join_seconds(registry: &Registry) -> prometheus::Result<Histogram> {
    let name = "clapt_signal_join_seconds";
    let help = "Seconds from the opening of a socket to the join response";
    let buckets = vec![0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
    let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}
