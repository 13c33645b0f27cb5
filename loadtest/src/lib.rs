//! A load tool for Clapt and every other server that speaks LiveKit's protocol.
//!
//! Headless peers join through real signalling, publish what looks like real cameras, microphones
//! and screens, and measure what arrives. Many peers share a few threads, because the tool often
//! runs beside the server that it measures: all but a sample of the subscribers count packets by
//! their headers and decrypt nothing.
//!
//! - `scene`: pure plans of who does what when; the same seed makes the same work;
//! - `media`: pure sources of packets;
//! - `measure`: pure sums, percentiles and what a viewer sees;
//! - `peer`, `media_thread`, `wire`: participants, the threads that drive them, their WebSockets;
//! - `run`, `observe`, `report`: one run and what it found; `compare`: many runs of two servers.

mod arguments;
mod compare;
mod measure;
mod media;
mod media_thread;
mod notes;
mod observe;
mod peer;
mod process;
mod report;
mod run;
mod scene;
mod units;
mod wire;

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use arguments::Arguments;
pub use compare::CompareError;
pub use peer::session::{SessionError, Stack};
pub use report::slo::ThresholdError;
pub use report::{Metric, Point, Report};
pub use run::RunError;
pub use scene::{Scene, SceneOptions};
pub use wire::Server;

use arguments::{CompareArguments, RunArguments, Sub};
use notes::complain;
use report::slo::Thresholds;
use thiserror::Error;

/// The exit code when a threshold is broken.
const BROKEN: u8 = 3;

/// A result that can't be written.
#[derive(Debug, Error)]
#[error("{} can't be written", path.display())]
struct WriteError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Does what the command line says. The exit code tells whether thresholds were kept.
///
/// # Errors
///
/// What kept it from measuring, or a file that can't be read or written.
pub fn main(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    // One who has installed another one before is welcome.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match &arguments.command {
        None => runtime.block_on(run_once(&arguments.run)),
        Some(Sub::Compare(arguments)) => runtime.block_on(run_both(arguments)),
    }
}

async fn run_once(arguments: &RunArguments) -> Result<ExitCode, Box<dyn Error>> {
    let thresholds = arguments.slo.as_deref().map(Thresholds::read).transpose()?;
    let report = run::run(&arguments.load.scene(), &arguments.options()).await?;
    print!("{}", report::table::table(&report));
    let broken = thresholds.map(|thresholds| thresholds.broken(&report.metrics));
    if let Some(file) = &arguments.output.json {
        write(file, &serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(file) = &arguments.output.html {
        write(file, &report::html::run_page(&report, broken.as_deref()))?;
    }
    for sentence in broken.iter().flatten() {
        println!("  ✗ {sentence}");
    }
    let is_broken = broken.is_some_and(|sentences| !sentences.is_empty());
    Ok(if is_broken {
        ExitCode::from(BROKEN)
    } else {
        ExitCode::SUCCESS
    })
}

async fn run_both(arguments: &CompareArguments) -> Result<ExitCode, Box<dyn Error>> {
    let comparison = compare::compare(arguments).await?;
    print!("{}", comparison.table());
    if let Some(file) = &arguments.output.json {
        write(file, &serde_json::to_string_pretty(&comparison)?)?;
    }
    if let Some(file) = &arguments.output.html {
        write(file, &comparison.page())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> Result<(), WriteError> {
    fs::write(path, text).map_err(|source| WriteError {
        path: path.to_owned(),
        source,
    })
}
