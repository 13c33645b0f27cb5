//! The view while a run goes on: a few lines that are drawn over, or plain lines where no terminal
//! is.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

use super::Point;
use super::table::number;

/// Columns of the progress bar.
const BAR: usize = 40;

/// Seconds between two plain lines.
const PLAIN_EVERY: u64 = 5;

/// Levels of the graph of packets per second.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Time since its beginning.
    pub(crate) now: Duration,
    /// When measuring begins.
    pub(crate) measure_from: Duration,
    /// When it ends.
    pub(crate) end: Duration,
}

/// Draws the view on standard error.
#[derive(Debug)]
pub(crate) struct Live {
    is_terminal: bool,
    is_quiet: bool,
    title: String,
    drawn: usize,
    lines: u64,
}

impl Live {
    pub(crate) fn new(title: String, is_quiet: bool) -> Self {
        let is_terminal = stderr().is_terminal();
        Self {
            is_terminal,
            is_quiet,
            title,
            drawn: 0,
            lines: 0,
        }
    }

    /// Shows where the run is.
    pub(crate) fn show(&mut self, progress: Progress, points: &[Point]) {
        let Some(point) = points.last() else {
            return;
        };
        if self.is_quiet {
            return;
        }
        let mut out = stderr().lock();
        // What can't be shown is not worth ending a run.
        if self.is_terminal {
            let lines = panel(&self.title, progress, points);
            if self.drawn > 0 {
                let _ = write!(out, "\x1b[{}A", self.drawn);
            }
            for line in &lines {
                let _ = writeln!(out, "\x1b[2K{line}");
            }
            self.drawn = lines.len();
        } else {
            if self.lines.is_multiple_of(PLAIN_EVERY) {
                let _ = writeln!(out, "{}", plain(progress, point));
            }
            self.lines += 1;
        }
        let _ = out.flush();
    }
}

fn phase(progress: Progress) -> &'static str {
    if progress.now < progress.measure_from {
        "arriving"
    } else if progress.now < progress.end {
        "measuring"
    } else {
        "done"
    }
}

fn plain(progress: Progress, point: &Point) -> String {
    format!(
        "{:>4} of {} s  {:9}  {} peers  {} packets/s  {} Mbit/s  {} % lost{}",
        progress.now.as_secs(),
        progress.end.as_secs(),
        phase(progress),
        point.peers,
        number(point.forwarded_packets_per_second.round()),
        number(point.received_megabits_per_second),
        number(point.loss_percent),
        tail(point),
    )
}

fn tail(point: &Point) -> String {
    let mut text = String::new();
    if let (Some(half), Some(most)) = (point.latency_p50_ms, point.latency_p99_ms) {
        text = format!("  latency {} / {} ms", number(half), number(most));
    }
    if let Some(cpu) = point.server_cpu_percent {
        text = format!("{text}  server {} %", number(cpu.round()));
    }
    text
}

fn panel(title: &str, progress: Progress, points: &[Point]) -> Vec<String> {
    let share = progress.now.as_secs_f64() / progress.end.as_secs_f64().max(1e-9);
    let filled = crate::units::length(share.min(1.0) * crate::units::size(BAR));
    let bar = format!("{}{}", "━".repeat(filled), "─".repeat(BAR - filled));
    let recent = &points[points.len().saturating_sub(BAR)..];
    let rates = recent
        .iter()
        .map(|point| point.forwarded_packets_per_second);
    let point = points.last().cloned().unwrap_or_default();
    let server = point.server_cpu_percent.map_or_else(String::new, |cpu| {
        let memory = point.server_memory_megabytes.unwrap_or_default();
        format!(
            "server {} % of a core, {} MB · ",
            number(cpu.round()),
            number(memory.round())
        )
    });
    let latency = match (point.latency_p50_ms, point.latency_p99_ms) {
        (Some(half), Some(most)) => format!("{} / {} ms", number(half), number(most)),
        _ => "–".to_owned(),
    };
    vec![
        format!("\x1b[1m{title}\x1b[0m"),
        format!(
            "\x1b[36m{bar}\x1b[0m {:>4} / {} s  {}",
            progress.now.as_secs(),
            progress.end.as_secs(),
            phase(progress)
        ),
        format!("\x1b[36m{}\x1b[0m", graph(rates)),
        format!(
            "{} peers · {} packets/s · {} Mbit/s · {} % lost",
            point.peers,
            number(point.forwarded_packets_per_second.round()),
            number(point.received_megabits_per_second),
            number(point.loss_percent),
        ),
        format!(
            "latency p50 / p99 {latency} · {server}client {} %",
            number(point.client_cpu_percent.round())
        ),
    ]
}

/// Draws rates as bars, the highest full.
fn graph(rates: impl Iterator<Item = f64> + Clone) -> String {
    let most = rates.clone().fold(1.0, f64::max);
    let levels = rates.map(|rate| crate::units::length(rate / most * 7.0).min(7));
    levels.map(|level| LEVELS[level]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESS: Progress = Progress {
        now: Duration::from_secs(10),
        measure_from: Duration::from_secs(5),
        end: Duration::from_secs(20),
    };

    #[test]
    fn the_graph_is_as_high_as_the_highest() {
        assert_eq!(graph([0.0, 50.0, 100.0].into_iter()), "▁▅█");
        assert_eq!(graph(std::iter::empty::<f64>()), "");
    }

    #[test]
    fn the_bar_is_half_full_in_the_middle() {
        let lines = panel("x", PROGRESS, &[Point::default()]);

        assert_eq!(lines[1].matches('━').count(), BAR / 2);
        assert_eq!(lines[1].matches('─').count(), BAR / 2);
        assert!(lines[1].ends_with("measuring"));
    }

    #[test]
    fn a_plain_line_says_what_matters() {
        let point = Point {
            peers: 7,
            forwarded_packets_per_second: 1234.4,
            latency_p50_ms: Some(1.0),
            latency_p99_ms: Some(5.5),
            server_cpu_percent: Some(20.0),
            ..Point::default()
        };

        let line = plain(PROGRESS, &point);

        assert!(line.contains("7 peers  1234 packets/s"), "{line}");
        assert!(line.contains("latency 1 / 5.50 ms  server 20 %"), "{line}");
    }
}
