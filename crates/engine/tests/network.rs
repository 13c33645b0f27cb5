//! Bad networks: loss, reordering, a new address, new ICE credentials.

use std::net::SocketAddr;
use std::time::Duration;

use engine::Target;

use crate::kit::{Change, Client, Fault, Link, MODES, Mode, SOON, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

/// A client's next check, and a second of silence at the old address.
const ADDRESS_CHANGE_MAX: Duration = Duration::from_millis(3500);

/// A call of two over links that are bad in all four directions.
fn bad_call(seed: u64, mode: Mode, spoil: impl Fn(&mut Link)) -> (World, Client, Track, Track) {
    bad_call_in(World::new(seed), mode, spoil)
}

fn bad_call_in(
    mut world: World,
    mode: Mode,
    spoil: impl Fn(&mut Link),
) -> (World, Client, Track, Track) {
    let (alice, bob) = (world.join(mode), world.join(mode));
    let sound = world.publish(alice, Script::Opus);
    let camera = world.publish(alice, Script::Vp8Simulcast);
    world.subscribe(bob, sound, Target::ALL);
    world.subscribe(bob, camera, Target::ALL);
    world.wait_received(bob, camera);
    for peer in &mut world.peers {
        spoil(&mut peer.up);
        spoil(&mut peer.down);
    }
    (world, bob, sound, camera)
}

#[test]
fn at_5_percent_loss_nearly_everything_is_repaired() {
    for (seed, mode) in [(30, Mode::Dual), (31, Mode::Single)] {
        let (mut world, bob, sound, camera) = bad_call(seed, mode, |link| link.loss_permille = 50);

        let since = world.now;
        world.run_for(20 * SECOND);

        let frames = world.played_since(bob, camera, since);
        assert!(frames >= 475, "{frames} of 500 frames");
        let packets = world.packets_since(bob, sound, since);
        assert!(packets >= 860, "{packets} of 1000 audio packets");
        world.reception(bob, camera).assert_numbers_rise();
        world.assert_nothing_closed();
    }
}

#[test]
fn at_20_percent_loss_on_one_leg_the_picture_goes_on() {
    for (seed, mode) in [(32, Mode::Dual), (33, Mode::Single)] {
        for is_up in [true, false] {
            let (mut world, bob, sound, camera) = bad_call(seed, mode, |_| {});
            let peer = if is_up {
                camera.publisher.publisher
            } else {
                bob.subscriber
            };
            let peer = &mut world.peers[peer];
            peer.up.loss_permille = 200;
            peer.down.loss_permille = 200;

            let since = world.now;
            world.run_for(20 * SECOND);

            let frames = world.played_since(bob, camera, since);
            // Up, how much is repaired is the publisher's choice.
            let least = if is_up { 100 } else { 380 };
            assert!(frames >= least, "{frames} of 500 frames, up: {is_up}");
            let packets = world.packets_since(bob, sound, since);
            assert!(packets >= 740, "{packets} of 1000 audio packets");
            world.reception(bob, camera).assert_numbers_rise();
            world.assert_nothing_closed();
        }
    }
}

#[test]
fn at_20_percent_loss_everywhere_nobody_is_thrown_out() {
    for (seed, mode) in [(42, Mode::Dual), (43, Mode::Single)] {
        let (mut world, bob, sound, camera) = bad_call(seed, mode, |link| link.loss_permille = 200);

        let since = world.now;
        world.run_for(20 * SECOND);

        let frames = world.played_since(bob, camera, since);
        assert!(frames >= 60, "{frames} of 500 frames");
        let packets = world.packets_since(bob, sound, since);
        assert!(packets >= 550, "{packets} of 1000 audio packets");
        world.assert_nothing_closed();
    }
}

#[test]
fn after_loss_the_picture_recovers() {
    let (mut world, bob, _, camera) = bad_call(34, Mode::Dual, |link| link.loss_permille = 200);
    world.run_for(5 * SECOND);

    for peer in &mut world.peers {
        peer.up = Link::default();
        peer.down = Link::default();
    }
    world.run_for(2 * SECOND);
    let since = world.now;
    world.run_for(2 * SECOND);

    assert!(world.played_since(bob, camera, since) >= 49);
}

#[test]
fn an_interruption_of_two_seconds_is_got_over() {
    for mode in MODES {
        let (mut world, bob, sound, camera) =
            bad_call(35, mode, |link| link.loss_permille = Link::CUT);
        world.run_for(2 * SECOND);

        for peer in &mut world.peers {
            peer.up.loss_permille = 0;
            peer.down.loss_permille = 0;
        }
        world.run_for(2 * SECOND);
        let since = world.now;
        world.run_for(2 * SECOND);

        assert!(world.played_since(bob, camera, since) >= 49);
        assert!(world.packets_since(bob, sound, since) >= 99);
        world.assert_nothing_closed();
    }
}

#[test]
fn overtaken_packets_find_their_places() {
    for (seed, mode) in [(36, Mode::Dual), (37, Mode::Single)] {
        let (mut world, bob, sound, camera) =
            bad_call(seed, mode, |link| link.reorder_permille = 50);

        let since = world.now;
        world.run_for(10 * SECOND);

        assert!(world.reception(bob, camera).reordered > 20);
        let frames = world.played_since(bob, camera, since);
        assert!(frames >= 247, "{frames} of 250 frames");
        let packets = world.packets_since(bob, sound, since);
        assert!(packets >= 495, "{packets} of 500 audio packets");
        world.assert_nothing_closed();
    }
}

#[test]
fn a_new_address_behind_a_nat_is_learnt_within_seconds() {
    for mode in MODES {
        let (mut world, bob, _, camera) = bad_call(38, mode, |_| {});

        for (port, peer) in (50_000..).zip(&mut world.peers) {
            peer.public = SocketAddr::from(([10, 0, 0, 9], port));
        }
        let moved = world.now;
        world.run_until("the picture is back", ADDRESS_CHANGE_MAX, |world| {
            world.played_since(bob, camera, moved + SECOND / 2) > 0
        });

        world.run_for(SECOND);
        let since = world.now;
        world.run_for(2 * SECOND);
        assert!(world.played_since(bob, camera, since) >= 49);
        world.assert_nothing_closed();
    }
}

#[test]
fn ice_restarts_without_a_gap() {
    for mode in MODES {
        let (mut world, bob, sound, camera) = bad_call(39, mode, |_| {});
        let since = world.now;

        for peer in 0..world.peers.len() {
            let session = world.peers[peer].session;
            if mode == Mode::Dual && peer == bob.subscriber {
                world.engine_of(session).restart_ice(session);
            } else if world.peers[peer].kind != engine::SessionKind::Subscriber {
                world.change(peer, Change::RestartIce);
            }
        }
        world.run_for(5 * SECOND);

        let frames = world.played_since(bob, camera, since);
        assert!(frames >= 123, "{frames} of 125 frames");
        assert!(world.packets_since(bob, sound, since) >= 247);
        world.assert_nothing_closed();
    }
}

#[test]
fn ice_restarts_from_a_new_network() {
    for (mode, ice_lite) in MODES
        .into_iter()
        .flat_map(|mode| [(mode, true), (mode, false)])
    {
        let mut world = World::new(40);
        world.ice_lite = ice_lite;
        let (mut world, bob, _, camera) = bad_call_in(world, mode, |_| {});

        world.move_subscriber(bob);
        let moved = world.now;

        world.run_until("the picture is back", SECOND, |world| {
            world.played_since(bob, camera, moved + SECOND / 5) > 0
        });
        world.assert_nothing_closed();
    }
}

#[test]
fn ice_restarts_in_place_of_an_offer_that_was_never_answered() {
    let mut world = World::new(41);
    let (alice, bob) = (world.join(Mode::Dual), world.join(Mode::Dual));
    let (first, second) = (
        world.publish(alice, Script::Vp8),
        world.publish(alice, Script::Opus),
    );
    world.subscribe(bob, first, Target::ALL);
    world.wait_received(bob, first);

    world.peers[bob.subscriber].fault = Some(Fault::MissesOffers);
    world.subscribe(bob, second, Target::ALL);
    world.run_for(SOON);
    world.peers[bob.subscriber].fault = None;
    let session = world.subscriber(bob);
    world.engine_of(session).restart_ice(session);

    world.wait_received(bob, second);
    let since = world.now;
    world.run_for(2 * SECOND);
    assert!(world.played_since(bob, first, since) >= 49);
    world.assert_nothing_closed();
}
