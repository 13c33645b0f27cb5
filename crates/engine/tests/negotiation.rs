//! Offers and answers over the life of a call.

use std::time::Duration;

use engine::{Codec, Event, Offer, OfferError, Subscribe, Target, TrackId};

use crate::kit::{Change, Client, MODES, Mode, SOON, Script, Track, World, sections};

const MOMENT: Duration = Duration::from_millis(150);

/// The longest description of a peer, and its sections.
fn size(world: &World, client: Client) -> (usize, usize) {
    let peer = &world.peers[client.subscriber];
    let texts = [&peer.last_offer, &peer.last_answer];
    let longest = texts
        .into_iter()
        .max_by_key(|text| text.len())
        .expect("there are two");
    (sections(longest), longest.len())
}

fn subscribe_and_leave(world: &mut World, client: Client, tracks: &[Track]) {
    for track in tracks {
        world.subscribe(client, *track, Target::ALL);
    }
    let since = world.now;
    world.run_until("all tracks come", SOON, |world| {
        let mut tracks = tracks.iter();
        tracks.all(|track| world.packets_since(client, *track, since) > 0)
    });
    for track in tracks {
        world.unsubscribe(client, *track);
    }
    world.run_for(MOMENT);
}

#[test]
fn two_hundred_subscriptions_leave_descriptions_and_tables_as_small_as_one() {
    for mode in MODES {
        let mut world = World::new(60);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let tracks = [
            world.publish(alice, Script::Opus),
            world.publish(alice, Script::Vp8),
        ];
        for _ in 0..3 {
            subscribe_and_leave(&mut world, bob, &tracks);
        }
        let (sections, bytes) = size(&world, bob);
        let entries = world.engines[0].entries();

        for _ in 0..200 {
            subscribe_and_leave(&mut world, bob, &tracks);
            // Looking through all that ever came would take most of the test's time.
            world.peers[bob.subscriber].receptions.clear();
        }

        let (sections_after, bytes_after) = size(&world, bob);
        assert_eq!(sections_after, sections);
        assert!(bytes_after <= bytes + 100, "{bytes_after} after {bytes}");
        for (table, count) in world.engines[0].entries() {
            let before = entries[table];
            assert!(count <= before + 4, "{table}: {count} after {before}");
        }
        world.assert_nothing_closed();
    }
}

#[test]
fn a_client_that_needs_fresh_sections_gets_one_for_each_subscription() {
    for mode in MODES {
        let mut world = World::new(64);
        let alice = world.join(mode);
        world.reuse_sections = false;
        let bob = world.join(mode);
        let picture = world.publish(alice, Script::Vp8);

        for _ in 0..5 {
            subscribe_and_leave(&mut world, bob, &[picture]);
        }

        let receptions = &world.peers[bob.subscriber].receptions;
        let mids: std::collections::HashSet<_> = receptions.keys().map(|(mid, _)| *mid).collect();
        assert_eq!((mids.len(), receptions.len()), (5, 5), "{mode:?}");
    }
}

#[test]
fn each_subscription_in_a_section_has_an_ssrc_of_its_own() {
    for mode in MODES {
        let mut world = World::new(61);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);

        for _ in 0..5 {
            subscribe_and_leave(&mut world, bob, &[picture]);
        }

        let receptions = &world.peers[bob.subscriber].receptions;
        let mids: std::collections::HashSet<_> = receptions.keys().map(|(mid, _)| *mid).collect();
        assert_eq!((mids.len(), receptions.len()), (1, 5));
        for reception in receptions.values() {
            reception.assert_flawless();
        }
    }
}

#[test]
fn unpublishing_ends_the_subscriptions() {
    for mode in MODES {
        let mut world = World::new(62);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);
        world.subscribe(bob, picture, Target::ALL);
        world.wait_received(bob, picture);

        world.unpublish(picture);
        world.run_for(MOMENT);

        assert!(world.peers[bob.subscriber].carried.is_empty());
        assert_eq!(world.engines[0].counters().tracks, 0);
        assert_eq!(world.engines[0].entries()["subscriptions"], 0);
        assert_eq!(world.engines[0].entries()["ingress"], 0);
    }
}

#[test]
fn a_track_is_published_again_20_times_in_the_same_section() {
    for mode in MODES {
        let mut world = World::new(63);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let mut track = world.publish(alice, Script::Vp8);
        world.subscribe(bob, track, Target::ALL);
        world.wait_received(bob, track);
        let before = (size(&world, bob).0, world.engines[0].entries());

        for round in 0..20 {
            let mid = world.unpublish(track);
            track = world.publish_in(alice, mid, Script::Vp8, round % 2 == 0);
            let since = world.now;
            world.subscribe(bob, track, Target::ALL);
            world.run_until("the track comes", SOON, |world| {
                world.played_since(bob, track, since) > 0
            });
        }

        assert_eq!(size(&world, bob).0, before.0);
        for (table, count) in world.engines[0].entries() {
            assert!(count <= before.1[table] + 4, "{table}: {count}");
        }
        world.reception(bob, track).assert_flawless();
    }
}

