//! Replays the fuzz corpus through what the fuzz targets do.

#[path = "../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod replay;

#[path = "../../fuzz/src/mutate.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod mutate;

use mutate::mutate;
use replay::replay;
use signaling::testing;

#[test]
fn the_corpus_of_the_data_packet_target_holds() {
    replay("data_packet", testing::data_packet);
}

#[test]
fn the_corpus_of_the_join_request_target_holds() {
    replay("join_request", testing::join_request);
}

#[test]
fn the_corpus_of_the_signal_frames_target_holds() {
    replay("signal_frames", testing::signal_frames);
}

#[test]
fn the_corpus_of_the_candidate_target_holds() {
    replay("candidate", testing::candidate);
}

#[test]
fn the_corpus_of_the_twirp_target_holds() {
    replay("twirp", testing::twirp);
}

#[test]
fn the_corpus_of_the_whip_target_holds() {
    replay("whip", testing::whip);
}

#[test]
fn changed_seeds_of_what_is_only_read_hold() {
    mutate("data_packet", 2000, testing::data_packet);
    mutate("join_request", 300, testing::join_request);
    mutate("candidate", 2000, testing::candidate);
}

#[test]
fn changed_seeds_of_signal_messages_hold() {
    mutate("signal_frames", 100, testing::signal_frames);
}

#[test]
fn changed_seeds_of_twirp_bodies_hold() {
    mutate("twirp", 100, testing::twirp);
}

#[test]
fn changed_seeds_of_whip_bodies_hold() {
    mutate("whip", 100, testing::whip);
}
