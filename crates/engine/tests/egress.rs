//! What leaves for subscribers: nonces, retransmission, reports, as real peers see it.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use engine::{Drop, Event, Target};

use crate::kit::{Change, Client, Fault, MODES, Mode, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

/// Checks that no packet that reached a subscriber was lost to its cipher: all came out, undamaged.
fn assert_all_decrypted(world: &World, client: Client) {
    let peer = &world.peers[client.subscriber];
    let mut checked = 0;
    for ((_, ssrc), reception) in &peer.receptions {
        let decrypted: HashSet<u64> = reception.packets.keys().map(|n| n & 0xffff).collect();
        for (index, arrived, sequence) in &world.arrived {
            if *index == client.subscriber && *arrived == **ssrc {
                assert!(
                    decrypted.contains(&u64::from(*sequence)),
                    "{arrived:x} {sequence} was not decrypted"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked} packets");
}

fn call(seed: u64, mode: Mode) -> (World, Client, [Track; 2]) {
    call_in(World::new(seed), mode)
}

fn call_in(mut world: World, mode: Mode) -> (World, Client, [Track; 2]) {
    let (alice, bob) = (world.join(mode), world.join(mode));
    let sound = world.publish(alice, Script::Opus);
    let camera = world.publish(alice, Script::Vp8Simulcast);
    world.subscribe(bob, sound, Target::ALL);
    world.subscribe(bob, camera, Target::ALL);
    world.wait_received(bob, camera);
    (world, bob, [sound, camera])
}

#[test]
fn what_the_egress_sends_str0m_never_does() {
    for mode in MODES {
        let mut world = World::new(100);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let own = world.publish(bob, Script::Vp8);
        world.subscribe(alice, own, Target::ALL);
        let mut track = world.publish(alice, Script::Vp8);

        for round in 0..10 {
            let since = world.now;
            world.subscribe(bob, track, Target::ALL);
            world.run_until("the track comes", 5 * SECOND, |world| {
                world.played_since(bob, track, since) > 0
            });
            assert_eq!(world.engines[0].declared_streams(), 0);
            match round % 3 {
                0 => world.unsubscribe(bob, track),
                1 => {
                    let mid = world.unpublish(track);
                    track = world.publish_in(alice, mid, Script::Vp8, true);
                }
                _ if mode == Mode::Dual => {
                    let session = world.subscriber(bob);
                    world.engine_of(session).restart_ice(session);
                    world.unsubscribe(bob, track);
                }
                _ => {
                    world.change(bob.subscriber, Change::RestartIce);
                    world.unsubscribe(bob, track);
                }
            }
            world.run_for(SECOND);
        }

        let [media, foreign] = world.seals.media_and_foreign(bob.subscriber);
        assert_eq!(media.len(), 10, "one SSRC for each use of the section");
        assert!(media.is_disjoint(&foreign));
        assert_eq!(foreign.is_empty(), mode == Mode::Dual);
        assert_eq!(world.drops(0, Drop::Foreign), 0);
    }
}

#[test]
fn all_that_arrives_is_decrypted_over_loss_reordering_and_switches() {
    for (seed, mode, loss) in [
        (101, Mode::Dual, 50),
        (102, Mode::Single, 50),
        (103, Mode::Dual, 200),
        (104, Mode::Single, 200),
    ] {
        let (mut world, bob, [_, camera]) = call(seed, mode);
        let down = &mut world.peers[bob.subscriber].down;
        (down.loss_permille, down.reorder_permille) = (loss, 50);

        for spatial in [0, 2, 1, 2, 0, 2] {
            let temporal = spatial % 2;
            world.set_target(bob, camera, Target::Layers { spatial, temporal });
            world.run_for(SECOND);
            world.set_target(bob, camera, Target::Paused);
            world.run_for(SECOND / 4);
        }
        world.set_target(bob, camera, Target::ALL);
        world.run_for(SECOND);

        assert_all_decrypted(&world, bob);
        let reception = world.reception(bob, camera);
        let (lost, got) = (reception.missing(), reception.packets.len());
        assert!(lost * 50 < got, "{lost} of {got} were never repaired");
        reception.assert_numbers_rise();
        assert!(world.engines[0].counters().packets_repaired > 0);
    }
}

#[test]
fn packets_of_a_picture_leave_in_one_size_and_arrive_as_they_were() {
    for (seed, mode, bytes_max) in [
        (108, Mode::Dual, 16),
        (109, Mode::Single, 16),
        (110, Mode::Single, 0),
    ] {
        let mut world = World::with(seed, 1, |config| config.even_out_bytes_max = bytes_max);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let camera = world.publish(alice, Script::Vp8);
        let sound = world.publish(alice, Script::Opus);
        let encoding = &mut world.source(camera).encodings[0];
        (encoding.packets, encoding.is_uneven) = ([4, 8], true);
        world.subscribe(bob, camera, Target::ALL);
        world.subscribe(bob, sound, Target::ALL);
        world.wait_received(bob, camera);
        world.peers[alice.publisher].up.jitter = Duration::ZERO;
        world.run_for(SECOND);
        world.sniffs = true;
        world.run_for(3 * SECOND);

        let frames = |are_pictures: bool| {
            let sizes = world.sizes_down.values();
            sizes.filter(move |sizes| (sizes.len() >= 4) == are_pictures)
        };
        assert!(frames(true).count() > 70);
        for sizes in frames(true) {
            let is_even = sizes.iter().all(|(bytes, _)| *bytes == sizes[0].0);
            let padded = sizes.iter().filter(|(_, is_padded)| *is_padded).count();
            assert_eq!(is_even, bytes_max > 0, "{sizes:?}");
            assert_eq!(padded, if is_even { sizes.len() / 2 } else { 0 });
        }
        assert!(frames(false).flatten().all(|(_, is_padded)| !is_padded));
        assert_eq!(world.reception(bob, camera).missing(), 0);
        assert_all_decrypted(&world, bob);
    }
}

#[test]
fn a_stream_goes_on_over_the_wrap_of_its_numbers() {
    for mode in MODES {
        let mut world = World::new(105);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let sound = world.publish(alice, Script::Opus);
        world.subscribe(bob, sound, Target::ALL);
        world.wait_received(bob, sound);
        // Numbers begin below 2^15, so this is far enough.
        world.source(sound).burst = 50;
        world.run_for(15 * SECOND);
        world.source(sound).burst = 1;
        world.run_for(SECOND);

        let reception = world.reception(bob, sound);
        let last = *reception.packets.keys().next_back().expect("packets came");
        assert!(last > 1 << 16, "the last number is {last}");
        assert_eq!(reception.missing(), 0);
        assert_all_decrypted(&world, bob);
    }
}

#[test]
fn a_client_that_gets_next_to_nothing_costs_no_more_than_a_third_again() {
    // Else it is sent less after a second.
    let world = World::with(106, 1, |config| config.congestion.enabled = false);
    let (mut world, bob, [_, camera]) = call_in(world, Mode::Dual);
    let before = world.engines[0].counters().clone();
    world.peers[bob.subscriber].down.loss_permille = 700;

    world.run_for(30 * SECOND);

    let after = world.engines[0].counters();
    let sent = after.packets_forwarded - before.packets_forwarded;
    let repaired = after.packets_repaired - before.packets_repaired;
    let burst = 20_000 / 300;
    assert!(repaired <= sent / 3 + burst, "{repaired} of {sent}");
    assert!(repaired > sent / 5, "{repaired} of {sent}");
    assert!(after.nacks_in - before.nacks_in > repaired);
    let _ = world.reception(bob, camera);
    world.assert_nothing_closed();
}

#[test]
fn a_client_without_retransmission_gets_none() {
    for mode in MODES {
        let mut world = World::new(107);
        let alice = world.join(mode);
        let bob = world.begin_join(mode, 0);
        for index in [bob.publisher, bob.subscriber] {
            world.peers[index].fault = Some(Fault::NoRepair);
        }
        world.wait_joined(bob);
        let camera = world.publish(alice, Script::Vp8);
        world.subscribe(bob, camera, Target::ALL);
        world.wait_received(bob, camera);
        world.peers[bob.subscriber].down.loss_permille = 50;

        world.run_for(10 * SECOND);

        let [media, _] = world.seals.media_and_foreign(bob.subscriber);
        assert_eq!(media.len(), 1);
        assert_eq!(world.engines[0].counters().packets_repaired, 0);
        assert!(world.reception(bob, camera).missing() > 0);
        assert_all_decrypted(&world, bob);
    }
}

/// How much later than it was captured the sender reports say that a track was, on the server's clock.
fn report_delays(world: &mut World, client: Client, track: Track) -> Vec<f64> {
    let (ticks, interval) = match track.script {
        Script::Opus | Script::OpusRed => (48_000.0, 0.02),
        Script::Vp8 | Script::Vp8Simulcast | Script::Vp9Svc => (90_000.0, 0.04),
    };
    let begun = world.source(track).begun_at.expect("the track flows");
    let begun = (begun - world.start).as_secs_f64();
    let peer = &world.peers[client.subscriber];
    let packets = &world.reception(client, track).packets;
    let (_, packet) = packets.first_key_value().expect("packets came");
    let captured = begun + f64::from(packet.stamp.frame) * interval;
    let reports = peer
        .reports
        .iter()
        .filter(|report| peer.carried.get(&report.mid) == Some(&track.id));
    reports
        .map(|report| {
            let info = &report.sender_info;
            let sent = info
                .ntp_time
                .duration_since(SystemTime::UNIX_EPOCH)
                .expect("it is later");
            #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap")]
            let rtp = info.rtp_time.numer() as u32;
            let since = packet.timestamp.wrapping_sub(rtp).cast_signed();
            sent.as_secs_f64() + f64::from(since) / ticks - captured
        })
        .collect()
}

#[test]
fn sender_reports_come_each_second_and_keep_sound_and_picture_in_step() {
    for (mode, shards) in [(Mode::Dual, 1), (Mode::Single, 1), (Mode::Single, 2)] {
        let mut world = World::with(108, shards, |_| {});
        let alice = world.join_on(mode, 0);
        let bob = world.join_on(mode, shards - 1);
        let sound = world.publish(alice, Script::Opus);
        // Its clock is another one, as it begins later, and so are its delays.
        world.run_for(SECOND / 3);
        let camera = world.publish(alice, Script::Vp8Simulcast);
        world.peers[alice.publisher].up.jitter = SECOND / 20;
        world.subscribe(bob, sound, Target::ALL);
        world.subscribe(bob, camera, Target::ALL);
        world.wait_received(bob, camera);
        world.run_for(3 * SECOND);
        for spatial in [0, 2, 1] {
            world.set_target(
                bob,
                camera,
                Target::Layers {
                    spatial,
                    temporal: 1,
                },
            );
            world.run_for(3 * SECOND);
        }

        let peer = &world.peers[bob.subscriber];
        for track in [sound, camera] {
            let of_track = peer
                .reports
                .iter()
                .filter(|report| peer.carried.get(&report.mid) == Some(&track.id));
            let times: Vec<_> = of_track.map(|report| report.received_at).collect();
            assert!(times.len() >= 11, "{} reports in 12 s", times.len());
            let late = times
                .windows(2)
                .find(|pair| pair[1] - pair[0] > SECOND + SECOND / 20);
            assert_eq!(late, None);
        }
        let sound = report_delays(&mut world, bob, sound);
        let camera = report_delays(&mut world, bob, camera);
        let newest = [sound[sound.len() - 1], camera[camera.len() - 1]];
        assert!(
            (newest[0] - newest[1]).abs() < 0.005,
            "{sound:?} {camera:?}"
        );
    }
}

#[test]
fn reports_of_a_subscriber_tell_loss_and_round_trip() {
    for mode in MODES {
        let (mut world, bob, _) = call(109, mode);
        world.peers[bob.subscriber].down.loss_permille = 100;
        world.run_for(10 * SECOND);

        let session = world.subscriber(bob);
        let mut qualities = Vec::new();
        for (_, event) in &world.events {
            if let Event::Quality {
                session: of,
                quality,
            } = event
                && *of == session
            {
                qualities.push(*quality);
            }
        }
        let worst = qualities.iter().filter_map(|quality| quality.loss_down);
        let worst = worst.fold(0.0, f32::max);
        assert!((0.02..0.4).contains(&worst), "{qualities:?}");
        let trips: Vec<f32> = qualities
            .iter()
            .filter_map(|quality| quality.rtt_ms)
            .collect();
        assert!(trips.len() >= 3, "{qualities:?}");
        assert!(
            trips.iter().all(|trip| (18.0..45.0).contains(trip)),
            "{trips:?}"
        );
    }
}
