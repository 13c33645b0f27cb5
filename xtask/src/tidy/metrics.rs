//! Every metric stands in the operators' page.

use super::{Finding, SourceFile};

const PAGE: &str = "docs/operating.md";

/// What the names of our metrics begin with, after the opening quote.
const PREFIX: &str = "\"clapt_";

/// Looks for names of metrics in the code that the page lacks.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let page = files.iter().find(|file| file.path == PAGE);
    let page = page.map_or("", |page| page.text.as_str());
    let mut missing: Vec<&str> = files
        .iter()
        .filter(|file| file.is_a(&["rs"]) && !file.path.starts_with("xtask/"))
        .flat_map(|file| names(&file.text))
        .filter(|name| !page.contains(&format!("`{name}")))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    let finding = |name: &&str| Finding::Failure(format!("{PAGE} lacks the metric {name}"));
    missing.iter().map(finding).collect()
}

/// Lists the quoted names before the test module.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("\n#[cfg(test)]").next().unwrap_or(text);
    code.match_indices(PREFIX).filter_map(|(at, _)| {
        let name = code[at + 1..].split('"').next()?;
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            .then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_metric_that_the_page_lacks_is_named() {
        let code = "new(\"clapt_rooms\"); new(\"clapt_tracks\");\n#[cfg(test)]\n\"clapt_tests\"";
        let files = [
            file("sfu/src/metrics.rs", code),
            file(PAGE, "| `clapt_rooms{x}` |"),
        ];

        let expected = "docs/operating.md lacks the metric clapt_tracks".to_owned();
        assert_eq!(check(&files), [Finding::Failure(expected)]);
    }
}
