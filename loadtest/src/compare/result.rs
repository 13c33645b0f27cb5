//! What a comparison found: spreads of both servers' figures, and of the ratios of each round.

use std::fmt::Write;

use serde::Serialize;

use crate::report::html::{escape, page};
use crate::report::table::{heading, number};
use crate::report::{Metric, Report};
use crate::scene::SceneOptions;

/// Figures that are compared.
const COMPARED: [&str; 16] = [
    "server_cpu_us_per_packet",
    "server_cpu_percent",
    "server_memory_mb",
    "forwarded_packets_per_second",
    "received_mbps",
    "loss_percent",
    "latency_ms_p50",
    "latency_ms_p95",
    "latency_ms_p99",
    "join_ms_p50",
    "join_ms_p95",
    "first_frame_ms_p50",
    "frames_per_second",
    "freeze_percent",
    "client_late_ms_p99",
    "client_dropped_packets",
];

/// The least, the middle and the most of some values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The least.
    pub(crate) min: f64,
    /// The middle; of an even number the mean of the two in the middle.
    pub(crate) median: f64,
    /// The most.
    pub(crate) max: f64,
}

impl Spread {
    /// Of some values; nothing if there are none.
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { min, median, max })
    }
}

/// One figure of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is called.
    pub(crate) label: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// Of the first server.
    pub(crate) a: Option<Spread>,
    /// Of the second.
    pub(crate) b: Option<Spread>,
    /// The second's divided by the first's, round by round.
    pub(crate) ratio: Option<Spread>,
}

/// A comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// What was done.
    pub(crate) options: SceneOptions,
    /// The names of both.
    pub(crate) names: (String, String),
    /// Figure by figure.
    pub(crate) rows: Vec<Row>,
    /// All runs, round by round.
    pub(crate) rounds: Vec<(Report, Report)>,
}

impl Comparison {
    pub(crate) fn new(options: SceneOptions, rounds: Vec<(Report, Report)>) -> Self {
        let metrics = rounds
            .first()
            .map(|(a, _)| a.metrics.as_slice())
            .unwrap_or_default();
        let names = rounds
            .first()
            .map(|(a, b)| (a.server.clone(), b.server.clone()));
        let compared = COMPARED.iter();
        let metrics = compared.filter_map(|name| metrics.iter().find(|m| m.name == *name));
        Self {
            rows: metrics.map(|metric| row(metric, &rounds)).collect(),
            names: names.unwrap_or_default(),
            options,
            rounds,
        }
    }

    /// What was done, in a few words.
    fn title(&self) -> String {
        let heading = self
            .rounds
            .first()
            .map(|(a, _)| heading(a))
            .unwrap_or_default();
        format!("{heading}, {} rounds", self.rounds.len())
    }

    /// The result as a table in Markdown, which reads well as it is.
    pub(crate) fn table(&self) -> String {
        let (a, b) = &self.names;
        let head = [
            self.title(),
            a.clone(),
            b.clone(),
            format!("{b} ÷ {a}: min / median / max"),
        ];
        let mut rows: Vec<[String; 4]> = vec![head.map(|cell| cell.replace('|', "\\|"))];
        for row in self
            .rows
            .iter()
            .filter(|row| row.a.is_some() || row.b.is_some())
        {
            let unit = if row.unit.is_empty() {
                String::new()
            } else {
                format!(", {}", row.unit)
            };
            let spread = |spread: Option<Spread>| {
                spread.map_or_else(
                    || "–".to_owned(),
                    |spread| {
                        let [min, median, max] =
                            [spread.min, spread.median, spread.max].map(number);
                        format!("{median} ({min} to {max})")
                    },
                )
            };
            let ratio = row.ratio.map_or_else(
                || "–".to_owned(),
                |ratio| {
                    let [min, median, max] = [ratio.min, ratio.median, ratio.max].map(number);
                    format!("{min} / {median} / {max}")
                },
            );
            rows.push([
                format!("{}{unit}", row.label),
                spread(row.a),
                spread(row.b),
                ratio,
            ]);
        }
        layout(&rows)
    }

