//! A histogram of durations, and percentiles of it.
//!
//! Buckets grow with the value: 32 for each doubling, so that a percentile is off by 3 % at most.
//! Histograms of threads and windows can be added and subtracted.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

/// Values below are counted exactly, to the microsecond.
const EXACT: u64 = 64;

/// Buckets of each doubling above.
const PER_DOUBLING: u64 = 32;

/// Doublings above [`EXACT`]; the last bucket begins at about 12 days.
const DOUBLINGS: u64 = 34;

/// How often which duration was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = EXACT + DOUBLINGS * PER_DOUBLING;
        Self {
            counts: vec![0; usize::try_from(buckets).expect("a few hundred")],
        }
    }
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn record(&mut self, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        self.counts[bucket(micros).min(last)] += 1;
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The smallest duration that at least `share` (0 to 1) of all don't exceed; nothing if none
    /// was counted.
    pub(crate) fn percentile(&self, share: f64) -> Option<Duration> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let wanted = share * crate::units::float(total);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if *count > 0 && crate::units::float(seen) >= wanted {
                return Some(Duration::from_micros(middle(index)));
            }
        }
        self.counts
            .iter()
            .rposition(|count| *count > 0)
            .map(|index| Duration::from_micros(middle(index)))
    }

    /// The longest one.
    pub(crate) fn max(&self) -> Option<Duration> {
        self.percentile(1.0)
    }
}

impl AddAssign<&Self> for Histogram {
    fn add_assign(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }
}

impl Sub for &Histogram {
    type Output = Histogram;

    /// What came after `earlier`.
    fn sub(self, earlier: Self) -> Histogram {
        let pairs = self.counts.iter().zip(&earlier.counts);
        Histogram {
            counts: pairs.map(|(now, then)| now.saturating_sub(*then)).collect(),
        }
    }
}

fn bucket(micros: u64) -> usize {
    let index = if micros < EXACT {
        micros
    } else {
        // 1 for 64 to 127, whose buckets are 2 wide.
        let doubling = u64::from(micros.ilog2() - EXACT.ilog2() + 1);
        EXACT + (doubling - 1) * PER_DOUBLING + (micros >> doubling) - PER_DOUBLING
    };
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The value that stands for a bucket.
fn middle(index: usize) -> u64 {
    let index = u64::try_from(index).unwrap_or(u64::MAX);
    if index < EXACT {
        return index;
    }
    let doubling = (index - EXACT) / PER_DOUBLING + 1;
    let lower = ((index - EXACT) % PER_DOUBLING + PER_DOUBLING) << doubling;
    lower + (1 << doubling) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for value in micros {
            histogram.record(Duration::from_micros(value));
        }
        histogram
    }

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(Histogram::default().percentile(0.5), None);
    }

    #[test]
    fn small_values_are_exact() {
        let histogram = of(1..=60);

        assert_eq!(
            histogram.percentile(0.5),
            Some(Duration::from_micros(30)),
            "half of 1 to 60"
        );
        assert_eq!(histogram.max(), Some(Duration::from_micros(60)));
        assert_eq!(histogram.percentile(0.0), Some(Duration::from_micros(1)));
    }

    #[test]
    fn a_difference_is_what_came_in_between() {
        let earlier = of([10, 20]);
        let mut later = earlier.clone();
        later += &of([5000]);

        let between = &later - &earlier;

        assert_eq!(between, of([5000]));
        assert_eq!(between.count(), 1);
    }

    #[test]
    fn what_is_longer_than_all_buckets_is_in_the_last() {
        let histogram = of([u64::MAX]);

        assert!(histogram.max() > Some(Duration::from_hours(24)));
    }

    proptest! {
        #[test]
        fn a_bucket_stands_for_its_values_to_three_percent(micros in 0_u64..1 << 39) {
            let stands = middle(bucket(micros));
            prop_assert!(stands.abs_diff(micros) * 100 <= micros * 3, "{micros} becomes {stands}");
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_values(
            mut values in proptest::collection::vec(0_u64..10_000_000, 1..200),
            percent in 1_usize..=100,
        ) {
            let histogram = of(values.iter().copied());
            values.sort_unstable();
            let exact = values[(values.len() * percent).div_ceil(100) - 1];
            #[expect(clippy::cast_precision_loss, reason = "at most 100")]
            let share = percent as f64 / 100.0 - 1e-9;

            let found = histogram.percentile(share).unwrap();

            let found = u64::try_from(found.as_micros()).unwrap();
            prop_assert!(found.abs_diff(exact) * 100 <= exact * 3 + 100, "{found} for {exact}");
        }
    }
}
