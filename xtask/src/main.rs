//! The project's own tools, run as `cargo xtask NAME`. Standard library only, so that it builds in
//! a second.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

/// A command: its name, what it does, and the function that gets the root and its arguments.
type Command = (&'static str, &'static str, fn(&Path, &[String]) -> ExitCode);

const COMMANDS: &[Command] = &[
    (
        "tidy",
        "check what compilers and linters don't: who imports whom, sizes, words, links",
        |root, _| tidy::run(root),
    ),
    (
        "bench",
        "measure the server's CPU per forwarded packet over loopback UDP",
        bench,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = arguments.first();
    let found = COMMANDS
        .iter()
        .find(|(name, ..)| wanted.is_some_and(|wanted| wanted == name));
    if let Some((_, _, run)) = found {
        return run(workspace_root(), &arguments[1..]);
    }
    eprintln!("usage: cargo xtask COMMAND\n");
    for (name, purpose, _) in COMMANDS {
        eprintln!("  {name:8} {purpose}");
    }
    ExitCode::FAILURE
}

/// Runs the benchmark of the path 1 to 50 with its own options, in the release profile.
fn bench(root: &Path, arguments: &[String]) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo)
        .current_dir(root)
        .args(["bench", "--package", "sfu", "--bench", "fanout", "--"])
        .args(arguments)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo can't be started: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the directory above this crate.
fn workspace_root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask is a folder of the workspace")
}
