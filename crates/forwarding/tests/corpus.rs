//! Replays the fuzz corpus through what the fuzz targets do.

#[path = "../../../fuzz/src/harness.rs"]
#[expect(
    unreachable_pub,
    reason = "it is a crate of its own for the fuzz targets"
)]
mod harness;

use std::path::Path;

/// Gives the seeds of a target to `run`; fails if there are none.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let bytes = std::fs::read(entry.expect("a seed").path()).expect("a seed can be read");
        // Every beginning of a seed is a seed.
        for len in 0..=bytes.len() {
            run(&bytes[..len]);
        }
        count += 1;
    }
    assert!(count > 0, "{} has no seeds", folder.display());
}

#[test]
fn the_corpus_of_the_vp8_target_holds() {
    replay("vp8", harness::vp8);
}

#[test]
fn the_corpus_of_the_vp9_target_holds() {
    replay("vp9", harness::vp9);
}

#[test]
fn the_corpus_of_the_h264_target_holds() {
    replay("h264", harness::h264);
}

#[test]
fn the_corpus_of_the_dependency_descriptor_target_holds() {
    replay("dependency_descriptor", harness::dependency_descriptor);
}

#[test]
fn the_corpus_of_the_room_target_holds() {
    replay("room", harness::room);
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
