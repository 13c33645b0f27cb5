//! Replays the fuzz corpus through what the fuzz targets do. A program of its own, since it runs without
//! secrets.

#[path = "../../../../fuzz/src/wire.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod wire;

#[path = "../../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod replay;

use proptest::prelude::*;
use replay::replay;

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
