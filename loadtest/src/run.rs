//! One run: starts the threads, lets peers come as planned, measures, ends.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::measure::{Counter, Timing};
use crate::media_thread::{Command, MediaThread};
use crate::observe::{Mark, Observed, Observer};
use crate::peer::session::{SessionError, SessionKit, Stack};
use crate::peer::socket::Kit;
use crate::peer::{OUTBOX_MAX, Setting, identity};
use crate::process;
use crate::report::live::Live;
use crate::report::{Measured, Report, metrics};
use crate::scene::{SceneOptions, plan};
use crate::units::millis;
use crate::wire::{self, Mode, Server};

/// Publishers that send later than this make the other figures doubtful.
const LATE: Duration = Duration::from_millis(30);

/// How long leaving may take at the end.
const LEAVE_MAX: Duration = Duration::from_secs(3);

/// Percentiles of the latency curve.
const CURVE: [f64; 13] = [
    1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99, 100.0,
];

/// How a run is done, beside its scene.
#[derive(Debug, Clone)]
pub(crate) struct RunOptions {
    /// Where to.
    pub(crate) server: Server,
    /// What the server is called in reports.
    pub(crate) name: String,
    /// The server's process; if there is none, the one that listens on its port, if it is here.
    pub(crate) server_pid: Option<u32>,
    /// Threads for media.
    pub(crate) threads: usize,
    /// Let the kernel join datagrams on receiving.
    pub(crate) offload: bool,
    /// Obey the server when it wants layers off.
    pub(crate) dynacast: bool,
    /// Peer connections of a participant.
    pub(crate) mode: Mode,
    /// What media is spoken with.
    pub(crate) stack: Stack,
    /// Show nothing while it goes on.
    pub(crate) is_quiet: bool,
}

