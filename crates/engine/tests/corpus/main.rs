//! Replays the fuzz corpus through what the fuzz targets do. A program of its own, since it runs without
//! secrets.

#[path = "../../../../fuzz/src/wire.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod wire;

use std::path::Path;

use proptest::prelude::*;

/// Gives the seeds of a target to `run`; fails if there are none.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("a seed").path();
        println!("{}", path.display());
        run(&std::fs::read(path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count > 0, "{} has no seeds", folder.display());
}

#[test]
fn the_corpus_of_the_datagrams_target_holds() {
    replay("datagrams", wire::datagrams);
}

#[test]
fn the_corpus_of_the_sdp_target_holds() {
    replay("sdp", wire::descriptions);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_call_survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        wire::datagrams(&bytes);
    }
}
