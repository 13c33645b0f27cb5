//! A report as one page that needs nothing else: figures, plots, light and dark.

use std::fmt::Write;

use super::plot::{Curve, Plot, has_points, nines};
use super::table::{figure, heading, number};
use super::{Metric, Point, Report};

const STYLE: &str = include_str!("page.css");

/// Figures that stand large at the top, if they were measured.
const CARDS: [&str; 8] = [
    "forwarded_packets_per_second",
    "loss_percent",
    "latency_ms_p50",
    "latency_ms_p99",
    "join_ms_p95",
    "first_frame_ms_p95",
    "freeze_percent",
    "server_cpu_us_per_packet",
];

/// Rows of a table before the next one begins beside it.
const ROWS: usize = 14;

/// Makes text safe between tags and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A whole page.
pub(crate) fn page(title: &str, subtitle: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><header><h1>{title}</h1>\
         <p>{}</p></header>\n<main>{body}</main>\n<footer>clapt loadtest {}</footer></body></html>\n",
        escape(subtitle),
        env!("CARGO_PKG_VERSION"),
        title = escape(title),
    )
}

/// The page of a run. `broken` has a sentence for each broken threshold; there is none at all if no
/// thresholds were given.
pub(crate) fn run_page(report: &Report, broken: Option<&[String]>) -> String {
    let mut body = String::new();
    if let Some(broken) = broken {
        body.push_str(&verdict(broken));
    }
    body.push_str("<section class=\"cards\">");
    let cards = CARDS.iter().filter_map(|name| {
        let metric = report.metrics.iter().find(|metric| metric.name == *name)?;
        metric.value.map(|value| card(metric, value))
    });
    body.extend(cards);
    body.push_str("</section><h2>Course</h2><section class=\"plots\">");
    body.extend(plots(report).iter().map(Plot::draw));
    body.push_str("</section><h2>All figures</h2><section class=\"tables\">");
    let measured: Vec<&Metric> = report
        .metrics
        .iter()
        .filter(|m| m.value.is_some())
        .collect();
    for rows in measured.chunks(ROWS) {
        body.push_str("<div class=\"panel\"><table>");
        for metric in rows {
            let _ = write!(
                body,
                "<tr><td>{}</td><td title=\"{}\">{}</td></tr>",
                escape(metric.label),
                escape(metric.name),
                escape(&figure(metric)),
            );
        }
        body.push_str("</table></div>");
    }
    body.push_str("</section>");
    if !report.notes.is_empty() {
        body.push_str("<h2>What went wrong</h2><section class=\"verdict broken\"><ul>");
        for note in &report.notes {
            let _ = write!(body, "<li>{}</li>", escape(note));
        }
        body.push_str("</ul></section>");
    }
    let options = &report.options;
    let subtitle = format!(
        "{} · {} · seed {}, {} checked subscribers, camera of {} kbit/s",
        report.server,
        utc(report.began_at),
        options.seed,
        options.sample,
        options.bitrate / 1000,
    );
    page(&heading(report), &subtitle, &body)
}

fn verdict(broken: &[String]) -> String {
    if broken.is_empty() {
        return "<p class=\"verdict kept\">All thresholds were kept.</p>".to_owned();
    }
    let items = broken
        .iter()
        .map(|sentence| format!("<li>{}</li>", escape(sentence)));
    let items: String = items.collect();
    format!("<section class=\"verdict broken\"><ul>{items}</ul></section>")
}

fn card(metric: &Metric, value: f64) -> String {
    format!(
        "<div class=\"card\"><span>{}</span><b>{}</b> <small>{}</small></div>",
        escape(metric.label),
        escape(&number(value)),
        escape(metric.unit),
    )
}

