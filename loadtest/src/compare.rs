//! Two servers in turn, A B A B, on one scene: what the machine does meanwhile hits both.

pub(crate) mod result;
mod server_command;

use thiserror::Error;

use crate::arguments::{CompareArguments, Side};
use crate::report::Report;
use crate::run::{RunError, RunOptions, host_and_port, run};
use crate::scene::SceneOptions;
use crate::wire::Server;

pub(crate) use result::Comparison;
use server_command::{CommandError, ServerCommand};

/// Why there is no comparison.
#[derive(Debug, Error)]
pub enum CompareError {
    /// A run failed.
    #[error("round {round} on {server} failed")]
    Run {
        /// Rounds count from 1.
        round: u32,
        /// Which server.
        server: String,
        /// Why.
        #[source]
        source: RunError,
    },
    /// A server could not be started or stopped.
    #[error("{server} could not be run")]
    Server {
        /// Which server.
        server: String,
        /// Why.
        #[source]
        source: CommandError,
    },
}

/// Runs both in turn and compares.
///
/// # Errors
///
/// [`CompareError`] says which run failed; the others are lost with it.
pub(crate) async fn compare(arguments: &CompareArguments) -> Result<Comparison, CompareError> {
    let sides = arguments.sides();
    let mut rounds = Vec::new();
    for round in 0..arguments.rounds.into() {
        let mut scene = arguments.load.scene();
        scene.seed = scene.seed.wrapping_add(u64::from(round));
        let mut reports = Vec::new();
        for side in &sides {
            if !(rounds.is_empty() && reports.is_empty()) {
                tokio::time::sleep(arguments.pause).await;
            }
            reports.push(one(arguments, side, &scene, round + 1).await?);
        }
        let [a, b] = <[Report; 2]>::try_from(reports).expect("there are two sides");
        rounds.push((a, b));
    }
    Ok(Comparison::new(arguments.load.scene(), rounds))
}

async fn one(
    arguments: &CompareArguments,
    side: &Side,
    scene: &SceneOptions,
    round: u32,
) -> Result<Report, CompareError> {
    let failed = |source| CompareError::Server {
        server: side.name.clone(),
        source,
    };
    let command = match &side.command {
        Some(line) => {
            let address = host_and_port(&side.url).ok_or_else(|| CompareError::Run {
                round,
                server: side.name.clone(),
                source: RunError::Address {
                    url: side.url.clone(),
                },
            })?;
            Some(ServerCommand::start(line, address).await.map_err(failed)?)
        }
        None => None,
    };
    let options = RunOptions {
        server: Server {
            url: side.url.clone(),
            key: side.key.clone(),
            secret: side.secret.clone(),
        },
        name: side.name.clone(),
        server_pid: side.pid.or(command.as_ref().map(ServerCommand::pid)),
        threads: arguments.load.threads.into(),
        offload: arguments.load.offload,
        dynacast: !arguments.load.no_dynacast,
        mode: arguments.load.mode,
        stack: arguments.load.stack,
        is_quiet: arguments.output.quiet,
    };
    if !arguments.output.quiet {
        eprintln!("round {round} of {}: {}", arguments.rounds, side.name);
    }
    let outcome = run(scene, &options).await;
    if let Some(command) = command {
        command.stop().await.map_err(failed)?;
    }
    outcome.map_err(|source| CompareError::Run {
        round,
        server: side.name.clone(),
        source,
    })
}
