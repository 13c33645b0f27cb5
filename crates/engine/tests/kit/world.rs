//! A world in virtual time: engines, peers, and a network between them.
//!
//! Time jumps to the next event, so nothing waits. What must always hold is checked on every datagram:
//! no nonce is used twice, payloads arrive undamaged, no packet twice.

mod travel;

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{
    CloseReason, CodecSet, DataChannel, Engine, EngineConfig, Event, PendingTrack, RoomId,
    SessionId, ShardId, TrackId, Transmit,
};
use str0m::{Input, Output};

use self::travel::{Cargo, RELAY_DELAY, SIGNALLING_DELAY};
use super::link::Rng;
use super::peer::{Fault, Peer};
use super::seals::Seals;

/// More rounds at one instant mean that somebody spins.
const ROUNDS_MAX: usize = 2000;

/// Events that are shown when a test fails.
const EVENTS_SHOWN: usize = 12;

pub(crate) const ROOM: RoomId = RoomId(1);

/// A room beside it, for tests that open it.
pub(crate) const OTHER_ROOM: RoomId = RoomId(2);

#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    seed: u64,
    pub(crate) rng: Rng,
    /// The room that the next client joins.
    pub(crate) room: RoomId,
    pub(crate) engines: Vec<Engine>,
    pub(crate) peers: Vec<Peer>,
    /// What those who join from now on may publish, and may be sent.
    pub(crate) publishes: CodecSet,
    pub(crate) receives: CodecSet,
    pub(crate) reuse_sections: bool,
    /// Whether the server leaves connectivity checks to those who join from now on.
    pub(crate) ice_lite: bool,
    /// Whether trailers are cut off for those who subscribe from now on.
    pub(crate) cuts_trailers: bool,
    /// Whether tracks are announced as stereo.
    pub(crate) is_stereo: bool,
    /// Whether those who join from now on know redundant sound.
    pub(crate) knows_red: bool,
    pub(crate) announced: Vec<(usize, PendingTrack)>,
    pub(crate) unpublished: Vec<TrackId>,
    pub(crate) events: Vec<(Instant, Event)>,
    /// Handshakes that peers began: the first datagram of each.
    pub(crate) hellos: Vec<Vec<u8>>,
    /// Largest number of media messages that crossed between shards, per track.
    pub(crate) relayed_media: usize,
    pub(crate) seals: Seals,
    /// Media packets that reached a peer: peer, SSRC, sequence number.
    pub(crate) arrived: HashSet<(usize, u32, u16)>,
    /// Whether media datagrams to the server are noted.
    pub(crate) sniffs: bool,
    pub(crate) sniffed: Vec<Vec<u8>>,
    /// Connectivity checks of peers: peer and datagram, the first of each.
    pub(crate) checks: BTreeMap<usize, Vec<u8>>,
    /// What the server sent to addresses that no peer has: datagrams, and bytes of media.
    pub(crate) strayed: BTreeMap<SocketAddr, (usize, usize)>,
    /// Bytes that the server sent to each peer.
    pub(crate) sent_down: BTreeMap<usize, usize>,
    pub(crate) ids: u64,
    flights: BTreeMap<(Instant, u64), Cargo>,
    flown: u64,
    transmit: Transmit,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "seed {}, {:?} after the start",
                self.seed,
                self.now - self.start
            );
            for engine in &self.engines {
                eprintln!("{:?}", engine.counters());
            }
            for (at, event) in self.events.iter().rev().take(EVENTS_SHOWN) {
                eprintln!("{:?} {event:?}", *at - self.start);
            }
        }
    }
}

