//! More than two, on one shard or several.

use std::time::Duration;

use engine::{CloseReason, Event, Target};

use crate::kit::{Client, MODES, Mode, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn two_publishers_reach_ten_subscribers() {
    let mut world = World::new(70);
    let publishers = [world.join(Mode::Dual), world.join(Mode::Single)];
    let tracks: Vec<Track> = publishers
        .into_iter()
        .flat_map(|client| {
            [
                world.publish(client, Script::Opus),
                world.publish(client, Script::Vp8Simulcast),
            ]
        })
        .collect();
    let subscribers: Vec<Client> = (0..10).map(|n| world.begin_join(MODES[n % 2], 0)).collect();
    for subscriber in &subscribers {
        for track in &tracks {
            world.subscribe(*subscriber, *track, Target::ALL);
        }
    }
    for subscriber in &subscribers {
        for track in &tracks {
            world.wait_received(*subscriber, *track);
        }
    }

    world.run_for(2 * SECOND);

    for subscriber in subscribers {
        for track in &tracks {
            let reception = world.reception(subscriber, *track);
            assert_eq!(reception.missing(), 0);
            if track.script == Script::Vp8Simulcast {
                reception.assert_flawless();
            }
        }
    }
    world.assert_nothing_closed();
}

#[test]
fn a_muted_track_is_silent_and_leaves_no_gap() {
    for mode in MODES {
        let mut world = World::new(71);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);
        world.subscribe(bob, picture, Target::ALL);
        world.wait_received(bob, picture);

        world.engines[0].set_muted(picture.id, true);
        world.run_for(SECOND / 10);
        let muted = world.now;
        world.run_for(SECOND);
        assert_eq!(world.packets_since(bob, picture, muted), 0);
        world.engines[0].set_muted(picture.id, false);
        let unmuted = world.now;
        world.run_for(SECOND);

        assert!(world.played_since(bob, picture, unmuted) >= 18);
        world.reception(bob, picture).assert_flawless();
    }
}

#[test]
fn speakers_are_told_loudest_first_and_fall_silent() {
    let mut world = World::new(72);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Dual));
    let (quiet, loud) = (
        world.publish(alice, Script::Opus),
        world.publish(bob, Script::Opus),
    );
    world.source(quiet).level = -35;
    world.source(loud).level = -10;

    world.run_for(3 * SECOND);
    let speakers = |world: &World| -> Vec<engine::TrackId> {
        let lists = world.events.iter().rev();
        let mut lists = lists.filter_map(|(_, event)| {
            let Event::Speakers { speakers, .. } = event else {
                return None;
            };
            Some(speakers.iter().map(|(id, _)| *id).collect())
        });
        lists.next().unwrap()
    };
    assert_eq!(speakers(&world), [loud.id, quiet.id]);
    world.source(loud).is_on = false;
    world.source(quiet).level = -90;
    world.run_for(5 * SECOND);

    assert!(speakers(&world).is_empty());
}

/// A call over two shards.
fn spanning_call(seed: u64, mode: Mode, script: Script) -> (World, Client, Client, Track) {
    let mut world = World::with(seed, 2, |_| {});
    let alice = world.join_on(mode, 0);
    let (bob, carol) = (world.join_on(mode, 1), world.join_on(mode, 1));
    let track = world.publish(alice, script);
    world.subscribe(bob, track, Target::ALL);
    world.subscribe(carol, track, Target::ALL);
    world.wait_received(bob, track);
    world.wait_received(carol, track);
    (world, bob, carol, track)
}

#[test]
fn a_track_crosses_shards_once_for_all_who_watch_there() {
    for mode in MODES {
        let (mut world, bob, carol, track) = spanning_call(73, mode, Script::Vp8);

        let (before, since) = (world.engines[0].counters().clone(), world.now);
        world.run_for(2 * SECOND);

        let after = world.engines[0].counters();
        let received = after.packets_in - before.packets_in;
        assert_eq!(after.packets_relayed - before.packets_relayed, received);
        for client in [bob, carol] {
            assert!(world.played_since(client, track, since) >= 49);
            world.reception(client, track).assert_flawless();
        }
        world.assert_nothing_closed();
    }
}

