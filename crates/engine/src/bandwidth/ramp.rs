//! When to try for more, after a way has shown a limit.
//!
//! Where padding can be sent and feedback tells of each packet, more is tried with padding, that nobody
//! sees fail. Elsewhere the limit is raised on trial, and a layer with it.
//!
//! Invariants:
//! - after too much was sent nothing is tried for [`FIRST_PAUSE`] at least, and after each failure for twice
//!   as long as before: up to [`PROBE_PAUSE_MAX`] if only padding failed, up to [`TRIAL_PAUSE_MAX`] if a
//!   picture did;
//! - a probe asks for [`STEP_PERCENT`] of the limit at most.

use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_secs(3);
const PROBE_PAUSE_MAX: Duration = Duration::from_secs(8);
const TRIAL_PAUSE_MAX: Duration = Duration::from_mins(1);

/// Between steps that go well.
const STEP_PAUSE: Duration = Duration::from_millis(300);
const TRIAL_STEP_PAUSE: Duration = Duration::from_secs(4);

const STEP_PERCENT: u64 = 160;

/// A probe has proved its goal if so much of it was measured.
const PROVED_PERCENT: u64 = 88;

/// If too much is sent within this time after a rise, the rise has failed.
const FAILS_WITHIN: Duration = Duration::from_secs(10);

/// After so much time without trouble a failure is the first one again.
const FORGIVEN_AFTER: Duration = Duration::from_secs(45);

/// A limit that nobody feels for so long is no limit.
const LIFTED_AFTER: Duration = Duration::from_secs(5);

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    /// Send padding up to this rate.
    Probe(u64),
    /// Take this for the limit.
    Raise(u64),
    /// Take it that there is no limit.
    Lift,
}

/// Decides when.
#[derive(Debug)]
pub(crate) struct Ramp {
    pause: Duration,
    retry_at: Option<Instant>,
    failed_at: Option<Instant>,
    raised_at: Option<Instant>,
    satisfied_since: Option<Instant>,
}

impl Default for Ramp {
    fn default() -> Self {
        Self {
            pause: FIRST_PAUSE,
            retry_at: None,
            failed_at: None,
            raised_at: None,
            satisfied_since: None,
        }
    }
}

impl Ramp {
    /// Too much was sent.
    pub(crate) fn handle_congestion(&mut self, now: Instant) {
        let has_risen = self
            .raised_at
            .take()
            .is_some_and(|at| now.saturating_duration_since(at) < FAILS_WITHIN);
        self.fail(now, has_risen, TRIAL_PAUSE_MAX);
    }

    /// A probe has ended with `measured` of `goal`. Gives what the limit is now known to be at least.
    pub(crate) fn handle_probe(
        &mut self,
        now: Instant,
        goal: u64,
        measured: Option<u64>,
    ) -> Option<u64> {
        let proved = measured.filter(|measured| measured * 100 >= goal * PROVED_PERCENT);
        if proved.is_some() {
            self.raised_at = Some(now);
            self.retry_at = Some(now + STEP_PAUSE);
        } else {
            self.fail(now, true, PROBE_PAUSE_MAX.max(self.pause));
        }
        measured.map(|measured| measured.min(goal))
    }

    /// Decides what to do. `missing` is the budget with which somebody would get more, `limit` what is
    /// known to get through, `most` what must not be exceeded whatever gets through.
    pub(crate) fn poll(
        &mut self,
        now: Instant,
        missing: Option<u64>,
        (limit, most): (u64, u64),
        can_probe: bool,
    ) -> Step {
        let Some(missing) = missing.filter(|missing| *missing > limit) else {
            let since = *self.satisfied_since.get_or_insert(now);
            let is_over = missing.is_none() && now.saturating_duration_since(since) >= LIFTED_AFTER;
            return if is_over { Step::Lift } else { Step::Wait };
        };
        self.satisfied_since = None;
        if missing > most || self.retry_at.is_some_and(|at| now < at) {
            return Step::Wait;
        }
        if can_probe {
            return Step::Probe(missing.min(limit * STEP_PERCENT / 100));
        }
        self.raised_at = Some(now);
        self.retry_at = Some(now + TRIAL_STEP_PAUSE);
        Step::Raise(missing)
    }

