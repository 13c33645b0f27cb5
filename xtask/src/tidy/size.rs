//! The size ratchet: long files get no longer, and no new ones come.

use super::{Finding, SourceFile};

/// More lines than this are worth a look.
const WARN_ABOVE: usize = 400;

/// More lines than this fail.
const FAIL_ABOVE: usize = 600;

/// Files that are longer, with their length today. An entry may shrink or go, nothing else.
const EXCEPTIONS: &[(&str, usize)] = &[];

/// Counts the lines of every source file before its test module.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    check_against(files, EXCEPTIONS)
}

fn check_against(files: &[SourceFile], exceptions: &[(&str, usize)]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files
        .iter()
        .filter(|file| is_measured(file))
        .filter_map(|file| {
            let lines = lines_before_tests(&file.text);
            let exception = exceptions.iter().find(|(path, _)| *path == file.path);
            judge(&file.path, lines, exception.map(|(_, lines)| *lines))
        })
        .collect();
    let is_gone = |path: &str| !files.iter().any(|file| file.path == path);
    let gone = exceptions.iter().filter(|(path, _)| is_gone(path));
    findings.extend(
        gone.map(|(path, _)| {
            Finding::Failure(format!("{path} is gone: remove its size exception"))
        }),
    );
    findings
}

/// Files that a program writes from something else; nobody reads them from top to bottom.
const GENERATED: &[&str] = &["web/src/api/schema.ts"];

fn is_measured(file: &SourceFile) -> bool {
    let is_test = ["/tests.rs", "_tests.rs", ".test.ts", ".test.tsx"]
        .iter()
        .any(|end| file.path.ends_with(end));
    file.is_a(&["rs", "ts", "tsx"]) && !is_test && !GENERATED.contains(&file.path.as_str())
}

fn lines_before_tests(text: &str) -> usize {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .count()
}

fn judge(path: &str, lines: usize, exception: Option<usize>) -> Option<Finding> {
    match exception {
        Some(_) if lines <= FAIL_ABOVE => Some(Finding::Failure(format!(
            "{path} has {lines} lines: remove its size exception"
        ))),
        Some(allowed) if lines > allowed => Some(Finding::Failure(format!(
            "{path} has grown from {allowed} to {lines} lines; take something out of it"
        ))),
        Some(allowed) if lines < allowed => Some(Finding::Failure(format!(
            "{path} has shrunk to {lines} lines: lower its size exception from {allowed}"
        ))),
        None if lines > FAIL_ABOVE => Some(Finding::Failure(format!(
            "{path} has {lines} lines before its tests, {FAIL_ABOVE} are allowed"
        ))),
        None if lines > WARN_ABOVE => Some(Finding::Warning(format!(
            "{path} has {lines} lines before its tests; above {WARN_ABOVE} it is a smell"
        ))),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn found(lines: usize, exceptions: &[(&str, usize)]) -> Vec<Finding> {
        let text = format!("{}#[cfg(test)]\n{}", "x\n".repeat(lines), "x\n".repeat(900));
        check_against(&[file("a.rs", &text)], exceptions)
    }

    #[test]
    fn only_lines_before_the_tests_count() {
        assert!(found(WARN_ABOVE, &[]).is_empty());
        assert!(matches!(
            found(WARN_ABOVE + 1, &[])[..],
            [Finding::Warning(_)]
        ));
        assert!(matches!(found(FAIL_ABOVE, &[])[..], [Finding::Warning(_)]));
        assert!(matches!(
            found(FAIL_ABOVE + 1, &[])[..],
            [Finding::Failure(_)]
        ));
    }

    #[test]
    fn an_exception_holds_for_its_exact_length_only() {
        assert!(found(700, &[("a.rs", 700)]).is_empty());
        assert_eq!(found(701, &[("a.rs", 700)]).len(), 1);
        assert_eq!(found(699, &[("a.rs", 700)]).len(), 1);
        assert_eq!(found(500, &[("a.rs", 700)]).len(), 1);
        assert_eq!(found(1, &[("gone.rs", 700)]).len(), 1);
    }

    #[test]
    fn files_of_tests_are_not_measured() {
        assert!(!is_measured(&file("crates/auth/src/token_tests.rs", "")));
        assert!(!is_measured(&file("web/src/tile.test.tsx", "")));
        assert!(is_measured(&file("web/src/tile.tsx", "")));
        assert!(!is_measured(&file("web/src/api/schema.ts", "")));
    }
}
