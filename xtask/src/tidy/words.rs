//! Words that must not be committed, and links that lead nowhere.

use super::{Finding, SourceFile};

/// Text that may not stand in any file, and why. Each is split here, so as not to find itself.
const BANNED: &[(&str, &str, &str)] = &[
    ("/ro", "ot/", "a path of one machine"),
    ("/wo", "rk/", "a path of one machine"),
    ("/ho", "me/", "a path of one machine"),
    ("to", "do!(", "unfinished work"),
    ("unimple", "mented!(", "unfinished work"),
    ("TO", "DO", "unfinished work"),
    ("FIX", "ME", "unfinished work"),
];

/// Where npm notes from which host it got a package; the next machine may use another.
const RESOLVED: &str = "\"resolved\": \"http";

/// Looks for banned words in every file, and for registry hosts in npm's lock files.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        if file.path.ends_with("package-lock.json") {
            if file.text.contains(RESOLVED) {
                findings.push(Finding::Failure(format!(
                    "{}: names a registry host; set omit-lockfile-registry-resolved in .npmrc",
                    file.path
                )));
            }
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let found = BANNED
                .iter()
                .find(|(head, tail, _)| has_word(line, head, tail));
            if let Some((_, _, reason)) = found {
                let number = number + 1;
                findings.push(Finding::Failure(format!(
                    "{}:{number}: {reason}",
                    file.path
                )));
            }
        }
    }
    findings
}

/// Says whether `head` + `tail` stands in `line`, and not as the end of a longer word or path.
fn has_word(line: &str, head: &str, tail: &str) -> bool {
    line.match_indices(head).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let starts =
            before.is_none_or(|c| !c.is_alphanumeric() && c != '.' && c != '_' && c != '/');
        starts && line[at + head.len()..].starts_with(tail)
    })
}

/// Checks that relative links of Markdown files lead to something that `exists`.
pub(crate) fn check_links(files: &[SourceFile], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let pages = files.iter().filter(|file| file.is_a(&["md"]));
    pages
        .flat_map(|page| {
            let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let broken = links(&page.text).filter(|link| !exists(&resolve(folder, link)));
            broken.map(|link| Finding::Failure(format!("{}: {link} does not exist", page.path)))
        })
        .collect()
}

/// Lists the targets of `[text](target)` that are paths, without their `#anchor`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn banned_words_are_found_with_their_line() {
        let text = format!("fine\nlet x = {}{}();", "to", "do!");

        let findings = check(&[file("a.rs", &text)]);

        assert_eq!(
            findings,
            [Finding::Failure("a.rs:2: unfinished work".to_owned())]
        );
    }

    #[test]
    fn a_path_of_a_machine_is_not_a_part_of_a_longer_path() {
        let path = |before: &str| format!("{before}{}{}x", "/wo", "rk/");
        assert_eq!(check(&[file("a", &path("cd "))]).len(), 1);
        assert!(check(&[file("a", &path("net"))]).is_empty());
    }

    #[test]
    fn a_lock_file_may_not_name_a_registry() {
        let with = file(
            "web/package-lock.json",
            "\"resolved\": \"https://example.org/x.tgz\"",
        );
        let without = file("web/package-lock.json", "\"integrity\": \"sha512-\"");

        assert_eq!(check(&[with]).len(), 1);
        assert!(check(&[without]).is_empty());
    }

    #[test]
    fn links_are_resolved_from_the_page_that_has_them() {
        let text = "[a](../README.md#top) [b](gone.md) [c](https://example.org) [d](#here)";
        let page = file("docs/a.md", text);

        let findings = check_links(&[page], |path| path == "README.md");

        let expected = "docs/a.md: gone.md does not exist".to_owned();
        assert_eq!(findings, [Finding::Failure(expected)]);
    }
}
