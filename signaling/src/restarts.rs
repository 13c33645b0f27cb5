//! Jobs of agents that failed and are offered again.
//!
//! Invariants:
//! - a job is offered again at most [`RESTARTS_MAX`] times, each time after twice as long;
//! - so many are remembered as [`TARGETS_MAX`] says; what fails beyond is not offered again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// After so many failures in a row the next would be one, too.
const RESTARTS_MAX: u32 = 3;

/// Before the first restart.
const DELAY: Duration = Duration::from_secs(1);

const TARGETS_MAX: usize = 1000;

/// What a job is for: a dispatch, and the identity of whom it is about, if it is about somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) dispatch_id: String,
    pub(crate) job_type: i32,
    pub(crate) identity: Option<String>,
}

/// The restarts of one room.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    counts: HashMap<Target, u32>,
    due: Vec<(Instant, Target)>,
}

impl Restarts {
    /// Notes that a job has failed.
    pub(crate) fn plan(&mut self, now: Instant, target: Target) {
        if self.counts.len() >= TARGETS_MAX && !self.counts.contains_key(&target) {
            return;
        }
        let count = self.counts.entry(target.clone()).or_default();
        if *count < RESTARTS_MAX {
            self.due.push((now + DELAY * 2_u32.pow(*count), target));
            *count += 1;
        }
    }

    /// Takes out what is to be offered again by now.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Target> {
        let due = self.due.extract_if(.., |(at, _)| *at <= now);
        due.map(|(_, target)| target).collect()
    }

    /// Forgets a dispatch that was taken back.
    pub(crate) fn forget(&mut self, dispatch_id: &str) {
        self.counts
            .retain(|target, _| target.dispatch_id != dispatch_id);
        self.due
            .retain(|(_, target)| target.dispatch_id != dispatch_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(dispatch_id: &str) -> Target {
        Target {
            dispatch_id: dispatch_id.into(),
            job_type: 0,
            identity: None,
        }
    }

    #[test]
    fn a_job_is_offered_again_three_times_after_longer_and_longer() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        let mut waits = Vec::new();
        for _ in 0..5 {
            restarts.plan(start, target("a"));
            let at = (0..20).find(|s| {
                let later = start + Duration::from_secs(*s);
                !restarts.take_due(later).is_empty()
            });
            waits.extend(at);
        }

        assert_eq!(waits, [1, 2, 4]);
    }

    #[test]
    fn a_dispatch_that_is_taken_back_is_not_offered_again() {
        let start = Instant::now();
        let mut restarts = Restarts::default();
        restarts.plan(start, target("a"));
        restarts.plan(start, target("b"));

        restarts.forget("a");

        let later = start + Duration::from_mins(1);
        assert_eq!(restarts.take_due(later), [target("b")]);
    }
}
