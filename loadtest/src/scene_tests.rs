//! Tests of the plans.

use std::collections::HashSet;

use super::*;

fn made(scene: Scene, rooms: usize, size: usize) -> Plan {
    plan(&SceneOptions::of(scene, rooms, size)).unwrap()
}

#[test]
fn a_livestream_has_one_who_sends_and_joins_first() {
    let plan = made(Scene::Livestream, 1, 50);

    assert_eq!(plan.peers.len(), 51);
    assert_eq!(plan.peers[0].tracks.len(), 2);
    assert!(plan.peers[1..].iter().all(|peer| peer.tracks.is_empty()));
    assert!(plan.peers.is_sorted_by_key(|peer| peer.join_at));
    assert!(plan.peers[50].join_at < Duration::from_secs(10));
    assert_eq!(plan.measure_from, Duration::from_secs(13));
    assert_eq!(plan.end, Duration::from_secs(43));
}

#[test]
fn a_number_is_the_place_in_the_plan_in_every_scene() {
    for scene in Scene::value_variants() {
        let plan = made(*scene, 3, 4);
        let numbers = plan.peers.iter().map(|peer| peer.number);

        let places = 0..u32::try_from(plan.peers.len()).unwrap();
        assert!(numbers.eq(places), "{scene:?}");
        assert!(plan.peers.is_sorted_by_key(|peer| peer.join_at));
    }
}

#[test]
fn who_has_left_is_known_by_the_number() {
    let plan = made(Scene::Churn, 1, 4);
    let guest = plan.peers.iter().find(|peer| peer.leave.is_some()).unwrap();
    let at = guest.leave.unwrap().at;

    assert!(!plan.has_left(guest.number, at.saturating_sub(Duration::from_millis(1))));
    assert!(plan.has_left(guest.number, at));
    assert!(!plan.has_left(u32::MAX, at));
}

#[test]
fn the_sample_is_as_large_as_asked_and_only_of_those_who_receive() {
    let plan = made(Scene::Livestream, 2, 20);
    let sample: Vec<&PeerPlan> = plan.peers.iter().filter(|peer| peer.is_sampled).collect();

    assert_eq!(sample.len(), 5);
    assert!(sample.iter().all(|peer| peer.seat > 0));
    assert!(sample.iter().any(|peer| peer.room == 0));
    assert!(sample.iter().any(|peer| peer.room == 1));
}

#[test]
fn a_sample_larger_than_all_takes_all() {
    let plan = made(Scene::Meeting, 1, 4);

    assert!(plan.peers.iter().all(|peer| peer.is_sampled));
}

#[test]
fn in_a_meeting_everybody_sees_one_large_and_the_right_number_of_small_tiles() {
    let plan = made(Scene::Meeting, 1, 30);
    for viewer in &plan.peers {
        for second in 0..40 {
            let now = Duration::from_secs(second);
            let tiles = (0..30).map(|seat| plan.tile(viewer, seat, now));
            let tiles: Vec<Tile> = tiles.collect();
            let count = |kind| tiles.iter().filter(|tile| **tile == kind).count();

            assert_eq!((count(Tile::Large), count(Tile::Small)), (1, 8));
            assert_eq!(tiles[viewer.seat], Tile::Hidden, "oneself");
        }
    }
}

#[test]
fn with_more_tiles_than_people_all_are_seen() {
    let plan = made(Scene::Rooms, 1, 3);
    let tiles = (0..3).map(|seat| plan.tile(&plan.peers[0], seat, Duration::ZERO));

    assert_eq!(tiles.filter(|tile| *tile != Tile::Hidden).count(), 2);
}

#[test]
fn speakers_change_but_not_within_a_turn() {
    let plan = made(Scene::Meeting, 1, 10);
    let at = |millis| plan.speaker(0, Duration::from_millis(millis));

    assert_eq!(at(0), at(7999));
    let speakers: HashSet<usize> = (0..50).map(|turn| at(turn * 8000)).collect();
    assert!(speakers.len() > 5, "{speakers:?}");
    assert_eq!(
        Plan::next_turn(Duration::from_secs(8)),
        Duration::from_secs(16)
    );
}

#[test]
fn one_of_a_meeting_talks_and_the_host_of_a_livestream_always_does() {
    let meeting = made(Scene::Meeting, 1, 10);
    let stream = made(Scene::Livestream, 1, 10);
    for tenth in 0..300 {
        let now = Duration::from_millis(tenth * 100);
        let talking = |plan: &Plan| {
            let peers = plan.peers.iter();
            peers.filter(|peer| plan.is_talking(peer, now)).count()
        };
        assert!(talking(&meeting) <= 1);
        assert_eq!(
            stream.is_talking(&stream.peers[0], now),
            now.as_millis() % 3800 < 3200
        );
    }
}

#[test]
fn guests_of_churn_come_stay_and_go_and_some_resume() {
    let plan = made(Scene::Churn, 1, 12);
    let guests: Vec<&PeerPlan> = plan.peers.iter().filter(|p| p.leave.is_some()).collect();

    assert!(guests.len() > 30, "{}", guests.len());
    assert!(guests.iter().any(|guest| guest.resume_at.is_some()));
    assert!(guests.iter().any(|guest| !guest.tracks.is_empty()));
    assert!(guests.iter().any(|g| !g.leave.unwrap().is_polite));
    for guest in &guests {
        let leave = guest.leave.unwrap();
        assert!(leave.at >= guest.join_at + Duration::from_secs(2));
        assert!(
            guest
                .resume_at
                .is_none_or(|at| at > guest.join_at && at < leave.at)
        );
    }
    let hosts = plan.peers.iter().filter(|peer| peer.leave.is_none());
    assert_eq!(hosts.count(), 1);
    for seat in 1..=12 {
        let mut last = Duration::ZERO;
        for guest in guests.iter().filter(|guest| guest.seat == seat) {
            assert!(guest.join_at >= last, "two on one seat");
            last = guest.leave.unwrap().at;
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_plan_and_another_one_another() {
    let first = made(Scene::Churn, 1, 6);
    let mut other = SceneOptions::of(Scene::Churn, 1, 6);
    other.seed = 2;

    assert_eq!(first, made(Scene::Churn, 1, 6));
    assert_ne!(first, plan(&other).unwrap());
}

#[test]
fn plans_are_bounded() {
    assert!(plan(&SceneOptions::of(Scene::Meeting, 0, 5)).is_err());
    assert!(plan(&SceneOptions::of(Scene::Meeting, 1, 0)).is_err());
    assert!(plan(&SceneOptions::of(Scene::Rooms, 20_000, 3)).is_err());
    let mut endless = SceneOptions::of(Scene::Churn, 100, 100);
    endless.duration = Duration::from_hours(24);
    assert!(plan(&endless).is_err());
}
