use std::collections::{BTreeMap, BTreeSet};

use super::*;
use proptest::prelude::*;

#[test]
fn a_skipped_packet_leaves_no_gap_but_a_lost_one_does() {
    let mut rewriter = RtpRewriter::default();
    rewriter.switch_layer(100);

    let first = rewriter.rewrite(100).unwrap();
    rewriter.skip(101); // Ours: a temporal layer above the target.
    let second = rewriter.rewrite(102).unwrap();
    let after_loss = rewriter.rewrite(104).unwrap(); // 103 never arrived.

    assert_eq!([first, second, after_loss], [100, 101, 103]);
}

#[test]
fn a_late_packet_gets_the_number_that_was_left_for_it() {
    let mut rewriter = RtpRewriter::default();
    rewriter.switch_layer(10);
    rewriter.rewrite(10).unwrap();
    rewriter.rewrite(12).unwrap();
    rewriter.skip(13);
    rewriter.skip(14);
    rewriter.rewrite(16).unwrap();

    assert_eq!(rewriter.rewrite(11), Ok(11));
    assert_eq!(rewriter.rewrite(15), Ok(13));
    assert_eq!(rewriter.rewrite(13), Err(RewriteError::NoPlace));
    assert_eq!(rewriter.rewrite(12), Err(RewriteError::Duplicate));
    assert_eq!(rewriter.rewrite(9), Err(RewriteError::NoPlace));
    assert_eq!(rewriter.rewrite(17), Ok(15));
}

#[test]
fn numbers_go_on_over_a_switch_and_the_old_source_has_no_place() {
    let mut rewriter = RtpRewriter::default();
    rewriter.switch_layer(70_000);
    let first = rewriter.rewrite(70_000).unwrap();
    rewriter.switch_layer(5);

    assert!(first < 1 << 16);
    assert_eq!(rewriter.rewrite(5), Ok(first + 1));
    assert_eq!(rewriter.rewrite(4), Err(RewriteError::NoPlace));
    assert_eq!(rewriter.rewrite(6), Ok(first + 2));
}

#[test]
fn a_jump_too_wide_to_be_loss_leaves_no_gap() {
    let mut rewriter = RtpRewriter::default();
    rewriter.switch_layer(100);
    rewriter.rewrite(100).unwrap();

    assert_eq!(rewriter.rewrite(90_000), Ok(101));
    assert_eq!(rewriter.rewrite(90_001), Ok(102));
    assert_eq!(rewriter.rewrite(101), Err(RewriteError::NoPlace));
}

#[test]
fn a_late_skip_keeps_its_gap() {
    let mut rewriter = RtpRewriter::default();
    rewriter.switch_layer(0);
    rewriter.rewrite(0).unwrap();
    rewriter.rewrite(2).unwrap();

    rewriter.skip(1);

    assert_eq!(rewriter.rewrite(3), Ok(3));
}

#[test]
fn memory_is_bounded_and_what_is_too_old_is_refused() {
    let mut rewriter = RtpRewriter::default();
    rewriter.switch_layer(0);
    for number in 0..10_000 {
        if number % 3 == 0 {
            rewriter.skip(number);
        } else if number % 7 != 1 {
            rewriter.rewrite(number).unwrap();
        }
    }

    assert_eq!(rewriter.numbers.segments.len(), SEGMENTS_MAX);
    assert_eq!(rewriter.rewrite(8), Err(RewriteError::NoPlace));

    let mut plain = RtpRewriter::default();
    plain.switch_layer(0);
    plain.rewrite(0).unwrap();
    plain.rewrite(5000).unwrap();
    assert_eq!(plain.rewrite(5000 - 1024), Err(RewriteError::Duplicate));
    assert_eq!(plain.rewrite(5000 - 1023), Ok(5000 - 1023));
}

