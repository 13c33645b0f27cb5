//! The command line of `clapt loadtest`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::peer::session::Stack;
use crate::run::RunOptions;
use crate::scene::{Scene, SceneOptions};
use crate::wire::{Mode, Server};

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
pub(crate) enum Sub {
    /// Run two servers in turn, A B A B, on one scene, and print ratios with their spread.
    Compare(Box<CompareArguments>),
}

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
    /// Thresholds in YAML, such as `loss_percent: { max: 0.1 }`; with one broken the exit code is 3.
    #[arg(long, value_name = "FILE")]
    pub(crate) slo: Option<PathBuf>,
}

/// `clapt loadtest compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    pub(crate) load: LoadArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Rounds of both.
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) rounds: u16,
    /// Time between two runs.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub(crate) pause: Duration,
    /// What the first server is called.
    #[arg(long, value_name = "NAME", default_value = "A")]
    a_name: String,
    /// The first server.
    #[arg(long, value_name = "URL")]
    a_url: String,
    /// Its API key.
    #[arg(long, value_name = "KEY", default_value = "devkey")]
    a_key: String,
    /// The secret.
    #[arg(long, value_name = "SECRET", default_value = "secret")]
    a_secret: String,
    /// A line for the shell that starts it, before each of its runs. What it prints is lost unless
    /// the line says where it goes.
    #[arg(long, value_name = "LINE")]
    a_command: Option<String>,
    /// Its process, if it runs already and isn't found by its port.
    #[arg(long, value_name = "PID")]
    a_pid: Option<u32>,
    /// What the second server is called.
    #[arg(long, value_name = "NAME", default_value = "B")]
    b_name: String,
    /// The second server.
    #[arg(long, value_name = "URL")]
    b_url: String,
    /// Its API key.
    #[arg(long, value_name = "KEY", default_value = "devkey")]
    b_key: String,
    /// The secret.
    #[arg(long, value_name = "SECRET", default_value = "secret")]
    b_secret: String,
    /// A line for the shell that starts it.
    #[arg(long, value_name = "LINE")]
    b_command: Option<String>,
    /// Its process.
    #[arg(long, value_name = "PID")]
    b_pid: Option<u32>,
}

/// One of two servers.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// What it is called.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) url: String,
    /// The API key.
    pub(crate) key: String,
    /// Its secret.
    pub(crate) secret: String,
    /// What starts it.
    pub(crate) command: Option<String>,
    /// Its process.
    pub(crate) pid: Option<u32>,
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
    /// Peer connections of a participant.
    #[arg(long, value_enum, default_value = "dual")]
    pub(crate) mode: Mode,
    /// What peers speak media with: the server's own stack, or one that shares no code with it.
    #[arg(long, value_enum, default_value = "str0m")]
    pub(crate) stack: Stack,
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
    /// Write a page with plots to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
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

impl CompareArguments {
    /// Both servers.
    pub(crate) fn sides(&self) -> [Side; 2] {
        [
            Side {
                name: self.a_name.clone(),
                url: self.a_url.clone(),
                key: self.a_key.clone(),
                secret: self.a_secret.clone(),
                command: self.a_command.clone(),
                pid: self.a_pid,
            },
            Side {
                name: self.b_name.clone(),
                url: self.b_url.clone(),
                key: self.b_key.clone(),
                secret: self.b_secret.clone(),
                command: self.b_command.clone(),
                pid: self.b_pid,
            },
        ]
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
            mode: self.load.mode,
            stack: self.load.stack,
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
