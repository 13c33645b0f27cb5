//! A player offers once; tracks come and go in its sections.

use std::time::Duration;

use engine::{MediaKind, SessionKind, Target};

use crate::kit::{Change, Client, Mode, SOON, Script, Track, World, sections};

const SECOND: Duration = Duration::from_secs(1);

/// A connected player with one section of each kind.
fn join(world: &mut World) -> Client {
    let peer = world.add_peer(SessionKind::Player, 0, true);
    for kind in [MediaKind::Audio, MediaKind::Video] {
        world.change(peer, Change::Receive(kind, 1));
    }
    world.run_until("the player connects", SOON, |world| {
        world.peers[peer].is_connected
    });
    Client {
        publisher: peer,
        subscriber: peer,
    }
}

fn packets(world: &World, player: Client) -> usize {
    let receptions = world.peers[player.subscriber].receptions.values();
    receptions.map(|reception| reception.packets.len()).sum()
}

fn wait_for_more(world: &mut World, player: Client) {
    let before = packets(world, player);
    world.run_until("packets come", SOON, |world| {
        packets(world, player) > before + 100
    });
}

fn watch(world: &mut World, player: Client, tracks: &[Track]) {
    for track in tracks {
        world.subscribe(player, *track, Target::ALL);
    }
}

#[test]
fn each_section_is_answered_sendonly_before_there_is_anything_to_send() {
    let mut world = World::new(90);

    let player = join(&mut world);

    let answer = &world.peers[player.subscriber].last_answer;
    assert_eq!(sections(answer), 2);
    assert_eq!(answer.matches("a=sendonly").count(), 2, "{answer}");
    assert_eq!(answer.matches("a=msid:room ").count(), 2, "{answer}");
}

#[test]
fn the_stream_goes_on_with_the_next_track_in_the_same_ssrc() {
    let mut world = World::new(91);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let player = join(&mut world);
    let first = world.publish(alice, Script::Vp8);
    let second = world.publish(bob, Script::Vp8);
    watch(&mut world, player, &[first, second]);
    wait_for_more(&mut world, player);

    world.unpublish(first);
    wait_for_more(&mut world, player);
    let third = world.publish(alice, Script::Vp8);
    world.unpublish(second);
    watch(&mut world, player, &[third]);
    wait_for_more(&mut world, player);

    let receptions = &world.peers[player.subscriber].receptions;
    assert_eq!(receptions.len(), 1, "one SSRC for all");
    for reception in receptions.values() {
        reception.assert_numbers_rise();
        assert_eq!(reception.missing(), 0);
        let keyframes = reception.played.iter().filter(|played| played.keyframe);
        assert!(keyframes.count() >= 3, "each track begins with a keyframe");
    }
    world.assert_nothing_closed();
}

#[test]
fn a_track_that_waits_for_a_section_costs_nothing() {
    let mut world = World::new(92);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let player = join(&mut world);
    let (first, second) = (
        world.publish(alice, Script::Vp8),
        world.publish(bob, Script::Vp8),
    );
    watch(&mut world, player, &[first, second]);
    wait_for_more(&mut world, player);

    let is_wanted = world.events.iter().any(|(_, event)| {
        matches!(event, engine::Event::LayerDemand { track, spatial: Some(_) } if *track == second.id)
    });

    assert!(!is_wanted);
}

#[test]
fn an_ice_restart_keeps_the_streams() {
    let mut world = World::new(93);
    let alice = world.join(Mode::Single);
    let player = join(&mut world);
    let picture = world.publish(alice, Script::Vp8);
    watch(&mut world, player, &[picture]);
    wait_for_more(&mut world, player);

    world.change(player.subscriber, Change::RestartIce);
    wait_for_more(&mut world, player);
    wait_for_more(&mut world, player);

    let receptions = &world.peers[player.subscriber].receptions;
    assert_eq!(receptions.len(), 1);
    for reception in receptions.values() {
        reception.assert_numbers_rise();
    }
    let answer = &world.peers[player.subscriber].last_answer;
    assert_eq!(answer.matches("a=sendonly").count(), 2, "{answer}");
}

#[test]
fn retransmissions_go_on_with_their_numbers_over_an_ice_restart() {
    let mut world = World::new(94);
    let alice = world.join(Mode::Single);
    let player = join(&mut world);
    let picture = world.publish(alice, Script::Vp8);
    watch(&mut world, player, &[picture]);
    wait_for_more(&mut world, player);
    world.peers[player.subscriber].down.loss_permille = 100;
    world.run_for(3 * SECOND);
    let before = world.seals.spans(player.subscriber);

    world.change(player.subscriber, Change::RestartIce);
    world.run_for(5 * SECOND);

    let after = world.seals.spans(player.subscriber);
    assert_eq!(before.len(), 2, "media and its retransmissions");
    assert!(
        before.keys().eq(after.keys()),
        "the same SSRCs: {before:?}, {after:?}"
    );
    for (ssrc, (first, last, count)) in after {
        let (_, last_before, count_before) = before[&ssrc];
        assert!(
            last > last_before && count > count_before,
            "{ssrc:x} goes on"
        );
        // Neither begins anew nor skips, and that none comes twice is checked with each packet.
        assert_eq!(last - first + 1, u64::try_from(count).unwrap(), "{ssrc:x}");
    }
}