impl World {
    /// A world with one engine.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(seed, 1, |_| {})
    }

    /// A world with as many engines as `shards`.
    pub(crate) fn with(seed: u64, shards: u8, adjust: impl Fn(&mut EngineConfig)) -> Self {
        let now = some_instant();
        let mut engines = Vec::new();
        for shard in 0..shards {
            let mut config = EngineConfig {
                shard: ShardId(shard),
                candidates: vec![server_address(usize::from(shard))],
                ..EngineConfig::default()
            };
            adjust(&mut config);
            let mut engine = Engine::new(config);
            engine.open_room(ROOM);
            engines.push(engine);
        }
        Self {
            now,
            start: now,
            seed,
            rng: Rng::new(seed),
            room: ROOM,
            engines,
            peers: Vec::new(),
            publishes: CodecSet::ALL,
            receives: CodecSet::ALL,
            reuse_sections: true,
            ice_lite: true,
            cuts_trailers: false,
            is_stereo: false,
            knows_red: false,
            announced: Vec::new(),
            unpublished: Vec::new(),
            events: Vec::new(),
            hellos: Vec::new(),
            relayed_media: 0,
            seals: Seals::default(),
            arrived: HashSet::new(),
            sniffs: false,
            sniffed: Vec::new(),
            checks: BTreeMap::new(),
            strayed: BTreeMap::new(),
            sent_down: BTreeMap::new(),
            ids: 0,
            flights: BTreeMap::new(),
            flown: 0,
            transmit: Transmit::default(),
        }
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until something holds; panics if it doesn't within `deadline`.
    pub(crate) fn run_until(
        &mut self,
        what: &str,
        deadline: Duration,
        mut holds: impl FnMut(&Self) -> bool,
    ) {
        let end = self.now + deadline;
        while !holds(self) {
            assert!(self.step(end), "{what} within {deadline:?}");
        }
    }

    /// Goes to the next event, if it is not after `end`.
    pub(crate) fn step(&mut self, end: Instant) -> bool {
        self.settle();
        let flight = self.flights.keys().next().map(|(at, _)| *at);
        let engines = self.engines.iter_mut().filter_map(Engine::poll_timeout);
        let peers = self.peers.iter().filter(|peer| !peer.is_gone);
        let next = engines
            .chain(peers.map(Peer::next_at))
            .chain(flight)
            .min()
            .filter(|next| *next <= end);
        let Some(next) = next else { return false };
        self.now = self.now.max(next);
        self.settle();
        true
    }

    /// Does all that is due now.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if !self.settle_once() {
                return;
            }
        }
        panic!("somebody spins");
    }

    fn settle_once(&mut self) -> bool {
        let now = self.now;
        let mut is_busy = false;
        while let Some(flight) = self.flights.first_entry()
            && flight.key().0 <= now
        {
            let cargo = flight.remove();
            self.deliver(cargo);
            is_busy = true;
        }
        for index in 0..self.engines.len() {
            let engine = &mut self.engines[index];
            if engine.poll_timeout().is_some_and(|at| at <= now) {
                engine.handle_timeout(now);
                is_busy = true;
            }
            self.flush_engine(index);
        }
        for index in 0..self.peers.len() {
            let peer = &self.peers[index];
            if !peer.is_gone && peer.next_at() <= now {
                self.drive_peer(index);
                is_busy = true;
            }
        }
        is_busy
    }

    fn flush_engine(&mut self, index: usize) {
        let mut transmit = std::mem::take(&mut self.transmit);
        while self.engines[index].flush(self.now, &mut transmit) {}
        for (number, datagram) in transmit.datagrams().iter().enumerate() {
            let contents = transmit.contents(number..number + 1);
            self.send_down(datagram.source, datagram.destination, contents);
        }
        transmit.clear();
        self.transmit = transmit;
        while let Some((to, message)) = self.engines[index].poll_relay() {
            self.relayed_media += usize::from(message.is_media());
            let to = usize::from(to.0);
            self.fly(
                RELAY_DELAY,
                Cargo::Relay {
                    from: index,
                    to,
                    message,
                },
            );
        }
        while let Some((room, event)) = self.engines[index].poll_event() {
            assert!([ROOM, OTHER_ROOM].contains(&room));
            self.handle_event(event);
        }
    }

    fn drive_peer(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        peer.tick(self.now);
        let _ = peer.rtc.handle_input(Input::Timeout(self.now));
        self.drain_peer(index);
        let salt = self.rng.next();
        let offer = self.peers[index].make_offer(self.now, salt);
        if let Some(sdp) = offer {
            self.fly(SIGNALLING_DELAY, Cargo::Offered { peer: index, sdp });
        }
    }

    fn drain_peer(&mut self, index: usize) {
        loop {
            let peer = &mut self.peers[index];
            match peer.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    peer.timeout = at;
                    peer.is_gone |= !peer.rtc.is_alive();
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    let datagram: Vec<u8> = transmit.contents.into();
                    self.send_up(index, transmit.destination, datagram);
                }
                Ok(Output::Event(event)) => peer.handle_event(self.now, event),
                Err(_) => {}
            }
        }
    }

    fn send_up(&mut self, index: usize, destination: SocketAddr, datagram: Vec<u8>) {
        let peer = &self.peers[index];
        // A DTLS handshake record with a ClientHello (RFC 6347, section 4.2).
        if datagram.first() == Some(&22) && datagram.get(13) == Some(&1) {
            self.hellos.push(datagram.clone());
        }
        if datagram.starts_with(&[0, 1]) {
            self.checks.entry(index).or_insert_with(|| datagram.clone());
        }
        let is_media = datagram.first().is_some_and(|first| *first >= 128);
        if self.sniffs && is_media && peer.kind != engine::SessionKind::Subscriber {
            self.sniffed.push(datagram.clone());
        }
        let is_dtls = datagram
            .first()
            .is_some_and(|first| (20..64).contains(first));
        if is_dtls && peer.fault == Some(Fault::NoDtls) {
            return;
        }
        let shard = self
            .engines
            .iter()
            .enumerate()
            .position(|(shard, _)| server_address(shard) == destination);
        let (Some(shard), source) = (shard, peer.public) else {
            return;
        };
        let arrival = self.peers[index]
            .up
            .travel(self.now, datagram.len(), &mut self.rng);
        if let Some(at) = arrival {
            self.fly_until(
                at,
                Cargo::ToServer {
                    shard,
                    source,
                    datagram,
                },
            );
        }
    }

    fn handle_event(&mut self, event: Event) {
        let peer_of = |session: SessionId, peers: &[Peer]| {
            peers.iter().position(|peer| peer.session == session)
        };
        let cargo = match &event {
            Event::Offer {
                session,
                id,
                sdp,
                mid_to_track,
            } => peer_of(*session, &self.peers).map(|peer| Cargo::Offer {
                peer,
                id: *id,
                sdp: sdp.clone(),
                carried: mid_to_track.clone(),
            }),
            Event::SectionsNeeded {
                session,
                audios,
                videos,
            } => peer_of(*session, &self.peers).map(|peer| Cargo::Sections {
                peer,
                audios: *audios,
                videos: *videos,
            }),
            Event::Connected { .. }
            | Event::Closed { .. }
            | Event::DataChannelOpen { .. }
            | Event::Data { .. }
            | Event::EncodingStarted { .. }
            | Event::PictureSize { .. }
            | Event::Subscribed { .. }
            | Event::CodecRefused { .. }
            | Event::StreamState { .. }
            | Event::LayerDemand { .. }
            | Event::Speakers { .. }
            | Event::Quality { .. } => None,
        };
        if let Some(cargo) = cargo {
            self.fly(SIGNALLING_DELAY, cargo);
        }
        self.events.push((self.now, event));
    }

    pub(crate) fn engine_of(&mut self, session: SessionId) -> &mut Engine {
        &mut self.engines[usize::from(session.shard().0)]
    }

    /// Why a session ended by itself, if it did.
    pub(crate) fn closed(&self, session: SessionId) -> Option<CloseReason> {
        self.events.iter().find_map(|(_, event)| {
            let Event::Closed {
                session: closed,
                reason,
            } = event
            else {
                return None;
            };
            (*closed == session).then_some(*reason)
        })
    }

    /// Panics if any session ended by itself.
    pub(crate) fn assert_nothing_closed(&self) {
        let closed = self
            .events
            .iter()
            .find(|(_, event)| matches!(event, Event::Closed { .. }));
        assert!(closed.is_none(), "{closed:?}");
    }

    pub(crate) fn send_data(&mut self, session: SessionId, channel: DataChannel, data: &[u8]) {
        let data = Bytes::copy_from_slice(data);
        self.engine_of(session).send_data(session, channel, data);
    }

    pub(crate) fn drops(&self, shard: usize, reason: engine::Drop) -> u64 {
        let drops = self.engines[shard].counters().drops();
        drops
            .filter(|(dropped, _)| *dropped == reason)
            .map(|(_, count)| count)
            .sum()
    }
}

pub(crate) fn server_address(shard: usize) -> SocketAddr {
    let shard = u16::try_from(shard).expect("few shards");
    SocketAddr::from(([127, 0, 0, 1], 7882 + shard))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a virtual clock needs some first instant"
)]
fn some_instant() -> Instant {
    Instant::now()
}
