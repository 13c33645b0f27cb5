//! A room: one task that owns all state of its participants.
//!
//! Sockets send it commands, the media server sends it events; it decides with the pure types of
//! this crate and acts. What it sends to clients goes through bounded queues, so it never waits for
//! a client.
//!
//! Invariants:
//! - at most one participant has an identity;
//! - a participant is announced only after its media session stands, and a failed join touches
//!   nobody;
//! - a panic in here ends this room only, and as a room ends: participants are asked to join anew,
//!   backends are told, the media server is told.

mod agents;
mod backup;
mod data;
mod data_tracks;
mod enter;
mod events;
mod forward;
mod leave;
mod offers;
mod orders;
mod profile;
mod publish;
mod report;
mod requests;
mod resources;
mod rights;
mod rpc;
mod simulate;
mod stream_states;
mod subscribe;
mod tell;
mod timers;

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use auth::Claims;
use futures_util::FutureExt as _;
use livekit_protocol::Room as RoomInfo;
use livekit_protocol::signal_request::Message;
use sfu::{Event as MediaEvent, RoomId, SessionId, SfuError, TrackId};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use self::agents::Leaving;
use self::leave::Departure;
use crate::answers;
use crate::codecs;
use crate::dispatches::Dispatches;
use crate::ids::{self, ConnectionKey, ParticipantKey};
use crate::join_request::JoinWish;
use crate::outbox::Outbox;
use crate::participant::Participant;
use crate::replay::Replay;
use crate::restarts::Restarts;
use crate::room_settings::RoomSettings;
use crate::rpcs::Rpcs;
use crate::shared::Shared;
use crate::speakers::Speakers;
use crate::webhooks::Event;

/// Commands that wait for a room. When it is full, sockets stop reading until there is space.
const COMMANDS_MAX: usize = 1024;

/// How often time-outs are looked at; all of them are counted in seconds.
const TICK: Duration = Duration::from_millis(250);

/// What sockets ask of a room.
#[derive(Debug)]
pub(crate) enum Command {
    /// Asks whether there is a place for the holder of a token.
    Probe {
        claims: Box<Claims>,
        reply: oneshot::Sender<bool>,
    },
    /// A client wants to join or to resume.
    Enter {
        entry: Box<Entry>,
        reply: oneshot::Sender<Result<ParticipantKey, EnterError>>,
    },
    /// A message of a client.
    Request {
        participant: ParticipantKey,
        connection: ConnectionKey,
        request: Box<Message>,
    },
    /// A socket has ended.
    Detach {
        participant: ParticipantKey,
        connection: ConnectionKey,
    },
    /// News of an agent's job.
    Job(JobNews),
    /// Something has changed about a participant of another room that is shown here.
    Shown(ParticipantKey),
    /// The server API wants something.
    Order(Order),
    /// A WHIP or WHEP request.
    Resource(ResourceCommand),
    /// A test wants to see how the room takes a bug.
    #[cfg(feature = "testing")]
    Panic,
    /// The server is going down.
    Shutdown { done: oneshot::Sender<()> },
}

pub(crate) use agents::{JobNews, Mailbox};
pub use orders::OrderError;
pub(crate) use orders::{Order, Reply};
pub(crate) use resources::{OpenError, Opened, Patched, ResourceCommand, SessionFacts};
pub(crate) use rpc::RPC_TIMEOUT_MAX;

/// A client at the door, its token verified.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) claims: Claims,
    pub(crate) wish: JoinWish,
    pub(crate) outbox: Outbox,
}

/// Why a client did not get in.
#[derive(Debug, Error)]
pub(crate) enum EnterError {
    /// All places are taken.
    #[error("the room is full")]
    Full,
    /// There is nobody to resume; the client has to join anew.
    #[error("there is no such participant to resume")]
    NothingToResume,
    /// A limit on what a token or join request may carry.
    #[error("{0}")]
    TooLarge(&'static str),
    /// The media server has no session to give.
    #[error("no media session could be opened")]
    Media(#[from] SfuError),
}

/// Speaks to a room. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RoomHandle {
    number: u64,
    commands: mpsc::Sender<Command>,
}

impl RoomHandle {
    /// Sends a command. An error means that the room has closed.
    pub(crate) async fn send(&self, command: Command) -> Result<(), RoomClosed> {
        self.commands.send(command).await.map_err(|_| RoomClosed)
    }

