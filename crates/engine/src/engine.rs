//! The engine: sessions around `forwarding`, without sockets and clocks.
//!
//! This file owns the state and routes; negotiation, media and relays each have a file of their own.
//!
//! Invariants:
//! - no packet touches a session that didn't accept its address ([`Rtc::accepts`](str0m::Rtc::accepts));
//! - each input of a session is followed by a full drain before the next one;
//! - what a session receives from others costs it no drain at all;
//! - a panic inside a session ends that session alone.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use forwarding::{Forward, RoomOptions};
use slab::Slab;
use str0m::Input;
use str0m::config::DtlsCert;
use thiserror::Error;

use crate::channels::Push;
use crate::counters::{Counters, Drop};
use crate::demux::{Demux, SessionIndex};
use crate::egress::{Feedback, Kept, WallClock};
use crate::relay::RelayMessage;
use crate::room::Room;
use crate::session::{Session, guard};
use crate::timers::Timers;
use crate::track::Track;
use crate::{
    CloseReason, DataChannel, EngineConfig, Event, RoomId, SessionConfig, SessionId, SessionKind,
    ShardId, TrackId, Transmit, crypto, peer,
};

/// Rounds of one flush: an event of one session may give work to others, and theirs to it.
const FLUSH_ROUNDS_MAX: usize = 8;

/// Why a session was not created.
#[derive(Debug, Error)]
pub enum CreateSessionError {
    /// The shard is full.
    #[error("the shard has {0} sessions, more are not allowed")]
    TooMany(usize),
    /// The room is not open.
    #[error("the room is not open")]
    NoRoom,
    /// The peer connection could not be set up.
    #[error("setting up the peer connection failed")]
    Setup,
}

/// All sessions of one shard.
pub struct Engine {
    pub(crate) config: EngineConfig,
    certificate: DtlsCert,
    pub(crate) sessions: Slab<Session>,
    pub(crate) session_ids: HashMap<SessionId, SessionIndex>,
    pub(crate) rooms: Slab<Room>,
    pub(crate) room_ids: HashMap<RoomId, usize>,
    pub(crate) tracks: Slab<Track>,
    pub(crate) track_ids: HashMap<TrackId, usize>,
    pub(crate) demux: Demux,
    pub(crate) timers: Timers,
    flushed_at: Option<Instant>,
    pub(crate) room_timers: Timers,
    /// Of sessions whose bandwidth is limited.
    pub(crate) bandwidth_timers: Timers,
    pub(crate) touched: Vec<SessionIndex>,
    pub(crate) touched_rooms: Vec<usize>,
    pub(crate) dirty: Vec<SessionIndex>,
    pub(crate) transmit: Transmit,
    pub(crate) peer_events: VecDeque<(SessionIndex, SessionId, str0m::Event)>,
    event_buffer: Vec<str0m::Event>,
    pub(crate) events: VecDeque<(RoomId, Event)>,
    pub(crate) relays: VecDeque<(ShardId, RelayMessage)>,
    pub(crate) forwards: Vec<Forward>,
    /// Packets that were queued since the last flush, for all sessions.
    pub(crate) batch: Vec<Kept>,
    /// Sessions for which packets are queued.
    pub(crate) sending: Vec<SessionIndex>,
    /// Forwards that wait for the flush.
    pub(crate) queued: usize,
    pub(crate) feedback: Feedback,
    clock: Option<WallClock>,
    pub(crate) counters: Counters,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("shard", &self.config.shard)
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine without sessions. Makes a key pair, which takes a millisecond.
    #[must_use]
    pub fn new(config: EngineConfig) -> Self {
        Self {
            config,
            certificate: crypto::certificate(),
            sessions: Slab::new(),
            session_ids: HashMap::new(),
            rooms: Slab::new(),
            room_ids: HashMap::new(),
            tracks: Slab::new(),
            track_ids: HashMap::new(),
            demux: Demux::default(),
            timers: Timers::default(),
            flushed_at: None,
            room_timers: Timers::default(),
            bandwidth_timers: Timers::default(),
            touched: Vec::new(),
            touched_rooms: Vec::new(),
            dirty: Vec::new(),
            transmit: Transmit::default(),
            peer_events: VecDeque::new(),
            event_buffer: Vec::new(),
            events: VecDeque::new(),
            relays: VecDeque::new(),
            forwards: Vec::new(),
            batch: Vec::new(),
            sending: Vec::new(),
            queued: 0,
            feedback: Feedback::default(),
            clock: None,
            counters: Counters::default(),
        }
    }

    /// Gives what was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Counts what is not counted as it happens: subscriptions, and estimates. Looks at every session, so it is for
    /// once a second.
    pub fn take_stock(&mut self) {
        let held = self.sessions.iter().map(|(_, one)| one.subscriptions.len());
        self.counters.subscriptions = held.sum::<usize>() as u64;
        let sessions = self.sessions.iter();
        let estimated = sessions.filter(|(_, one)| one.egress.bandwidth.has_arrivals());
        self.counters.sessions_estimated = estimated.count() as u64;
    }