/// Clients tell of a new track only where nothing was sent before.
#[test]
fn a_section_rests_for_one_exchange_between_two_tracks() {
    let mut world = World::new(68);
    let (alice, bob) = (world.join(Mode::Single), world.join(Mode::Single));
    let old = world.publish(alice, Script::Vp8);
    let new = world.publish(alice, Script::Vp8);
    world.subscribe(bob, old, Target::ALL);
    world.wait_received(bob, old);
    let before = world.peers[bob.subscriber].last_answer.clone();

    world.unsubscribe(bob, old);
    world.subscribe(bob, new, Target::ALL);
    world.run_until("an answer", SOON, |world| {
        world.peers[bob.subscriber].last_answer != before
    });

    assert!(before.contains("a=sendonly"));
    let answer = &world.peers[bob.subscriber].last_answer;
    assert!(!answer.contains("a=sendonly"), "{answer}");
    world.wait_received(bob, new);
}

#[test]
fn stopping_a_section_unpublishes_its_track() {
    for mode in MODES {
        let mut world = World::new(64);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let mut track = world.publish(alice, Script::Vp8);
        world.subscribe(bob, track, Target::ALL);
        world.wait_received(bob, track);

        for _ in 0..3 {
            let mid = world.source(track).mid;
            world.change(alice.publisher, Change::Stop(mid));
            world.wait_unpublished(track);
            track = world.publish(alice, Script::Vp8);
            let since = world.now;
            world.subscribe(bob, track, Target::ALL);
            world.run_until("the track comes", SOON, |world| {
                world.played_since(bob, track, since) > 0
            });
        }

        assert!(size(&world, bob).0 <= 4);
        world.reception(bob, track).assert_flawless();
    }
}

#[test]
fn an_announced_track_is_found_by_its_name_before_its_kind() {
    let mut world = World::new(65);
    let alice = world.join(Mode::Dual);

    let session = world.publisher(alice);
    let (first, second) = (
        world.publish(alice, Script::Opus),
        world.publish(alice, Script::Vp8),
    );
    let third = world.publish(alice, Script::Vp8Simulcast);

    let mids = [first, second, third].map(|track| world.source(track).mid);
    assert!(mids[0] != mids[1] && mids[1] != mids[2]);
    world.run_for(MOMENT);
    let started: Vec<(TrackId, u8)> = world
        .events
        .iter()
        .filter_map(|(_, event)| {
            let Event::EncodingStarted {
                track, encoding, ..
            } = event
            else {
                return None;
            };
            Some((*track, *encoding))
        })
        .collect();
    for expected in [(first.id, 0), (second.id, 0), (third.id, 0), (third.id, 2)] {
        assert!(started.contains(&expected), "{expected:?} of {session:?}");
    }
}

#[test]
fn a_track_of_another_codec_than_was_promised_is_refused() {
    let mut world = World::new(66);
    let alice = world.join(Mode::Dual);
    let bob = world.join(Mode::Dual);
    let sound = world.publish(alice, Script::Opus);
    let session = world.subscriber(bob);

    // A section of pictures can't carry sound.
    let wish = Subscribe {
        track: sound.id,
        kind: engine::MediaKind::Video,
        codec: Codec::Vp8,
        stream: "s".to_owned(),
        name: "t".to_owned(),
        target: Target::ALL,
        cuts_trailer: false,
        hears_all: false,
        stereo: false,
    };
    world.engine_of(session).subscribe(session, wish);
    world.run_for(Duration::from_secs(1));

    let refused = Event::CodecRefused {
        session,
        track: sound.id,
    };
    assert!(world.events.iter().any(|(_, event)| *event == refused));
    world.assert_nothing_closed();
}

#[test]
fn a_bad_offer_leaves_the_session_as_it_was() {
    for mode in MODES {
        let mut world = World::new(67);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);
        world.subscribe(bob, picture, Target::ALL);
        world.wait_received(bob, picture);
        let good = world.peers[alice.publisher].last_offer.clone();
        let session = world.publisher(alice);
        let without = |prefix: &str| -> String {
            let lines = good.lines().filter(|line| !line.starts_with(prefix));
            lines.fold(String::new(), |text, line| text + line + "\r\n")
        };
        let bad = [
            String::new(),
            "v=0".to_owned(),
            "\u{0}\u{ffff}\r\nm=\r\n".to_owned(),
            good[..good.find("m=").unwrap()].to_owned(),
            without("a=ice-ufrag"),
            without("a=ice-pwd"),
            without("a=setup"),
            without("a=fingerprint"),
            without("a=mid"),
            good.replace("a=setup:actpass", "a=ice-lite\r\na=setup:actpass"),
            good.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
            good.replace("a=mid:", "a=mid:x"),
        ];

        for sdp in bad {
            let offer = Offer {
                sdp,
                pending: Vec::new(),
            };
            // What is accepted all the same must do no harm either.
            let _ = world.engine_of(session).handle_offer(session, &offer);
            world.run_for(MOMENT);
        }
        let long = Offer {
            sdp: "a".repeat(300_000),
            pending: Vec::new(),
        };
        let refused = world.engine_of(session).handle_offer(session, &long);
        assert!(matches!(refused, Err(OfferError::TooLong { .. })));

        let since = world.now;
        world.run_for(Duration::from_secs(1));
        assert!(world.played_since(bob, picture, since) >= 24);
        let sound = world.publish(alice, Script::Opus);
        world.subscribe(bob, sound, Target::ALL);
        world.wait_received(bob, sound);
        world.assert_nothing_closed();
    }
}

