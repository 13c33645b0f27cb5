//! What is told of a client's link when media does not come.

use std::time::Duration;

use engine::{Event, MediaFlow, SessionId, Target};

use crate::kit::{Client, Link, MODES, Mode, Script, World};

/// Longer than it takes to notice.
const WHILE: Duration = Duration::from_secs(12);

/// What was told last of a session.
fn flow(world: &World, session: SessionId) -> Option<MediaFlow> {
    world.events.iter().rev().find_map(|(_, event)| {
        let Event::Quality {
            session: of,
            quality,
        } = event
        else {
            return None;
        };
        (*of == session).then_some(quality.flow)
    })
}

fn cut(world: &mut World, client: Client, loss_permille: u64) {
    for peer in [client.publisher, client.subscriber] {
        world.peers[peer].up.loss_permille = loss_permille;
        world.peers[peer].down.loss_permille = loss_permille;
    }
}

#[test]
fn a_client_that_is_cut_off_is_lost_until_it_is_back() {
    for mode in MODES {
        let mut world = World::new(400);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);
        world.subscribe(bob, picture, Target::ALL);
        world.wait_received(bob, picture);
        let sessions = [world.publisher(alice), world.subscriber(bob)];
        world.run_for(WHILE);
        assert_eq!(
            sessions.map(|s| flow(&world, s)),
            [Some(MediaFlow::Steady); 2]
        );

        for (client, session) in [alice, bob].into_iter().zip(sessions) {
            cut(&mut world, client, Link::CUT);
            world.run_until("it is lost", WHILE, |world| {
                flow(world, session) == Some(MediaFlow::Lost)
            });
            cut(&mut world, client, 0);
            world.run_until("it is back", WHILE, |world| {
                flow(world, session) == Some(MediaFlow::Steady)
            });
        }
        world.assert_nothing_closed();
    }
}

#[test]
fn a_client_that_has_nothing_to_send_and_gets_nothing_is_not_lost() {
    let mut world = World::new(402);
    let (alice, bob) = (world.join(Mode::Dual), world.join(Mode::Dual));
    let picture = world.publish(alice, Script::Vp8);
    world.subscribe(bob, picture, Target::ALL);
    world.wait_received(bob, picture);
    world.source(picture).is_on = false;
    world.engines[0].set_muted(picture.id, true);
    world.run_for(WHILE);

    cut(&mut world, bob, Link::CUT);
    world.run_for(WHILE);

    assert_eq!(flow(&world, world.subscriber(bob)), Some(MediaFlow::Steady));
}

#[test]
fn a_track_that_stops_is_missed_unless_it_is_muted_or_nobody_watches() {
    let mut world = World::new(401);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let picture = world.publish(alice, Script::Vp8);
    world.subscribe(bob, picture, Target::ALL);
    world.wait_received(bob, picture);
    let session = world.publisher(alice);
    let is_dry = |world: &World| flow(world, session) == Some(MediaFlow::Dry);

    world.source(picture).is_on = false;
    world.run_until("the track is missed", WHILE, is_dry);
    world.engines[0].set_muted(picture.id, true);
    world.run_for(WHILE);
    assert!(!is_dry(&world), "it is muted");
    world.engines[0].set_muted(picture.id, false);
    world.run_until("the track is missed", WHILE, is_dry);
    world.unsubscribe(bob, picture);
    world.run_for(WHILE);
    assert!(!is_dry(&world), "nobody watches");
    world.subscribe(bob, picture, Target::ALL);
    world.run_until("the track is missed", WHILE, is_dry);

    world.source(picture).is_on = true;
    world.run_until("all is well", WHILE, |world| !is_dry(world));
}