#[test]
fn nothing_has_a_place_before_the_first_switch() {
    let mut rewriter = RtpRewriter::default();

    rewriter.skip(5);

    assert_eq!(rewriter.rewrite(5), Err(RewriteError::NoPlace));
}

/// What happens to a source packet, in the order of arrival.
#[derive(Debug, Clone, Copy)]
enum Step {
    Forward(u64),
    Skip(u64),
    Switch(u64),
}

/// The rewriter with unbounded memory: a map from every counted-on number to its outgoing one.
#[derive(Default)]
struct Model {
    places: BTreeMap<u64, u64>,
    sent: BTreeSet<u64>,
    expected: u64,
    next: u64,
    started: bool,
}

impl Model {
    fn switch(&mut self, first: u64) {
        if !self.started {
            self.next = first % (1 << 15);
            self.started = true;
        }
        self.places.clear();
        self.expected = first;
    }

    fn count_on(&mut self, until: u64) {
        while self.expected < until {
            self.places.insert(self.expected, self.next);
            self.next += 1;
            self.expected += 1;
        }
    }

    fn rewrite(&mut self, number: u64) -> Result<u64, RewriteError> {
        self.count_on(number + 1);
        let outgoing = *self.places.get(&number).ok_or(RewriteError::NoPlace)?;
        if self.sent.insert(outgoing) {
            Ok(outgoing)
        } else {
            Err(RewriteError::Duplicate)
        }
    }

    fn skip(&mut self, number: u64) {
        if number >= self.expected {
            self.count_on(number);
            self.expected += 1;
        }
    }
}

/// A stream with loss, reordering, repetition, skips and switches, small enough that no bound of the
/// rewriter is reached.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let run = (
        0_u64..200_000,
        proptest::collection::vec((0_u8..10, 0_u64..12), 0..60),
    );
    proptest::collection::vec(run, 1..5).prop_map(|runs| {
        let mut steps = Vec::new();
        for (first, packets) in runs {
            steps.push(Step::Switch(first));
            let mut newest = first;
            for (kind, distance) in packets {
                newest += u64::from(kind < 8); // Otherwise late or repeated.
                let number = match kind {
                    0..=5 => newest,
                    6..=7 => {
                        newest += distance / 3; // Lost.
                        newest
                    }
                    _ => newest.saturating_sub(distance),
                };
                steps.push(if kind % 3 == 0 {
                    Step::Skip(number)
                } else {
                    Step::Forward(number)
                });
            }
        }
        steps
    })
}

proptest! {
    #[test]
    fn it_does_what_the_model_with_unbounded_memory_does(steps in steps()) {
        let mut rewriter = RtpRewriter::default();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Switch(first) => {
                    rewriter.switch_layer(first);
                    model.switch(first);
                }
                Step::Skip(number) => {
                    rewriter.skip(number);
                    model.skip(number);
                }
                Step::Forward(number) => {
                    prop_assert_eq!(rewriter.rewrite(number), model.rewrite(number));
                }
            }
        }
    }

    #[test]
    fn outgoing_numbers_are_unique(
        steps in proptest::collection::vec((0_u8..8, any::<u64>(), 0_u64..3000), 0..300),
    ) {
        let mut rewriter = RtpRewriter::default();
        let mut sent = BTreeSet::new();
        let mut at = 0_u64;
        for (kind, anything, near) in steps {
            let number = match kind {
                0 => anything,
                1 => at.wrapping_sub(near),
                2 => at.wrapping_add(near),
                _ => at.wrapping_add(1),
            };
            match kind {
                3 => rewriter.skip(number),
                4 if anything % 8 == 0 => rewriter.switch_layer(anything),
                _ => {
                    if let Ok(outgoing) = rewriter.rewrite(number) {
                        prop_assert!(sent.insert(outgoing), "{outgoing} was given twice");
                    }
                }
            }
            at = number;
        }
        if let Some(&first) = sent.first() {
            prop_assert!(first < 1 << 16);
        }
    }
}
