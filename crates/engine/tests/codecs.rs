//! What descriptions say of codecs, and what is sent then.

use std::time::Duration;

use engine::{Codec, CodecSet, Event, Target};

use crate::kit::{Client, MODES, Mode, SOON, Script, World};

const SECOND: Duration = Duration::from_secs(1);

fn set(codecs: &[Codec]) -> CodecSet {
    codecs.iter().copied().collect()
}

/// The encoding names of each section of a description with media, in the order of preference, without
/// retransmissions.
fn encodings(sdp: &str) -> Vec<Vec<String>> {
    let mut sections: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    sections.retain(|section| !section[0].starts_with("m=application"));
    let name = |section: &[&str], payload_type: &str| {
        let prefix = format!("a=rtpmap:{payload_type} ");
        let map = section.iter().find_map(|line| line.strip_prefix(&prefix));
        let name = map.and_then(|map| map.split('/').next());
        name.expect("each payload type has a name").to_owned()
    };
    sections
        .iter()
        .map(|section| {
            let types = section[0].split(' ').skip(3);
            let mut names: Vec<String> = types.map(|number| name(section, number)).collect();
            names.retain(|name| name != "rtx");
            names.dedup();
            names
        })
        .collect()
}

/// What the server wrote last to the peer that receives.
fn to_receiver(world: &World, client: Client, mode: Mode) -> &str {
    let peer = &world.peers[client.subscriber];
    match mode {
        Mode::Dual => &peer.last_offer,
        Mode::Single => &peer.last_answer,
    }
}

#[test]
fn codecs_that_are_not_allowed_are_in_no_description() {
    for mode in MODES {
        let mut world = World::new(300);
        world.publishes = set(&[Codec::Opus, Codec::Vp9]);
        world.receives = set(&[Codec::Opus, Codec::Vp9, Codec::H264]);
        let (alice, bob) = (world.join(mode), world.join(mode));

        let tracks = [
            world.publish(alice, Script::Opus),
            world.publish(alice, Script::Vp9Svc),
        ];
        for track in tracks {
            world.subscribe(bob, track, Target::ALL);
            world.wait_received(bob, track);
        }

        let answered = encodings(&world.peers[alice.publisher].last_answer);
        assert_eq!(answered, [["opus"], ["VP9"]], "{mode:?}");
        let mut told = encodings(to_receiver(&world, bob, mode));
        told.sort();
        assert_eq!(told[0], ["H264", "VP9"], "{mode:?}");
        assert_eq!(told[1], ["opus"], "{mode:?}");
    }
}

#[test]
fn a_track_in_a_codec_that_a_client_must_not_be_sent_is_refused() {
    for mode in MODES {
        let mut world = World::new(301);
        let alice = world.join(mode);
        let picture = world.publish(alice, Script::Vp8);
        world.receives = CodecSet::ALL.without(Codec::Vp8);
        world.publishes = world.receives;
        let bob = world.join(mode);

        world.subscribe(bob, picture, Target::ALL);

        let refused = Event::CodecRefused {
            session: world.subscriber(bob),
            track: picture.id,
        };
        world.run_until("the track is refused", SOON, |world| {
            world.events.iter().any(|(_, event)| *event == refused)
        });
    }
}

#[test]
fn every_later_answer_says_of_a_track_what_the_first_said() {
    for mode in MODES {
        let mut world = World::new(302);
        let alice = world.join(mode);
        let picture = world.publish(alice, Script::Vp9Svc);
        world.is_stereo = true;
        world.publish(alice, Script::Opus);
        world.is_stereo = false;

        world.publish(alice, Script::Opus);

        let answer = &world.peers[alice.publisher].last_answer;
        let answered = encodings(answer);
        assert_eq!(answered.len(), 3);
        assert_eq!(answered[0][0], "VP9", "{mode:?}");
        assert_eq!(answer.matches("usedtx=1").count(), 2, "{answer}");
        assert_eq!(answer.matches("stereo=1").count(), 1, "{answer}");
        world.unpublish(picture);
        assert_eq!(world.engines[0].entries()["sent formats"], 2);
    }
}

#[test]
fn who_receives_stereo_is_told_so_in_that_section_only() {
    for mode in MODES {
        let mut world = World::new(306);
        let (alice, bob) = (world.join(mode), world.join(mode));
        let mono = world.publish(alice, Script::Opus);
        let stereo = world.publish(alice, Script::Opus);
        world.subscribe(bob, mono, Target::ALL);
        world.is_stereo = true;
        world.subscribe(bob, stereo, Target::ALL);
        for track in [mono, stereo] {
            world.wait_received(bob, track);
        }

        let told = to_receiver(&world, bob, mode);

        let marked: Vec<&str> = told
            .split("\r\nm=")
            .filter(|section| section.contains("sprop-stereo=1"))
            .collect();
        let name = format!("a=msid:PA_1|camera TR_{:?}", stereo.id).replace(['(', ')'], "_");
        assert_eq!(marked.len(), 1, "{mode:?}: {told}");
        assert!(marked[0].contains(&name), "{mode:?}: {}", marked[0]);
    }
}

