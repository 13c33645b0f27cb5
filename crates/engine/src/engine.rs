//! The engine: sessions around `forwarding`, without sockets and clocks.
//!
//! This file owns the state and routes; negotiation, media and relays each have a file of their own.
//!
//! Invariants:
//! - no packet touches a session that didn't accept its address ([`Rtc::accepts`](str0m::Rtc::accepts));
//! - each input of a session is followed by a full drain before the next one;
//! - a session is drained at most once per flush, however many packets it gets;
//! - a panic inside a session ends that session alone.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use forwarding::Forward;
use slab::Slab;
use str0m::config::DtlsCert;
use str0m::net::{Protocol, Receive};
use str0m::{IceConnectionState, Input};
use thiserror::Error;

use crate::channels::Push;
use crate::counters::{Counters, Drop};
use crate::demux::{Demux, SessionIndex, is_stun};
use crate::egress::Str0mEgress;
use crate::gate::{Refusal, parse_claim};
use crate::relay::RelayMessage;
use crate::room::Room;
use crate::session::{Session, guard};
use crate::timers::Timers;
use crate::track::Track;
use crate::{
    CloseReason, DataChannel, Datagram, EngineConfig, Event, LinkQuality, RoomId, SessionConfig,
    SessionId, SessionKind, ShardId, TrackId, crypto, peer,
};

/// Longest datagram that is read: what fits into one Ethernet frame.
const DATAGRAM_BYTES_MAX: usize = 1500;