#[test]
fn a_bad_first_offer_leaves_the_session_usable() {
    let mut good = World::new(60);
    let client = good.join(Mode::Single);
    let good = good.peers[client.publisher].last_offer.clone();
    for prefix in [
        "a=ice-ufrag",
        "a=ice-pwd",
        "a=fingerprint",
        "a=setup",
        "a=mid",
    ] {
        let mut world = World::new(61);
        let client = world.begin_join(Mode::Single, 0);
        let session = world.publisher(client);
        let lines = good.lines().filter(|line| !line.starts_with(prefix));
        let offer = Offer {
            sdp: lines.fold(String::new(), |text, line| text + line + "\r\n"),
            pending: Vec::new(),
        };

        let refused = world.engine_of(session).handle_offer(session, &offer);

        assert!(refused.is_err(), "without {prefix}");
        world.wait_joined(client);
        world.assert_nothing_closed();
    }
}

#[test]
fn a_payload_type_with_two_meanings_is_refused_and_the_session_lives_on() {
    let mut world = World::new(70);
    let alice = world.join(Mode::Single);
    world.publish(alice, Script::Vp8);
    let good = world.peers[alice.publisher].last_offer.clone();
    let session = world.publisher(alice);
    let h264 = "a=rtpmap:39 H264/90000\r\na=fmtp:39 level-asymmetry-allowed=1;packetization-mode=0";
    let section = |mid: &str, format: &str| {
        format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 39\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=recvonly\r\n\
             a=rtcp-mux\r\n{h264}{format}\r\n"
        )
    };
    let more = section("x1", "") + &section("x2", ";profile-level-id=4d001f");
    let offer = Offer {
        sdp: good.replacen("a=group:BUNDLE", "a=group:BUNDLE x1 x2", 1) + &more,
        pending: Vec::new(),
    };

    let refused = world.engine_of(session).handle_offer(session, &offer);

    assert!(
        matches!(&refused, Err(OfferError::Refused(reason)) if reason.contains("39")),
        "{refused:?}"
    );
    assert_eq!(world.engines[0].counters().panics, 0);
    world.publish(alice, Script::Opus);
    world.assert_nothing_closed();
}

#[test]
fn a_bad_answer_leaves_the_offer_waiting() {
    let mut world = World::new(68);
    let (alice, bob) = (world.join(Mode::Dual), world.join(Mode::Dual));
    let picture = world.publish(alice, Script::Vp8);
    let session = world.subscriber(bob);
    let stale = world.peers[bob.subscriber].last_answer.clone();

    world.subscribe(bob, picture, Target::ALL);
    world.run_for(Duration::from_millis(30));
    for bad in ["", "v=0\r\nm=audio 9 x 0\r\n", "nonsense", &stale] {
        let refused = world.engine_of(session).handle_answer(session, 0, bad);
        assert!(refused.is_err(), "{bad}");
    }

    world.wait_received(bob, picture);
    world.assert_nothing_closed();
}

#[test]
fn damaged_descriptions_never_panic() {
    let mut world = World::new(69);
    let alice = world.join(Mode::Single);
    world.publish(alice, Script::Vp8Simulcast);
    let good = world.peers[alice.publisher].last_offer.clone();
    let lines: Vec<&str> = good.lines().collect();

    for _ in 0..300 {
        let victim = world.add_peer(engine::SessionKind::Single, 0, true);
        let session = world.peers[victim].session;
        let mut damaged: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..=world.rng.below(3) {
            let end = u64::try_from(damaged.len()).unwrap();
            let at = usize::try_from(world.rng.below(end)).unwrap();
            match world.rng.below(4) {
                0 => drop(damaged.remove(at)),
                1 => damaged.insert(at, damaged[at].clone()),
                2 => damaged[at].truncate(3),
                _ => damaged.swap(at, 0),
            }
        }
        let offer = Offer {
            sdp: damaged.join("\r\n") + "\r\n",
            pending: Vec::new(),
        };
        let _ = world.engine_of(session).handle_offer(session, &offer);
        world.settle();
        world.engine_of(session).close_session(session);
        world.peers[victim].is_gone = true;
    }

    assert_eq!(world.engines[0].counters().panics, 0);
}
