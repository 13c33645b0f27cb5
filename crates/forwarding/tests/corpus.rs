//! Replays the fuzz corpus through what the fuzz targets do.

#[path = "../../../fuzz/src/harness.rs"]
#[expect(
    unreachable_pub,
    reason = "it is a crate of its own for the fuzz targets"
)]
mod harness;

#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod replay;

/// Gives the seeds of a target to `run`, and every beginning of a seed.
fn replay_beginnings(target: &str, run: fn(&[u8])) {
    replay::replay(target, |bytes| {
        for len in 0..=bytes.len() {
            run(&bytes[..len]);
        }
    });
}

#[test]
fn the_corpus_of_the_vp8_target_holds() {
    replay_beginnings("vp8", harness::vp8);
}

#[test]
fn the_corpus_of_the_vp9_target_holds() {
    replay_beginnings("vp9", harness::vp9);
}

#[test]
fn the_corpus_of_the_h264_target_holds() {
    replay_beginnings("h264", harness::h264);
}

#[test]
fn the_corpus_of_the_dependency_descriptor_target_holds() {
    replay_beginnings("dependency_descriptor", harness::dependency_descriptor);
}

#[test]
fn the_corpus_of_the_room_target_holds() {
    replay_beginnings("room", harness::room);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn a_room_survives_any_bytes(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_000),
    ) {
        harness::room(&bytes);
    }
}
