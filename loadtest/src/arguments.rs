//! The command line of `clapt loadtest`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::run::RunOptions;
use crate::scene::{Scene, SceneOptions};
use crate::wire::Server;

/// Longest run.
const SECONDS_MAX: u64 = 24 * 3600;

/// `clapt loadtest`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Sub>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// What else can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Sub {}

/// One run.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The server, such as `ws://localhost:7880`.
    #[arg(long, env = "LIVEKIT_URL", default_value = "ws://127.0.0.1:7880")]
    pub(crate) url: String,
    /// API key of the server.
    #[arg(long, env = "LIVEKIT_API_KEY", default_value = "devkey")]
    pub(crate) key: String,
    /// Its secret.
    #[arg(
        long,
        env = "LIVEKIT_API_SECRET",
        default_value = "secret",
        hide_env_values = true
    )]
    pub(crate) secret: String,
    /// The server's process, to measure its CPU and memory. By default the one that listens on the
    /// port, if it runs here.
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    #[command(flatten)]
    pub(crate) load: LoadArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// What is done to the server.
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// What happens.
    #[arg(value_enum, default_value = "livestream")]
    pub(crate) scene: Scene,
    /// Rooms.
    #[arg(long, value_name = "N")]
    pub(crate) rooms: Option<usize>,
    /// Viewers of a room (livestream, screen), else its participants.
    #[arg(long, value_name = "N")]
    pub(crate) size: Option<usize>,
    /// Pictures that a participant of a meeting sees, the large one included.
    #[arg(long, value_name = "N", default_value_t = 9)]
    pub(crate) tiles: usize,
    /// Time that is measured.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = time)]
    pub(crate) duration: Duration,
    /// Time over which peers arrive. By default twenty come in a second.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) ramp: Option<Duration>,
    /// Time between the last arrival and the beginning of measuring.
    #[arg(long, value_name = "TIME", default_value = "4s", value_parser = time)]
    pub(crate) warm_up: Duration,
    /// Bits per second of the largest layer of a camera (or of a screen), in thousands.
    #[arg(long, value_name = "KBIT", default_value_t = 1700,
          value_parser = clap::value_parser!(u32).range(50..=50_000))]
    pub(crate) bitrate: u32,
    /// Mean time that a guest of `churn` stays.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub(crate) stay: Duration,
    /// Subscribers that decrypt and check every packet; the others count headers.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) sample: usize,
    /// Everything random follows from it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Threads for media.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Let the kernel join datagrams on receiving. Then a server that sends in batches is spared
    /// cutting them apart on this machine, which no network would spare it.
    #[arg(long)]
    pub(crate) offload: bool,
    /// Send all simulcast layers, also those that nobody watches.
    #[arg(long)]
    pub(crate) no_dynacast: bool,
}

/// Where results go.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// Write everything that was measured to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Show nothing while it goes on.
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl LoadArguments {
    /// What to do.
    pub(crate) fn scene(&self) -> SceneOptions {
        let (rooms, size) = self.scene.default_size();
        let rooms = self.rooms.unwrap_or(rooms);
        let size = self.size.unwrap_or(size);
        let default_ramp = || {
            let peers = rooms.saturating_mul(size) as u64;
            Duration::from_millis(peers.saturating_mul(50)).max(Duration::from_secs(1))
        };
        SceneOptions {
            scene: self.scene,
            rooms,
            size,
            tiles: self.tiles,
            ramp: self.ramp.unwrap_or_else(default_ramp),
            warm_up: self.warm_up,
            duration: self.duration,
            bitrate: self.bitrate * 1000,
            stay: self.stay,
            sample: self.sample,
            seed: self.seed,
        }
    }
}

impl RunArguments {
    /// How to do it.
    pub(crate) fn options(&self) -> RunOptions {
        RunOptions {
            server: Server {
                url: self.url.clone(),
                key: self.key.clone(),
                secret: self.secret.clone(),
            },
            name: self.url.clone(),
            server_pid: self.server_pid,
            threads: self.load.threads.into(),
            offload: self.load.offload,
            dynacast: !self.load.no_dynacast,
            is_quiet: self.output.quiet,
        }
    }
}

/// Reads `500ms`, `20s`, `5m` or `2h`, of a day at most.
fn time(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let read = |(unit, millis): (&str, u64)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(millis).map(Duration::from_millis)
    };
    let time = units.into_iter().find_map(read);
    let time =
        time.ok_or_else(|| "a number and ms, s, m or h is needed, such as 20s".to_owned())?;
    if time > Duration::from_secs(SECONDS_MAX) {
        return Err("a day is the longest".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(line: &[&str]) -> Arguments {
        let line = std::iter::once("loadtest").chain(line.iter().copied());
        Line::try_parse_from(line).unwrap().arguments
    }

    #[test]
    fn times_are_a_number_and_a_unit() {
        assert_eq!(time("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(time("150ms"), Ok(Duration::from_millis(150)));
        assert_eq!(time("5m"), Ok(Duration::from_mins(5)));
        for refused in ["", "5", "m", "-1s", "1.5s", "25h", "99999999999999999999h"] {
            assert!(time(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn each_scene_has_a_size_and_arrivals_of_its_own() {
        let scene = parse(&["rooms"]).run.load.scene();

        assert_eq!((scene.rooms, scene.size), (20, 3));
        assert_eq!(scene.ramp, Duration::from_secs(3));
        assert_eq!(parse(&[]).run.load.scene().size, 50);
        assert_eq!(parse(&["meeting", "--size", "4"]).run.load.scene().size, 4);
    }
}
