//! Logs and metrics of the process.

use std::io::IsTerminal;

use prometheus::{Encoder, Registry, TextEncoder};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::config::LogConfig;

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// `log.level` is neither a level nor a list of directives.
    #[error("`log.level` can't be read: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Logging was set up before.
    #[error("logging is set up already")]
    Twice,
}

/// Sends the process's log to standard error, as text or as one JSON object per line.
///
/// # Errors
///
/// [`LogError`] if `config.level` can't be read, or on a second call.
pub fn start_logging(config: &LogConfig) -> Result<(), LogError> {
    let filter = EnvFilter::builder().parse(&config.level)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let result = if config.json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.try_init()
    };
    result.map_err(|_| LogError::Twice)
}

/// The metrics of the process. Services register their collectors in [`registry`](Self::registry).
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Makes an empty set of metrics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the registry to add collectors to.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Writes all metrics in Prometheus' text format.
    ///
    /// # Panics
    ///
    /// Never: the registry refuses collectors that can't be written.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("writing to memory does not fail");
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registered_counter_shows_up_in_the_text() {
        let metrics = Metrics::new();
        let counter = prometheus::IntCounter::new("clapt_tests_total", "Tests.").unwrap();
        metrics
            .registry()
            .register(Box::new(counter.clone()))
            .unwrap();

        counter.inc();

        assert!(metrics.to_text().contains("clapt_tests_total 1"));
    }
}
