//! Replays the fuzz corpus through what the fuzz target does.

#[path = "../../../fuzz/src/tokens.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod tokens;

#[path = "../../../fuzz/src/replay.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod replay;

#[path = "../../../fuzz/src/mutate.rs"]
#[expect(unreachable_pub, reason = "it is a module of the fuzz targets' crate")]
mod mutate;

#[test]
fn changed_seeds_of_the_token_target_hold() {
    mutate::mutate("token", 2000, tokens::token);
}

#[test]
fn the_corpus_of_the_token_target_holds() {
    // Every beginning of a seed is a seed.
    replay::replay("token", |bytes| {
        for len in 0..=bytes.len() {
            tokens::token(&bytes[..len]);
        }
    });
}
