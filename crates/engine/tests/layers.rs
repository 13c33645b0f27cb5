//! Simulcast and scalable video: who gets which layer, and what the publisher is told.

use std::time::Duration;

use engine::{Event, Target, TrackId};

use crate::kit::source::FRAME_INTERVAL;
use crate::kit::{Client, MODES, Mode, SOON, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

fn layers(spatial: u8, temporal: u8) -> Target {
    Target::Layers { spatial, temporal }
}

fn a_second_ago(world: &World) -> std::time::Instant {
    world.now.checked_sub(SECOND).expect("a second has passed")
}

/// What arrived in the last second: layers, and temporal layers.
fn recent(world: &World, client: Client, track: Track) -> (Vec<u8>, Vec<u8>) {
    let since = a_second_ago(world);
    let reception = world.reception(client, track);
    let packets = reception
        .packets
        .values()
        .filter(|packet| packet.at >= since);
    let (mut spatial, mut temporal) = (Vec::new(), Vec::new());
    for packet in packets {
        spatial.push(packet.stamp.layer);
        temporal.push(packet.stamp.temporal);
    }
    for list in [&mut spatial, &mut temporal] {
        list.sort_unstable();
        list.dedup();
    }
    (spatial, temporal)
}

fn demands(world: &World, wanted: TrackId) -> Vec<Option<u8>> {
    let events = world.events.iter();
    let demands = events.filter_map(|(_, event)| {
        let Event::LayerDemand { track, spatial } = event else {
            return None;
        };
        (*track == wanted).then_some(*spatial)
    });
    demands.collect()
}

#[test]
fn the_size_of_each_layer_is_told_once_as_the_stream_says_it() {
    let mut world = World::new(29);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let camera = world.publish(alice, Script::Vp8Simulcast);
    world.subscribe(bob, camera, layers(0, 1));
    world.wait_received(bob, camera);

    // Going back and forth, it asks for keyframes again and again.
    for spatial in [2, 1, 0, 2, 1] {
        world.set_target(bob, camera, layers(spatial, 1));
        world.run_for(SECOND);
    }

    let events = world.events.iter();
    let mut told: Vec<_> = events
        .filter_map(|(_, event)| {
            let Event::PictureSize {
                track,
                encoding,
                size,
            } = event
            else {
                return None;
            };
            assert_eq!(*track, camera.id);
            Some((*encoding, size.width, size.height))
        })
        .collect();
    told.sort_unstable();
    assert_eq!(told, [(0, 320, 180), (1, 640, 360), (2, 1280, 720)]);
}

#[test]
fn each_simulcast_layer_comes_on_request() {
    for mode in MODES {
        let mut world = World::new(20);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let camera = world.publish(alice, Script::Vp8Simulcast);
        world.subscribe(bob, camera, layers(0, 1));
        world.wait_received(bob, camera);

        for (spatial, temporal) in [(0, 1), (2, 1), (1, 1), (0, 0), (2, 0), (2, 1)] {
            world.set_target(bob, camera, layers(spatial, temporal));
            world.run_for(3 * SECOND);

            let expected: Vec<u8> = (0..=temporal).collect();
            assert_eq!(recent(&world, bob, camera), (vec![spatial], expected));
        }

        world.reception(bob, camera).assert_flawless();
        world.assert_nothing_closed();
    }
}

#[test]
fn a_paused_subscription_gets_nothing_and_goes_on_with_a_keyframe() {
    for mode in MODES {
        let mut world = World::new(21);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let camera = world.publish(alice, Script::Vp8Simulcast);
        world.subscribe(bob, camera, Target::ALL);
        world.wait_received(bob, camera);

        world.set_target(bob, camera, Target::Paused);
        world.run_for(SECOND / 10);
        let paused = world.now;
        world.run_for(3 * SECOND);
        assert_eq!(world.packets_since(bob, camera, paused), 0);

        let resumed = world.now;
        world.set_target(bob, camera, Target::ALL);
        world.run_for(2 * SECOND);

        let reception = world.reception(bob, camera);
        let first = reception.played.iter().find(|played| played.at >= resumed);
        assert!(first.is_some_and(|first| first.keyframe), "{first:?}");
        reception.assert_flawless();
    }
}

#[test]
fn a_subscription_can_begin_paused() {
    let mut world = World::new(22);
    let (alice, bob) = (world.join(Mode::Dual), world.join(Mode::Dual));
    let camera = world.publish(alice, Script::Vp8);

    world.subscribe(bob, camera, Target::Paused);
    world.run_for(2 * SECOND);
    assert!(!world.is_received(bob, camera));
    world.set_target(bob, camera, Target::ALL);

    world.wait_received(bob, camera);
}

#[test]
fn a_late_joiner_gets_a_keyframe_within_a_frame_and_a_round_trip() {
    for mode in MODES {
        let mut world = World::new(23);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let camera = world.publish(alice, Script::Vp8);
        world.subscribe(bob, camera, Target::ALL);
        world.wait_received(bob, camera);
        let carol = world.join(mode);
        world.run_for(2 * SECOND);

        world.subscribe(carol, camera, Target::ALL);
        world.run_until("the negotiation is done", SOON, |world| {
            !world.peers[carol.subscriber].carried.is_empty()
        });
        let negotiated = world.now;
        world.wait_received(carol, camera);

        // An answer to the server, a request to the publisher, a frame to the subscriber.
        let ways = Duration::from_millis(20) + 3 * Duration::from_millis(14);
        let waited = world.now - negotiated;
        assert!(waited <= FRAME_INTERVAL + ways, "{waited:?}");
        world.run_for(SECOND);
        world.reception(carol, camera).assert_flawless();
        world.reception(bob, camera).assert_flawless();
    }
}

#[test]
fn the_publisher_is_not_asked_for_keyframes_more_than_twice_a_second() {
    let mut world = World::new(24);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let camera = world.publish(alice, Script::Vp8);
    world.subscribe(bob, camera, Target::ALL);
    world.wait_received(bob, camera);
    world.source(camera).encodings[0].requests.clear();

    for _ in 0..100 {
        world.run_for(Duration::from_millis(40));
        let peer = &mut world.peers[bob.subscriber];
        let ((_, ssrc), _) = peer.receptions.first_key_value().unwrap();
        let ssrc = *ssrc;
        let mut direct = peer.rtc.direct_api();
        let stream = direct.stream_rx(&ssrc).unwrap();
        stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
        peer.timeout = world.now;
    }

    let requests = world.source(camera).encodings[0].requests.len();
    assert!((4..=9).contains(&requests), "{requests} in 4 seconds");
}

#[test]
fn a_full_intra_request_brings_a_keyframe_as_a_picture_loss_does() {
    let mut world = World::new(54);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Dual));
    let camera = world.publish(alice, Script::Vp8);
    world.subscribe(bob, camera, Target::ALL);
    world.wait_received(bob, camera);
    world.run_for(2 * SECOND);
    let before = world.engines[0].counters().clone();

    let peer = &mut world.peers[bob.subscriber];
    let ((_, ssrc), _) = peer.receptions.first_key_value().unwrap();
    let ssrc = *ssrc;
    let mut direct = peer.rtc.direct_api();
    let stream = direct.stream_rx(&ssrc).unwrap();
    stream.request_keyframe(str0m::media::KeyframeRequestKind::Fir);
    peer.timeout = world.now;
    world.run_for(SECOND);

    let after = world.engines[0].counters();
    assert_eq!(after.fir_in - before.fir_in, 1);
    assert_eq!(
        after.pli_out - before.pli_out,
        1,
        "publishers are asked by PLI"
    );
}