/// Why there was no run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The scene's options don't fit.
    #[error("{0}")]
    Options(String),
    /// The server's address is none.
    #[error("{url} is no address of a server")]
    Address {
        /// What was given.
        url: String,
    },
    /// The server's name is not known, or no way leads there.
    #[error("there is no way to {url}")]
    Unreachable {
        /// What was given.
        url: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// This system refused a thread, a socket or the like.
    #[error("this machine can't run it")]
    Machine(#[source] io::Error),
    /// The program has no such stack, or no certificate could be made.
    #[error(transparent)]
    Stack(#[from] SessionError),
    /// Nobody got in, so that there is nothing to measure.
    #[error("nobody could join {url}{}", first(notes))]
    NobodyJoined {
        /// What was given.
        url: String,
        /// What peers complained of.
        notes: Vec<String>,
    },
    /// Ended before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

fn first(notes: &[String]) -> String {
    let first = notes.first();
    first.map_or_else(String::new, |note| format!(": {note}"))
}

/// Gives host and port of a server's address.
pub(crate) fn host_and_port(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let default = match scheme {
        "ws" | "http" => 80,
        "wss" | "https" => 443,
        _ => return None,
    };
    let authority = rest
        .split(['/', '?'])
        .next()
        .filter(|host| !host.is_empty())?;
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = port
            .strip_prefix(':')
            .map_or(Some(default), |port| port.parse().ok())?;
        return Some((host.to_owned(), port));
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((authority.to_owned(), default)),
    }
}

/// Finds the server's address and ours on the way there.
fn find(url: &str) -> Result<(SocketAddr, IpAddr), RunError> {
    let address = || RunError::Address {
        url: url.to_owned(),
    };
    let unreachable = |source| RunError::Unreachable {
        url: url.to_owned(),
        source,
    };
    let (host, port) = host_and_port(url).ok_or_else(address)?;
    let mut found = (host.as_str(), port)
        .to_socket_addrs()
        .map_err(unreachable)?;
    let server = found.next().ok_or_else(address)?;
    let any: IpAddr = if server.is_ipv4() {
        [0, 0, 0, 0].into()
    } else {
        std::net::Ipv6Addr::UNSPECIFIED.into()
    };
    // Connecting a UDP socket sends nothing: it asks the routing table.
    let probe = UdpSocket::bind((any, 0)).map_err(RunError::Machine)?;
    probe.connect(server).map_err(unreachable)?;
    let local = probe.local_addr().map_err(unreachable)?;
    Ok((server, local.ip()))
}

/// Does one run and reports.
///
/// # Errors
///
/// [`RunError`] says why there was none.
pub(crate) async fn run(scene: &SceneOptions, options: &RunOptions) -> Result<Report, RunError> {
    let plan = plan(scene).map_err(RunError::Options)?;
    let (address, local_ip) = find(&options.server.url)?;
    let server_pid = options.server_pid.or_else(|| {
        let is_here = address.ip().is_loopback() || address.ip() == local_ip;
        is_here.then(|| process::listener(address.port())).flatten()
    });
    let setting = Arc::new(Setting {
        plan,
        kit: Kit {
            sessions: SessionKit::new(options.stack)?,
            local_ip,
            epoch: Instant::now(),
            offload: options.offload,
        },
        dynacast: options.dynacast,
        is_single: options.mode == Mode::Single,
    });
    let mut threads = Vec::new();
    let mut handles = Vec::new();
    for number in 0..options.threads.max(1) {
        let started = MediaThread::start(Arc::clone(&setting), number);
        let (thread, handle) = started.map_err(RunError::Machine)?;
        threads.push(thread);
        handles.push(handle);
    }
    let arrivals = arrive(
        Arc::clone(&setting),
        (options.server.clone(), options.mode),
        threads.clone(),
    );
    let mut arrivals = tokio::spawn(arrivals);
    let live = Live::new(title(scene, options), options.is_quiet);
    let mut watch = Observer::new(Arc::clone(&setting), threads.clone(), server_pid, live);
    let observed = watch.observe().await;
    // Those who are there leave, and their last words are waited for.
    for thread in &threads {
        thread.finish().await;
    }
    let _ = tokio::time::timeout(LEAVE_MAX, &mut arrivals).await;
    arrivals.abort();
    for handle in handles {
        // A panic there has said what it had to say.
        let _ = handle.join();
    }
    let (from, to) = match observed {
        Observed::Measured(from, to) if to.totals[Counter::Joined] > 0 => (from, to),
        Observed::Measured(..) | Observed::Empty => {
            return Err(RunError::NobodyJoined {
                url: options.server.url.clone(),
                notes: crate::notes::take(),
            });
        }
        Observed::Interrupted => return Err(RunError::Interrupted),
    };
    Ok(report(scene, options, watch, &from, &to))
}

fn title(scene: &SceneOptions, options: &RunOptions) -> String {
    let kind = format!("{:?}", scene.scene).to_lowercase();
    format!(
        "{kind} · {} × {} · {}",
        scene.rooms, scene.size, options.name
    )
}

/// Lets everybody come at their time, and waits until their connections are closed.
async fn arrive(setting: Arc<Setting>, (server, mode): (Server, Mode), threads: Vec<MediaThread>) {
    let began = SystemTime::now().duration_since(UNIX_EPOCH);
    let run = began.map_or(0, |time| time.as_millis());
    let mut wires = JoinSet::new();
    for (index, peer) in setting.plan.peers.iter().enumerate() {
        let at = setting.kit.epoch + peer.join_at;
        tokio::time::sleep_until(at.into()).await;
        let thread = threads[index % threads.len()].clone();
        let (sender, outbox) = mpsc::channel(OUTBOX_MAX);
        thread.tell(Command::Start(index, sender)).await;
        let names = (
            identity(peer.seat, peer.number),
            format!("load-{run}-{}", peer.room),
        );
        let door = (server.clone(), mode);
        wires.spawn(wire::run(door, names, index, thread, outbox));
        while wires.try_join_next().is_some() {}
    }
    while wires.join_next().await.is_some() {}
}

fn report(
    scene: &SceneOptions,
    options: &RunOptions,
    observer: Observer,
    from: &Mark,
    to: &Mark,
) -> Report {
    let window = &to.totals - &from.totals;
    let latency = window.timing(Timing::Latency);
    let curve = CURVE.into_iter().filter_map(|percent| {
        let found = latency.percentile(percent / 100.0)?;
        Some((percent, millis(found)))
    });
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut notes = crate::notes::take();
    let lateness = window.timing(Timing::Lateness).percentile(0.99);
    if let Some(late) = lateness.filter(|late| *late > LATE) {
        notes.push(format!(
            "this machine was too slow or too busy: one packet in a hundred was sent {:.0} ms late, \
             so that latency and freezes say little",
            millis(late)
        ));
    }
    let dropped = to.dropped.saturating_sub(from.dropped);
    if dropped > 0 {
        notes.push(format!(
            "this program didn't read {dropped} packets in time; they count as lost"
        ));
    }
    let measured = Measured {
        planned: observer.planned() as u64,
        time: to.at.saturating_sub(from.at),
        server: from.server.zip(to.server),
        client: from.client.zip(to.client),
        dropped: Some(dropped),
        whole: to.totals.clone(),
        window: window.clone(),
    };
    Report {
        version: env!("CARGO_PKG_VERSION"),
        server: options.name.clone(),
        options: scene.clone(),
        began_at: began.saturating_sub(to.at).as_secs(),
        metrics: metrics(&measured),
        timeline: observer.points,
        measured_from_seconds: from.at.as_secs_f64(),
        latency_curve: curve.collect(),
        notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read_from_addresses() {
        for (url, expected) in [
            ("ws://localhost:7880", Some(("localhost", 7880))),
            ("wss://meet.example/x", Some(("meet.example", 443))),
            ("http://[::1]:90/", Some(("::1", 90))),
            ("ws://[::1]", Some(("::1", 80))),
            ("localhost:7880", None),
            ("ftp://host", None),
            ("ws://", None),
            ("ws://host:port", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(host_and_port(url), expected, "{url}");
        }
    }

    #[test]
    fn the_way_to_this_machine_begins_here() {
        let (server, local) = find("ws://127.0.0.1:9").unwrap();

        assert_eq!(server, SocketAddr::from(([127, 0, 0, 1], 9)));
        assert!(local.is_loopback());
    }
}
