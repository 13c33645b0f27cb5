//! Before a session is connected.

use std::time::Duration;

use engine::{CloseReason, Event, SessionKind};

use super::{SECOND, stranger};
use crate::kit::{Client, Fault, Honest, MODES, SOON, World};
use crate::security::{MID, forged};

/// The handshake records that another peer began with: a race with the true client.
fn foreign_hellos() -> Vec<Vec<u8>> {
    let mut other = World::new(201);
    other.join(crate::kit::Mode::Single);
    assert!(!other.hellos.is_empty(), "a handshake began");
    other.hellos.clone()
}

/// What strangers send who know the form of everything and the keys of nothing: the hello of another peer,
/// RTP that claims the sections of the client, checks with its ufrag and a wrong password, checks without.
fn spray(hellos: &[Vec<u8>], check: Option<&Vec<u8>>) -> Vec<Vec<u8>> {
    let mut datagrams = hellos.to_vec();
    for (ssrc, section) in (0..20).zip(["0", "1", "2"].into_iter().cycle()) {
        datagrams.push(forged(111, ssrc, &[(MID, section)]));
        datagrams.push(forged(96, 0xa00 + ssrc, &[]));
    }
    for number in 0..50_u8 {
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        request.extend([number; 12]);
        datagrams.push(request);
        // The message integrity comes before the fingerprint; both are the password's work.
        let wrong = check.map(|check| {
            let mut wrong = check.clone();
            let at = wrong.len() - 9 - usize::from(number % 16);
            wrong[at] ^= 1 + number % 127;
            wrong
        });
        datagrams.extend(wrong);
    }
    datagrams
}

#[test]
fn strangers_disturb_no_step_of_a_handshake_and_get_nothing() {
    let hellos = foreign_hellos();
    for mode in MODES {
        let mut world = World::new(202);
        let honest = Honest::start(&mut world);
        let mut sent = 0;
        for step in 0..40 {
            let client = world.begin_join(mode, 0);
            world.run_for(Duration::from_millis(2 * step));
            let check = world.checks.get(&client.publisher).cloned();

            for datagram in spray(&hellos, check.as_ref()) {
                world.inject(0, stranger(1), &datagram);
                sent += 1;
            }

            world.run_until("the client joins", SOON, |world| world.is_joined(client));
            world.leave(client);
        }
        let (datagrams, bytes) = world.strayed.values().fold((0, 0), |sum, strayed| {
            (sum.0 + strayed.0, sum.1 + strayed.1)
        });
        println!(
            "{mode:?}: strangers sent {sent} datagrams at 40 steps and got {datagrams}, {bytes} bytes of media"
        );
        assert!(sent > 40 * 90);
        assert!(world.strayed.is_empty(), "{:?}", world.strayed);
        honest.assert_intact(&world, "spray into handshakes");
    }
}

/// Whoever can forge the client's own address and port, and does so in the few milliseconds between its
/// first check and its hello, may spoil this handshake: nothing in an epoch without keys can be told from
/// the client's own. But nobody gets in, it is over in 5 s, and the next attempt is a new one.
#[test]
fn a_hello_with_a_forged_source_costs_one_attempt_at_most() {
    let hellos = foreign_hellos();
    for mode in MODES {
        let mut world = World::new(206);
        let honest = Honest::start(&mut world);
        let mut spoiled = 0;
        for step in 0..40 {
            let client = world.begin_join(mode, 0);
            world.run_for(Duration::from_millis(2 * step));
            let since = world.now;

            for peer in [client.publisher, client.subscriber] {
                for hello in &hellos {
                    world.inject(0, world.peers[peer].public, hello);
                }
            }

            let sessions = [world.publisher(client), world.subscriber(client)];
            let is_over = |world: &World| {
                let closed = sessions.map(|session| world.closed(session));
                closed.contains(&Some(CloseReason::HandshakeTimeout)) || world.is_joined(client)
            };
            world.run_until("the handshake ends, well or not", SOON + SECOND, is_over);
            if !world.is_joined(client) {
                spoiled += 1;
                assert!(world.now - since <= Duration::from_millis(5100));
                world.join(mode);
            }
            world.leave(client);
        }
        println!("{mode:?}: {spoiled} of 40 attempts were spoiled, each for one handshake");
        assert!(spoiled <= 25, "{spoiled} of 40 attempts were spoiled");
        honest.assert_intact(&world, "hello race with a forged source");
        assert!(world.strayed.is_empty(), "{:?}", world.strayed);
    }
}

#[test]
fn a_certificate_that_is_not_the_one_of_the_description_never_connects() {
    let mut world = World::new(203);
    let honest = Honest::start(&mut world);
    let mallory = world.add_peer(SessionKind::Single, 0, true);
    world.peers[mallory].fault = Some(Fault::ForeignCertificate);
    let session = world.peers[mallory].session;

    world.run_for(6 * SECOND);

    let is_its = |event: &Event| matches!(event, Event::Connected { session: s } if *s == session);
    assert!(!world.events.iter().any(|(_, event)| is_its(event)));
    assert!(matches!(
        world.closed(session),
        Some(CloseReason::Protocol | CloseReason::HandshakeTimeout | CloseReason::PeerClosed)
    ));
    honest.assert_intact(&world, "foreign certificate");
}

#[test]
fn half_open_handshakes_end_after_five_seconds_and_leave_nothing() {
    const COUNT: usize = 200;
    let mut world = World::new(204);
    let honest = Honest::start(&mut world);
    let before = world.engines[0].entries();
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..COUNT {
        let client = world.begin_join(crate::kit::Mode::Single, 0);
        world.peers[client.publisher].fault = Some(Fault::NoDtls);
        clients.push(client);
    }
    world.run_for(SECOND);
    assert_eq!(
        world.engines[0].entries()["sessions"],
        before["sessions"] + COUNT
    );

    world.run_for(5 * SECOND);

    for client in clients {
        let closed = world.closed(world.publisher(client));
        assert_eq!(closed, Some(CloseReason::HandshakeTimeout));
    }
    let after = world.engines[0].entries();
    for table in [
        "sessions",
        "session ids",
        "demux",
        "gate",
        "ingress",
        "touched",
        "dirty",
    ] {
        assert_eq!(after[table], before[table], "{table}");
    }
    honest.assert_intact(&world, "half-open handshakes");
}

#[test]
fn the_server_never_speaks_first_to_an_address_that_a_client_names() {
    // The metadata service of clouds, a port in a home, and somebody else's server.
    let targets = ["169.254.169.254 80", "192.168.1.1 53", "198.51.100.7 3478"];
    for ice_lite in [true, false] {
        let mut world = World::new(205);
        let honest = Honest::start(&mut world);
        let peer = world.add_peer(SessionKind::Single, 0, ice_lite);
        world.peers[peer].fault = Some(Fault::NamesOthers);
        let session = world.peers[peer].session;
        for (number, target) in targets.iter().enumerate() {
            let (ip, port) = target.split_once(' ').unwrap();
            let line = format!("candidate:{number} 1 udp 2130706431 {ip} {port} typ host");
            world.engines[0].handle_candidate(session, &line);
        }

        world.run_for(5 * SECOND);

        assert!(world.peers[peer].is_connected);
        assert!(world.strayed.is_empty(), "{:?}", world.strayed);
        honest.assert_intact(&world, "candidates of others");
    }
}
