//! Reading just enough of `Cargo.toml`: names and dependencies.

use super::SourceFile;

/// What a crate says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Its folder below the root, empty for the root.
    pub(crate) folder: String,
    /// Its name.
    pub(crate) name: String,
    /// What its `[dependencies]` and `[build-dependencies]` name, tests' needs left out.
    pub(crate) dependencies: Vec<String>,
}

/// Reads the manifests of all crates of the workspace.
pub(crate) fn read_all(files: &[SourceFile]) -> Vec<Manifest> {
    files
        .iter()
        .filter(|file| !file.path.starts_with("fuzz/"))
        .filter_map(|file| {
            let folder = file.path.strip_suffix("Cargo.toml")?;
            read(folder.trim_end_matches('/'), &file.text)
        })
        .collect()
}

fn read(folder: &str, text: &str) -> Option<Manifest> {
    let mut section = "";
    let mut name = None;
    let mut dependencies = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            dependencies.extend(dependency_table(section));
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim();
        if section == "package" && key == "name" {
            name = Some(value.trim().trim_matches('"').to_owned());
        } else if is_dependencies(section) && !key.starts_with('#') {
            let crate_name = key.split('.').next().unwrap_or(key);
            dependencies.push(crate_name.trim_matches('"').to_owned());
        }
    }
    let folder = folder.to_owned();
    name.map(|name| Manifest {
        folder,
        name,
        dependencies,
    })
}

/// Also true for `[target.'cfg(..)'.dependencies]`.
fn is_dependencies(section: &str) -> bool {
    let last = section.rsplit('.').next().unwrap_or(section);
    !section.starts_with("workspace") && (last == "dependencies" || last == "build-dependencies")
}

/// Reads the name from `[dependencies.NAME]`.
fn dependency_table(section: &str) -> Option<String> {
    let (above, name) = section.rsplit_once('.')?;
    is_dependencies(above).then(|| name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_dependency_is_seen_but_not_those_of_tests() {
        let text = r#"
            [workspace.dependencies]
            unused = "1"
            [package]
            name = "sfu"
            [dependencies]
            bytes.workspace = true
            engine = { path = "../engine" }
            # tokio = "1"
            [dependencies.axum]
            version = "1"
            [target.'cfg(unix)'.dependencies]
            libc = "0.2"
            [dev-dependencies]
            proptest = "1"
        "#;

        let manifest = read("sfu", text).unwrap();

        assert_eq!(manifest.name, "sfu");
        assert_eq!(manifest.dependencies, ["bytes", "engine", "axum", "libc"]);
    }
}
