//! One shard: a thread with a socket, an engine and nothing shared on the media path.
//!
//! A turn of the loop: commands, a bounded batch of datagrams, messages of other shards, timers;
//! then what they caused: datagrams out (many per system call), messages to other shards, events.
//! The clock is read once per turn.
//!
//! Invariants:
//! - everything that a turn does is bounded; what is left makes the next turn come at once;
//! - the thread never ends but by [`ShardWaker::stop`]: a panic that the engine didn't contain ends
//!   the shard's sessions, tells so, and the shard begins anew.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{CloseReason, Engine, Event, RoomId, SessionId, ShardId, Transmit};
use mio::{Events, Interest, Poll, Token};
use quinn_udp::UdpSocketState;
use tokio::sync::mpsc;

use crate::address::Addresses;
use crate::command::Command;
use crate::config::SfuConfig;
use crate::events::{Consequence, EventQueues};
use crate::gather::Gather;
use crate::meter::Meter;
use crate::metrics::MediaMetrics;
use crate::placement::ShardLoad;
use crate::receive::Receiver;
use crate::relay::{Inbox, Outbox};
use crate::send::Transmitter;
use crate::wake::ShardWaker;

const SOCKET: Token = Token(1);

/// Longest datagram that is read: what fits into one Ethernet frame.
const DATAGRAM_BYTES_MAX: usize = 1500;

/// Commands that one turn carries out.
const COMMANDS_MAX: usize = 64;

/// Messages that one turn takes from each queue of another shard.
const RELAY_MAX: usize = 256;

/// How soon to try again what the kernel or another shard had no room for.
const RETRY: Duration = Duration::from_millis(1);

/// Waiting for datagrams for less than this was no sleep: they were there already.
const SLEEP_MIN: Duration = Duration::from_micros(20);

/// What a shard's thread is given.
pub(crate) struct Parts {
    pub(crate) id: ShardId,
    pub(crate) config: SfuConfig,
    pub(crate) socket: mio::net::UdpSocket,
    pub(crate) state: UdpSocketState,
    pub(crate) v6: bool,
    pub(crate) port: u16,
    pub(crate) poll: Poll,
    pub(crate) waker: Arc<ShardWaker>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    pub(crate) load: Arc<ShardLoad>,
    pub(crate) metrics: MediaMetrics,
}

/// How a turn went.
#[derive(Debug, Default, Clone, Copy)]
struct Turn {
    /// Something is left to do at once.
    more: bool,
    /// Something waits for the kernel or another thread.
    retry: bool,
}

/// A shard on its thread.
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    pub(crate) engine: Engine,
    pub(crate) queues: EventQueues,
    pub(crate) sessions: HashMap<SessionId, RoomId>,
    pub(crate) load: Arc<ShardLoad>,
    config: SfuConfig,
    port: u16,
    poll: Poll,
    poll_events: Events,
    socket: mio::net::UdpSocket,
    state: UdpSocketState,
    addresses: Addresses,
    receiver: Receiver,
    transmitter: Transmitter,
    transmit: Transmit,
    commands: mpsc::Receiver<Command>,
    waker: Arc<ShardWaker>,
    outbox: Outbox,
    inbox: Inbox,
    meter: Meter,
    gather: Gather,
}

impl Shard {
    /// Sets up the shard; call it on its thread.
    ///
    /// # Errors
    ///
    /// What the system says if it doesn't watch the socket.
    pub(crate) fn new(mut parts: Parts) -> std::io::Result<Self> {
        let registry = parts.poll.registry();
        registry.register(&mut parts.socket, SOCKET, Interest::READABLE)?;
        let now = Instant::now();
        let engine = parts.config.engine(parts.id, parts.port);
        let addresses = Addresses::of_host(engine.candidates.clone(), parts.config.bind_ip);
        let segments = parts.state.max_gso_segments();
        let transmitter = Transmitter::new(parts.socket.as_raw_fd(), parts.v6, segments);
        let least = parts.config.gather_datagrams_per_second;
        let gather = Gather::new(parts.config.gather, least, now);
        let meter = Meter::new(parts.metrics, parts.id, Arc::clone(&parts.load), now);
        Ok(Self {
            id: parts.id,
            engine: Engine::new(engine),
            queues: EventQueues::default(),
            sessions: HashMap::new(),
            load: parts.load,
            config: parts.config,
            port: parts.port,
            poll: parts.poll,
            poll_events: Events::with_capacity(8),
            socket: parts.socket,
            state: parts.state,
            addresses,
            receiver: Receiver::new(),
            transmitter,
            transmit: Transmit::default(),
            commands: parts.commands,
            waker: parts.waker,
            outbox: parts.outbox,
            inbox: parts.inbox,
            meter,
            gather,
        })
    }

    /// Runs until the shard is stopped.
    pub(crate) fn run(mut self) {
        while !self.waker.is_stopped() {
            let turn = catch_unwind(AssertUnwindSafe(|| self.turn())).unwrap_or_else(|_| {
                self.begin_anew();
                Turn::default()
            });
            self.rest(turn);
        }
        let now = Instant::now();
        let rooms: Vec<RoomId> = self.queues.rooms().collect();
        for room in rooms {
            self.close_room(room);
        }
        self.flush(now);
        self.meter.end();
    }

