//! Tracks of one room that are watched from another.

use std::time::Duration;

use engine::Target;

use crate::kit::world::{OTHER_ROOM, ROOM};
use crate::kit::{Client, MODES, Mode, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

/// Alice publishes in a room over two shards, where Dave watches her on the other one. From the room
/// beside it she is watched on both.
struct Scene {
    world: World,
    dave: Client,
    beside: [Client; 2],
    track: Track,
}

impl Scene {
    fn new(seed: u64, mode: Mode, script: Script) -> Self {
        let mut world = World::with(seed, 2, |_| {});
        for engine in &mut world.engines {
            engine.open_room(OTHER_ROOM);
        }
        let (alice, dave) = (world.join_on(mode, 0), world.join_on(mode, 1));
        world.room = OTHER_ROOM;
        let beside = [world.join_on(mode, 0), world.join_on(mode, 1)];
        let track = world.publish(alice, script);
        world.subscribe(dave, track, Target::ALL);
        for client in beside {
            world.subscribe_across(client, ROOM, track);
        }
        for client in [dave, beside[0], beside[1]] {
            world.wait_received(client, track);
        }
        Self {
            world,
            dave,
            beside,
            track,
        }
    }

    fn entries(&self, name: &str) -> usize {
        let engines = self.world.engines.iter();
        engines.map(|engine| engine.entries()[name]).sum()
    }
}

#[test]
fn a_track_reaches_another_room_and_crosses_shards_once_for_both() {
    for mode in MODES {
        let mut scene = Scene::new(90, mode, Script::Vp8);
        let world = &mut scene.world;

        let (before, since) = (world.engines[0].counters().clone(), world.now);
        world.run_for(2 * SECOND);

        let after = world.engines[0].counters();
        let received = after.packets_in - before.packets_in;
        assert_eq!(after.packets_relayed - before.packets_relayed, received);
        for client in [scene.dave, scene.beside[0], scene.beside[1]] {
            assert!(world.played_since(client, scene.track, since) >= 49);
            world.reception(client, scene.track).assert_flawless();
        }
        world.assert_nothing_closed();
    }
}

#[test]
fn who_watches_from_another_room_is_served_with_targets_keyframes_and_mutes() {
    let mut scene = Scene::new(91, Mode::Dual, Script::Vp8);
    let (track, [near, far]) = (scene.track, scene.beside);
    let world = &mut scene.world;

    world.set_target(near, track, Target::Paused);
    world.run_for(SECOND / 5);
    let paused = world.now;
    world.run_for(SECOND);
    assert_eq!(world.packets_since(near, track, paused), 0);
    world.set_target(near, track, Target::ALL);
    let resumed = world.now;
    world.run_for(SECOND);
    assert!(world.played_since(near, track, resumed) >= 18);
    world.engines[0].set_muted(track.id, true);
    world.run_for(SECOND / 5);
    let muted = world.now;
    world.run_for(SECOND);

    assert_eq!(world.packets_since(far, track, muted), 0);
    for client in [near, far] {
        world.reception(client, track).assert_flawless();
    }
}

#[test]
fn a_room_that_closes_takes_its_own_watchers_only() {
    let mut scene = Scene::new(92, Mode::Single, Script::Vp8);

    for engine in &mut scene.world.engines {
        engine.close_room(OTHER_ROOM);
    }
    let since = scene.world.now;
    scene.world.run_for(SECOND);

    assert!(scene.world.played_since(scene.dave, scene.track, since) >= 24);
    assert_eq!(scene.entries("subscriptions"), 1);
}

#[test]
fn a_room_that_closes_ends_what_others_watch_of_it() {
    let mut scene = Scene::new(93, Mode::Dual, Script::Vp8);

    for engine in &mut scene.world.engines {
        engine.close_room(ROOM);
    }
    scene.world.run_for(SECOND);

    assert_eq!(scene.entries("subscriptions"), 0);
    assert_eq!(scene.entries("tracks"), 0);
    let [near, far] = scene.beside;
    for client in [near, far] {
        let session = scene.world.subscriber(client);
        assert_eq!(scene.world.closed(session), None, "the watchers stay");
    }
}