    /// Opens a room; its sessions may come now.
    pub fn open_room(&mut self, room: RoomId) {
        if !self.room_ids.contains_key(&room) {
            let options = RoomOptions {
                keyframe_interval: self.config.keyframe_interval,
                voices_max: self.config.voices_max,
            };
            let index = self.rooms.insert(Room::new(room, options));
            self.room_ids.insert(room, index);
            self.counters.rooms += 1;
        }
    }

    /// Closes a room with all its sessions.
    pub fn close_room(&mut self, room: RoomId) {
        let Some(index) = self.room_ids.get(&room).copied() else {
            return;
        };
        let sessions: Vec<SessionIndex> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.room == index)
            .map(|(session, _)| session)
            .collect();
        for session in sessions {
            self.end_session(session, None);
        }
        let relayed: Vec<usize> = self
            .tracks
            .iter()
            .filter(|(_, track)| track.room == index)
            .map(|(track, _)| track)
            .collect();
        for track in relayed {
            self.end_track(track);
        }
        self.room_ids.remove(&room);
        self.rooms.remove(index);
        self.touched_rooms.retain(|touched| *touched != index);
        self.counters.rooms -= 1;
    }

    /// Creates a session in a room. A subscriber session offers at once.
    ///
    /// # Errors
    ///
    /// [`CreateSessionError`]; nothing was created then.
    pub fn create_session(
        &mut self,
        now: Instant,
        room: RoomId,
        id: SessionId,
        session: SessionConfig,
    ) -> Result<(), CreateSessionError> {
        if self.sessions.len() >= self.config.sessions_max {
            return Err(CreateSessionError::TooMany(self.sessions.len()));
        }
        let room = *self.room_ids.get(&room).ok_or(CreateSessionError::NoRoom)?;
        let build = || peer::build(&self.config, session, &self.certificate, now);
        let rtc = guard(|| crypto::with_mailbox(build)).map_err(|_| CreateSessionError::Setup)?;
        let index = self
            .sessions
            .insert(Session::new(id, room, session, &self.config, rtc));
        self.session_ids.insert(id, index);
        self.learn_ufrag(index);
        self.touch(index);
        match session.kind {
            SessionKind::Subscriber => self.mark_dirty(index),
            SessionKind::Publisher | SessionKind::Single | SessionKind::Player => {}
        }
        self.counters.sessions += 1;
        Ok(())
    }

    /// Closes a session with all that it publishes and receives; no event follows.
    pub fn close_session(&mut self, session: SessionId) {
        if let Some(index) = self.session_ids.get(&session).copied() {
            self.end_session(index, None);
        }
    }

    /// Queues a message for the client.
    pub fn send_data(&mut self, session: SessionId, channel: DataChannel, data: Bytes) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        match self.sessions[index].channels.push(channel, data) {
            Push::Queued => self.touch(index),
            Push::Dropped(count) => {
                self.counters.drop_many(Drop::DataQueue, count);
                self.touch(index);
            }
            Push::Full => {
                self.counters.drop(Drop::DataQueue);
                self.end_session(index, Some(CloseReason::SlowReader));
            }
        }
    }

    /// Handles all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(entry) = self.timers.pop_due(now) {
            let Some(session) = self.sessions.get_mut(entry.1) else {
                continue;
            };
            if !self.timers.is_due(entry, &mut session.timer, now) {
                continue;
            }
            match session.deadline {
                Some((at, reason)) if at <= now => self.end_session(entry.1, Some(reason)),
                Some(_) | None => self.touch(entry.1),
            }
        }
        while let Some(entry) = self.room_timers.pop_due(now) {
            let Some(room) = self.rooms.get_mut(entry.1) else {
                continue;
            };
            if self.room_timers.is_due(entry, &mut room.timer, now) {
                self.touch_room(entry.1);
            }
        }
        self.handle_bandwidth_timeout(now);
    }

    /// Gives the time at which [`Engine::handle_timeout`] and [`Engine::flush`] have to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        let is_touched = !self.touched.is_empty() || !self.touched_rooms.is_empty();
        if is_touched || !self.sending.is_empty() {
            return self.flushed_at;
        }
        let timers = [&self.timers, &self.room_timers, &self.bandwidth_timers];
        timers.into_iter().filter_map(Timers::next).min()
    }

    /// Ends a batch: lets each session that was touched say what it has to say, seals what is queued for
    /// others, and appends the datagrams to `transmit`, those of one session side by side.
    ///
    /// Gives whether more is left: send what there is, then call again.
    pub fn flush(&mut self, now: Instant, transmit: &mut Transmit) -> bool {
        self.flushed_at = Some(now);
        for _ in 0..FLUSH_ROUNDS_MAX {
            self.negotiate_dirty();
            self.serve_rooms(now);
            if self.touched.is_empty() {
                break;
            }
            for index in std::mem::take(&mut self.touched) {
                self.flush_session(now, index);
            }
            self.handle_peer_events(now);
        }
        self.send_queued(now);
        transmit.append(&mut self.transmit);
        !self.sending.is_empty()
    }

    /// Counts the packets, each once per subscriber, that wait for [`Engine::flush`].
    #[must_use]
    pub fn queued_packets(&self) -> usize {
        self.queued
    }

    /// The time of day, counted on from when the engine was first asked for it.
    pub(crate) fn wall_clock(&mut self, now: Instant) -> WallClock {
        let time = self.config.started;
        *self.clock.get_or_insert(WallClock { at: now, time })
    }

    fn flush_session(&mut self, now: Instant, index: SessionIndex) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        session.is_touched = false;
        let refused = session.flush_channels();
        self.counters.drop_many(Drop::DataQueue, refused);
        if let Err(Some(reason)) = session.handle_input(Input::Timeout(now)) {
            self.end_session(index, Some(reason));
            return;
        }
        self.drain(now, index);
    }

    /// Gives the next event and the room that it belongs to.
    pub fn poll_event(&mut self) -> Option<(RoomId, Event)> {
        self.events.pop_front()
    }

    /// Gives the next message for another shard.
    pub fn poll_relay(&mut self) -> Option<(ShardId, RelayMessage)> {
        self.relays.pop_front()
    }

    /// Notes that a session has something to do at the next flush.
    pub(crate) fn touch(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        if !session.is_touched {
            session.is_touched = true;
            self.touched.push(index);
        }
    }

    pub(crate) fn emit(&mut self, room: usize, event: Event) {
        let id = self.rooms[room].id;
        self.events.push_back((id, event));
    }

    /// Makes the session reachable by its present ufrag.
    pub(crate) fn learn_ufrag(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        let credentials = session.rtc.direct_api().local_ice_credentials();
        self.learn_ufrag_of(index, &credentials.ufrag);
    }

    /// Makes the session reachable by a ufrag that it uses from now on.
    pub(crate) fn learn_ufrag_of(&mut self, index: SessionIndex, ufrag: &str) {
        if self.demux.learn_ufrag(index, ufrag) {
            self.sessions[index].egress.route.handle_restart(ufrag);
        }
    }

    pub(crate) fn drain(&mut self, now: Instant, index: SessionIndex) {
        let session = &mut self.sessions[index];
        let drained = session.drain(now, &mut self.transmit, &mut self.event_buffer);
        self.counters.drop_many(Drop::Foreign, drained.withheld);
        let id = session.id;
        for event in self.event_buffer.drain(..) {
            self.peer_events.push_back((index, id, event));
        }
        if let Some(reason) = drained.failure {
            self.handle_peer_events(now);
            if self.session_ids.get(&id) == Some(&index) {
                self.end_session(index, Some(reason));
            }
            return;
        }
        self.set_timer(index, drained.timeout);
    }

    fn set_timer(&mut self, index: SessionIndex, timeout: Option<Instant>) {
        let session = &mut self.sessions[index];
        let deadline = session.deadline.map(|(at, _)| at);
        let earliest = match (timeout, deadline) {
            (Some(timeout), Some(deadline)) => Some(timeout.min(deadline)),
            (timeout, deadline) => timeout.or(deadline),
        };
        if let Some(at) = earliest {
            self.timers.set(index, &mut session.timer, at);
        }
    }

    /// Takes a session out. With a reason, those who steer are told.
    pub(crate) fn end_session(&mut self, index: SessionIndex, reason: Option<CloseReason>) {
        if reason == Some(CloseReason::Panic) {
            self.counters.panics += 1;
        } else {
            self.say_goodbye(index);
        }
        let (room, id) = (self.sessions[index].room, self.sessions[index].id);
        for (_, track) in std::mem::take(&mut self.sessions[index].received) {
            self.end_track(track);
        }
        while let Some(subscription) = self.sessions[index].subscriptions.pop() {
            self.stop_sending(index, &subscription);
            self.forget_watcher(subscription.track);
        }
        self.demux.forget(index);
        self.session_ids.remove(&id);
        self.touched.retain(|touched| *touched != index);
        self.sending.retain(|sending| *sending != index);
        self.dirty.retain(|dirty| *dirty != index);
        let session = self.sessions.remove(index);
        self.counters.sessions_limited -= u64::from(session.egress.bandwidth.is_steered);
        // The destructor of what panicked may panic as well.
        let _ = guard(move || drop(session));
        self.counters.sessions -= 1;
        if let Some(reason) = reason {
            tracing::debug!(session = ?id, ?reason, "a session ended by itself");
            self.emit(
                room,
                Event::Closed {
                    session: id,
                    reason,
                },
            );
        }
    }

    /// Tells the client that the connection ends (RTCP BYE, DTLS `close_notify`), if it still listens.
    fn say_goodbye(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        let rtc = &mut session.rtc;
        let Some(now) = self.flushed_at.filter(|_| rtc.is_alive()) else {
            return;
        };
        session.egress.say_goodbye(&mut self.transmit);
        if guard(|| rtc.close().is_ok()) == Ok(true) {
            session.drain(now, &mut self.transmit, &mut self.event_buffer);
            self.event_buffer.clear();
        }
    }
}
