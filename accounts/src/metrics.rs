//! What accounts count.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// The metrics of accounts.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Tries to sign in, by how they ended.
    pub(crate) logins: IntCounterVec,
    /// Refreshes of sessions, by how they ended.
    pub(crate) refreshes: IntCounterVec,
    /// What a limit refused, by limit.
    pub(crate) refused: IntCounterVec,
    /// Passwords that were hashed.
    pub(crate) hashes: IntCounter,
    /// Mails that were made.
    pub(crate) mails: IntCounter,
}

impl Metrics {
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
        Ok(Self {
            logins: counters("clapt_accounts_logins_total", "Tries to sign in", "result")?,
            refreshes: counters(
                "clapt_accounts_refreshes_total",
                "Refreshes of sessions",
                "result",
            )?,
            refused: counters(
                "clapt_accounts_refused_total",
                "What a limit refused",
                "limit",
            )?,
            hashes: counter(
                "clapt_accounts_password_hashes_total",
                "Passwords that were hashed",
            )?,
            mails: counter("clapt_accounts_mails_total", "Mails that were made")?,
        })
    }

    /// Counts how a try to sign in ended.
    pub(crate) fn login(&self, result: &'static str) {
        self.logins.with_label_values(&[result]).inc();
    }

    /// Counts how a refresh ended.
    pub(crate) fn refresh(&self, result: &'static str) {
        self.refreshes.with_label_values(&[result]).inc();
    }

    /// Counts what a limit refused.
    pub(crate) fn refuse(&self, limit: &'static str) {
        self.refused.with_label_values(&[limit]).inc();
    }
}
