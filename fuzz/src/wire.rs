//! What the fuzz targets of `engine` do with their bytes. A test of `engine` replays the corpus through
//! the same functions.
//!
//! The engine runs with ciphers that hide and check nothing, so that what is invented here counts as
//! authentic and reaches SCTP, RTCP and our own code. Each function panics if an invariant does not
//! hold:
//!
//! - no session panics, however well that is contained;
//! - nothing is sent to an address that has not sent a valid STUN request before;
//! - tables stay within their bounds, and are empty once the room is closed.

#[path = "forge.rs"]
mod forge;
#[path = "sctp.rs"]
mod sctp;

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::{
    Codec, DataChannel, Engine, EngineConfig, Event, MediaKind, Offer, PendingTrack, RoomId,
    SessionConfig, SessionId, SessionKind, ShardId, Subscribe, Target, TrackId, Transmit,
};

use self::forge::{Input, STUN_COOKIE, TAG, check, record, reports};

/// What the peers of the fuzzed call offer: sound, a picture in three layers, and data.
const PUBLISHES: &str = include_str!("offers/publisher.sdp");
const RECEIVES: &str = include_str!("offers/subscriber.sdp");

const ROOM: RoomId = RoomId(1);
const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 7882);
const SESSIONS: usize = 3;
const SOUND: u64 = 1;
const CAMERA: u64 = 2;

/// Known to the gate at most: streams, their places and repair streams, for each session.
const GATE_MAX: usize = 128 * 3 + 1;
/// Known to the demultiplexer at most: addresses, ufrags and the session itself.
const DEMUX_MAX: usize = 32 + 4 + 1;

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const DTLS_HEADER_BYTES: usize = 13;

thread_local! {
    static ENGINE: RefCell<Option<(Engine, Instant)>> = const { RefCell::new(None) };
}

/// Plays datagrams of several senders into a call: each operation is a byte, followed by what it needs.
pub fn datagrams(bytes: &[u8]) {
    with_engine(|engine, now| {
        let mut call = Call::begin(engine, now);
        let mut input = Input(bytes);
        while call.step(&mut input).is_some() {
            call.flush();
            call.check();
        }
        call.end()
    });
}

/// Takes descriptions, one after the other, parted by a zero byte: offers of a client that publishes
/// and receives, or, if the first byte is odd, answers of one that was offered a picture.
pub fn descriptions(bytes: &[u8]) {
    let Some((&choice, texts)) = bytes.split_first() else {
        return;
    };
    with_engine(|engine, now| {
        engine.open_room(ROOM);
        let kind = match choice % 3 {
            0 => SessionKind::Single,
            1 => SessionKind::Subscriber,
            _ => SessionKind::Publisher,
        };
        let session = SessionId::new(ShardId(0), 1);
        let config = SessionConfig {
            ice_lite: choice & 0x40 == 0,
            ..SessionConfig::new(kind)
        };
        engine
            .create_session(now, ROOM, session, config)
            .expect("there is room for a session");
        engine.subscribe(session, wish(CAMERA, MediaKind::Video, Codec::Vp8));
        let mut sent = Transmit::default();
        for text in texts.split(|byte| *byte == 0) {
            let text = String::from_utf8_lossy(text);
            engine.flush(now, &mut sent);
            if kind == SessionKind::Subscriber {
                let _ = engine.handle_answer(session, 0, &text);
            } else {
                let offer = Offer {
                    sdp: text.into_owned(),
                    pending: pending(),
                };
                if let Ok(answer) = engine.handle_offer(session, &offer) {
                    let sections = |sdp: &str| sdp.lines().filter(|l| l.starts_with("m=")).count();
                    assert_eq!(
                        sections(&answer.sdp),
                        sections(&offer.sdp),
                        "each is answered"
                    );
                }
            }
            while engine.poll_event().is_some() {}
        }
        engine.flush(now, &mut sent);
        assert!(sent.is_empty(), "nobody has sent a connectivity check");
        assert_no_panic(engine);
        close(engine, now)
    });
}

