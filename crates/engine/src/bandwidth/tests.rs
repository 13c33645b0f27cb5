//! Ways that change, and clients that tell little.

use std::time::Duration;

use super::*;
use crate::test_time::start;

/// A session on a settled way, which was found to carry 100 kbit/s.
fn limited(start: Instant) -> Bandwidth {
    let mut bandwidth = Bandwidth::new(CongestionConfig::default());
    bandwidth.handle_standing(start, on_way(1, start));
    bandwidth.has_arrivals = true;
    bandwidth.estimator.handle_estimate(start, 100_000);
    bandwidth
}

fn on_way(host: u8, since: Instant) -> Standing {
    Standing {
        address: Some([10, 0, 0, host].into()),
        since: Some(since),
        is_settled: true,
    }
}

fn limit(bandwidth: &Bandwidth) -> Option<u64> {
    let limit = bandwidth.estimator.limit();
    limit.map(|limit| limit.bits_per_second)
}

#[test]
fn a_client_that_tells_nothing_of_padding_gets_more_on_trial() {
    let start = start();
    let mut bandwidth = limited(start);
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let missing = Some(300_000);

    assert!(!bandwidth.advance(at(0), missing, true));
    assert!(bandwidth.is_probing(), "padding is tried first");
    for step in 1..30 {
        let due = bandwidth.padding_due(at(step * 10));
        let micros = bandwidth.micros(at(step * 10));
        bandwidth.note_padding(micros, usize::try_from(due).unwrap_or_default());
    }
    assert_eq!(bandwidth.conclude_probe(at(1000)), Finding::Nothing);
    assert!(!bandwidth.advance(at(1000), missing, true));
    assert_eq!(bandwidth.conclude_probe(at(1500)), Finding::Unheard);

    assert!(
        bandwidth.advance(at(1500), missing, true),
        "then a picture is"
    );
    assert_eq!(limit(&bandwidth), Some(300_000));
    assert!(!bandwidth.advance(at(7000), Some(900_000), true));
    assert!(bandwidth.is_probing(), "and padding again the next time");
}

#[test]
fn nothing_is_tried_while_the_way_is_not_known_to_be_valid() {
    let start = start();
    let mut bandwidth = limited(start);
    let second = start + Duration::from_secs(1);
    assert!(!bandwidth.advance(start, Some(300_000), true));

    let unsettled = Standing {
        is_settled: false,
        ..on_way(1, start)
    };
    bandwidth.handle_standing(start, unsettled);
    assert!(!bandwidth.is_probing());
    assert!(!bandwidth.advance(second, Some(300_000), true));
    assert!(!bandwidth.is_probing());
    bandwidth.handle_standing(second, on_way(1, second));
    bandwidth.advance(second, Some(300_000), true);

    assert!(bandwidth.is_probing());
    assert_eq!(limit(&bandwidth), Some(100_000), "it is the same way");
}

#[test]
fn what_another_way_carried_says_nothing_of_this_one() {
    let start = start();
    let mut bandwidth = limited(start);

    bandwidth.handle_standing(start, on_way(2, start + Duration::from_secs(1)));

    assert_eq!(limit(&bandwidth), None);
}

#[test]
fn reports_of_before_a_way_was_valid_do_not_count() {
    let start = start();
    for since in [0, 3] {
        let mut bandwidth = Bandwidth::new(CongestionConfig::default());
        bandwidth.handle_standing(start, on_way(1, start + Duration::from_secs(since)));
        let mut findings = Vec::new();
        for second in 0..5 {
            let now = start + Duration::from_secs(second);
            let micros = bandwidth.micros(now);
            bandwidth.note_sent(micros, 100_000, false);
            findings.push(bandwidth.handle_loss(now, 0.5) != Finding::Nothing);
        }
        assert_eq!(findings.contains(&true), since == 0, "{findings:?}");
    }
}

/// Feedback on packets from number `first` on: so many are lost, and then so many came, 10 ms apart.
fn feedback(first: u16, lost: u16, came: u16, reference: u32) -> Vec<u8> {
    const SMALL_DELTA: u16 = 1 << 13;
    let deltas = vec![40_u8; usize::from(came).next_multiple_of(4)];
    let words = 6 + deltas.len() / 4;
    let mut bytes = vec![0x8f, 205];
    bytes.extend(u16::try_from(words - 1).unwrap().to_be_bytes());
    bytes.extend([0; 8]);
    bytes.extend(first.to_be_bytes());
    bytes.extend((lost + came).to_be_bytes());
    bytes.extend((reference << 8).to_be_bytes());
    bytes.extend(lost.to_be_bytes());
    bytes.extend((SMALL_DELTA | came).to_be_bytes());
    bytes.extend(deltas);
    bytes
}

fn hear(bandwidth: &mut Bandwidth, now: Instant, feedback: &[u8]) -> Finding {
    for packet in crate::rtcp::read(feedback) {
        let Ok(crate::rtcp::Packet::TransportWide { arrivals, .. }) = packet else {
            panic!("{packet:?}");
        };
        bandwidth.handle_arrivals(now, arrivals);
    }
    bandwidth.conclude(now)
}

#[test]
fn what_left_before_the_way_was_valid_is_not_held_against_it() {
    let start = start();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    for is_valid_since in [0, 2_500] {
        let mut bandwidth = Bandwidth::new(CongestionConfig::default());
        bandwidth.handle_standing(start, on_way(1, start));
        for packet in 0..300 {
            let micros = bandwidth.micros(at(packet * 10));
            bandwidth.note_sent(micros, 1000, true);
        }
        let heard = feedback(0, 0, 100, 0);
        assert_eq!(hear(&mut bandwidth, at(1000), &heard), Finding::Nothing);

        let standing = on_way(1, at(is_valid_since));
        bandwidth.handle_standing(at(2500), standing);
        let found = hear(&mut bandwidth, at(3000), &feedback(100, 150, 50, 39));
        let next = hear(&mut bandwidth, at(4100), &feedback(300, 0, 0, 60));

        let is_congested = [found, next].map(|found| matches!(found, Finding::Congested(_)));
        assert_eq!(is_congested.contains(&true), is_valid_since == 0);
    }
}
