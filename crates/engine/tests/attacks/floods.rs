//! Too much of what is allowed.

use std::time::Duration;

use engine::{CloseReason, Drop, SessionKind, Target};
use str0m::media::KeyframeRequestKind;
use str0m::rtp::RtpWrite;

use super::{SECOND, stranger};
use crate::kit::{Honest, Mode, Script, World};
use crate::security::payload_type;

#[test]
fn a_publisher_of_50_000_packets_a_second_is_cut_to_its_rate_and_the_others_lose_nothing() {
    let mut world = World::new(220);
    let honest = Honest::start(&mut world);
    let (mallory, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let sound = world.publish(mallory, Script::Opus);
    world.subscribe(bob, sound, Target::ALL);
    world.wait_received(bob, sound);
    world.source(sound).is_on = false;
    let forwarded = world.engines[0].counters().packets_forwarded;

    for _ in 0..1000 {
        let now = world.now;
        world.peers[mallory.publisher].burst(now, sound.id, 50);
        world.run_for(Duration::from_millis(1));
    }
    world.run_for(SECOND);

    let forwarded = world.engines[0].counters().packets_forwarded - forwarded;
    let dropped = world.drops(0, Drop::PublishRate);
    println!("{forwarded} packets were passed on, {dropped} dropped");
    // A burst of a second, a second's worth, and the two honest seconds.
    assert!(
        (9_000..=10_300).contains(&forwarded),
        "{forwarded} passed on"
    );
    assert!(dropped >= 39_000, "{dropped} dropped");
    honest.assert_intact(&world, "50 000 packets a second");
}

#[test]
fn a_publisher_of_too_many_bits_is_cut_to_its_rate() {
    let mut world = World::with(221, 1, |config| config.publish_bits_per_second = 1_000_000);
    let honest = Honest::start(&mut world);
    let mallory = world.join(Mode::Single);
    let sound = world.publish(mallory, Script::Opus);
    world.run_for(SECOND);
    let (mid, pt) = (world.source(sound).mid, payload_type(&world, sound, false));
    world.source(sound).is_on = false;

    let first = world.source(sound).next_sequence();
    for sequence in first..first + 1000 {
        let now = world.now;
        let peer = &mut world.peers[mallory.publisher];
        let mut direct = peer.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(mid, None).expect("it sends");
        stream.write_rtp(RtpWrite::new(
            pt.into(),
            sequence.into(),
            0,
            now,
            vec![0x78; 1000],
        ));
        peer.timeout = now;
        world.run_for(Duration::from_millis(1));
    }

    // 250 packets of 8000 bits are what a burst and a second allow.
    let dropped = world.drops(0, Drop::PublishRate);
    assert!((730..=760).contains(&dropped), "{dropped} dropped");
    honest.assert_intact(&world, "too many bits");
}

#[test]
fn valid_checks_from_10_000_addresses_leave_tables_small() {
    let mut world = World::new(222);
    let honest = Honest::start(&mut world);
    let mallory = world.join(Mode::Single);
    let check = world.checks[&mallory.publisher].clone();
    let before = world.engines[0].entries()["demux"];

    for number in 0..10_000 {
        world.inject(0, stranger(number), &check);
        if number % 10 == 0 {
            world.run_for(Duration::from_millis(1));
        }
    }
    world.run_for(SECOND);

    let dropped = world.drops(0, Drop::AddressFlood);
    println!("{dropped} checks of new addresses were dropped");
    assert!(dropped >= 9_960, "{dropped} dropped");
    assert!(world.engines[0].entries()["demux"] <= before + 32);
    // Who is not answered can't be made a target.
    assert!(
        world.strayed.len() <= 40,
        "{} answered",
        world.strayed.len()
    );
    honest.assert_intact(&world, "checks from 10 000 addresses");
}

#[test]
fn guessed_ufrags_and_checks_without_a_password_reach_nobody() {
    let mut world = World::new(223);
    let honest = Honest::start(&mut world);
    let check = world.checks[&honest.speaker.publisher].clone();

    for number in 0..10_000_u16 {
        let mut guess = check.clone();
        // The user name begins behind header and attribute header; its end is the password's work.
        let at = 24 + usize::from(number % 4);
        guess[at] = b'!' + u8::try_from(number % 90).unwrap();
        let last = guess.len() - 9;
        guess[last] ^= 1;
        world.inject(0, stranger(number), &guess);
        if number % 10 == 0 {
            world.run_for(Duration::from_millis(1));
        }
    }

    assert!(world.strayed.is_empty(), "{:?}", world.strayed);
    let refused = world.drops(0, Drop::Unknown) + world.drops(0, Drop::NotAccepted);
    assert!(refused >= 9_900, "{refused} refused");
    honest.assert_intact(&world, "guessed ufrags");
}

#[test]
fn a_flood_of_keyframe_requests_costs_the_publisher_two_keyframes_a_second() {
    let mut world = World::new(224);
    let honest = Honest::start(&mut world);
    let (alice, mallory, bob) = (
        world.join(Mode::Single),
        world.join(Mode::Single),
        world.join(Mode::Dual),
    );
    let camera = world.publish(alice, Script::Vp8);
    for client in [mallory, bob] {
        world.subscribe(client, camera, Target::ALL);
        world.wait_received(client, camera);
    }
    let before = world.engines[0].counters().pli_out;
    let since = world.now;

    for _ in 0..2500 {
        let peer = &mut world.peers[mallory.subscriber];
        let streams: Vec<_> = peer.receptions.keys().map(|(_, ssrc)| *ssrc).collect();
        for ssrc in streams {
            let mut direct = peer.rtc.direct_api();
            if let Some(stream) = direct.stream_rx(&ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        peer.timeout = world.now;
        world.run_for(Duration::from_millis(2));
    }

    let asked = world.engines[0].counters().pli_out - before;
    let heard = world.engines[0].counters().pli_in;
    println!("{heard} requests came, {asked} were passed on");
    assert!(heard >= 1000, "{heard} requests");
    assert!(asked <= 11, "{asked} passed on in 5 s");
    assert!(world.played_since(bob, camera, since) >= 124);
    honest.assert_intact(&world, "keyframe requests");
}

#[test]
fn a_subscriber_that_claims_to_lose_everything_gets_little_twice() {
    let mut world = World::new(225);
    let honest = Honest::start(&mut world);
    let (alice, mallory) = (world.join(Mode::Single), world.join(Mode::Single));
    let camera = world.publish(alice, Script::Vp8Simulcast);
    world.subscribe(mallory, camera, Target::ALL);
    world.wait_received(mallory, camera);
    world.run_for(3 * SECOND);
    let sent = |world: &World| world.sent_down[&mallory.subscriber];
    let start = sent(&world);
    world.run_for(10 * SECOND);
    let honest_bytes = sent(&world) - start;

    world.peers[mallory.subscriber].down.loss_permille = 500;
    let start = sent(&world);
    world.run_for(10 * SECOND);
    let bytes = sent(&world) - start;

    println!("{honest_bytes} bytes without loss, {bytes} with every second packet asked for again");
    assert!(
        bytes * 100 <= honest_bytes * 150,
        "{bytes} instead of {honest_bytes}"
    );
    honest.assert_intact(&world, "everything asked for again");
}

#[test]
fn a_client_that_opens_many_data_channels_is_shut_out() {
    let mut world = World::new(226);
    let honest = Honest::start(&mut world);
    let peer = world.add_peer(SessionKind::Single, 0, true);
    let session = world.peers[peer].session;
    world.run_until("it connects", SECOND, |world| {
        world.peers[peer].is_connected
    });

    for number in 0..100 {
        let config = str0m::channel::ChannelConfig {
            label: format!("channel {number}"),
            ..str0m::channel::ChannelConfig::default()
        };
        let peer = &mut world.peers[peer];
        if peer.is_gone {
            break;
        }
        peer.rtc.direct_api().create_data_channel(config);
        peer.timeout = world.now;
        world.run_for(Duration::from_millis(2));
    }

    world.run_for(SECOND);

    assert_eq!(world.closed(session), Some(CloseReason::Protocol));
    assert_eq!(world.drops(0, Drop::DataChannels), 1);
    honest.assert_intact(&world, "data channels");
}
