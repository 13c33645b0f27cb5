//! The figures of a run, computed from its sums.

use std::time::Duration;

use crate::measure::{Counter, Histogram, Timing, Totals};
use crate::process::Usage;
use crate::units::{float, millis};

use super::Metric;

/// All that figures are computed from.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Peers of the plan.
    pub(crate) planned: u64,
    /// Sums of the measured time.
    pub(crate) window: Totals,
    /// Sums of the whole run.
    pub(crate) whole: Totals,
    /// How long was measured.
    pub(crate) time: Duration,
    /// The server's use at the beginning and the end of measuring.
    pub(crate) server: Option<(Usage, Usage)>,
    /// This program's use at the same moments.
    pub(crate) client: Option<(Usage, Usage)>,
    /// Datagrams that this program didn't read in time.
    pub(crate) dropped: Option<u64>,
}

/// Computes all figures, in the order of the table.
pub(crate) fn metrics(measured: &Measured) -> Vec<Metric> {
    [
        peers(measured),
        traffic(measured),
        quality(measured),
        machine(measured),
    ]
    .concat()
}

fn metric(
    name: &'static str,
    label: &'static str,
    unit: &'static str,
    value: impl Into<Option<f64>>,
) -> Metric {
    Metric {
        name,
        label,
        unit,
        value: value.into().filter(|value| value.is_finite()),
    }
}

fn at(histogram: &Histogram, share: f64) -> Option<f64> {
    histogram.percentile(share).map(millis)
}

fn peers(measured: &Measured) -> Vec<Metric> {
    let whole = &measured.whole;
    let count = |counter| float(whole[counter]);
    let join = whole.timing(Timing::Join);
    let signal = whole.timing(Timing::Signal);
    let first = whole.timing(Timing::FirstFrame);
    let resume = whole.timing(Timing::Resume);
    let resumptions = whole[Counter::Resumed] + whole[Counter::ResumeFailed];
    let resumed = |counter| (resumptions > 0).then(|| count(counter));
    vec![
        metric(
            "peers_planned",
            "Peers planned",
            "",
            float(measured.planned),
        ),
        metric("peers_joined", "Peers joined", "", count(Counter::Joined)),
        metric(
            "joins_failed",
            "Joins failed",
            "",
            count(Counter::JoinFailed),
        ),
        metric(
            "disconnects",
            "Disconnects",
            "",
            count(Counter::Disconnected),
        ),
        metric("signal_ms_p50", "First answer, p50", "ms", at(signal, 0.5)),
        metric("signal_ms_p95", "First answer, p95", "ms", at(signal, 0.95)),
        metric("join_ms_p50", "Join, p50", "ms", at(join, 0.5)),
        metric("join_ms_p95", "Join, p95", "ms", at(join, 0.95)),
        metric("join_ms_max", "Join, longest", "ms", join.max().map(millis)),
        metric(
            "peers_with_picture",
            "Checked viewers with a picture",
            "",
            float(first.count()),
        ),
        metric(
            "first_frame_ms_p50",
            "First picture, p50",
            "ms",
            at(first, 0.5),
        ),
        metric(
            "first_frame_ms_p95",
            "First picture, p95",
            "ms",
            at(first, 0.95),
        ),
        metric("resumes", "Resumed", "", resumed(Counter::Resumed)),
        metric(
            "resumes_failed",
            "Resumptions failed",
            "",
            resumed(Counter::ResumeFailed),
        ),
        metric("resume_ms_p95", "Resumption, p95", "ms", at(resume, 0.95)),
    ]
}

fn traffic(measured: &Measured) -> Vec<Metric> {
    let window = &measured.window;
    let seconds = measured.time.as_secs_f64();
    let rate = |counter| float(window[counter]) / seconds;
    let megabits = |counter| rate(counter) * 8e-6;
    let lost = window[Counter::Expected].saturating_sub(window[Counter::Arrived]);
    let packets = float(window[Counter::Packets]);
    vec![
        metric(
            "forwarded_packets_per_second",
            "Packets forwarded",
            "/s",
            rate(Counter::Packets),
        ),
        metric(
            "received_mbps",
            "Received",
            "Mbit/s",
            megabits(Counter::Bytes),
        ),
        metric(
            "published_packets_per_second",
            "Packets published",
            "/s",
            rate(Counter::PublishedPackets),
        ),
        metric(
            "published_mbps",
            "Published",
            "Mbit/s",
            megabits(Counter::PublishedBytes),
        ),
        metric(
            "loss_percent",
            "Lost",
            "%",
            float(lost) / float(window[Counter::Expected]) * 100.0,
        ),
        metric("lost_packets", "Packets lost", "", float(lost)),
        metric(
            "retransmitted_percent",
            "Retransmitted",
            "%",
            float(window[Counter::Repairs]) / packets * 100.0,
        ),
        metric(
            "padding_percent",
            "Padding packets",
            "%",
            float(window[Counter::Padding]) / packets * 100.0,
        ),
        metric(
            "foreign_packets",
            "Packets made by the server",
            "",
            float(window[Counter::Foreign]),
        ),
        metric(
            "corrupt_packets",
            "Packets corrupted",
            "",
            float(window[Counter::Corrupt]),
        ),
    ]
}

