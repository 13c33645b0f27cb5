//! The path 1 → 50 over loopback UDP: server CPU per forwarded packet.
//!
//! The server runs in this process, all clients in another one (this program again), so that the
//! clients' work is not counted. In each room one client publishes video like a 720p camera's (30
//! frames of 7 packets of 1200 bytes a second) and Opus; the others subscribe to both. All clients
//! are real str0m peers; those outside the sample only count datagrams, so that they leave the
//! server enough of the machine. Load is raised by more rooms.

mod clients;
mod link;
#[path = "../../tests/kit/media.rs"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "it is the tests', which use all of it and may fail"
)]
mod media;
mod report;
mod scene;
mod usage;

use std::process::ExitCode;
use std::time::Duration;

/// What is measured, and how.
#[derive(Debug, Clone)]
struct Options {
    /// Numbers of rooms, one run for each.
    rooms: Vec<usize>,
    subscribers: usize,
    /// One of so many subscribers decrypts and checks everything.
    sample: usize,
    /// Whether the packets of a frame come one by one over half of the frame's time, as browsers
    /// send them, and not at once.
    is_paced: bool,
    windows: usize,
    window: Duration,
    gather: Duration,
    /// Whether the packets of a picture differ by a byte, as those of browsers do.
    is_uneven: bool,
    /// Bytes of padding that a packet may get.
    even_out: u8,
    /// Datagrams that a turn of the shard handles.
    batch: usize,
    /// Packets to be sent from which a turn sends.
    forwards: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rooms: vec![1, 4, 12],
            subscribers: 50,
            sample: 10,
            is_paced: false,
            windows: 5,
            window: Duration::from_secs(3),
            gather: sfu::SfuConfig::default().gather,
            is_uneven: false,
            even_out: sfu::SfuConfig::default().even_out_bytes_max,
            batch: sfu::SfuConfig::default().batch_datagrams_max,
            forwards: sfu::SfuConfig::default().batch_forwards_max,
        }
    }
}

const USAGE: &str = "options: --rooms N[,N…] --subscribers N --sample N --paced --windows N \
                     --window-seconds N --gather-us N --batch N --forwards N --uneven --even-out N";

fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options::default();
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--paced" => options.is_paced = true,
            "--uneven" => options.is_uneven = true,
            "--bench" => {} // Cargo says so to every benchmark.
            _ => {
                let value = arguments.next()?;
                let number = || value.parse::<usize>().ok();
                match name.as_str() {
                    "--rooms" => {
                        let counts = value.split(',').map(|count| count.parse().ok());
                        options.rooms = counts.collect::<Option<_>>()?;
                    }
                    "--subscribers" => options.subscribers = number()?,
                    "--even-out" => options.even_out = value.parse().ok()?,
                    "--batch" => options.batch = number()?.max(1),
                    "--forwards" => options.forwards = number()?.max(1),
                    "--sample" => options.sample = number()?.max(1),
                    "--windows" => options.windows = number()?.max(1),
                    "--window-seconds" => {
                        options.window = Duration::from_secs(value.parse().ok()?);
                    }
                    "--gather-us" => options.gather = Duration::from_micros(value.parse().ok()?),
                    _ => return None,
                }
            }
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == "--clients") {
        clients::run();
        return ExitCode::SUCCESS;
    }
    let Some(options) = parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    report::head(&options);
    let mut is_whole = true;
    for &rooms in &options.rooms {
        let outcome = runtime.block_on(scene::run(&options, rooms));
        is_whole &= report::outcome(&options, rooms, &outcome);
    }
    if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