#[test]
fn demand_comes_back_over_a_relay_and_limits_what_crosses() {
    let (mut world, bob, carol, track) = spanning_call(74, Mode::Dual, Script::Vp8Simulcast);

    let low = Target::Layers {
        spatial: 0,
        temporal: 1,
    };
    world.set_target(bob, track, low);
    world.set_target(carol, track, low);
    world.run_for(2 * SECOND);
    let (before, since) = (world.engines[0].counters().packets_relayed, world.now);
    world.run_for(2 * SECOND);

    let crossed = world.engines[0].counters().packets_relayed - before;
    assert!(crossed <= 60, "{crossed} packets of 50 small frames");
    assert!(world.played_since(bob, track, since) >= 49);
    let told = Event::LayerDemand {
        track: track.id,
        spatial: Some(0),
    };
    assert!(world.events.iter().any(|(_, event)| *event == told));
    world.set_target(bob, track, Target::ALL);
    world.run_for(3 * SECOND);
    let newest = world.reception(bob, track).played.last().unwrap().layer;
    assert_eq!(newest, 2);
    world.reception(bob, track).assert_flawless();
}

#[test]
fn a_keyframe_request_reaches_the_publisher_over_a_relay() {
    let (mut world, bob, _, track) = spanning_call(75, Mode::Single, Script::Vp8);
    world.run_for(2 * SECOND);
    world.source(track).encodings[0].requests.clear();

    let peer = &mut world.peers[bob.subscriber];
    let ssrc = peer.receptions.keys().next().unwrap().1;
    let mut direct = peer.rtc.direct_api();
    let stream = direct.stream_rx(&ssrc).unwrap();
    stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
    peer.timeout = world.now;
    world.run_for(SECOND / 5);

    assert_eq!(world.source(track).encodings[0].requests.len(), 1);
}

#[test]
fn the_last_unsubscription_closes_the_relay() {
    for mode in MODES {
        let (mut world, bob, carol, track) = spanning_call(76, mode, Script::Vp8);

        world.unsubscribe(bob, track);
        world.run_for(SECOND);
        let before = world.engines[0].counters().packets_relayed;
        world.run_for(SECOND);
        assert!(world.engines[0].counters().packets_relayed > before);
        world.unsubscribe(carol, track);
        world.run_for(SECOND / 10);
        let before = world.engines[0].counters().packets_relayed;
        world.run_for(SECOND);

        assert_eq!(world.engines[0].counters().packets_relayed, before);
        assert_eq!(world.engines[1].entries()["tracks"], 0);
        world.subscribe(bob, track, Target::ALL);
        let since = world.now;
        world.run_until("the track comes again", 2 * SECOND, |world| {
            world.played_since(bob, track, since) > 0
        });
    }
}

#[test]
fn muting_and_unpublishing_reach_other_shards() {
    let (mut world, bob, carol, track) = spanning_call(77, Mode::Dual, Script::Opus);

    world.engines[0].set_muted(track.id, true);
    world.run_for(SECOND / 10);
    let since = world.now;
    world.run_for(SECOND);
    assert_eq!(world.packets_since(bob, track, since), 0);
    world.engines[0].set_muted(track.id, false);
    let since = world.now;
    world.run_for(SECOND);
    assert!(world.packets_since(bob, track, since) >= 45);
    world.unpublish(track);
    world.run_for(SECOND);

    assert!(world.peers[bob.subscriber].carried.is_empty());
    assert!(world.peers[carol.subscriber].carried.is_empty());
    assert_eq!(world.engines[1].entries()["tracks"], 0);
}

