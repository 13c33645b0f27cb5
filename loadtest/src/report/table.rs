//! Figures as text.

use super::{Metric, Report};

/// Writes a figure with as many digits as it deserves.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole
        .strip_prefix('-')
        .map_or(("", whole), |rest| ("-", rest));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 && whole.len() > 4 {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() {
        format!("{sign}{grouped}")
    } else {
        format!("{sign}{grouped}.{fraction}")
    }
}

/// A figure with its unit; a dash if there is none.
pub(crate) fn figure(metric: &Metric) -> String {
    let Some(value) = metric.value else {
        return "–".to_owned();
    };
    let space = if metric.unit.is_empty() || metric.unit.starts_with('/') {
        ""
    } else {
        " "
    };
    format!("{}{space}{}", number(value), metric.unit)
}

/// All figures in two columns.
pub(crate) fn table(report: &Report) -> String {
    let width = |metrics: &[Metric]| metrics.iter().map(|m| m.label.chars().count()).max();
    let label = width(&report.metrics).unwrap_or(0);
    let mut text = format!("\n{} on {}\n\n", heading(report), report.server);
    let shown = report
        .metrics
        .iter()
        .filter(|metric| metric.value.is_some());
    for metric in shown {
        let padding = label - metric.label.chars().count();
        let line = format!(
            "  {}{:padding$}  {:>14}\n",
            metric.label,
            "",
            figure(metric)
        );
        text.push_str(&line);
    }
    for note in &report.notes {
        text.push_str("  ! ");
        text.push_str(note);
        text.push('\n');
    }
    text
}

/// What was done, in a few words.
pub(crate) fn heading(report: &Report) -> String {
    let options = &report.options;
    let scene = format!("{:?}", options.scene).to_lowercase();
    let rooms = match options.rooms {
        1 => String::new(),
        rooms => format!("{rooms} rooms × "),
    };
    format!(
        "{scene} {rooms}{}, {} s",
        options.size,
        options.duration.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_all_of_their_whole_part() {
        for (value, expected) in [
            (0.0, "0"),
            (0.12345, "0.123"),
            (1.2345, "1.23"),
            (12.345, "12.3"),
            (1234.5, "1234"),
            (12_345.6, "12\u{202f}346"),
            (-1_234_567.0, "-1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(number(value), expected);
        }
    }
}