/// Runs `work` on an engine that lives as long as the thread; it gives the time at its end.
fn with_engine(work: impl FnOnce(&mut Engine, Instant) -> Instant) {
    ENGINE.with_borrow_mut(|kept| {
        let (engine, now) = kept.get_or_insert_with(|| {
            // It has them already if another thread was first.
            let _ = engine::use_plain_crypto();
            let config = EngineConfig {
                candidates: vec![SERVER.into()],
                ..EngineConfig::default()
            };
            (Engine::new(config), origin())
        });
        *now = work(engine, *now);
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can be had no other way; the call counts from it"
)]
fn origin() -> Instant {
    Instant::now()
}

fn assert_no_panic(engine: &Engine) {
    assert_eq!(engine.counters().panics, 0, "a session panicked");
}

/// Closes the room; nothing may be left an hour later.
fn close(engine: &mut Engine, now: Instant) -> Instant {
    engine.close_room(ROOM);
    let later = now + Duration::from_hours(1);
    engine.handle_timeout(later);
    engine.flush(later, &mut Transmit::default());
    while engine.poll_event().is_some() {}
    while engine.poll_relay().is_some() {}
    let left: Vec<_> = engine
        .entries()
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    later
}

fn track(number: u64) -> TrackId {
    TrackId::new(ShardId(0), number)
}

fn pending() -> Vec<PendingTrack> {
    let announce = |number, cid: &str, kind, codec| PendingTrack {
        track: track(number),
        cid: cid.to_owned(),
        kind,
        codec: Some(codec),
        stereo: true,
        dtx: true,
    };
    vec![
        announce(SOUND, "cid-sound", MediaKind::Audio, Codec::Opus),
        announce(CAMERA, "cid-camera", MediaKind::Video, Codec::Vp8),
    ]
}

fn wish(number: u64, kind: MediaKind, codec: Codec) -> Subscribe {
    Subscribe {
        track: track(number),
        kind,
        codec,
        stream: "PA_1".to_owned(),
        name: format!("TR_{number}"),
        target: Target::ALL,
        cuts_trailer: false,
        hears_all: false,
        stereo: false,
    }
}

/// A peer of the call and what it knows of the server's side.
struct Peer {
    session: SessionId,
    address: SocketAddr,
    ufrag: String,
    /// Verification tag of the server's SCTP association.
    sctp_tag: u32,
    /// Our next transmission sequence number.
    sctp_tsn: u32,
    sequence: u16,
}

struct Call<'a> {
    engine: &'a mut Engine,
    now: Instant,
    /// Of the first, media flows; the second receives it; the third is half open.
    peers: Vec<Peer>,
    /// Addresses of which a valid connectivity check came.
    validated: BTreeSet<SocketAddr>,
    transmit: Transmit,
    /// Data channels that the server knows as open.
    channels: usize,
}

impl<'a> Call<'a> {
    fn begin(engine: &'a mut Engine, now: Instant) -> Self {
        engine.open_room(ROOM);
        let forwarded = engine.counters().packets_forwarded;
        let mut call = Self {
            engine,
            now,
            peers: Vec::new(),
            validated: BTreeSet::new(),
            transmit: Transmit::default(),
            channels: 0,
        };
        for number in 0..SESSIONS {
            call.join(number);
        }
        for peer in [0, 1] {
            let check = check(&call.peers[peer].ufrag, &[0, 0x25, 0, 0]);
            call.send(call.peers[peer].address, &check);
            call.flush();
            call.send(call.peers[peer].address, &[HANDSHAKE; 14]);
            call.flush();
            call.begin_sctp(peer);
            call.flush();
            call.open_channel(peer, 1, b"_reliable");
            call.flush();
        }
        for encoding in 0..4 {
            call.media(0, encoding, &[0x90, 0xe0, 0x92, 0x34, 7, 0x20, 0x10], true);
            call.flush();
        }
        // Else the seeds would not get anywhere.
        let entries = call.engine.entries();
        assert_eq!((entries["ingress"], call.channels), (4, 2), "{entries:?}");
        assert!(
            call.engine.counters().packets_forwarded > forwarded,
            "media flows"
        );
        call
    }

