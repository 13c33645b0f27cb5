//! Every limit stands in the operators' page, with its metric and a test that hits it, and all three exist.

use super::{Finding, SourceFile};

const PAGE: &str = "docs/operating.md";
const HEADING: &str = "\n## Limits\n";
const CONFIGURATION: &str = "configs/clapt.yaml";

/// A row of the table: keys, metric, tests.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    keys: &'a str,
    metric: &'a str,
    tests: &'a str,
}

/// Compares the page's table of limits with the configuration and the code.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map_or("", |file| file.text.as_str())
    };
    let rows = rows(text(PAGE));
    let known: Vec<String> = keys(text(CONFIGURATION)).collect();
    let mut problems = Vec::new();
    let named: Vec<String> = rows
        .iter()
        .flat_map(|row| quoted(row.keys))
        .map(|key| {
            if key.contains('.') {
                key.to_owned()
            } else {
                format!("limit.{key}")
            }
        })
        .collect();
    for key in named.iter().filter(|key| !known.contains(key)) {
        problems.push(format!("there is no key {key}"));
    }
    let limits = known.iter().filter(|key| key.starts_with("limit."));
    for key in limits.filter(|key| !named.contains(key)) {
        problems.push(format!("the table lacks {key}"));
    }
    let code: Vec<&SourceFile> = files
        .iter()
        .filter(|file| !file.path.starts_with("xtask/"))
        .collect();
    for row in rows {
        let metrics = metrics(row.metric);
        if metrics.is_empty() && !row.metric.starts_with("none: ") {
            problems.push(format!("{} has no metric", row.keys));
        }
        for (folder, name) in metrics {
            let is_counted =
                |file: &&&SourceFile| file.is_a(&["rs"]) && file.path.starts_with(folder);
            let mut counting = code.iter().filter(is_counted);
            if !counting.any(|file| production(&file.text).contains(&format!("\"{name}\""))) {
                problems.push(format!("nothing counts {name} of {}", row.keys));
            }
        }
        let tests: Vec<&str> = quoted(row.tests).collect();
        if tests.is_empty() {
            problems.push(format!("{} has no test", row.keys));
        }
        let is_test = |test: &str| {
            let (rust, python) = (format!("fn {test}("), format!("def {test}("));
            code.iter().any(|file| {
                file.is_a(&["rs"]) && file.text.contains(&rust)
                    || file.is_a(&["py"]) && file.text.contains(&python)
            })
        };
        for test in tests.into_iter().filter(|test| !is_test(test)) {
            problems.push(format!("there is no test {test}"));
        }
    }
    let finding = |problem: String| Finding::Failure(format!("{PAGE}, limits: {problem}"));
    problems.into_iter().map(finding).collect()
}

/// Reads the table: key, default, what happens, metric, test.
fn rows(page: &str) -> Vec<Row<'_>> {
    let (_, section) = page.split_once(HEADING).unwrap_or(("", ""));
    let section = section.split("\n## ").next().unwrap_or(section);
    let cells = |line| str::split(line, '|').map(str::trim).collect::<Vec<&str>>();
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| match cells(line)[..] {
            [_, keys, _, _, metric, tests, _] => Some(Row {
                keys,
                metric,
                tests,
            }),
            _ => None,
        })
        .collect()
}

/// Lists what stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Lists where a metric is counted, and the name to look for there: of a reason for `refused` and `dropped`,
/// else of the metric itself.
fn metrics<'a>(text: &'a str) -> Vec<(&'static str, &'a str)> {
    let of = |folder: &'static str, names: Vec<&'a str>| -> Vec<(&'static str, &'a str)> {
        names.into_iter().map(|name| (folder, name)).collect()
    };
    let parts = text.split(';').map(str::trim);
    parts
        .flat_map(|part| {
            if let Some(reasons) = part.strip_prefix("`refused` ") {
                of("signaling/src/", reasons.split(", ").collect())
            } else if let Some(reasons) = part.strip_prefix("`dropped` ") {
                of("crates/engine/src/", reasons.split(", ").collect())
            } else {
                let names = quoted(part).filter(|name| name.starts_with("clapt_"));
                of("", names.collect())
            }
        })
        .collect()
}

/// Lists the keys of the configuration, each with the sections that it is in, parted by dots.
fn keys(yaml: &str) -> impl Iterator<Item = String> {
    let mut sections: Vec<&str> = Vec::new();
    yaml.lines().filter_map(move |line| {
        let (key, _) = line
            .split_once(':')
            .filter(|_| !line.trim().starts_with(['#', '-']))?;
        let name = key.trim_start();
        sections.truncate((key.len() - name.len()) / 2);
        sections.push(name);
        Some(sections.join("."))
    })
}

/// What stands before the test module.
fn production(code: &str) -> &str {
    code.split("\n#[cfg(test)]").next().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    const YAML: &str = "port: 1\n# Limits.\nlimit:\n  # Bytes.\n  sdp_bytes_max: 5\nrtc:\n  relay:\n    old: 1\n  queue_max: 9\n";

    fn problems(row: &str, yaml: &str) -> Vec<String> {
        let page = format!(
            "# Page\n\n## Limits\n\n| key | default |\n| --- | --- |\n{row}\n\n## Metrics\n\n| `x` |\n"
        );
        let code = "refuse(\"sdp-size\"); new(\"clapt_queue_total\");\n#[cfg(test)]\nrefuse(\"only-here\"); fn it_is_cut() {}";
        let files = [
            file(PAGE, &page),
            file(CONFIGURATION, yaml),
            file("signaling/src/room.rs", code),
            file("crates/engine/src/counters.rs", "\"flood\""),
        ];
        let text = |finding: Finding| match finding {
            Finding::Failure(text) | Finding::Warning(text) => {
                text.replace("docs/operating.md, limits: ", "")
            }
        };
        check(&files).into_iter().map(text).collect()
    }

    #[test]
    fn a_row_whose_key_metric_and_test_exist_is_right() {
        for metric in [
            "`refused` sdp-size",
            "`clapt_queue_total`; `dropped` flood",
            "none: nothing is refused",
        ] {
            let row =
                format!("| `sdp_bytes_max`, `rtc.queue_max` | 5 | cut | {metric} | `it_is_cut` |");
            assert_eq!(problems(&row, YAML), Vec::<String>::new(), "{metric}");
        }
    }

    #[test]
    fn a_limit_without_a_row_is_named() {
        let row = "| `rtc.queue_max` | 5 | cut | `refused` sdp-size | `it_is_cut` |";

        assert_eq!(problems(row, YAML), ["the table lacks limit.sdp_bytes_max"]);
    }

    #[test]
    fn keys_metrics_and_tests_that_do_not_exist_are_named() {
        let row = "| `sdp_bytes_max`, `old_max` | 5 | cut | `refused` sdp-size, only-here | `it_was_cut` |";

        assert_eq!(
            problems(row, YAML),
            [
                "there is no key limit.old_max",
                "nothing counts only-here of `sdp_bytes_max`, `old_max`",
                "there is no test it_was_cut",
            ]
        );
    }

    #[test]
    fn a_row_without_a_metric_or_a_test_is_named() {
        let row = "| `sdp_bytes_max` | 5 | cut | later | see there |";

        assert_eq!(
            problems(row, YAML),
            [
                "`sdp_bytes_max` has no metric",
                "`sdp_bytes_max` has no test"
            ]
        );
    }
}
