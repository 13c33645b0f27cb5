//! Attackers who can send anything from anywhere, but know no keys.

use std::net::SocketAddr;
use std::time::Duration;

use engine::{Drop, Event, Target};

use crate::kit::link::Rng;
use crate::kit::{Client, MODES, Mode, SOON, Script, Track, World};

const SECOND: Duration = Duration::from_secs(1);

/// Header extension ids that str0m's clients offer.
pub(crate) const MID: u8 = 4;
const RID: u8 = 10;
pub(crate) const REPAIRED_RID: u8 = 11;

/// An address that nobody has validated.
fn stranger() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 5], 4444))
}

/// A forged RTP packet: a header that claims, then garbage.
pub(crate) fn forged(payload_type: u8, ssrc: u32, names: &[(u8, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (id, value) in names {
        let length = u8::try_from(value.len() - 1).expect("short");
        block.push(id << 4 | length);
        block.extend(value.bytes());
    }
    block.resize(block.len().next_multiple_of(4), 0);
    let mut packet = vec![0x90, payload_type, 0x12, 0x34, 0, 0, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xbe, 0xde]);
    packet.extend(u16::try_from(block.len() / 4).expect("short").to_be_bytes());
    packet.extend(block);
    packet.extend([0x5a; 100]);
    packet
}

pub(crate) fn payload_type(world: &World, track: Track, is_repair: bool) -> u8 {
    let source = &world.peers[track.publisher.publisher];
    let wanted = match track.script {
        Script::Opus | Script::OpusRed => str0m::format::Codec::Opus,
        Script::Vp8 | Script::Vp8Simulcast => str0m::format::Codec::Vp8,
        Script::Vp9Svc => str0m::format::Codec::Vp9,
    };
    let parameters = source.rtc.codec_config().params();
    let found = parameters
        .iter()
        .find(|p| p.spec().codec == wanted)
        .expect("the codec is known");
    *if is_repair {
        found.resend().expect("video is sent again")
    } else {
        found.pt()
    }
}

/// A call in which a track flows, and has for long enough that its names are no more sent along.
fn call(seed: u64, mode: Mode, script: Script) -> (World, Client, Track) {
    let mut world = World::new(seed);
    let (alice, bob) = (world.join(mode), world.join(mode));
    let track = world.publish(alice, script);
    world.subscribe(bob, track, Target::ALL);
    world.wait_received(bob, track);
    world.run_for(6 * SECOND);
    (world, bob, track)
}

#[test]
fn one_forged_packet_does_not_mute_a_microphone() {
    for mode in MODES {
        let (mut world, bob, sound) = call(80, mode, Script::Opus);
        let mid = world.source(sound).mid.to_string();
        let address = world.peers[sound.publisher.publisher].public;
        let packet = forged(payload_type(&world, sound, false), 0xbad, &[(MID, &mid)]);

        world.inject(0, address, &packet);
        let since = world.now;
        world.run_for(10 * SECOND);

        let delivered = world.packets_since(bob, sound, since);
        println!("{mode:?}: {delivered} of 500 packets after one that claimed their section");
        assert!(delivered >= 495, "{delivered} of 500");
        assert_eq!(world.drops(0, Drop::SsrcStolen), 1);
    }
}

#[test]
fn a_forged_packet_in_a_pause_does_not_mute_what_follows() {
    for script in [Script::Opus, Script::Vp8, Script::Vp8Simulcast] {
        let (mut world, bob, track) = call(90, Mode::Single, script);
        let mid = world.source(track).mid.to_string();
        let address = world.peers[track.publisher.publisher].public;
        let layered: &[(u8, &str)] = &[(MID, &mid), (RID, "f")];
        let names = match script {
            Script::Vp8Simulcast => layered,
            Script::Opus | Script::OpusRed | Script::Vp8 | Script::Vp9Svc => &layered[..1],
        };
        let packet = forged(payload_type(&world, track, false), 0xbad, names);

        world.source(track).is_on = false;
        world.run_for(3 * SECOND);
        world.inject(0, address, &packet);
        world.run_for(SECOND);
        world.source(track).is_on = true;
        world.run_for(SECOND);
        let since = world.now;
        world.run_for(2 * SECOND);

        let packets = world.packets_since(bob, track, since);
        assert!(packets >= 49, "{packets} packets of {script:?}");
    }
}

#[test]
fn a_participant_cannot_take_the_address_of_another() {
    let (mut world, bob, sound) = call(91, Mode::Single, Script::Opus);
    let mallory = world.join(Mode::Single);
    let own = world.peers[mallory.publisher].public;

    let since = world.now;
    world.peers[mallory.publisher].public = world.peers[sound.publisher.publisher].public;
    world.run_for(10 * SECOND);
    world.peers[mallory.publisher].public = own;

    let packets = world.packets_since(bob, sound, since);
    assert!(packets >= 495, "{packets} of 500");
}

#[test]
fn no_way_of_naming_a_simulcast_layer_steals_it() {
    let (mut world, bob, camera) = call(81, Mode::Single, Script::Vp8Simulcast);
    let mid = world.source(camera).mid.to_string();
    let address = world.peers[camera.publisher.publisher].public;
    let (main, repair) = (
        payload_type(&world, camera, false),
        payload_type(&world, camera, true),
    );

    let attempts = [
        forged(main, 0xb01, &[(MID, &mid), (RID, "f")]),
        forged(repair, 0xb02, &[(MID, &mid), (RID, "f")]),
        forged(main, 0xb03, &[(MID, &mid), (RID, "f"), (REPAIRED_RID, "f")]),
        forged(main, 0xb04, &[(MID, &mid), (REPAIRED_RID, "f")]),
        forged(repair, 0xb05, &[(MID, &mid)]),
        forged(main, 0xb06, &[(MID, &mid)]),
        forged(0, 0xb07, &[(MID, &mid), (RID, "f")]),
    ];
    for packet in attempts {
        let since = world.now;
        world.inject(0, address, &packet);
        world.run_for(2 * SECOND);
        let played = world.reception(bob, camera).played.iter();
        let best = played.filter(|played| played.at >= since && played.layer == 2);
        let frames = best.count();
        assert!(frames >= 49, "{frames} of 50 after {packet:x?}");
    }
    assert_eq!(world.drops(0, Drop::SsrcStolen), 4);
    world.reception(bob, camera).assert_flawless();
}

#[test]
fn a_flood_of_new_ssrcs_leaves_tables_small_and_the_call_intact() {
    let (mut world, bob, sound) = call(82, Mode::Dual, Script::Opus);
    let mid = world.source(sound).mid.to_string();
    let address = world.peers[sound.publisher.publisher].public;
    let payload_type = payload_type(&world, sound, false);

    let since = world.now;
    for ssrc in 0..5000 {
        let names: &[(u8, &str)] = match ssrc % 3 {
            0 => &[],
            1 => &[(MID, &mid)],
            _ => &[(MID, "nowhere")],
        };
        world.inject(0, address, &forged(payload_type, 0x1000 + ssrc, names));
        world.run_for(Duration::from_millis(1));
    }
    world.run_for(SECOND);

    assert!(world.packets_since(bob, sound, since) >= 297);
    assert!(world.drops(0, Drop::SsrcFlood) > 1000);
    assert!(world.engines[0].entries()["gate"] < 300);
    world.assert_nothing_closed();
}

#[test]
fn strangers_never_disturb_a_handshake_at_any_step() {
    // The hello of another peer, by which a server that doesn't look at addresses is taken over.
    let mut other = World::new(83);
    other.join(Mode::Single);
    let hello = other.hellos.first().expect("a handshake began").clone();

    for mode in MODES {
        for step in 0..40 {
            let mut world = World::new(84 + step);
            let client = world.begin_join(mode, 0);
            let steps = Duration::from_millis(2 * step);
            world.run_for(steps);

            for (source, port) in [(stranger(), 0_u16), (stranger(), 1)] {
                let source = SocketAddr::new(source.ip(), source.port() + port);
                world.inject(0, source, &hello);
                for ssrc in 0..20 {
                    world.inject(0, source, &forged(111, ssrc, &[(MID, "0")]));
                }
                world.inject(
                    0,
                    source,
                    &[21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40],
                );
            }

            world.wait_joined(client);
            let picture = world.publish(client, Script::Vp8);
            let bob = world.join(mode);
            world.subscribe(bob, picture, Target::ALL);
            world.wait_received(bob, picture);
            assert_eq!(world.drops(0, Drop::Unknown), 44, "step {step}");
            world.assert_nothing_closed();
        }
    }
}

#[test]
fn a_stranger_who_knows_the_ufrag_but_not_the_password_is_not_let_in() {
    let (mut world, bob, sound) = call(85, Mode::Single, Script::Opus);
    let credentials = {
        let peer = &mut world.peers[sound.publisher.publisher];
        let answer = &peer.last_answer;
        let line = answer
            .lines()
            .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        line.unwrap().to_owned()
    };
    let username = format!("{credentials}:xxxx");
    let mut attributes = vec![0, 6];
    attributes.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
    attributes.extend(username.bytes());
    attributes.resize(attributes.len().next_multiple_of(4), 0);
    attributes.extend([0, 0x25, 0, 0, 0, 0x24, 0, 4, 0x6e, 0, 0, 1]);
    attributes.extend([0, 8, 0, 20]);
    attributes.extend([7; 20]);
    let mut request = vec![0, 1];
    request.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    request.extend([0x21, 0x12, 0xa4, 0x42]);
    request.extend([9; 12]);
    request.extend(attributes);

    let before = world.engines[0].entries()["demux"];
    for port in 0..200 {
        world.inject(
            0,
            SocketAddr::from(([203, 0, 113, 6], 1000 + port)),
            &request,
        );
    }
    let since = world.now;
    world.run_for(2 * SECOND);

    assert_eq!(world.engines[0].entries()["demux"], before);
    assert!(world.packets_since(bob, sound, since) >= 99);
    world.assert_nothing_closed();
}

#[test]
fn a_plaintext_alert_before_the_handshake_ends_does_not_end_the_session() {
    let alert = |kind: u8| [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, kind];
    for mode in MODES {
        for step in 0..40 {
            let mut world = World::new(86);
            let client = world.begin_join(mode, 0);
            world.run_for(Duration::from_millis(2 * step));

            let address = world.peers[client.publisher].public;
            for kind in [0, 10, 40, 80] {
                world.inject(0, address, &alert(kind));
            }
            world.run_until("the client joins", SOON, |world| world.is_joined(client));

            world.assert_nothing_closed();
        }
    }
}

#[test]
fn no_datagram_of_any_length_and_first_byte_disturbs_a_call() {
    let (mut world, bob, sound) = call(87, Mode::Single, Script::Opus);
    let known = world.peers[sound.publisher.publisher].public;
    let mut rng = Rng::new(88);

    let since = world.now;
    let mut sent = 0;
    for length in 0..=1500_usize {
        let mut datagram = rng.bytes(length);
        for first in 0..=255 {
            // Half of the second bytes are those of RTCP and Opus.
            let second = [111, 200, 201, 205, 0, 1, first, !first][usize::from(first % 8)];
            for (byte, value) in datagram.iter_mut().zip([first, second]) {
                *byte = value;
            }
            world.inject(0, known, &datagram);
            world.inject(0, stranger(), &datagram);
            sent += 2;
        }
        if length % 10 == 0 {
            world.run_for(Duration::from_millis(20));
        }
    }
    world.run_for(SECOND);

    let packets = world.packets_since(bob, sound, since);
    println!("{packets} of 200 packets beside {sent} datagrams of every length and first byte");
    assert!(packets >= 198, "{packets} of 200");
    assert_eq!(world.engines[0].counters().panics, 0);
    world.assert_nothing_closed();
}

#[test]
fn replayed_and_altered_datagrams_are_not_delivered_twice() {
    let (mut world, bob, sound) = call(89, Mode::Dual, Script::Opus);
    let address = world.peers[sound.publisher.publisher].public;
    world.sniffs = true;
    world.run_for(SECOND);
    let captured = std::mem::take(&mut world.sniffed);
    world.sniffs = false;
    world.run_for(SECOND / 10);
    assert!(captured.len() >= 50);

    let forwarded = world.engines[0].counters().packets_in;
    for datagram in &captured {
        world.inject(0, address, datagram);
        for at in [1, 3, 10, datagram.len() - 1] {
            let mut altered = datagram.clone();
            altered[at] ^= 1;
            world.inject(0, address, &altered);
        }
    }
    assert_eq!(world.engines[0].counters().packets_in, forwarded);
    let since = world.now;
    world.run_for(2 * SECOND);

    assert!(world.packets_since(bob, sound, since) >= 99);
    let data = world.events.iter();
    assert_eq!(
        data.filter(|(_, event)| matches!(event, Event::Data { .. }))
            .count(),
        0
    );
    world.assert_nothing_closed();
}
