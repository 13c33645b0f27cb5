//! What our answers say of codecs, each time that a client offers.

use crate::kit::{MODES, Script, World};

#[test]
fn each_answer_puts_the_codec_of_a_track_first() {
    for mode in MODES {
        let mut world = World::new(68);
        let alice = world.join(mode);

        world.publish(alice, Script::Vp9Svc);
        world.publish(alice, Script::Vp8);
        world.publish(alice, Script::Opus);

        let answer = &world.peers[alice.publisher].last_answer;
        let first = |section: &str| {
            let payload_type = section.split(' ').nth(3).unwrap();
            let map = format!("a=rtpmap:{payload_type} ");
            let map = section.lines().find_map(|line| line.strip_prefix(&map));
            map.unwrap().split('/').next().unwrap().to_owned()
        };
        let videos = answer.split("m=video").skip(1);
        let firsts: Vec<String> = videos.map(first).collect();
        assert_eq!(firsts, ["VP9", "VP8"], "{answer}");
    }
}