    /// Waits until the room has closed.
    pub(crate) async fn closed(&self) {
        self.commands.closed().await;
    }

    /// Tells whether the room has closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.commands.is_closed()
    }
}

/// The room has closed; a new one of the same name can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the room has closed")]
pub(crate) struct RoomClosed;

/// Starts a room. `number` tells it from other rooms of that name, earlier or later.
pub(crate) fn open(
    name: String,
    settings: RoomSettings,
    number: u64,
    shared: Arc<Shared>,
) -> RoomHandle {
    let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
    let handle = RoomHandle { number, commands };
    let mailbox = Mailbox::of(&handle.commands);
    let mail = (receiver, mailbox);
    tokio::spawn(supervise(name, settings, number, shared, mail));
    handle
}

/// Runs a room to its end, however it ends, and cleans up behind it.
async fn supervise(
    name: String,
    settings: RoomSettings,
    number: u64,
    shared: Arc<Shared>,
    (commands, mailbox): (mpsc::Receiver<Command>, Mailbox),
) {
    let (media, events) = match shared.sfu.open_room().await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(room.name = %name, %error, "no media room could be opened");
            shared.rooms.remove(&name, |handle| handle.number == number);
            return;
        }
    };
    shared.metrics.rooms.inc();
    let mut room = Room::new(name.clone(), Arc::clone(&shared), media, events, commands);
    settings.apply(&mut room.info);
    room.sync_streams |= settings.sync_streams;
    room.mailbox = mailbox;
    room.dispatch_first(&settings.agents);
    let sid = room.info.sid.clone();
    tracing::info!(room.name = %name, room.id = %sid, "opened a room");
    // In a task of its own: what panics twice comes back as an error.
    match tokio::spawn(room.live()).await {
        Ok(()) => tracing::info!(room.name = %name, room.id = %sid, "closed a room"),
        Err(error) => {
            tracing::error!(room.name = %name, room.id = %sid, %error, "a room could not be closed in order");
        }
    }
    shared.rooms.remove(&name, |handle| handle.number == number);
    shared.metrics.rooms.dec();
    if let Err(error) = shared.sfu.close_room(media).await {
        tracing::debug!(room.id = %sid, %error, "the media room was closed already");
    }
}

pub(crate) struct Room {
    shared: Arc<Shared>,
    media: RoomId,
    info: RoomInfo,
    events: mpsc::Receiver<MediaEvent>,
    commands: mpsc::Receiver<Command>,
    participants: BTreeMap<ParticipantKey, Participant>,
    by_session: HashMap<SessionId, ParticipantKey>,
    by_track: HashMap<TrackId, ParticipantKey>,
    /// Published tracks by the id that clients use.
    by_track_sid: HashMap<String, TrackId>,
    speakers: Speakers,
    replay: Replay,
    rpcs: Rpcs,
    dispatches: Dispatches,
    restarts: Restarts,
    leaving: Vec<Leaving>,
    mailbox: Mailbox,
    simulated_speakers: Vec<(ParticipantKey, Instant)>,
    next_key: u64,
    /// Since when the counts of the room have changed without having been told.
    counts_changed_at: Option<Instant>,
    quality_told_at: Instant,
    /// Sound and pictures of one source are played in sync, where clients can.
    sync_streams: bool,
    /// Since when nobody is here for whom the room would stay open.
    empty_since: Option<Instant>,
    /// Whether somebody was.
    had_guests: bool,
    is_closing: bool,
}

impl Room {
    fn new(
        name: String,
        shared: Arc<Shared>,
        media: RoomId,
        events: mpsc::Receiver<MediaEvent>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        let config = &shared.config.room;
        let created_ms = unix_micros() / 1000;
        let names = config.enabled_codecs.iter();
        let enabled_codecs = codecs::enabled(names.map(String::as_str));
        let sync_streams = config.sync_streams;
        let info = RoomInfo {
            sid: ids::room_sid(),
            name,
            empty_timeout: config.empty_timeout,
            departure_timeout: config.departure_timeout,
            max_participants: config.max_participants,
            creation_time: created_ms / 1000,
            creation_time_ms: created_ms,
            enabled_codecs: answers::codecs(&enabled_codecs),
            ..RoomInfo::default()
        };
        let now = Instant::now();
        let replay_age_max = Duration::from_secs(u64::from(config.resume_window));
        let replay = Replay::new(shared.config.limit.data_replay_bytes_max, replay_age_max);
        Self {
            shared,
            media,
            info,
            events,
            commands,
            participants: BTreeMap::new(),
            by_session: HashMap::new(),
            by_track: HashMap::new(),
            by_track_sid: HashMap::new(),
            speakers: Speakers::default(),
            replay,
            rpcs: Rpcs::default(),
            dispatches: Dispatches::default(),
            restarts: Restarts::default(),
            leaving: Vec::new(),
            mailbox: Mailbox::nobody(),
            simulated_speakers: Vec::new(),
            next_key: 1,
            counts_changed_at: None,
            quality_told_at: now,
            sync_streams,
            empty_since: Some(now),
            had_guests: false,
            is_closing: false,
        }
    }

