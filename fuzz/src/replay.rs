//! Replays the corpus of a target in a test.

use std::path::Path;

/// Gives the seeds of a target to `run`; panics if there are none.
#[expect(clippy::expect_used, reason = "it is called by tests only")]
pub fn replay(target: &str, mut run: impl FnMut(&[u8])) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here
        .ancestors()
        .map(|folder| folder.join("fuzz/corpus").join(target))
        .find(|folder| folder.is_dir())
        .expect("the corpus is committed");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("a seed").path();
        println!("{}", path.display());
        run(&std::fs::read(path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count > 0, "{} has no seeds", folder.display());
}
