//! Conversions between whole numbers and fractions, in one place.

use std::time::Duration;

/// A count as a fraction. Counts here are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A length or number of items as a fraction.
pub(crate) fn size(count: usize) -> f64 {
    float(count as u64)
}

/// Rounds to a whole number; 0 for what is negative or no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, which is what is wanted"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// Rounds to a length; 0 for what is negative or no number.
pub(crate) fn length(value: f64) -> usize {
    usize::try_from(whole(value)).unwrap_or(usize::MAX)
}

/// Milliseconds, with their fraction.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
