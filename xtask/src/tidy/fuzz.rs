//! Each fuzz target is built: cargo takes only those that `fuzz/Cargo.toml` names.

use super::{Finding, SourceFile};

const MANIFEST: &str = "fuzz/Cargo.toml";
const TARGETS: &str = "fuzz/fuzz_targets/";

/// Finds targets that the manifest doesn't name.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let manifest = files.iter().find(|file| file.path == MANIFEST);
    let named = manifest.map_or("", |file| file.text.as_str());
    let targets = files
        .iter()
        .filter_map(|file| file.path.strip_prefix(TARGETS));
    targets
        .filter(|target| !named.contains(&format!("path = \"fuzz_targets/{target}\"")))
        .map(|target| Finding::Failure(format!("{MANIFEST}: {target} has no [[bin]]")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_target_that_the_manifest_lacks_is_named() {
        let files = [
            file(MANIFEST, "[[bin]]\npath = \"fuzz_targets/sdp.rs\"\n"),
            file("fuzz/fuzz_targets/sdp.rs", ""),
            file("fuzz/fuzz_targets/rtcp.rs", ""),
        ];

        let findings = check(&files);

        let expected = Finding::Failure("fuzz/Cargo.toml: rtcp.rs has no [[bin]]".to_owned());
        assert_eq!(findings, [expected]);
    }
}
