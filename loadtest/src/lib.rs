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
//! - `run`, `report`: one run and what it found.

mod arguments;
mod measure;
mod media;
mod media_thread;
mod notes;
mod peer;
mod process;
mod report;
mod run;
mod scene;
mod units;
mod wire;

use std::error::Error;
use std::fs;
use std::process::ExitCode;

pub use arguments::Arguments;
pub use report::{Metric, Point, Report};
pub use run::RunError;
pub use scene::{Scene, SceneOptions};
pub use wire::Server;

use notes::complain;

/// Does what the command line says. The exit code tells whether thresholds were kept.
///
/// # Errors
///
/// What kept it from measuring, or a file that can't be read or written.
pub fn main(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run_once(&arguments.run))
}

async fn run_once(arguments: &arguments::RunArguments) -> Result<ExitCode, Box<dyn Error>> {
    let report = run::run(&arguments.load.scene(), &arguments.options()).await?;
    print!("{}", report::table::table(&report));
    if let Some(file) = &arguments.output.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
