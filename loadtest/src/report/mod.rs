//! What a run found: a list of named figures, their course over time, and what went wrong.

pub(crate) mod html;
pub(crate) mod live;
pub(crate) mod metrics;
mod plot;
pub(crate) mod slo;
pub(crate) mod table;

use serde::Serialize;

use crate::scene::SceneOptions;

pub(crate) use metrics::{Measured, metrics};

/// A named figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// Its name, which ends in its unit; thresholds and comparisons go by it.
    pub name: &'static str,
    /// What it is called in tables.
    pub label: &'static str,
    /// Its unit in tables.
    pub unit: &'static str,
    /// The figure; nothing if there was nothing to measure.
    pub value: Option<f64>,
}

/// A second of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Point {
    /// Seconds since the run's beginning.
    pub at_seconds: f64,
    /// Peers that are in.
    pub peers: u64,
    /// Packets that subscribers received in a second.
    pub forwarded_packets_per_second: f64,
    /// What these were in bits.
    pub received_megabits_per_second: f64,
    /// Share of packets that were lost, in percent.
    pub loss_percent: f64,
    /// Half of the packets took less.
    pub latency_p50_ms: Option<f64>,
    /// 99 of 100 took less.
    pub latency_p99_ms: Option<f64>,
    /// Time of the server on a core, in percent of one.
    pub server_cpu_percent: Option<f64>,
    /// Memory of the server.
    pub server_memory_megabytes: Option<f64>,
    /// Time of this program on a core, in percent of one.
    pub client_cpu_percent: f64,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The version of this program.
    pub version: &'static str,
    /// Which server was measured, by the name given to it or its address.
    pub server: String,
    /// What was done.
    pub options: SceneOptions,
    /// When it began, in seconds since 1970.
    pub began_at: u64,
    /// What was found.
    pub metrics: Vec<Metric>,
    /// Second by second.
    pub timeline: Vec<Point>,
    /// When measuring began, in seconds since the run's beginning.
    pub measured_from_seconds: f64,
    /// Latency by percentile: percent and milliseconds.
    pub latency_curve: Vec<(f64, f64)>,
    /// What went wrong on the way, the first few.
    pub notes: Vec<String>,
}

impl Report {
    /// Gives a figure by its name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        let metric = self.metrics.iter().find(|metric| metric.name == name);
        metric.and_then(|metric| metric.value)
    }
}