/// How long a client may be silent before its session ends. Long enough to walk out of one network
/// and into the next.
const ICE_TIMEOUT: Duration = Duration::from_secs(15);

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
    pub(crate) touched: Vec<SessionIndex>,
    pub(crate) touched_rooms: Vec<usize>,
    pub(crate) dirty: Vec<SessionIndex>,
    transmit: Vec<Datagram>,
    peer_events: VecDeque<(SessionIndex, SessionId, str0m::Event)>,
    event_buffer: Vec<str0m::Event>,
    pub(crate) events: VecDeque<(RoomId, Event)>,
    pub(crate) relays: VecDeque<(ShardId, RelayMessage)>,
    pub(crate) forwards: Vec<Forward>,
    pub(crate) egress: Str0mEgress,
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
            touched: Vec::new(),
            touched_rooms: Vec::new(),
            dirty: Vec::new(),
            transmit: Vec::new(),
            peer_events: VecDeque::new(),
            event_buffer: Vec::new(),
            events: VecDeque::new(),
            relays: VecDeque::new(),
            forwards: Vec::new(),
            egress: Str0mEgress,
            counters: Counters::default(),
        }
    }

    /// Gives what was counted so far.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Opens a room; its sessions may come now.
    pub fn open_room(&mut self, room: RoomId) {
        if !self.room_ids.contains_key(&room) {
            let index = self.rooms.insert(Room::new(room));
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
        let rtc = guard(|| peer::build(&self.config, session, &self.certificate, now))
            .map_err(|_| CreateSessionError::Setup)?;
        let index = self
            .sessions
            .insert(Session::new(id, room, session, &self.config, rtc));
        self.session_ids.insert(id, index);
        self.learn_ufrag(index);
        self.touch(index);
        match session.kind {
            SessionKind::Subscriber => self.mark_dirty(index),
            SessionKind::Publisher | SessionKind::Single => {}
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
        match self.sessions[index].push_data(channel, data) {
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

    /// Handles a datagram that arrived at `destination`, one of the configured candidates.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) {
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += contents.len() as u64;
        if contents.is_empty() || contents.len() > DATAGRAM_BYTES_MAX {
            self.counters.drop(Drop::Malformed);
            return;
        }
        let Some(index) = self.demux.find(source, destination, contents) else {
            self.counters.drop(Drop::Unknown);
            return;
        };
        if let Err(reason) = self.deliver(now, index, source, destination, contents) {
            self.counters.drop(reason);
        }
        self.handle_peer_events(now);
    }

    fn deliver(
        &mut self,
        now: Instant,
        index: SessionIndex,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) -> Result<(), Drop> {
        self.check_gate(now, index, contents)?;
        let session = &mut self.sessions[index];
        let receive = guard(|| Receive::new(Protocol::Udp, source, destination, contents));
        let Ok(Ok(receive)) = receive else {
            return Err(Drop::Malformed);
        };
        let input = Input::Receive(now, receive);
        if !guard(|| session.rtc.accepts(&input)).unwrap_or(false) {
            return Err(Drop::NotAccepted);
        }
        if is_stun(contents) {
            self.demux.learn_address(index, source, destination);
            if !session.is_connected && session.deadline.is_none() {
                let deadline = now + self.config.handshake_timeout;
                session.deadline = Some((deadline, CloseReason::HandshakeTimeout));
            }
        }
        let handled = session.handle_input(input);
        if let Err(Some(reason)) = handled {
            self.end_session(index, Some(reason));
            return Err(Drop::Refused);
        }
        self.drain(now, index);
        handled.map_err(|_| Drop::Refused)
    }

    /// Stops packets that claim a stream which is not theirs, before str0m sees them.
    fn check_gate(
        &mut self,
        now: Instant,
        index: SessionIndex,
        contents: &[u8],
    ) -> Result<(), Drop> {
        let session = &mut self.sessions[index];
        // RFC 7983, section 7: 128 to 191 is RTP or RTCP; payload types 64 to 95 are RTCP (RFC 5761).
        let is_rtp = (128..192).contains(&contents[0])
            && contents
                .get(1)
                .is_some_and(|second| !(64..96).contains(&(second & 0x7f)));
        if !is_rtp {
            return Ok(());
        }
        let claim = parse_claim(contents, session.names).ok_or(Drop::Malformed)?;
        // As str0m binds: a packet that names a layer is of the layer's main stream, whatever else it says.
        let is_repair = claim.rid.is_none()
            && (claim.repaired_rid.is_some()
                || session.payload_types.is_repair(claim.payload_type));
        session
            .gate
            .check(now, &claim, is_repair)
            .map_err(|refusal| match refusal {
                Refusal::Stolen => Drop::SsrcStolen,
                Refusal::TooMany => Drop::SsrcFlood,
            })
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
    }

    /// Gives the time at which [`Engine::handle_timeout`] and [`Engine::flush`] have to be called.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        if !self.touched.is_empty() || !self.touched_rooms.is_empty() {
            return self.flushed_at;
        }
        match (self.timers.next(), self.room_timers.next()) {
            (Some(session), Some(room)) => Some(session.min(room)),
            (session, room) => session.or(room),
        }
    }

    /// Ends a batch: lets each session that was touched say what it has to say, and appends the
    /// datagrams to `transmit`, those of one session side by side.
    pub fn flush(&mut self, now: Instant, transmit: &mut Vec<Datagram>) {
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
        transmit.append(&mut self.transmit);
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
        let credentials = self.sessions[index]
            .rtc
            .direct_api()
            .local_ice_credentials();
        self.demux.learn_ufrag(index, &credentials.ufrag);
    }

    fn drain(&mut self, now: Instant, index: SessionIndex) {
        let session = &mut self.sessions[index];
        let drained = session.drain(&mut self.transmit, &mut self.event_buffer);
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

    fn handle_peer_events(&mut self, now: Instant) {
        while let Some((index, id, event)) = self.peer_events.pop_front() {
            if self.session_ids.get(&id) == Some(&index) {
                self.handle_peer_event(now, index, event);
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "str0m's events may grow")]
    fn handle_peer_event(&mut self, now: Instant, index: SessionIndex, event: str0m::Event) {
        use str0m::Event as Peer;
        match event {
            Peer::RtpPacket(packet) => self.handle_rtp(now, index, packet),
            Peer::KeyframeRequest(request) => self.handle_keyframe_request(now, index, &request),
            Peer::SenderFeedback(feedback) => self.handle_sender_feedback(index, &feedback),
            Peer::Connected => self.handle_connected(index),
            Peer::IceConnectionStateChange(state) => self.handle_ice_state(now, index, state),
            Peer::ChannelOpen(id, label) => self.handle_channel_open(index, id, &label),
            Peer::ChannelClose(id) => self.sessions[index].channels.handle_close(id),
            Peer::ChannelData(data) => self.handle_channel_data(index, data),
            Peer::ChannelBufferedAmountLow(_) => self.touch(index),
            Peer::PeerStats(stats) => self.handle_stats(index, &stats),
            Peer::MediaEgressStats(stats) => {
                let progress = &mut self.sessions[index].nacks_in;
                self.counters.nacks_in += progress.advance(stats.mid, stats.rid, stats.nacks);
            }
            Peer::MediaIngressStats(stats) => {
                let progress = &mut self.sessions[index].nacks_out;
                self.counters.nacks_out += progress.advance(stats.mid, stats.rid, stats.nacks);
            }
            Peer::Closed => self.end_session(index, Some(CloseReason::PeerClosed)),
            _ => {}
        }
    }

    fn handle_connected(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        session.is_connected = true;
        session.deadline = None;
        let (room, id) = (session.room, session.id);
        self.emit(room, Event::Connected { session: id });
        self.start_sending(index);
        self.touch(index);
    }

    fn handle_ice_state(&mut self, now: Instant, index: SessionIndex, state: IceConnectionState) {
        let session = &mut self.sessions[index];
        match state {
            IceConnectionState::Disconnected => {
                session.deadline = Some((now + ICE_TIMEOUT, CloseReason::IceTimeout));
                self.touch(index);
            }
            IceConnectionState::New | IceConnectionState::Checking => {}
            IceConnectionState::Connected | IceConnectionState::Completed => {
                if session.is_connected {
                    session.deadline = None;
                }
            }
        }
    }

    fn handle_channel_open(
        &mut self,
        index: SessionIndex,
        id: str0m::channel::ChannelId,
        label: &str,
    ) {
        let Some(channel) = DataChannel::from_label(label) else {
            return;
        };
        let session = &mut self.sessions[index];
        session.channels.handle_open(channel, id);
        let (room, id) = (session.room, session.id);
        self.emit(
            room,
            Event::DataChannelOpen {
                session: id,
                channel,
            },
        );
        self.touch(index);
    }

    fn handle_channel_data(&mut self, index: SessionIndex, data: str0m::channel::ChannelData) {
        let session = &self.sessions[index];
        let Some(channel) = session.channels.find(data.id) else {
            return;
        };
        let event = Event::Data {
            session: session.id,
            channel,
            data: data.data.into(),
        };
        self.emit(session.room, event);
    }

    fn handle_stats(&mut self, index: SessionIndex, stats: &str0m::stats::PeerStats) {
        let session = &self.sessions[index];
        let quality = LinkQuality {
            rtt_ms: stats.rtt.map(|rtt| rtt.as_secs_f32() * 1000.0),
            loss_up: stats.ingress_loss_fraction,
            loss_down: stats.egress_loss_fraction,
        };
        let event = Event::Quality {
            session: session.id,
            quality,
        };
        self.emit(session.room, event);
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
        self.dirty.retain(|dirty| *dirty != index);
        let session = self.sessions.remove(index);
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
        if guard(|| rtc.close().is_ok()) == Ok(true) {
            session.drain(&mut self.transmit, &mut self.event_buffer);
            self.event_buffer.clear();
        }
    }
}
