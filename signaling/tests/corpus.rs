//! Replays the fuzz corpus through what the fuzz targets do.

#[path = "../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod replay;

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
