//! What follows when a job fails.

use std::time::Duration;

use thiserror::Error;

/// The pause after the first attempt; doubled after each further one.
const PAUSE_MIN: Duration = Duration::from_secs(2);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_hours(1);

/// By how much a pause may differ at random, so that what failed together is not tried together.
const JITTER: f64 = 0.2;

/// Why a job was not done. The text is kept with the job: no secrets in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JobError {
    /// It may go well later.
    #[error("{0}")]
    Later(String),
    /// It will never go well.
    #[error("{0}")]
    Never(String),
}

impl From<crate::DbError> for JobError {
    fn from(error: crate::DbError) -> Self {
        Self::Later(error.to_string())
    }
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is tried again after this.
    Again(Duration),
    /// It is given up.
    Dead,
}

/// Decides what follows attempt number `attempt`, from 1, of `attempts_max`. `chance` is a random number
/// from 0 to 1.
pub(super) fn verdict(error: &JobError, attempt: u32, attempts_max: u32, chance: f64) -> Verdict {
    match error {
        JobError::Never(_) => Verdict::Dead,
        JobError::Later(_) if attempt >= attempts_max => Verdict::Dead,
        JobError::Later(_) => {
            let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
            let pause = PAUSE_MIN.saturating_mul(doubled).min(PAUSE_MAX);
            Verdict::Again(pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later() -> JobError {
        JobError::Later("busy".to_owned())
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        for (attempt, seconds) in [
            (1, 2),
            (2, 4),
            (5, 32),
            (11, 2048),
            (12, 3600),
            (u32::MAX - 1, 3600),
        ] {
            let expected = Verdict::Again(Duration::from_secs(seconds));
            assert_eq!(
                verdict(&later(), attempt, u32::MAX, 0.5),
                expected,
                "{attempt}"
            );
        }
    }

    #[test]
    fn pauses_differ_by_a_fifth_at_most() {
        let least = verdict(&later(), 1, 9, 0.0);
        let most = verdict(&later(), 1, 9, 1.0);

        assert_eq!(least, Verdict::Again(Duration::from_millis(1600)));
        assert_eq!(most, Verdict::Again(Duration::from_millis(2400)));
    }

    #[test]
    fn the_last_attempt_and_what_can_never_go_well_are_given_up() {
        assert_eq!(verdict(&later(), 3, 3, 0.5), Verdict::Dead);
        let never = JobError::Never("no such address".to_owned());
        assert_eq!(verdict(&never, 1, 3, 0.5), Verdict::Dead);
    }
}