#[test]
fn redundant_sound_is_passed_to_those_who_know_it_and_unwrapped_for_others() {
    for mode in MODES {
        let mut world = World::new(303);
        world.knows_red = true;
        let (alice, bob) = (world.join(mode), world.join(mode));
        world.knows_red = false;
        let carol = world.join(mode);
        world.knows_red = true;
        world.receives = CodecSet::ALL.without(Codec::Red);
        world.publishes = world.receives;
        let dave = world.join(mode);
        let sound = world.publish(alice, Script::OpusRed);

        for listener in [bob, carol, dave] {
            world.subscribe(listener, sound, Target::ALL);
            world.wait_received(listener, sound);
        }
        world.run_for(SOON);

        let answered = encodings(&world.peers[alice.publisher].last_answer);
        assert_eq!(answered, [["red", "opus"]], "{mode:?}");
        let last = |listener| {
            let packets = &world.reception(listener, sound).packets;
            packets.values().next_back().expect("sound came").clone()
        };
        assert_eq!(last(bob).repeats, last(bob).stamp.frame.checked_sub(1));
        for listener in [carol, dave] {
            assert_eq!(last(listener).repeats, None);
        }
        assert!(!to_receiver(&world, dave, mode).contains("red/48000"));
        for listener in [bob, carol, dave] {
            let reception = world.reception(listener, sound);
            assert_eq!(reception.missing(), 0);
            assert!(reception.packets.len() > 200);
            reception.assert_numbers_rise();
        }
    }
}

#[test]
fn sound_that_is_lost_on_its_way_in_reaches_those_who_know_no_redundancy() {
    for mode in MODES {
        let mut world = World::new(307);
        world.knows_red = true;
        let (alice, bob) = (world.join(mode), world.join(mode));
        world.knows_red = false;
        let carol = world.join(mode);
        let sound = world.publish(alice, Script::OpusRed);
        for listener in [bob, carol] {
            world.subscribe(listener, sound, Target::ALL);
            world.wait_received(listener, sound);
        }
        world.peers[alice.publisher].up.loss_permille = 100;

        let since = world.now;
        world.run_for(20 * SECOND);

        for listener in [bob, carol] {
            let heard = world.packets_since(listener, sound, since);
            assert!(heard >= 980, "{heard} of 1000 packets, {mode:?}");
            world.reception(listener, sound).assert_numbers_rise();
        }
        let recovered = world.engines[0].counters().packets_recovered;
        assert!((50..150).contains(&recovered), "{recovered}");
        world.assert_nothing_closed();
    }
}

#[test]
fn a_track_that_is_not_to_be_redundant_is_answered_without() {
    for mode in MODES {
        let mut world = World::new(304);
        world.knows_red = true;
        let (alice, bob) = (world.join(mode), world.join(mode));

        let sound = world.publish(alice, Script::Opus);
        world.subscribe(bob, sound, Target::ALL);
        world.wait_received(bob, sound);

        let answered = encodings(&world.peers[alice.publisher].last_answer);
        assert_eq!(answered, [["opus"]], "{mode:?}");
    }
}

#[test]
fn redundant_sound_crosses_between_shards_as_it_is() {
    let mut world = World::with(305, 2, |_| {});
    world.knows_red = true;
    let alice = world.join_on(Mode::Single, 0);
    let bob = world.join_on(Mode::Single, 1);
    let sound = world.publish(alice, Script::OpusRed);

    world.subscribe(bob, sound, Target::ALL);
    world.wait_received(bob, sound);
    world.run_for(SOON);

    let packets = &world.reception(bob, sound).packets;
    assert!(
        packets
            .values()
            .skip(1)
            .all(|packet| packet.repeats.is_some())
    );
}

#[test]
fn trailers_are_cut_off_for_those_who_do_not_know_them_in_retransmissions_too() {
    for mode in MODES {
        let mut world = World::new(307);
        let (alice, bob, carol) = (world.join(mode), world.join(mode), world.join(mode));
        let picture = world.publish(alice, Script::Vp8);
        world.source(picture).has_trailer = true;
        world.subscribe(carol, picture, Target::ALL);
        world.cuts_trailers = true;
        world.subscribe(bob, picture, Target::ALL);
        for viewer in [bob, carol] {
            world.peers[viewer.subscriber].down.loss_permille = 50;
            world.wait_received(viewer, picture);
        }

        world.run_for(SOON);

        assert!(world.engines[0].counters().packets_repaired > 5);
        let trailers = |viewer: Client| {
            let packets = world.reception(viewer, picture).packets.values();
            let ends = packets.filter(|packet| packet.marker);
            let all: Vec<bool> = ends.map(|packet| packet.has_trailer).collect();
            (all.len(), all.iter().filter(|has| **has).count())
        };
        let (bobs, carols) = (trailers(bob), trailers(carol));
        assert!(bobs.0 > 100 && bobs.1 == 0, "{bobs:?}");
        // The first frame may have come before the source was told.
        assert!(carols.0 > 100 && carols.1 + 2 >= carols.0, "{carols:?}");
    }
}