#[test]
fn a_layer_that_stops_is_replaced_by_the_next_lower_one() {
    let mut world = World::new(25);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let camera = world.publish(alice, Script::Vp8Simulcast);
    world.subscribe(bob, camera, Target::ALL);
    world.wait_received(bob, camera);
    world.run_for(3 * SECOND);
    assert_eq!(recent(&world, bob, camera).0, [2]);

    world.source(camera).encodings[2].is_on = false;
    world.run_for(3 * SECOND);
    assert_eq!(recent(&world, bob, camera).0, [1]);
    world.source(camera).encodings[2].is_on = true;
    world.run_for(3 * SECOND);

    assert_eq!(recent(&world, bob, camera).0, [2]);
    world.reception(bob, camera).assert_flawless();
}

#[test]
fn the_publisher_learns_which_layers_are_wanted() {
    let mut world = World::new(26);
    let (alice, bob, carol) = (
        world.join(Mode::Single),
        world.join(Mode::Dual),
        world.join(Mode::Single),
    );
    let camera = world.publish(alice, Script::Vp8Simulcast);

    world.subscribe(bob, camera, layers(0, 1));
    world.run_for(SECOND);
    world.subscribe(carol, camera, layers(2, 1));
    world.run_for(SECOND);
    world.set_target(carol, camera, layers(1, 1));
    world.set_target(bob, camera, Target::Paused);
    world.unsubscribe(carol, camera);
    world.run_for(SECOND);

    assert_eq!(
        demands(&world, camera.id),
        [Some(0), Some(2), Some(1), None]
    );
}

#[test]
fn spatial_layers_of_vp9_end_their_pictures_with_a_marker() {
    for mode in MODES {
        let mut world = World::new(27);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let camera = world.publish(alice, Script::Vp9Svc);
        world.subscribe(bob, camera, Target::ALL);
        world.wait_received(bob, camera);

        for spatial in [2, 0, 1, 2] {
            world.set_target(bob, camera, layers(spatial, 0));
            world.run_for(3 * SECOND);

            let since = a_second_ago(&world);
            let reception = world.reception(bob, camera);
            let packets = reception
                .packets
                .values()
                .filter(|packet| packet.at >= since);
            let mut highest = 0;
            for packet in packets {
                let layer = packet.stamp.layer;
                assert_eq!(packet.marker, layer == spatial, "of layer {layer}");
                highest = highest.max(layer);
            }
            assert_eq!(highest, spatial);
            assert_eq!(reception.missing(), 0);
        }
    }
}