    fn join(&mut self, number: usize) {
        let session = SessionId::new(ShardId(0), number as u64 + 1);
        let config = SessionConfig::new(SessionKind::Single);
        self.engine
            .create_session(self.now, ROOM, session, config)
            .expect("there is room for a session");
        let (sdp, pending) = if number == 0 {
            (PUBLISHES, pending())
        } else {
            self.engine
                .subscribe(session, wish(SOUND, MediaKind::Audio, Codec::Opus));
            self.engine
                .subscribe(session, wish(CAMERA, MediaKind::Video, Codec::Vp8));
            (RECEIVES, Vec::new())
        };
        let offer = Offer {
            sdp: sdp.to_owned(),
            pending,
        };
        let answer = self
            .engine
            .handle_offer(session, &offer)
            .expect("the offer of an honest client is taken");
        let line = answer
            .sdp
            .lines()
            .find_map(|line| line.strip_prefix("a=ice-ufrag:"));
        self.peers.push(Peer {
            session,
            address: address(number),
            ufrag: line.expect("an answer has a ufrag").to_owned(),
            sctp_tag: 0,
            sctp_tsn: 1,
            sequence: 0,
        });
    }

    /// Does one operation; `None` at the end of the input.
    fn step(&mut self, input: &mut Input<'_>) -> Option<()> {
        let operation = input.byte()?;
        let peer = usize::from(operation >> 6) % SESSIONS;
        let source = self.source(peer, operation);
        match operation % 16 {
            0 => self.send(source, input.bytes()?),
            1 | 2 => {
                let check = check(&self.peers[peer].ufrag, input.bytes()?);
                self.send(source, &check);
            }
            3 => {
                let kind = 20 + input.byte()? % 8;
                let datagram = record(kind, input.bytes()?);
                self.send(source, &datagram);
            }
            4..=6 => self.sctp_operation(peer, input)?,
            7..=9 => {
                let choice = input.byte()?;
                let has_names = choice & 0x80 != 0;
                self.media(peer, usize::from(choice & 0x7f), input.bytes()?, has_names);
            }
            10 => {
                let datagram = self.odd_media(peer, input)?;
                self.send(source, &datagram);
            }
            11 | 12 => {
                let datagram = reports(input)?;
                self.send(source, &datagram);
            }
            13 => {
                self.now += Duration::from_millis(u64::from(input.byte()?) * 40);
                self.engine.handle_timeout(self.now);
            }
            14 => {
                let session = self.peers[peer].session;
                let data = Bytes::copy_from_slice(input.bytes()?);
                let channel = match operation & 0x30 {
                    0 => DataChannel::Lossy,
                    0x10 => DataChannel::DataTrack,
                    _ => DataChannel::Reliable,
                };
                self.engine.send_data(session, channel, data);
            }
            _ => self.steer(peer, input.byte()?),
        }
        Some(())
    }

    /// Where a datagram seems to come from: its peer mostly, else another one or a stranger.
    fn source(&self, peer: usize, operation: u8) -> SocketAddr {
        match operation & 0x30 {
            0x30 => address(100),
            0x20 => address((peer + 1) % SESSIONS),
            _ => self.peers[peer].address,
        }
    }

    fn steer(&mut self, peer: usize, choice: u8) {
        let session = self.peers[peer].session;
        let number = if choice & 1 == 0 { SOUND } else { CAMERA };
        match choice % 8 {
            0 | 1 => self.engine.unsubscribe(session, track(number)),
            2 | 3 => {
                let (kind, codec) = match number {
                    SOUND => (MediaKind::Audio, Codec::Opus),
                    _ => (MediaKind::Video, Codec::Vp8),
                };
                self.engine.subscribe(session, wish(number, kind, codec));
            }
            4 => self
                .engine
                .set_target(session, track(number), Target::Paused),
            5 => {
                let target = Target::Layers {
                    spatial: choice >> 4 & 3,
                    temporal: choice >> 6,
                };
                self.engine.set_target(session, track(number), target);
            }
            6 => self.engine.restart_ice(session),
            _ => {
                let sdp = if peer == 0 { PUBLISHES } else { RECEIVES }.to_owned();
                let pending = Vec::new();
                let _ = self.engine.handle_offer(session, &Offer { sdp, pending });
            }
        }
    }

    fn send(&mut self, source: SocketAddr, datagram: &[u8]) {
        if is_valid_check(datagram) {
            self.validated.insert(source);
        }
        self.engine
            .handle_datagram(self.now, source, SERVER.into(), datagram);
    }