fn plots(report: &Report) -> Vec<Plot> {
    let points = &report.timeline;
    let end = points.last().map_or(1.0, |point| point.at_seconds);
    let curve = |label, value: fn(&Point) -> Option<f64>| Curve {
        label,
        points: points
            .iter()
            .filter_map(|point| Some((point.at_seconds, value(point)?)))
            .collect(),
    };
    let over_time = |title, unit, curves| Plot {
        title,
        unit,
        curves,
        end,
        mark: Some((report.measured_from_seconds, "measured from here")),
        ends: ("0 s".to_owned(), format!("{end:.0} s")),
    };
    let packets = |point: &Point| Some(point.forwarded_packets_per_second);
    let latency = vec![
        curve("p50", |point| point.latency_p50_ms),
        curve("p99", |point| point.latency_p99_ms),
    ];
    let cpu = vec![
        curve("server", |point| point.server_cpu_percent),
        curve("this tool", |point| Some(point.client_cpu_percent)),
    ];
    #[expect(clippy::cast_precision_loss, reason = "a few thousand peers")]
    let peers = curve("peers", |point| Some(point.peers as f64));
    let memory = curve("server", |point| point.server_memory_megabytes);
    let by_nines = |(percent, ms): &(f64, f64)| (nines(*percent), *ms);
    let distribution = Curve {
        label: "latency",
        points: report.latency_curve.iter().map(by_nines).collect(),
    };
    let plots = vec![
        over_time(
            "Packets forwarded",
            "per second",
            vec![curve("packets", packets)],
        ),
        over_time("Latency of packets", "ms", latency),
        over_time("CPU", "% of a core", cpu),
        over_time(
            "Lost packets",
            "%",
            vec![curve("lost", |point| Some(point.loss_percent))],
        ),
        over_time("Memory of the server", "MB", vec![memory]),
        over_time("Peers", "", vec![peers]),
        Plot {
            title: "Latency by percentile",
            unit: "ms",
            curves: vec![distribution],
            end: nines(100.0),
            mark: Some((nines(99.0), "99 %")),
            ends: ("0 %".to_owned(), "99.99 %".to_owned()),
        },
    ];
    let drawn = plots.into_iter().filter(|plot| has_points(&plot.curves));
    drawn.collect()
}

/// Date and time in UTC, to the minute (by the days of the civil calendar).
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years are counted from March, in cycles of 400 years of 146 097 days.
    let day = days + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (rest / 3600, rest % 3600 / 60);
    format!("{year}-{month:02}-{day_of_month:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::scene::{Scene, SceneOptions};

    fn report() -> Report {
        Report {
            version: "0",
            server: "<script>alert(1)</script>".to_owned(),
            options: SceneOptions::of(Scene::Livestream, 1, 5),
            began_at: 0,
            metrics: vec![Metric {
                name: "loss_percent",
                label: "Lost",
                unit: "%",
                value: Some(0.0),
            }],
            timeline: vec![Point {
                at_seconds: 1.0,
                ..Point::default()
            }],
            measured_from_seconds: 0.0,
            latency_curve: Vec::new(),
            notes: vec!["a & b".to_owned()],
        }
    }

    #[test]
    fn what_others_say_can_add_no_markup() {
        let page = run_page(&report(), Some(&["<b>".to_owned()]));

        assert!(page.contains("&lt;script&gt;alert(1)"));
        assert!(!page.contains("<script"));
        assert!(page.contains("<li>&lt;b&gt;</li>"));
        assert!(page.contains("<li>a &amp; b</li>"));
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = run_page(&report(), None);

        for outside in ["http://", "https://", "url(", "@import", "src=", "href="] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn escaping_covers_text_and_attributes() {
        assert_eq!(
            escape("<a b='c' d=\"e\">&"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;"
        );
    }

    #[test]
    fn plots_without_a_value_are_left_out() {
        let page = run_page(&report(), None);

        assert!(page.contains("Packets forwarded"));
        assert!(!page.contains("Memory of the server"));
        assert!(!page.contains("Latency by percentile"));
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_795_237_500), "2026-11-21 05:05 UTC");
    }
}
