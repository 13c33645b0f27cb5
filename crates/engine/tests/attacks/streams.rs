//! Forged media and feedback of a live session.

use std::time::Duration;

use engine::{Drop, Target};

use super::{SECOND, stranger};
use crate::kit::{Client, Honest, Mode, Script, Track, World};
use crate::security::{MID, REPAIRED_RID, forged, payload_type};

/// A camera over an uplink that loses a packet in 20, so that repairs are needed all the time.
fn lossy_camera(seed: u64, script: Script) -> (World, Honest, Client, Track) {
    let mut world = World::new(seed);
    let honest = Honest::start(&mut world);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let camera = world.publish(alice, script);
    world.subscribe(bob, camera, Target::ALL);
    world.wait_received(bob, camera);
    world.peers[alice.publisher].up.loss_permille = 50;
    world.run_for(6 * SECOND);
    (world, honest, bob, camera)
}

#[test]
fn a_forged_repair_stream_does_not_end_repairs() {
    for (script, names) in [
        (Script::Vp8, [None, None]),
        (Script::Vp8Simulcast, [Some("f"), Some("h")]),
    ] {
        let (mut world, honest, bob, camera) = lossy_camera(210, script);
        let mid = world.source(camera).mid.to_string();
        let address = world.peers[camera.publisher.publisher].public;
        let payload_type = payload_type(&world, camera, true);
        let play = |world: &mut World| {
            let since = world.now;
            world.run_for(10 * SECOND);
            world.played_since(bob, camera, since)
        };
        let before = play(&mut world);

        for (number, name) in names.into_iter().enumerate() {
            let ssrc = 0xbad0 + u32::try_from(number).unwrap();
            let mut claims: Vec<(u8, &str)> = vec![(MID, &mid)];
            claims.extend(name.map(|name| (REPAIRED_RID, name)));
            world.inject(0, address, &forged(payload_type, ssrc, &claims));
        }
        let after = play(&mut world);

        println!("{script:?}: {before} frames of 250 before, {after} after");
        assert!(
            after >= 238 && after + 8 >= before,
            "{before}, then {after}"
        );
        assert_eq!(world.drops(0, Drop::SsrcStolen), 2);
        honest.assert_intact(&world, "forged repair stream");
    }
}

#[test]
fn a_repair_stream_that_was_taken_in_a_pause_gets_its_place_back() {
    let (mut world, honest, bob, camera) = lossy_camera(211, Script::Vp8);
    let mid = world.source(camera).mid.to_string();
    let address = world.peers[camera.publisher.publisher].public;
    let repair = payload_type(&world, camera, true);

    world.source(camera).is_on = false;
    world.run_for(2 * SECOND);
    world.inject(0, address, &forged(repair, 0xbad, &[(MID, &mid)]));
    world.run_for(SECOND);
    world.source(camera).is_on = true;
    world.run_for(SECOND);
    let since = world.now;
    world.run_for(10 * SECOND);

    let frames = world.played_since(bob, camera, since);
    println!("{frames} frames of 250 after a repair stream was forged in a pause");
    assert!(frames >= 238, "{frames} frames of 250");
    honest.assert_intact(&world, "repair stream forged in a pause");
}

#[test]
fn sprayed_reports_and_goodbyes_change_nothing() {
    let mut world = World::new(212);
    let honest = Honest::start(&mut world);
    let address = world.peers[honest.speaker.publisher].public;
    let listener = world.peers[honest.listener.subscriber].public;

    for turn in 0..2000_u32 {
        // Sender report, receiver report, BYE, NACK and the like, PLI and the like, XR.
        for kind in [200, 201, 203, 205, 206, 207] {
            let mut packet = vec![0x81, kind, 0, 6];
            packet.extend([0; 24]);
            packet[4..8].copy_from_slice(&turn.to_be_bytes());
            // Whoever knows the form but no key: an index and a tag follow.
            packet.extend([0x80, 0, 0, 1]);
            packet.extend([0x5a; 16]);
            for source in [address, listener, stranger(1)] {
                world.inject(0, source, &packet);
            }
        }
        world.run_for(Duration::from_millis(1));
    }

    assert_eq!(world.drops(0, Drop::Unknown), 12_000);
    honest.assert_intact(&world, "reports and goodbyes");
}