#[test]
fn of_many_microphones_the_loudest_is_passed_on_on_every_shard() {
    let mut world = World::with(81, 2, |config| config.voices_max = 1);
    let speakers = [world.join_on(Mode::Single, 0), world.join_on(Mode::Dual, 1)];
    let microphones = speakers.map(|speaker| world.publish(speaker, Script::Opus));
    let listeners = [world.join_on(Mode::Single, 0), world.join_on(Mode::Dual, 1)];
    for listener in listeners {
        for microphone in microphones {
            world.subscribe(listener, microphone, Target::ALL);
        }
    }

    for (loud, quiet) in [(0, 1), (1, 0)] {
        world.source(microphones[loud]).level = -20;
        world.source(microphones[quiet]).level = -70;
        world.run_for(5 * SECOND);
        let since = world.now;
        world.run_for(SECOND);
        for listener in listeners {
            assert!(world.packets_since(listener, microphones[loud], since) >= 48);
            assert_eq!(world.packets_since(listener, microphones[quiet], since), 0);
        }
    }
}

#[test]
fn a_track_of_another_room_cannot_be_had() {
    let mut world = World::with(78, 2, |_| {});
    let alice = world.join_on(Mode::Single, 0);
    let picture = world.publish(alice, Script::Vp8);
    let other = engine::RoomId(2);
    for (shard, engine) in world.engines.iter_mut().enumerate() {
        engine.open_room(other);
        let shard = engine::ShardId(u8::try_from(shard).unwrap());
        let id = engine::SessionId::new(shard, 900);
        let config = engine::SessionConfig::new(engine::SessionKind::Subscriber);
        engine.create_session(world.now, other, id, config).unwrap();
        let wish = engine::Subscribe {
            track: picture.id,
            kind: engine::MediaKind::Video,
            codec: engine::Codec::Vp8,
            stream: "s".to_owned(),
            name: "t".to_owned(),
            target: Target::ALL,
            cuts_trailer: false,
            hears_all: false,
            stereo: false,
        };
        engine.subscribe(id, wish);
    }

    // No step: events of the other room are not for this world.
    let mut transmit = engine::Transmit::default();
    for _ in 0..3 {
        for index in 0..2 {
            while world.engines[index].flush(world.now, &mut transmit) {}
            while let Some((to, message)) = world.engines[index].poll_relay() {
                let from = engine::ShardId(u8::try_from(index).unwrap());
                let now = world.now;
                world.engines[usize::from(to.0)].handle_relay(now, from, message);
            }
            while world.engines[index].poll_event().is_some() {}
        }
    }

    assert_eq!(world.engines[0].entries()["tracks"], 1);
    assert_eq!(world.engines[0].entries()["subscriptions"], 0);
    assert_eq!(world.engines[1].entries()["tracks"], 0);
}

#[test]
fn a_panic_ends_its_session_alone() {
    let mut world = World::new(79);
    let (alice, bob, carol) = (
        world.join(Mode::Single),
        world.join(Mode::Dual),
        world.join(Mode::Dual),
    );
    let picture = world.publish(alice, Script::Vp8);
    world.subscribe(bob, picture, Target::ALL);
    world.subscribe(carol, picture, Target::ALL);
    world.wait_received(bob, picture);
    world.wait_received(carol, picture);
    let session = world.subscriber(bob);

    world.engines[0].panic_at_next_input(session);
    world.run_for(SECOND);

    assert_eq!(world.closed(session), Some(CloseReason::Panic));
    assert_eq!(world.engines[0].counters().panics, 1);
    world.reception(carol, picture).assert_flawless();
    let since = world.now;
    world.run_for(SECOND);
    assert!(world.played_since(carol, picture, since) >= 24);
    let closed = world.events.iter();
    let closed = closed.filter(|(_, event)| matches!(event, Event::Closed { .. }));
    assert_eq!(closed.count(), 1);
}
