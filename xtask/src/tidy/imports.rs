//! Who may import whom: the table of ARCHITECTURE.md.

use super::manifest::Manifest;
use super::{Finding, SourceFile};

/// One row of the table.
struct Rule {
    name: &'static str,
    /// Crates of the workspace that it may depend on; `None` means all.
    may: Option<&'static [&'static str]>,
    /// Other crates that it must not depend on; `*` means any.
    never: &'static [&'static str],
}

const fn rule(
    name: &'static str,
    may: &'static [&'static str],
    never: &'static [&'static str],
) -> Rule {
    let may = Some(may);
    Rule { name, may, never }
}

/// A crate without a row fails, so that a new one has to be thought about.
const RULES: &[Rule] = &[
    rule(
        "forwarding",
        &[],
        &[
            "str0m",
            "tokio",
            "serde",
            "axum",
            "sqlx",
            "quinn-udp",
            "socket2",
        ],
    ),
    rule(
        "engine",
        &["forwarding"],
        &["tokio", "axum", "sqlx", "quinn-udp", "socket2"],
    ),
    rule(
        "sfu",
        &["engine", "forwarding", "service"],
        &["sqlx", "axum"],
    ),
    rule("auth", &[], &["axum", "sqlx", "tokio", "str0m"]),
    rule("store", &[], &["axum", "str0m"]),
    rule("service", &["auth"], &["str0m", "livekit-protocol"]),
    rule(
        "signaling",
        &["sfu", "auth", "store", "service"],
        &["str0m", "quinn-udp"],
    ),
    rule(
        "accounts",
        &["auth", "store", "service"],
        &["str0m", "sqlx", "livekit-protocol"],
    ),
    rule("loadtest", &["auth"], &["axum"]),
    rule("xtask", &[], &["*"]),
    Rule {
        name: "clapt",
        may: None,
        never: &["str0m"],
    },
    Rule {
        name: "e2e",
        may: None,
        never: &[],
    },
];

/// Crates that nobody depends on.
const LEAVES: &[&str] = &["clapt", "e2e", "xtask"];

/// Checks every crate against its row.
pub(crate) fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let members: Vec<&str> = manifests
        .iter()
        .map(|manifest| manifest.name.as_str())
        .collect();
    manifests
        .iter()
        .flat_map(
            |manifest| match RULES.iter().find(|rule| rule.name == manifest.name) {
                Some(rule) => check_crate(manifest, rule, &members),
                None => vec![Finding::Failure(format!(
                    "{}: no row in xtask/src/tidy/imports.rs says what this crate may import",
                    manifest.name
                ))],
            },
        )
        .collect()
}

fn check_crate(manifest: &Manifest, rule: &Rule, members: &[&str]) -> Vec<Finding> {
    let name = &manifest.name;
    let refused = |dependency: &String| {
        let dependency = dependency.as_str();
        let is_member = members.contains(&dependency);
        let is_unlisted = is_member && rule.may.is_some_and(|may| !may.contains(&dependency));
        let is_banned = !is_member && (rule.never.contains(&dependency) || rule.never == ["*"]);
        is_unlisted || is_banned || LEAVES.contains(&dependency)
    };
    manifest
        .dependencies
        .iter()
        .filter(|dependency| refused(dependency))
        .map(|dependency| {
            Finding::Failure(format!(
                "{name} must not import {dependency}, see ARCHITECTURE.md"
            ))
        })
        .collect()
}

/// Checks that the root module of every crate says what the crate is for.
pub(crate) fn check_headers(manifests: &[Manifest], files: &[SourceFile]) -> Vec<Finding> {
    let roots = |manifest: &Manifest| {
        let prefix = if manifest.folder.is_empty() {
            "src".to_owned()
        } else {
            format!("{}/src", manifest.folder)
        };
        [format!("{prefix}/lib.rs"), format!("{prefix}/main.rs")]
    };
    manifests
        .iter()
        .flat_map(roots)
        .filter_map(|path| files.iter().find(|file| file.path == path))
        .filter(|file| !file.text.starts_with("//! ") || file.text.starts_with("//! Placeholder"))
        .map(|file| {
            Finding::Failure(format!(
                "{}: no header says what the crate is for",
                file.path
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn manifest(name: &str, dependencies: &[&str]) -> Manifest {
        Manifest {
            folder: name.to_owned(),
            name: name.to_owned(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// How many findings there are in a workspace of `forwarding`, `e2e` and this crate.
    fn findings(name: &str, dependencies: &[&str]) -> usize {
        let others = [manifest("forwarding", &[]), manifest("e2e", &[])];
        check(
            &others
                .into_iter()
                .chain([manifest(name, dependencies)])
                .collect::<Vec<_>>(),
        )
        .len()
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert_eq!(findings("engine", &["forwarding", "str0m", "bytes"]), 0);
        assert_eq!(findings("xtask", &[]), 0);
    }

    #[test]
    fn a_banned_crate_and_a_crate_of_the_workspace_that_is_not_listed_fail() {
        assert_eq!(findings("engine", &["tokio"]), 1);
        assert_eq!(findings("auth", &["forwarding"]), 1);
        assert_eq!(findings("xtask", &["anyhow"]), 1);
        assert_eq!(findings("clapt", &["e2e"]), 1);
    }

    #[test]
    fn a_crate_without_a_row_fails() {
        assert_eq!(findings("stranger", &[]), 1);
    }

    #[test]
    fn a_crate_root_without_a_header_fails() {
        let with = file("auth/src/lib.rs", "//! Tokens.\n");
        let without = file("auth/src/lib.rs", "mod token;\n");

        assert!(check_headers(&[manifest("auth", &[])], &[with]).is_empty());
        assert_eq!(check_headers(&[manifest("auth", &[])], &[without]).len(), 1);
    }
}
