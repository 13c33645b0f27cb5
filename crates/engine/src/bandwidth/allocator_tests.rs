//! Budgets and who gets what of them.

use proptest::prelude::*;

use super::*;
use LayerLimit::{None as All, Nothing, UpTo};

const SOUND: u64 = 50_000;
const CAMERA: [Option<u64>; LEVELS] = [Some(150_000), Some(500_000), Some(1_700_000), None];

const PLAIN: Wanted = Wanted {
    costs: CAMERA,
    top: u8::MAX,
    priority: 0,
    present: LayerLimit::None,
};

fn budget(bits_per_second: u64) -> Budget {
    Budget {
        bits_per_second,
        may_pause: true,
    }
}

fn grants(wanted: &[Wanted], bits_per_second: u64) -> Vec<LayerLimit> {
    allocate(wanted, SOUND, budget(bits_per_second)).grants
}

#[test]
fn one_picture_gets_the_largest_layer_that_fits() {
    for (bits, expected) in [
        (5_000_000, All),
        (1_700_000, All), // With what is allowed for a layer that is kept.
        (1_600_000, UpTo(1)),
        (540_000, UpTo(1)),
        (500_000, UpTo(0)),
        (200_000, UpTo(0)),
        (150_000, Nothing),
        (0, Nothing),
    ] {
        assert_eq!(grants(&[PLAIN], bits), [expected], "{bits}");
    }
}

#[test]
fn all_get_their_smallest_layer_before_one_gets_a_larger_one() {
    assert_eq!(grants(&[PLAIN; 3], 700_000), [UpTo(0); 3]);
    assert_eq!(grants(&[PLAIN; 2], 1_100_000), [UpTo(1); 2]);
    assert_eq!(grants(&[PLAIN; 3], 400_000), [UpTo(0), UpTo(0), Nothing]);
}

#[test]
fn higher_priority_goes_first_and_larger_pictures_among_equals() {
    let screen = Wanted {
        priority: 1,
        ..PLAIN
    };
    let tile = Wanted { top: 1, ..PLAIN };

    assert_eq!(grants(&[PLAIN, screen], 2_000_000), [UpTo(0), All]);
    assert_eq!(grants(&[PLAIN, screen], 250_000), [Nothing, UpTo(0)]);
    assert_eq!(grants(&[tile, PLAIN], 800_000), [UpTo(0), UpTo(1)]);
    assert_eq!(grants(&[tile, PLAIN], 250_000), [Nothing, UpTo(0)]);
}

#[test]
fn a_smaller_picture_is_not_held_back_by_a_larger_one_that_does_not_fit() {
    let single = Wanted {
        costs: [Some(2_000_000), None, None, None],
        priority: 1,
        ..PLAIN
    };

    assert_eq!(grants(&[single, PLAIN], 1_000_000), [Nothing, UpTo(1)]);
}

#[test]
fn a_layer_is_kept_where_it_would_not_be_begun() {
    let with = |present| Wanted { present, ..PLAIN };

    assert_eq!(grants(&[with(UpTo(1))], 570_000), [UpTo(1)]);
    assert_eq!(grants(&[with(UpTo(0))], 570_000), [UpTo(0)]);
    assert_eq!(grants(&[with(UpTo(0))], 610_000), [UpTo(1)]);
    assert_eq!(grants(&[with(Nothing)], 205_000), [Nothing]);
}

#[test]
fn where_pausing_is_forbidden_the_smallest_layer_goes_on() {
    let plan = allocate(
        &[PLAIN; 2],
        SOUND,
        Budget {
            bits_per_second: 0,
            may_pause: false,
        },
    );

    assert_eq!(plan.grants, [UpTo(0); 2]);
}

#[test]
fn what_is_missing_is_the_cost_of_the_next_step() {
    let missing = |wanted: &[Wanted], bits| allocate(wanted, SOUND, budget(bits)).missing;

    assert_eq!(missing(&[PLAIN], 5_000_000), None);
    assert_eq!(
        missing(&[PLAIN], 1_000_000),
        Some(SOUND + 500_000 + 1_440_000)
    );
    assert_eq!(missing(&[PLAIN], 0), Some(SOUND + 180_000));
}

#[test]
fn a_layer_that_does_not_flow_is_not_waited_for() {
    let costs = [None, Some(500_000), None, None];
    let only_middle = Wanted {
        costs,
        top: 0,
        ..PLAIN
    };
    let nothing = Wanted {
        costs: [None; LEVELS],
        ..PLAIN
    };

    let plan = allocate(&[only_middle, nothing], SOUND, budget(600_000));

    assert_eq!(plan.grants, [All, All]);
    assert_eq!(plan.missing, None);
}

fn any_wanted() -> impl Strategy<Value = Wanted> {
    let cost = prop::option::of(10_000..3_000_000_u64);
    let present = prop_oneof![Just(All), Just(Nothing), (0..4_u8).prop_map(UpTo)];
    (prop::array::uniform4(cost), 0..5_u8, 0..3_u8, present).prop_map(
        |(mut costs, top, priority, present)| {
            // Larger layers cost more.
            let mut known: Vec<u64> = costs.iter().flatten().copied().collect();
            known.sort_unstable();
            let mut known = known.into_iter();
            for cost in costs.iter_mut().flatten() {
                *cost = known.next().unwrap();
            }
            Wanted {
                costs,
                top,
                priority,
                present,
            }
        },
    )
}

/// What a picture costs under a grant, as far as it flows.
fn cost(wanted: &Wanted, granted: LayerLimit) -> u64 {
    let most = match granted {
        All => wanted.top,
        UpTo(level) => level,
        Nothing => return 0,
    };
    let within = wanted.costs.iter().take(usize::from(most) + 1);
    let best = within.flatten().next_back();
    let any = wanted.costs.iter().flatten().next();
    best.or(any).copied().unwrap_or(0)
}

proptest! {
    #[test]
    fn what_is_granted_fits_the_budget_and_what_is_missing_does_not(
        mut wanted in prop::collection::vec(any_wanted(), 0..8),
        bits in 0..8_000_000_u64,
    ) {
        let before = allocate(&wanted, SOUND, budget(bits));
        for (wanted, granted) in wanted.iter_mut().zip(before.grants) {
            wanted.present = granted;
        }
        let plan = allocate(&wanted, SOUND, budget(bits));

        prop_assert_eq!(plan.grants.len(), wanted.len());
        let granted = wanted.iter().zip(&plan.grants);
        let spent: u64 = granted.map(|(wanted, granted)| cost(wanted, *granted)).sum();
        prop_assert!(spent * 95 / 100 <= bits.saturating_sub(SOUND) + wanted.len() as u64);
        // With what is missing somebody gets more.
        if let Some(missing) = plan.missing {
            let more = allocate(&wanted, SOUND, budget(missing.max(bits)));
            if missing > bits {
                prop_assert!(more.grants != plan.grants);
            }
        }
    }

    #[test]
    fn the_same_budget_gives_the_same_again(
        mut wanted in prop::collection::vec(any_wanted(), 0..8),
        bits in 0..8_000_000_u64,
    ) {
        for _ in 0..10 {
            let plan = allocate(&wanted, SOUND, budget(bits));
            for (wanted, granted) in wanted.iter_mut().zip(plan.grants) {
                wanted.present = granted;
            }
        }
        let last: Vec<_> = wanted.iter().map(|wanted| wanted.present).collect();

        prop_assert_eq!(allocate(&wanted, SOUND, budget(bits)).grants, last);
    }
}