    fn fail(&mut self, now: Instant, is_repeated: bool, pause_max: Duration) {
        let is_forgiven = self.failed_at.is_none_or(|at| {
            now.saturating_duration_since(at) > FORGIVEN_AFTER.max(2 * self.pause)
        });
        if is_forgiven {
            self.pause = FIRST_PAUSE;
        } else if is_repeated {
            self.pause = (self.pause * 2).min(pause_max);
        }
        self.failed_at = Some(now);
        self.retry_at = Some(now + self.pause);
        self.satisfied_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::start;

    const LIMIT: (u64, u64) = (1_000_000, u64::MAX);

    /// Seconds at which something is tried within a while, if each try fails.
    fn tries(can_probe: bool, seconds: u64) -> Vec<u64> {
        let start = start();
        let mut ramp = Ramp::default();
        ramp.handle_congestion(start);
        let mut tries = Vec::new();
        for tenth in 0..seconds * 10 {
            let now = start + Duration::from_millis(100 * tenth);
            match ramp.poll(now, Some(2_000_000), LIMIT, can_probe) {
                Step::Wait => continue,
                Step::Probe(goal) => {
                    ramp.handle_probe(now, goal, None);
                }
                Step::Raise(_) => ramp.handle_congestion(now + Duration::from_secs(1)),
                Step::Lift => panic!("somebody lacks something"),
            }
            tries.push(tenth / 10);
        }
        tries
    }

    #[test]
    fn tries_that_fail_come_ever_more_seldom_but_never_stop() {
        let probes = tries(true, 60);
        let trials = tries(false, 400);

        assert_eq!(probes, [3, 9, 17, 25, 33, 41, 49, 57]);
        let gaps: Vec<u64> = trials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps[..4], [7, 13, 25, 49]);
        assert!(gaps[4..].iter().all(|gap| *gap == 61), "{gaps:?}");
    }

    #[test]
    fn probes_go_up_by_steps_without_a_pause_between() {
        let start = start();
        let mut ramp = Ramp::default();
        ramp.handle_congestion(start);
        let now = start + FIRST_PAUSE;

        let step = ramp.poll(now, Some(2_500_000), LIMIT, true);
        assert_eq!(step, Step::Probe(1_600_000));
        assert_eq!(
            ramp.handle_probe(now, 1_600_000, Some(1_700_000)),
            Some(1_600_000)
        );
        let later = now + STEP_PAUSE;
        let step = ramp.poll(later, Some(2_500_000), (1_600_000, u64::MAX), true);
        assert_eq!(step, Step::Probe(2_500_000));
    }

    #[test]
    fn a_probe_that_measures_less_than_its_goal_has_failed_but_tells_something() {
        let start = start();
        let mut ramp = Ramp::default();
        ramp.handle_congestion(start);
        let now = start + FIRST_PAUSE;

        assert_eq!(
            ramp.handle_probe(now, 1_600_000, Some(1_200_000)),
            Some(1_200_000)
        );
        let soon = now + Duration::from_secs(5);
        assert_eq!(ramp.poll(soon, Some(2_500_000), LIMIT, true), Step::Wait);
    }

    #[test]
    fn a_limit_that_nobody_feels_is_lifted_and_a_cap_is_never_tried() {
        let start = start();
        let mut ramp = Ramp::default();
        let second = Duration::from_secs(1);

        assert_eq!(ramp.poll(start, None, LIMIT, true), Step::Wait);
        assert_eq!(ramp.poll(start + 6 * second, None, LIMIT, true), Step::Lift);
        let capped = (1_000_000, 1_500_000);
        let much_later = start + 100 * second;
        assert_eq!(
            ramp.poll(much_later, Some(2_000_000), capped, true),
            Step::Wait
        );
    }

    #[test]
    fn an_old_failure_is_forgiven() {
        let start = start();
        let mut ramp = Ramp::default();
        ramp.handle_congestion(start);
        for _ in 0..5 {
            ramp.handle_probe(start, 1, None);
        }
        let later = start + Duration::from_mins(2);
        ramp.handle_congestion(later);

        let soon = later + FIRST_PAUSE;
        assert!(matches!(
            ramp.poll(soon, Some(2_000_000), LIMIT, true),
            Step::Probe(_)
        ));
    }
}
