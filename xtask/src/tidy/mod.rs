//! `cargo xtask tidy`: rules of the house that no compiler or linter checks.
//!
//! Each rule is a pure function from text to findings, with its tests beside it. This module finds
//! the files and prints.

mod fuzz;
mod imports;
mod limits;
mod manifest;
mod metrics;
mod size;
mod words;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &[
    "target",
    "node_modules",
    "dist",
    ".git",
    "__pycache__",
    ".venv",
    "data",
];

/// What a rule has to say about one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Worth a look; doesn't fail.
    Warning(String),
    /// Has to be put right.
    Failure(String),
}

/// A file of the project.
pub(crate) struct SourceFile {
    /// Its path below the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl SourceFile {
    /// Says whether the name ends with one of these extensions.
    pub(crate) fn is_a(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension();
        extension.is_some_and(|found| extensions.iter().any(|wanted| found == *wanted))
    }
}

/// Runs every rule over the tree at `root`, prints what they find, and says whether all is well.
pub(crate) fn run(root: &Path) -> ExitCode {
    let files = read_files(root);
    let manifests = manifest::read_all(&files);
    let mut findings = imports::check(&manifests);
    findings.extend(imports::check_headers(&manifests, &files));
    findings.extend(fuzz::check(&files));
    findings.extend(size::check(&files));
    findings.extend(metrics::check(&files));
    findings.extend(limits::check(&files));
    findings.extend(words::check(&files));
    findings.extend(words::check_links(&files, |path| root.join(path).exists()));
    report(&findings, files.len())
}

fn report(findings: &[Finding], files: usize) -> ExitCode {
    let mut failures = 0;
    for finding in findings {
        match finding {
            Finding::Warning(text) => println!("warning: {text}"),
            Finding::Failure(text) => {
                failures += 1;
                println!("error: {text}");
            }
        }
    }
    let warnings = findings.len() - failures;
    println!("tidy: {files} files, {failures} errors, {warnings} warnings");
    if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Reads every text file below `root`, in order of their paths.
fn read_files(root: &Path) -> Vec<SourceFile> {
    let mut pending: Vec<PathBuf> = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = pending.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(fs::FileType::is_dir) {
                if !SKIPPED.contains(&name.as_str()) {
                    pending.push(path);
                }
            } else if SKIPPED.contains(&name.as_str()) {
                // In a second work tree of git, `.git` is a file.
            } else if let Ok(text) = fs::read_to_string(&path) {
                let below = path.strip_prefix(root).unwrap_or(&path);
                let path = below.to_string_lossy().replace('\\', "/");
                files.push(SourceFile { path, text });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

#[cfg(test)]
pub(crate) fn file(path: &str, text: &str) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
