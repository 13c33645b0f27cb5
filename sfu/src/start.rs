//! Starting and stopping the shards.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use engine::ShardId;
use mio::{Poll, Token};
use prometheus::Registry;
use quinn_udp::UdpSocketState;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::config::SfuConfig;
use crate::handle::Sfu;
use crate::metrics::MediaMetrics;
use crate::placement::{Placement, ShardLoad};
use crate::relay::connect;
use crate::shard::{Parts, Shard};
use crate::socket::bind;
use crate::wake::{ShardSender, ShardWaker};

const WAKER: Token = Token(0);

/// Commands that wait for a shard; a caller waits for room.
const COMMANDS_WAITING_MAX: usize = 1024;

/// Why the media server did not start. Each text is one line for the operator.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another program has one of the ports.
    #[error("UDP port {port} on {ip} is already in use (rtc.udp_port plus the shard's number)", port = .0.port(), ip = .0.ip())]
    PortTaken(SocketAddr),
    /// A socket could not be bound.
    #[error("binding the media socket to {address} failed")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The number of shards is not 1 to 255.
    #[error("rtc.shards is {0}, 1 to 255 are possible")]
    ShardCount(usize),
    /// The last shard's port is above 65535.
    #[error("rtc.udp_port {port} leaves no ports for {shards} shards")]
    PortRange {
        /// The first port.
        port: u16,
        /// The number of shards.
        shards: usize,
    },
    /// There is no address to tell clients.
    #[error("this host has no address to tell clients; set rtc.node_ips")]
    NoAddress,
    /// A thread or its means of waiting could not be made.
    #[error("starting a media thread failed")]
    Thread(#[source] io::Error),
    /// The metrics are registered already.
    #[error("registering the media metrics failed")]
    Metrics(#[from] prometheus::Error),
}

/// The running shards. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<()>>,
    wakers: Vec<Arc<ShardWaker>>,
    ports: Vec<u16>,
}

impl Running {
    /// Gives the UDP ports of the shards, in order.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// Stops the shards and waits until their threads have ended. Clients learn of it by their peer
    /// connections; tell them before.
    pub fn shutdown(mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a media thread had panicked");
            }
        }
    }

    fn stop(&self) {
        for waker in &self.wakers {
            waker.stop();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the media server: binds all sockets, then starts one thread for each shard.
///
/// # Errors
///
/// [`StartError`], with nothing left running.
pub fn start(config: &SfuConfig, registry: &Registry) -> Result<(Sfu, Running), StartError> {
    let shards = match u8::try_from(config.shards) {
        Ok(shards) if shards > 0 => shards,
        Ok(_) | Err(_) => return Err(StartError::ShardCount(config.shards)),
    };
    if config.node_ips.is_empty() {
        return Err(StartError::NoAddress);
    }
    let addresses = addresses(config, shards)?;
    let mut seeds = Vec::new();
    for address in addresses {
        seeds.push(Seed::new(address, config)?);
    }
    let metrics = MediaMetrics::register(registry)?;
    let wakers: Vec<_> = seeds.iter().map(|seed| Arc::clone(&seed.waker)).collect();
    let relays = connect(&wakers, config.relay_packets_max);
    let mut running = Running {
        threads: Vec::new(),
        ports: seeds.iter().map(|seed| seed.port).collect(),
        wakers,
    };
    let (mut senders, mut loads) = (Vec::new(), Vec::new());
    for ((id, seed), (outbox, inbox)) in (0_u8..).map(ShardId).zip(seeds).zip(relays) {
        let (commands, command_receiver) = mpsc::channel(COMMANDS_WAITING_MAX);
        let load = Arc::new(ShardLoad::default());
        senders.push(ShardSender::new(commands, Arc::clone(&seed.waker)));
        loads.push(Arc::clone(&load));
        let parts = Parts {
            id,
            config: config.clone(),
            socket: seed.socket,
            state: seed.state,
            v6: seed.v6,
            port: seed.port,
            poll: seed.poll,
            waker: seed.waker,
            commands: command_receiver,
            outbox,
            inbox,
            load,
            metrics: metrics.clone(),
        };
        running.threads.push(spawn(parts)?);
    }
    tracing::info!(ports = ?running.ports, ips = ?config.node_ips, "media server started");
    let placement = Placement::new(loads, config.spill);
    Ok((Sfu::new(senders, placement), running))
}

/// Lists the addresses to bind to.
fn addresses(config: &SfuConfig, shards: u8) -> Result<Vec<SocketAddr>, StartError> {
    let port_of = |shard: u8| match config.udp_port {
        0 => Some(0),
        port => port.checked_add(u16::from(shard)),
    };
    (0..shards)
        .map(|shard| port_of(shard).map(|port| (config.bind_ip, port).into()))
        .collect::<Option<_>>()
        .ok_or(StartError::PortRange {
            port: config.udp_port,
            shards: config.shards,
        })
}

/// What a shard needs of the system.
struct Seed {
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    v6: bool,
    port: u16,
    poll: Poll,
    waker: Arc<ShardWaker>,
}

impl Seed {
    fn new(address: SocketAddr, config: &SfuConfig) -> Result<Self, StartError> {
        let failed = |source| StartError::Bind { address, source };
        let bound = bind(address, config.socket_buffer_bytes).map_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                StartError::PortTaken(address)
            } else {
                failed(error)
            }
        })?;
        let state = UdpSocketState::new((&bound.socket).into()).map_err(failed)?;
        let poll = Poll::new().map_err(StartError::Thread)?;
        let waker = mio::Waker::new(poll.registry(), WAKER).map_err(StartError::Thread)?;
        Ok(Self {
            socket: mio::net::UdpSocket::from_std(bound.socket),
            state,
            v6: bound.v6,
            port: bound.port,
            poll,
            waker: Arc::new(ShardWaker::new(waker)),
        })
    }
}

fn spawn(parts: Parts) -> Result<JoinHandle<()>, StartError> {
    let name = format!("shard-{}", parts.id.0);
    let run = move || match Shard::new(parts) {
        Ok(shard) => shard.run(),
        Err(error) => tracing::error!(%error, "a media thread could not watch its socket"),
    };
    let builder = std::thread::Builder::new().name(name);
    builder.spawn(run).map_err(StartError::Thread)
}