    /// Runs to the end. After a panic everybody is sent away to join anew.
    async fn live(mut self) {
        // What the room holds is whole enough to say goodbye: messages are built of single values.
        let ran = AssertUnwindSafe(self.run()).catch_unwind().await;
        if ran.is_err() {
            tracing::error!(room.name = %self.info.name, room.id = %self.info.sid, "a room has panicked");
            self.shared.metrics.room_panics.inc();
            self.dismiss(Departure::RoomLost);
        }
        self.close();
    }

    async fn run(&mut self) {
        self.report_room(Event::RoomStarted);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_closing {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.handle_command(command).await,
                    None => self.is_closing = true,
                },
                event = self.events.recv() => match event {
                    Some(event) => self.handle_event(event).await,
                    None => self.is_closing = true,
                },
                _ = tick.tick() => self.handle_tick(Instant::now()).await,
            }
        }
    }

    fn close(&mut self) {
        // Whoever sent a command that is not answered now opens the room anew.
        self.commands.close();
        let left: Vec<ParticipantKey> = self.participants.keys().copied().collect();
        for key in left {
            self.forget(key);
        }
        self.end_jobs();
        self.report_room(Event::RoomFinished);
    }

    async fn handle_command(&mut self, command: Command) {
        match command {
            Command::Probe { claims, reply } => {
                let _ = reply.send(self.has_place_for(&claims));
            }
            Command::Enter { entry, reply } => {
                let connection = entry.outbox.key();
                let result = self.enter(*entry).await;
                let key = result.as_ref().ok().copied();
                if reply.send(result).is_err()
                    && let Some(key) = key
                {
                    self.detach(key, connection);
                }
            }
            Command::Request {
                participant,
                connection,
                request,
            } => {
                if self.is_current(participant, connection) {
                    self.handle_request(participant, *request).await;
                }
            }
            Command::Detach {
                participant,
                connection,
            } => self.detach(participant, connection),
            Command::Job(news) => self.handle_job(news),
            Command::Shown(key) => self.handle_shown(key).await,
            Command::Order(order) => self.handle_order(order).await,
            Command::Resource(command) => self.handle_resource(command).await,
            #[cfg(feature = "testing")]
            Command::Panic => panic!("asked for by a test"),
            Command::Shutdown { done } => {
                self.dismiss(Departure::Shutdown);
                let _ = done.send(());
            }
        }
    }

    /// Asks whether a socket is still the one that speaks for its participant.
    fn is_current(&self, key: ParticipantKey, connection: ConnectionKey) -> bool {
        let outbox = self.participants.get(&key).and_then(|p| p.outbox.as_ref());
        outbox.is_some_and(|outbox| outbox.key() == connection)
    }

    fn find(&self, matches: impl Fn(&Participant) -> bool) -> Option<ParticipantKey> {
        let mut all = self.participants.values();
        all.find(|participant| matches(participant))
            .map(|participant| participant.key)
    }
}

impl Drop for Room {
    /// After a panic participants are left, who were counted.
    fn drop(&mut self) {
        let left = i64::try_from(self.participants.len()).unwrap_or(i64::MAX);
        self.shared.metrics.participants.sub(left);
    }
}

/// Logs that the media server did not do what it was asked. The session concerned ends by an event
/// of its own, so nothing else needs to be done.
fn note<T>(result: Result<T, SfuError>, action: &'static str) -> Option<T> {
    result
        .inspect_err(|error| tracing::debug!(%error, action, "the media server refused"))
        .ok()
}

/// The time that clients are told, in microseconds since 1970.
fn unix_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The time of tokens.
fn unix_seconds() -> u64 {
    u64::try_from(unix_micros() / 1_000_000).unwrap_or(0)
}
