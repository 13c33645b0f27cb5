//! Ways that fill up, lose packets, or only seem to.

use proptest::prelude::*;

use super::*;
use crate::test_time::start;

const STEP: Duration = Duration::from_millis(200);
const LEAST: u64 = 50_000;

/// 2 Mbit/s, nothing lost, nothing queued.
const FINE: Window = Window {
    micros: 200_000,
    received: 40,
    lost: 0,
    bits_per_second: 2_000_000,
    queue_micros: 0,
};

fn queued(milliseconds: i64) -> Window {
    Window {
        bits_per_second: 1_000_000,
        queue_micros: milliseconds * 1000,
        ..FINE
    }
}

fn losing(percent: u32) -> Window {
    Window {
        received: 100 - percent,
        lost: percent,
        bits_per_second: 20_000 * u64::from(100 - percent),
        ..FINE
    }
}

/// An estimator and its clock.
struct Way {
    now: Instant,
    estimator: Estimator,
}

impl Way {
    fn new() -> Self {
        Self {
            now: start(),
            estimator: Estimator::new(LEAST),
        }
    }

    /// Gives how many windows it took until too much was sent; `None`: it never was.
    fn until_congested(&mut self, windows: impl IntoIterator<Item = Window>) -> Option<usize> {
        windows.into_iter().position(|window| {
            self.now += STEP;
            self.estimator.handle_window(self.now, window)
        })
    }

    fn limit(&self) -> Option<u64> {
        self.estimator.limit().map(|limit| limit.bits_per_second)
    }
}

#[test]
fn a_queue_that_grows_limits_to_what_arrives_within_a_second() {
    let mut way = Way::new();
    way.until_congested([FINE; 10]);

    let took = way.until_congested((1..20).map(|step| queued(120 * step)));

    assert!(took.is_some_and(|windows| windows < 5), "{took:?}");
    assert_eq!(way.limit(), Some(850_000));
    assert!(way.estimator.limit().unwrap().may_pause);
}

#[test]
fn a_queue_that_is_full_limits_too() {
    let mut way = Way::new();
    way.until_congested([FINE; 10]);
    let overflowing = Window {
        lost: 4,
        ..queued(300)
    };

    let took = way.until_congested([overflowing; 20]);

    assert!(took.is_some_and(|windows| windows < 8), "{took:?}");
}

#[test]
fn a_queue_that_stands_or_shrinks_or_is_short_does_not_limit() {
    for windows in [
        (0..40).map(|step| queued(1000 - 25 * step)).collect(),
        (0..40).map(|step| queued(step * 60 % 180)).collect(),
        vec![queued(99); 40],
    ] {
        let mut way = Way::new();
        way.until_congested([FINE; 5]);

        assert_eq!(way.until_congested(windows.clone()), None, "{windows:?}");
        assert_eq!(way.limit(), None);
    }
}

#[test]
fn a_route_that_becomes_longer_does_not_limit() {
    let mut way = Way::new();
    way.until_congested([FINE; 5]);

    assert_eq!(way.until_congested([queued(300); 40]), None);
}

#[test]
fn a_hiccup_of_half_a_second_does_not_limit() {
    let mut way = Way::new();
    let hiccup = [queued(150), queued(400), FINE, FINE, FINE, FINE, FINE];

    assert_eq!(way.until_congested(hiccup.repeat(10)), None);
}

#[test]
fn much_loss_limits_after_a_second_and_some_after_two() {
    for (percent, most) in [(50, 5), (20, 10)] {
        let mut way = Way::new();
        way.until_congested([FINE; 12]);

        let took = way.until_congested(vec![losing(percent); 20]);

        assert!(took.is_some_and(|windows| windows <= most), "{took:?}");
    }
    let mut way = Way::new();
    assert_eq!(way.until_congested(vec![losing(10); 100]), None);
}

#[test]
fn loss_that_stays_when_less_is_sent_is_the_ways_own_and_takes_no_picture() {
    let mut way = Way::new();
    way.until_congested(vec![losing(20); 20]);
    assert!(way.limit().is_some());
    assert!(!way.estimator.limit().unwrap().may_pause);

    let again = way.until_congested(vec![losing(20); 100]);

    assert_eq!(again, None);
    assert_eq!(way.limit(), None);
    assert!((way.estimator.own_loss() - 0.2).abs() < 0.01);
    way.until_congested(vec![FINE; 12]);
    assert!(way.estimator.own_loss() < 0.01, "it is forgotten");
}

#[test]
fn loss_that_goes_when_less_is_sent_was_congestion() {
    let mut way = Way::new();
    way.until_congested(vec![losing(50); 20]);
    let limit = way.limit();

    way.until_congested(vec![
        Window {
            bits_per_second: 500_000,
            ..FINE
        };
        30
    ]);

    assert_eq!(way.limit(), limit);
    assert!(way.estimator.limit().unwrap().may_pause);
}

#[test]
fn a_limit_falls_further_if_the_queue_goes_on_to_grow_but_not_at_once() {
    let mut way = Way::new();
    way.until_congested((1..20).map(|step| queued(120 * step)));
    let first = way.limit().unwrap();

    let took = way.until_congested((1..40).map(|step| queued(1000 + 100 * step)));

    assert!(took.is_some_and(|windows| windows >= 7), "{took:?}");
    assert!(way.limit().unwrap() < first);
}

#[test]
fn what_arrives_without_a_queue_is_no_more_than_the_limit() {
    let mut way = Way::new();
    way.until_congested((1..20).map(|step| queued(120 * step)));

    way.until_congested([FINE; 20]);

    assert_eq!(way.limit(), Some(FINE.bits_per_second));
}

fn any_window() -> impl Strategy<Value = Window> {
    let edge = prop_oneof![
        Just(0),
        Just(i64::MIN),
        Just(i64::MAX),
        -500_000..900_000_i64
    ];
    (any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>(), edge).prop_map(
        |(micros, received, lost, bits_per_second, queue_micros)| Window {
            micros: micros % 2_000_000,
            received: received % 5000,
            lost: lost % 5000,
            bits_per_second: bits_per_second % (1 << 50),
            queue_micros,
        },
    )
}

proptest! {
    #[test]
    fn no_limit_is_below_the_least_and_none_comes_without_congestion(
        windows in prop::collection::vec(any_window(), 0..200)
    ) {
        let mut way = Way::new();
        let mut was_congested = false;
        for window in windows {
            was_congested |= way.until_congested([window]).is_some();
            prop_assert!(was_congested || way.limit().is_none());
            prop_assert!(way.limit().is_none_or(|limit| limit >= LEAST));
            prop_assert!((0.0..=1.0).contains(&way.estimator.own_loss()));
        }
    }
}