    /// A packet of one of the streams that were offered.
    fn media(&mut self, peer: usize, choice: usize, payload: &[u8], has_names: bool) {
        let (payload_type, ssrc, names): (u8, u32, &[(u8, u8)]) = match choice % 8 {
            0 => (111, 0xa0, &[(4, b'0')]),
            1 => (96, 0xa1, &[(4, b'1'), (10, b'q')]),
            2 => (96, 0xa2, &[(4, b'1'), (10, b'h')]),
            3 => (96, 0xa3, &[(4, b'1'), (10, b'f')]),
            4 => (97, 0xb1, &[(4, b'1'), (11, b'q')]),
            5 => (97, 0xb3, &[(4, b'1'), (11, b'f')]),
            6 => (97, 0, &[]),
            _ => (98, 0xa4, &[(4, b'1'), (10, b'f')]),
        };
        let peer = &mut self.peers[peer];
        peer.sequence = peer.sequence.wrapping_add(1);
        let step = u32::from(peer.sequence) * 3000;
        let mut packet = vec![0x80, payload_type | 0x80];
        packet.extend(peer.sequence.to_be_bytes());
        packet.extend(step.to_be_bytes());
        packet.extend(ssrc.to_be_bytes());
        if has_names && !names.is_empty() {
            packet[0] |= 0x10;
            packet.extend([0xbe, 0xde, 0, 1]);
            let start = packet.len();
            packet.extend(names.iter().flat_map(|(id, value)| [id << 4, *value]));
            packet.resize(start + 4, 0);
        }
        packet.extend(payload);
        packet.extend(TAG);
        let address = peer.address;
        self.send(address, &packet);
    }

    /// A packet whose header is made up too.
    fn odd_media(&mut self, peer: usize, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let (first, payload_type) = (input.byte()?, input.byte()?);
        let (ssrc, jump) = (input.byte()?, input.byte()?);
        let rest = input.bytes()?;
        let peer = &mut self.peers[peer];
        peer.sequence = peer.sequence.wrapping_add(u16::from(jump) << 4);
        let mut packet = vec![0x80 | first & 0x3f, payload_type];
        packet.extend(peer.sequence.to_be_bytes());
        packet.extend([jump; 4]);
        packet.extend([0, 0, 0, ssrc]);
        packet.extend(rest);
        packet.extend(TAG);
        Some(packet)
    }

    /// Lets the server speak, and the peers do what an SCTP handshake needs.
    fn flush(&mut self) {
        for _ in 0..8 {
            let mut transmit = std::mem::take(&mut self.transmit);
            while self.engine.flush(self.now, &mut transmit) {}
            let mut replies = VecDeque::new();
            for (number, datagram) in transmit.datagrams().iter().enumerate() {
                let contents = transmit.contents(number..number + 1);
                assert!(
                    self.validated.contains(&datagram.destination),
                    "{} bytes to {}, which has not shown that it receives",
                    contents.len(),
                    datagram.destination
                );
                let peer = self
                    .peers
                    .iter()
                    .position(|p| p.address == datagram.destination);
                if let (Some(peer), Some(&APPLICATION_DATA)) = (peer, contents.first()) {
                    replies.extend(self.sctp_reply(peer, contents));
                }
            }
            transmit.clear();
            self.transmit = transmit;
            while let Some((_, event)) = self.engine.poll_event() {
                self.channels += usize::from(matches!(event, Event::DataChannelOpen { .. }));
            }
            while self.engine.poll_relay().is_some() {}
            if replies.is_empty() {
                return;
            }
            for (peer, tag, reply) in replies {
                self.sctp(peer, tag, &reply);
            }
        }
    }

    fn check(&self) {
        assert_no_panic(self.engine);
        let entries = self.engine.entries();
        assert!(entries["gate"] <= SESSIONS * GATE_MAX, "{entries:?}");
        assert!(entries["demux"] <= SESSIONS * DEMUX_MAX, "{entries:?}");
        assert!(entries["ingress"] <= SESSIONS * 8, "{entries:?}");
    }

    fn end(self) -> Instant {
        close(self.engine, self.now)
    }
}

fn address(number: usize) -> SocketAddr {
    let port = 40_000 + u16::try_from(number).expect("few peers");
    SocketAddr::from(([10, 0, 0, 1], port))
}

/// Whether a datagram may pass as a connectivity check: the rest of it decides.
fn is_valid_check(datagram: &[u8]) -> bool {
    datagram.len() >= 20 && datagram[0] < 4 && datagram[4..8] == STUN_COOKIE
}
