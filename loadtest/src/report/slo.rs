//! Thresholds: which figures a run must keep.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use thiserror::Error;

use super::table::number;
use super::{Measured, Metric, metrics};

/// Bounds of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    #[serde(default)]
    min: Option<f64>,
    #[serde(default)]
    max: Option<f64>,
}

/// Thresholds by the names of figures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thresholds(BTreeMap<String, Bounds>);

/// Why thresholds can't be used.
#[derive(Debug, Error)]
pub enum ThresholdError {
    /// There is no such file.
    #[error("{path} can't be read")]
    File {
        /// What was given.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not a map from names to bounds.
    #[error("the thresholds are not understood")]
    Syntax(#[source] serde_saphyr::Error),
    /// No figure has this name.
    #[error("there is no figure `{name}`; there are {known}")]
    Name {
        /// What was given.
        name: String,
        /// All names.
        known: String,
    },
    /// It bounds nothing.
    #[error("`{name}` has neither `min` nor `max`")]
    Unbounded {
        /// The figure.
        name: String,
    },
}

impl Thresholds {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ThresholdError> {
        let text = fs::read_to_string(path).map_err(|source| ThresholdError::File {
            path: path.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads YAML such as `loss_percent: { max: 0.1 }`, a line for each figure.
    pub(crate) fn parse(text: &str) -> Result<Self, ThresholdError> {
        let bounds: BTreeMap<String, Bounds> =
            serde_saphyr::from_str(text).map_err(ThresholdError::Syntax)?;
        let known: Vec<&str> = metrics(&Measured::default())
            .iter()
            .map(|metric| metric.name)
            .collect();
        for (name, bounds) in &bounds {
            if !known.contains(&name.as_str()) {
                return Err(ThresholdError::Name {
                    name: name.clone(),
                    known: known.join(", "),
                });
            }
            if bounds.min.is_none() && bounds.max.is_none() {
                return Err(ThresholdError::Unbounded { name: name.clone() });
            }
        }
        Ok(Self(bounds))
    }

    /// Says a sentence for each threshold that is broken. A figure that was not measured breaks its
    /// threshold.
    pub(crate) fn broken(&self, metrics: &[Metric]) -> Vec<String> {
        let check = |(name, bounds): (&String, &Bounds)| {
            let metric = metrics.iter().find(|metric| metric.name == name);
            let Some((metric, value)) = metric.and_then(|m| Some((m, m.value?))) else {
                return vec![format!("{name} was not measured")];
            };
            let says = |words: &str, bound: f64| {
                let (value, bound) = (number(value), number(bound));
                format!(
                    "{name} is {value}, {words} {bound} is allowed ({})",
                    metric.label
                )
            };
            let low = bounds.min.filter(|min| value < *min);
            let high = bounds.max.filter(|max| value > *max);
            let low = low.map(|min| says("at least", min));
            let high = high.map(|max| says("at most", max));
            low.into_iter().chain(high).collect()
        };
        self.0.iter().flat_map(check).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &'static str, value: Option<f64>) -> Metric {
        Metric {
            name,
            label: "Label",
            unit: "",
            value,
        }
    }

    #[test]
    fn each_broken_threshold_gets_a_sentence() {
        let text = "loss_percent: { max: 0.1 }\nframes_per_second:\n  min: 28\n  max: 31\n";
        let thresholds = Thresholds::parse(text).unwrap();

        let broken = thresholds.broken(&[
            metric("loss_percent", Some(0.5)),
            metric("frames_per_second", Some(12.0)),
        ]);

        assert_eq!(
            broken,
            [
                "frames_per_second is 12, at least 28 is allowed (Label)",
                "loss_percent is 0.500, at most 0.100 is allowed (Label)",
            ]
        );
    }

    #[test]
    fn a_figure_on_its_bound_keeps_it() {
        let thresholds = Thresholds::parse("loss_percent: { min: 0, max: 0 }").unwrap();

        let broken = thresholds.broken(&[metric("loss_percent", Some(0.0))]);

        assert!(broken.is_empty(), "{broken:?}");
    }

    #[test]
    fn what_was_not_measured_is_not_kept() {
        let thresholds = Thresholds::parse("latency_ms_p99: { max: 50 }").unwrap();

        let broken = thresholds.broken(&[metric("latency_ms_p99", None)]);

        assert_eq!(broken, ["latency_ms_p99 was not measured"]);
    }

    #[test]
    fn unknown_names_and_keys_and_empty_bounds_are_refused() {
        for refused in [
            "los_percent: { max: 1 }",
            "loss_percent: { most: 1 }",
            "loss_percent: {}",
            "loss_percent: 1",
            "- loss_percent",
        ] {
            assert!(Thresholds::parse(refused).is_err(), "{refused}");
        }
    }
}
