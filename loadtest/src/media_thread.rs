//! A thread that runs many peers: one poll for all their sockets, no lock, no runtime.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use livekit_protocol::signal_response::Message as Response;
use mio::{Events, Poll, Token, Waker};
use tokio::sync::{mpsc, oneshot};

use crate::measure::Totals;
use crate::peer::socket::Buffers;
use crate::peer::{Outbound, Peer, Setting};

/// Commands that wait for the thread; who sends more waits.
const COMMANDS_MAX: usize = 4096;

/// Commands that are taken in one turn, so that media isn't starved.
const COMMANDS_PER_TURN: usize = 64;

/// The token of a command. Peers have twice their index, and one more.
const WAKE: Token = Token(usize::MAX);

/// Longest sleep.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// The peer of this index connects.
    Start(usize, mpsc::Sender<Outbound>),
    /// The server said something to a peer.
    Signal(usize, Box<Response>),
    /// A peer's signalling connection ended.
    Closed(usize),
    /// All sums until now are wanted.
    Snapshot(oneshot::Sender<Totals>),
    /// All peers leave, and the thread ends.
    Finish(oneshot::Sender<Totals>),
}

/// A running thread.
#[derive(Debug, Clone)]
pub(crate) struct MediaThread {
    commands: mpsc::Sender<Command>,
    waker: Arc<Waker>,
}

impl MediaThread {
    /// Starts a thread.
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread or no poll.
    pub(crate) fn start(
        setting: Arc<Setting>,
        number: usize,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        let turns = Turns {
            buffers: Buffers::new(setting.kit.offload),
            peers: (0..setting.plan.peers.len()).map(|_| None).collect(),
            setting,
            poll,
            commands: receiver,
            active: Vec::new(),
            ready: Vec::new(),
            totals: Totals::default(),
        };
        let builder = std::thread::Builder::new().name(format!("peers-{number}"));
        let thread = builder.spawn(move || turns.run())?;
        Ok((Self { commands, waker }, thread))
    }

    /// Tells the thread something; waits while it has too much to do.
    pub(crate) async fn tell(&self, command: Command) {
        // A thread that has ended wants to hear nothing.
        let _ = self.commands.send(command).await;
        let _ = self.waker.wake();
    }

    /// Asks for the sums until now.
    pub(crate) async fn snapshot(&self) -> Totals {
        let (sender, receiver) = oneshot::channel();
        self.tell(Command::Snapshot(sender)).await;
        receiver.await.unwrap_or_default()
    }

    /// Ends all peers; gives the sums.
    pub(crate) async fn finish(&self) -> Totals {
        let (sender, receiver) = oneshot::channel();
        self.tell(Command::Finish(sender)).await;
        receiver.await.unwrap_or_default()
    }
}

struct Turns {
    setting: Arc<Setting>,
    poll: Poll,
    commands: mpsc::Receiver<Command>,
    /// By their index in the plan; only those of this thread are ever there.
    peers: Vec<Option<Box<Peer>>>,
    /// Indices of those that are there.
    active: Vec<usize>,
    /// Sockets that may have more: the poll tells of each arrival once.
    ready: Vec<Token>,
    buffers: Buffers,
    totals: Totals,
}

impl Turns {
    fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        loop {
            for _ in 0..COMMANDS_PER_TURN {
                let Ok(command) = self.commands.try_recv() else {
                    break;
                };
                if self.obey(command).is_break() {
                    return;
                }
            }
            let wait = self.wait();
            // Interrupted or not, the turn goes on.
            let _ = self.poll.poll(&mut events, Some(wait));
            let mut tokens = std::mem::take(&mut self.ready);
            tokens.extend(events.iter().map(mio::event::Event::token));
            for token in tokens {
                if token != WAKE {
                    self.receive(token);
                }
            }
            self.pass_time();
        }
    }

    fn obey(&mut self, command: Command) -> std::ops::ControlFlow<()> {
        let now = Instant::now();
        let registry = self.poll.registry();
        match command {
            Command::Start(index, outbox) => {
                let peer = Peer::new(Arc::clone(&self.setting), index, outbox, now);
                self.peers[index] = Some(Box::new(peer));
                self.active.push(index);
            }
            Command::Signal(index, message) => {
                if let Some(peer) = &mut self.peers[index] {
                    peer.handle_signal(now, *message, registry, &mut self.totals);
                }
            }
            Command::Closed(index) => {
                if let Some(peer) = &mut self.peers[index] {
                    peer.handle_closed(now, registry, &mut self.totals);
                }
            }
            Command::Snapshot(answer) => {
                // Who asked may have gone.
                let _ = answer.send(self.totals.clone());
            }
            Command::Finish(answer) => {
                for peer in self.peers.iter_mut().flatten() {
                    peer.leave(now, registry, &mut self.totals);
                }
                let _ = answer.send(std::mem::take(&mut self.totals));
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    fn wait(&self) -> Duration {
        if !self.ready.is_empty() || !self.commands.is_empty() {
            return Duration::ZERO;
        }
        let peers = self
            .active
            .iter()
            .filter_map(|index| self.peers[*index].as_ref());
        let due = peers.map(|peer| peer.due()).min();
        let wait = due.map_or(SLEEP_MAX, |due| {
            due.saturating_duration_since(Instant::now())
        });
        wait.min(SLEEP_MAX)
    }

    fn receive(&mut self, token: Token) {
        let (index, number) = (token.0 / 2, token.0 % 2);
        let registry = self.poll.registry();
        if let Some(Some(peer)) = self.peers.get_mut(index)
            && peer.receive(number, &mut self.buffers, registry, &mut self.totals)
        {
            self.ready.push(token);
        }
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        let registry = self.poll.registry();
        for &index in &self.active {
            if let Some(peer) = &mut self.peers[index]
                && peer.due() <= now
            {
                peer.handle_timeout(now, registry, &mut self.totals);
            }
        }
        let peers = &mut self.peers;
        self.active.retain(|&index| {
            let is_over = peers[index].as_ref().is_none_or(|peer| peer.is_over());
            if is_over {
                peers[index] = None;
            }
            !is_over
        });
    }
}