    /// The result as a page.
    pub(crate) fn page(&self) -> String {
        let (a, b) = &self.names;
        let most = self
            .rows
            .iter()
            .filter_map(|row| row.ratio)
            .map(|ratio| ratio.max);
        let most = most.fold(1.0, f64::max);
        let least = self
            .rows
            .iter()
            .filter_map(|row| row.ratio)
            .map(|ratio| ratio.min);
        let least = least.filter(|ratio| *ratio > 0.0).fold(1.0, f64::min);
        let place = |ratio: f64| {
            let span = (most / least).ln().max(1e-9);
            ((ratio.max(least) / least).ln() / span * 100.0).clamp(0.0, 100.0)
        };
        let mut body = format!(
            "<section class=\"panel scroll bars\"><table><tr><th>Figure</th><th>{}</th><th>{}</th>\
             <th>{} ÷ {}</th><th></th></tr>",
            escape(a),
            escape(b),
            escape(b),
            escape(a),
        );
        for row in self
            .rows
            .iter()
            .filter(|row| row.a.is_some() || row.b.is_some())
        {
            let median = |spread: Option<Spread>| {
                spread.map_or_else(|| "–".to_owned(), |spread| number(spread.median))
            };
            let bar = row.ratio.map_or_else(String::new, |ratio| {
                let (from, to) = (place(ratio.min), place(ratio.max));
                format!(
                    "<div class=\"range\" title=\"{} to {}\"><i style=\"left:{from:.1}%;width:{:.1}%\">\
                     </i><b style=\"left:{:.1}%\"></b></div>",
                    number(ratio.min),
                    number(ratio.max),
                    (to - from).max(1.0),
                    place(ratio.median),
                )
            });
            let _ = write!(
                body,
                "<tr><td>{} <code>{}</code></td><td>{}</td><td>{}</td><td>{}</td><td>{bar}</td></tr>",
                escape(row.label),
                escape(row.unit),
                median(row.a),
                median(row.b),
                median(row.ratio),
            );
        }
        body.push_str("</table></section>");
        let subtitle = format!(
            "{b} beside {a}, in turn. Medians of {} rounds; bars are ratios from the least to the \
             most, on a logarithmic scale from {} to {}.",
            self.rounds.len(),
            number(least),
            number(most),
        );
        page(&self.title(), &subtitle, &body)
    }
}

fn row(metric: &Metric, rounds: &[(Report, Report)]) -> Row {
    let values = |pick: fn(&(Report, Report)) -> &Report| {
        let values = rounds
            .iter()
            .filter_map(|round| pick(round).value(metric.name));
        Spread::of(values.collect())
    };
    let ratios = rounds.iter().filter_map(|(a, b)| {
        let (a, b) = (a.value(metric.name)?, b.value(metric.name)?);
        Some(b / a) // What is not finite is left out below.
    });
    Row {
        name: metric.name,
        label: metric.label,
        unit: metric.unit,
        a: values(|round| &round.0),
        b: values(|round| &round.1),
        ratio: Spread::of(ratios.collect()),
    }
}

/// Lines up the columns of a table in Markdown.
fn layout(rows: &[[String; 4]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 4] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let padding = widths[column] - cell.chars().count();
            let _ = write!(text, "| {cell}{:padding$} ", "");
        }
        text.push_str("|\n");
        if index == 0 {
            for width in widths {
                let _ = write!(text, "| {} ", "-".repeat(width));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::scene::Scene;

    fn options() -> SceneOptions {
        SceneOptions::of(Scene::Livestream, 1, 5)
    }

    fn report(server: &str, cpu: f64, loss: f64) -> Report {
        let metric = |name, value| Metric {
            name,
            label: name,
            unit: "µs",
            value: Some(value),
        };
        Report {
            version: "0",
            server: server.to_owned(),
            options: options(),
            began_at: 0,
            metrics: vec![
                metric("loss_percent", loss),
                metric("server_cpu_us_per_packet", cpu),
            ],
            timeline: Vec::new(),
            measured_from_seconds: 0.0,
            latency_curve: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn comparison() -> Comparison {
        let rounds = [(1.0, 10.0), (2.0, 18.0), (1.0, 12.0)];
        let rounds = rounds.map(|(a, b)| (report("A", a, 0.0), report("B|", b, 0.5)));
        Comparison::new(options(), rounds.into())
    }

    #[test]
    fn ratios_are_those_of_the_rounds_and_not_of_the_medians() {
        let comparison = comparison();
        let cpu = &comparison.rows[0];

        assert_eq!(cpu.name, "server_cpu_us_per_packet");
        let ratio = cpu.ratio.unwrap();
        assert_eq!((ratio.min, ratio.median, ratio.max), (9.0, 10.0, 12.0));
        let a = cpu.a.unwrap();
        assert_eq!((a.min, a.median, a.max), (1.0, 1.0, 2.0));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let loss = &comparison().rows[1];

        assert_eq!(loss.ratio, None);
        assert!(loss.b.is_some());
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        let spread = Spread::of(vec![3.0, 1.0]).unwrap();

        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.0, 3.0));
        assert_eq!(Spread::of(vec![f64::NAN]), None);
    }

    #[test]
    fn the_table_is_markdown() {
        let table = comparison().table();
        let lines: Vec<&str> = table.lines().collect();

        assert_eq!(lines.len(), 4);
        assert!(lines[0].contains("B\\|"), "{table}");
        assert!(lines[1].starts_with("| ---"), "{table}");
        assert!(lines[2].contains("| 9 / 10 / 12"), "{table}");
        assert!(lines[3].contains("| 0.500 (0.500 to 0.500) | –"), "{table}");
    }

    #[test]
    fn the_page_names_both() {
        let page = comparison().page();

        assert!(page.contains("<th>B| ÷ A</th>"), "{page}");
    }
}
