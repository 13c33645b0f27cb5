//! Joining and leaving.

use std::time::Duration;

use engine::{
    CloseReason, CreateSessionError, Event, SessionConfig, SessionId, SessionKind, ShardId, Target,
};

use crate::kit::world::ROOM;
use crate::kit::{Fault, MODES, Mode, SOON, Script, World};

#[test]
fn a_client_joins_in_both_modes_and_all_channels_open() {
    for mode in MODES {
        let mut world = World::new(1);

        let client = world.begin_join(mode, 0);
        world.wait_joined(client);

        let connected = world
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::Connected { .. }));
        assert!(connected);
        world.assert_nothing_closed();
    }
}

#[test]
fn sound_and_pictures_arrive_in_both_modes() {
    for publishing in MODES {
        for receiving in MODES {
            let mut world = World::new(2);
            let (alice, bob) = (world.join(publishing), world.join(receiving));
            let sound = world.publish(alice, Script::Opus);
            let picture = world.publish(alice, Script::Vp8);

            world.subscribe(bob, sound, Target::ALL);
            world.subscribe(bob, picture, Target::ALL);
            world.wait_received(bob, sound);
            world.wait_received(bob, picture);
            let since = world.now;
            world.run_for(SOON);

            world.reception(bob, picture).assert_flawless();
            assert!(world.played_since(bob, picture, since) >= 124);
            assert!(world.packets_since(bob, sound, since) >= 249);
            assert_eq!(world.reception(bob, sound).missing(), 0);
            assert!(world.seals.count() > 370);
        }
    }
}

#[test]
fn a_client_that_is_checked_in_full_ice_joins_too() {
    let mut world = World::new(3);

    let peer = world.add_peer(SessionKind::Single, 0, false);
    let client = crate::kit::Client {
        publisher: peer,
        subscriber: peer,
    };
    world.wait_joined(client);

    world.assert_nothing_closed();
}

#[test]
fn what_was_subscribed_to_before_joining_arrives_after_it() {
    for mode in MODES {
        let mut world = World::new(4);
        let alice = world.join(Mode::Single);
        let picture = world.publish(alice, Script::Vp8);

        let bob = world.begin_join(mode, 0);
        world.subscribe(bob, picture, Target::ALL);

        world.wait_received(bob, picture);
        world.reception(bob, picture).assert_flawless();
    }
}

#[test]
fn a_full_shard_refuses_a_session_and_serves_the_others() {
    let mut world = World::with(5, 1, |config| config.sessions_max = 1);
    let alice = world.join(Mode::Single);

    let config = SessionConfig::new(SessionKind::Single);
    let id = SessionId::new(ShardId(0), 77);
    let now = world.now;
    let refused = world.engines[0].create_session(now, ROOM, id, config);

    assert!(matches!(refused, Err(CreateSessionError::TooMany(1))));
    world.leave(alice);
    world.join(Mode::Single);
}

#[test]
fn a_client_that_leaves_takes_its_tracks_along() {
    for mode in MODES {
        let mut world = World::new(6);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);
        world.subscribe(bob, picture, Target::ALL);
        world.wait_received(bob, picture);

        world.leave(alice);
        world.run_for(Duration::from_millis(500));
        let since = world.now;
        world.run_for(SOON);

        let peer = &world.peers[bob.subscriber];
        assert!(peer.carried.is_empty(), "{:?}", peer.carried);
        assert!(world.peers[alice.publisher].is_gone, "it was told");
        let late = peer.receptions.values().flat_map(|r| r.packets.values());
        assert_eq!(late.filter(|packet| packet.at >= since).count(), 0);
        assert_eq!(world.engines[0].counters().tracks, 0);
        world.assert_nothing_closed();
    }
}

#[test]
fn a_client_that_closes_its_connection_is_noticed_at_once() {
    for mode in MODES {
        let mut world = World::new(7);
        let alice = world.join(mode);
        let session = world.publisher(alice);

        let peer = &mut world.peers[alice.publisher];
        peer.rtc.close().unwrap();
        peer.timeout = world.now;
        world.run_until("the session ends", Duration::from_secs(1), |world| {
            world.closed(session).is_some()
        });

        assert_eq!(world.closed(session), Some(CloseReason::PeerClosed));
    }
}

#[test]
fn a_client_that_vanishes_is_given_up_after_the_time_out() {
    let mut world = World::new(8);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let session = world.publisher(alice);

    world.vanish(alice.publisher);
    world.run_for(Duration::from_secs(12));
    assert_eq!(world.closed(session), None);
    world.run_until("the session ends", Duration::from_secs(25), |world| {
        world.closed(session).is_some()
    });

    assert_eq!(world.closed(session), Some(CloseReason::IceTimeout));
    assert_eq!(world.closed(world.publisher(bob)), None);
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    let mut world = World::new(9);

    let alice = world.begin_join(Mode::Single, 0);
    world.peers[alice.publisher].fault = Some(Fault::NoDtls);
    let session = world.publisher(alice);
    world.run_until("the session ends", Duration::from_secs(7), |world| {
        world.closed(session).is_some()
    });

    assert_eq!(world.closed(session), Some(CloseReason::HandshakeTimeout));
}