fn quality(measured: &Measured) -> Vec<Metric> {
    let window = &measured.window;
    let latency = window.timing(Timing::Latency);
    let count = |counter| float(window[counter]);
    let watched = count(Counter::WatchedMicros) * 1e-6;
    let is_watched = watched > 0.0;
    let seen = |value: f64| is_watched.then_some(value);
    vec![
        metric("latency_ms_p50", "Latency, p50", "ms", at(latency, 0.5)),
        metric("latency_ms_p95", "Latency, p95", "ms", at(latency, 0.95)),
        metric("latency_ms_p99", "Latency, p99", "ms", at(latency, 0.99)),
        metric(
            "latency_ms_max",
            "Latency, longest",
            "ms",
            latency.max().map(millis),
        ),
        metric(
            "frames_per_second",
            "Pictures of a video",
            "/s",
            seen(count(Counter::Frames) / watched),
        ),
        metric("freezes", "Freezes", "", seen(count(Counter::Freezes))),
        metric(
            "freeze_percent",
            "Time frozen",
            "%",
            seen(count(Counter::FreezeMicros) * 1e-4 / watched),
        ),
        metric(
            "layer_switches",
            "Layer switches",
            "",
            seen(count(Counter::LayerSwitches)),
        ),
        metric(
            "keyframes_asked",
            "Keyframes asked for",
            "",
            count(Counter::KeyframesAsked),
        ),
    ]
}

fn machine(measured: &Measured) -> Vec<Metric> {
    let seconds = measured.time.as_secs_f64();
    let packets = float(measured.window[Counter::Packets]);
    let spent = |(from, to): &(Usage, Usage)| to.cpu.saturating_sub(from.cpu).as_secs_f64();
    let server = measured.server.as_ref();
    let cpu = server.map(spent);
    let megabytes = |bytes: u64| float(bytes) * 1e-6;
    let lateness = measured.window.timing(Timing::Lateness);
    vec![
        metric(
            "server_cpu_us_per_packet",
            "Server CPU per packet",
            "µs",
            cpu.map(|cpu| cpu * 1e6 / packets),
        ),
        metric(
            "server_cpu_percent",
            "Server CPU",
            "% of a core",
            cpu.map(|cpu| cpu / seconds * 100.0),
        ),
        metric(
            "server_memory_mb",
            "Server memory",
            "MB",
            server.map(|(_, to)| megabytes(to.memory)),
        ),
        metric(
            "server_memory_peak_mb",
            "Server memory, most",
            "MB",
            server.map(|(_, to)| megabytes(to.memory_peak)),
        ),
        metric(
            "client_cpu_percent",
            "Client CPU",
            "% of a core",
            measured
                .client
                .as_ref()
                .map(|client| spent(client) / seconds * 100.0),
        ),
        metric(
            "client_dropped_packets",
            "Client dropped",
            "",
            measured.dropped.map(float),
        ),
        metric(
            "client_late_ms_p99",
            "Client late, p99",
            "ms",
            at(lateness, 0.99),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(measured: &Measured, name: &str) -> Option<f64> {
        let metrics = metrics(measured);
        let metric = metrics.iter().find(|metric| metric.name == name);
        metric.unwrap_or_else(|| panic!("no {name}")).value
    }

    fn measured() -> Measured {
        let mut window = Totals::default();
        window.add(Counter::Packets, 10_000);
        window.add(Counter::Bytes, 1_250_000);
        window.add(Counter::Expected, 1000);
        window.add(Counter::Arrived, 990);
        window.add(Counter::WatchedMicros, 20_000_000);
        window.add(Counter::FreezeMicros, 1_000_000);
        window.add(Counter::Frames, 600);
        let usage = |millis| Usage {
            cpu: Duration::from_millis(millis),
            memory: 50_000_000,
            memory_peak: 60_000_000,
        };
        Measured {
            planned: 5,
            window,
            whole: Totals::default(),
            time: Duration::from_secs(10),
            server: Some((usage(100), usage(150))),
            client: None,
            dropped: None,
        }
    }

    #[test]
    fn figures_are_what_their_names_say() {
        let measured = measured();
        for (name, expected) in [
            ("forwarded_packets_per_second", 1000.0),
            ("received_mbps", 1.0),
            ("loss_percent", 1.0),
            ("lost_packets", 10.0),
            ("frames_per_second", 30.0),
            ("freeze_percent", 5.0),
            ("server_cpu_us_per_packet", 5.0),
            ("server_cpu_percent", 0.5),
            ("server_memory_mb", 50.0),
        ] {
            let found = value(&measured, name).unwrap();
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        }
    }

    #[test]
    fn what_was_not_measured_has_no_value() {
        let nothing = Measured::default();
        for name in [
            "loss_percent",
            "latency_ms_p50",
            "server_cpu_us_per_packet",
            "client_cpu_percent",
            "freeze_percent",
            "resumes",
        ] {
            assert_eq!(value(&nothing, name), None, "{name}");
        }
    }

    #[test]
    fn names_are_unique() {
        let metrics = metrics(&Measured::default());
        let names: std::collections::HashSet<_> = metrics.iter().map(|m| m.name).collect();

        assert_eq!(names.len(), metrics.len());
    }
}