    fn turn(&mut self) -> Turn {
        self.waker.begin_turn();
        let mut now = Instant::now();
        let mut turn = Turn {
            more: self.carry_out(now),
            ..Turn::default()
        };
        let received = self.receive(&mut now, &mut turn);
        let engine = &mut self.engine;
        let handle = |from, message| engine.handle_relay(now, from, message);
        turn.more |= self.inbox.drain(RELAY_MAX, handle);
        if self.engine.poll_timeout().is_some_and(|due| due <= now) {
            self.engine.handle_timeout(now);
        }
        let sent = self.flush(now);
        self.gather.note_turn(now, sent);
        turn.retry |= !self.transmit.is_empty();
        self.meter.turn(received, sent, || self.receiver.age());
        while let Some((to, message)) = self.engine.poll_relay() {
            self.outbox.push(to, message);
        }
        turn.retry |= self.outbox.end_turn();
        turn.more |= self.tell();
        turn.retry |= self.queues.is_indebted();
        self.publish(now);
        turn
    }

    /// Sends all that the engine has to send, in portions that stay in the cache from sealing to sending.
    /// Gives the number of datagrams.
    fn flush(&mut self, now: Instant) -> usize {
        let mut sent = 0;
        loop {
            let waiting = self.transmit.len();
            let more = self.engine.flush(now, &mut self.transmit);
            sent += self.transmit.len() - waiting;
            self.transmitter.send(&self.addresses, &mut self.transmit);
            if !more {
                return sent;
            }
        }
    }

    /// Carries out commands. Gives whether more may wait.
    fn carry_out(&mut self, now: Instant) -> bool {
        for _ in 0..COMMANDS_MAX {
            let Ok(command) = self.commands.try_recv() else {
                return false;
            };
            self.handle_command(now, command);
        }
        true
    }

    /// Handles a batch of datagrams; `now` becomes the time at which they were read. Gives their
    /// number.
    fn receive(&mut self, now: &mut Instant, turn: &mut Turn) -> usize {
        let mut received = 0;
        let mut drained = false;
        while self.may_read_on(received) {
            if self.receiver.is_empty() {
                if drained {
                    return received;
                }
                match self.receiver.fill(&self.socket, &self.state) {
                    Ok(more) => drained = !more,
                    Err(error) => {
                        tracing::warn!(shard.id = self.id.0, %error, "receiving failed");
                        return received;
                    }
                }
                if received == 0 {
                    *now = Instant::now();
                }
            }
            while self.may_read_on(received)
                && let Some(datagram) = self.receiver.poll()
            {
                received += 1;
                if datagram.contents.len() > DATAGRAM_BYTES_MAX {
                    self.meter.count_too_long();
                    continue;
                }
                let destination: SocketAddr = self.addresses.candidate(datagram.local_ip);
                self.engine
                    .handle_datagram(*now, datagram.source, destination, datagram.contents);
            }
        }
        turn.more = true;
        received
    }

    /// Tells whether a turn that has read so many datagrams may read another before it sends.
    fn may_read_on(&self, received: usize) -> bool {
        received < self.config.batch_datagrams_max
            && self.engine.queued_packets() < self.config.batch_forwards_max
    }

    /// Tells signalling what happened. Gives whether that gave the engine work.
    fn tell(&mut self) -> bool {
        let mut worked = false;
        while let Some((room, event)) = self.engine.poll_event() {
            if let Event::Closed { session, .. } = &event {
                self.sessions.remove(session);
            }
            worked |= match self.queues.deliver(room, event) {
                Consequence::None => false,
                Consequence::CloseSession(session) => {
                    tracing::warn!(room.id = room.0, "a room reads its events too slowly");
                    self.close_session(session);
                    true
                }
                Consequence::CloseRoom(room) => {
                    self.close_room(room);
                    true
                }
            };
        }
        self.queues.settle();
        worked
    }

    pub(crate) fn close_session(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.engine.close_session(session);
    }

    pub(crate) fn close_room(&mut self, room: RoomId) {
        self.engine.close_room(room);
        self.queues.close(room);
        self.sessions.retain(|_, of| *of != room);
    }

    fn publish(&mut self, now: Instant) {
        if !self.meter.is_due(now) {
            return;
        }
        self.engine.take_stock();
        let relay_dropped = self.outbox.dropped();
        let events_dropped = self.queues.dropped();
        let sent = self.transmitter.counters();
        self.meter.publish(
            now,
            self.engine.counters(),
            sent,
            relay_dropped,
            events_dropped,
        );
    }

    /// Waits for the next turn.
    fn rest(&mut self, turn: Turn) {
        if turn.more {
            return;
        }
        let now = Instant::now();
        let mut wait = self.meter.due().saturating_duration_since(now);
        if let Some(due) = self.engine.poll_timeout() {
            wait = wait.min(due.saturating_duration_since(now));
        }
        if turn.retry {
            wait = wait.min(RETRY);
        }
        if let Err(error) = self.poll.poll(&mut self.poll_events, Some(wait))
            && error.kind() != std::io::ErrorKind::Interrupted
        {
            tracing::error!(shard.id = self.id.0, %error, "waiting for datagrams failed");
        }
        let mut events = self.poll_events.iter();
        if events.any(|event| event.token() == SOCKET) {
            let woken = Instant::now();
            let was_asleep = woken.saturating_duration_since(now) >= SLEEP_MIN;
            let gather = self.gather.before_read(woken, was_asleep);
            if !gather.is_zero() {
                std::thread::sleep(gather);
            }
        }
    }

    /// Ends all sessions after a panic that the engine didn't contain, and starts a new engine.
    fn begin_anew(&mut self) {
        tracing::error!(
            shard.id = self.id.0,
            sessions = self.sessions.len(),
            "a shard panicked; its sessions end"
        );
        self.meter.begin_anew(self.sessions.len());
        self.transmit.clear();
        self.engine = Engine::new(self.config.engine(self.id, self.port));
        let rooms: Vec<RoomId> = self.queues.rooms().collect();
        for room in rooms {
            self.engine.open_room(room);
        }
        let reason = CloseReason::Panic;
        for (session, room) in std::mem::take(&mut self.sessions) {
            self.queues.deliver(room, Event::Closed { session, reason });
        }
    }
}
