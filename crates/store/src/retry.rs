//! Running a transaction again that another one was in the way of.

use std::time::Duration;

use rand::Rng;

use crate::error::DbError;

/// How often a transaction is tried in all.
const ATTEMPTS_MAX: u32 = 6;

/// The longest pause before the second attempt; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(10);

/// An error that knows whether the same again may go well.
pub trait Transient {
    /// Says whether another transaction was in the way, and nothing else was wrong.
    fn is_transient(&self) -> bool;
}

impl Transient for DbError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Retry(_) => true,
            Self::Unavailable(_)
            | Self::Constraint(_)
            | Self::NotFound
            | Self::Aborted
            | Self::Refused(_)
            | Self::Column { .. }
            | Self::Other(_) => false,
        }
    }
}

/// Runs `operation`, which is one whole transaction, and again if its error is transient: six times in
/// all, with random pauses that grow to a third of a second.
///
/// # Errors
///
/// Those of the last attempt.
pub async fn retry<T, E, F, Fut>(mut operation: F) -> Result<T, E>
where
    E: Transient,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS_MAX {
        match operation().await {
            Err(error) if error.is_transient() => {
                let jitter = rand::rng().random_range(0.0..1.0);
                tokio::time::sleep(pause.mul_f64(jitter)).await;
                pause *= 2;
            }
            result => return result,
        }
    }
    operation().await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Failure(bool);

    impl Transient for Failure {
        fn is_transient(&self) -> bool {
            self.0
        }
    }

    async fn attempts(fails: u32, transient: bool) -> (u32, Result<(), Failure>) {
        let count = Cell::new(0);
        let result = retry(|| async {
            count.set(count.get() + 1);
            if count.get() <= fails {
                return Err(Failure(transient));
            }
            Ok(())
        })
        .await;
        (count.get(), result)
    }

    #[tokio::test]
    async fn what_may_go_well_is_tried_again_and_not_for_ever() {
        assert_eq!(attempts(2, true).await, (3, Ok(())));
        assert_eq!(attempts(100, true).await, (6, Err(Failure(true))));
    }

    #[tokio::test]
    async fn what_can_not_go_well_is_not_tried_again() {
        assert_eq!(attempts(100, false).await, (1, Err(Failure(false))));
    }
}
