//! One WebRTC connection of a peer, with a socket of its own.
//!
//! A connection of the sample hands every datagram to its session. One outside counts media by its
//! headers and keeps the rest of the session alive: ICE, DTLS, SCTP and RTCP.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Registry, Token};
use quinn_udp::{BATCH_SIZE, UdpSocketState};
use thiserror::Error;

use crate::measure::{Counter, Timing, Totals};
use crate::media::Outgoing;
use crate::scene::TrackPlan;

use super::reception::{Reception, is_media};
use super::session::{Session, SessionError};
use super::socket::{Buffers, Kit, open};

/// Reads of a socket in one turn, of [`BATCH_SIZE`] datagrams each. More wait for the next turn.
const READS_MAX: usize = 8;

/// How often gaps and missing keyframes are looked after.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Why a connection can't go on.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// The system refused a socket.
    #[error("no socket")]
    Socket(#[source] io::Error),
    /// The session can't be made or go on.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What happened on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// ICE and DTLS are up.
    Connected,
    /// A keyframe is wanted of a track that we send: of one layer, or of all.
    KeyframeWanted {
        /// The track's number among those of the connection.
        track: usize,
        /// The layer, 0 is the smallest.
        layer: Option<u8>,
    },
}

/// Where a session's output goes.
pub(super) struct Sink<'a> {
    now: Instant,
    /// The same moment since the run's beginning.
    at: Duration,
    socket: &'a UdpSocket,
    reception: &'a mut Reception,
    events: &'a mut Vec<LinkEvent>,
    totals: &'a mut Totals,
}

impl Sink<'_> {
    /// Sends a datagram. What the kernel doesn't take is lost, as on any path.
    pub(super) fn transmit(&self, destination: SocketAddr, contents: &[u8]) {
        let _ = self.socket.send_to(contents, destination);
    }

    /// ICE and DTLS are up.
    pub(super) fn connected(&mut self) {
        self.events.push(LinkEvent::Connected);
    }

    /// A keyframe is wanted of a track that we send.
    pub(super) fn keyframe_wanted(&mut self, track: usize, layer: Option<usize>) {
        self.totals.count(Counter::KeyframesAsked);
        let layer = layer.and_then(|layer| u8::try_from(layer).ok());
        self.events.push(LinkEvent::KeyframeWanted { track, layer });
    }

    /// A decrypted packet came, which may be a repaired one.
    pub(super) fn received(&mut self, ssrc: u32, number: u16, payload: &[u8]) {
        let packet = (ssrc, number, payload);
        self.reception.check(self.now, self.at, packet, self.totals);
    }
}

/// A connection.
pub(crate) struct Link {
    session: Box<dyn Session>,
    socket: UdpSocket,
    state: UdpSocketState,
    /// Sections to receive with that we offered.
    sections: u32,
    reception: Reception,
    is_sampled: bool,
    epoch: Instant,
    is_connected: bool,
    /// When the session wants to be called.
    due: Instant,
    next_check: Instant,
    events: Vec<LinkEvent>,
}

impl Link {
    /// Opens a socket and makes a session.
    pub(crate) fn new(
        now: Instant,
        kit: &Kit,
        registry: &Registry,
        token: Token,
        is_sampled: bool,
    ) -> Result<Self, LinkError> {
        let (socket, state, local) = open(kit, registry, token).map_err(LinkError::Socket)?;
        Ok(Self {
            session: kit.sessions.session(now, local)?,
            socket,
            state,
            sections: 0,
            reception: Reception::default(),
            is_sampled,
            epoch: kit.epoch,
            is_connected: false,
            due: now,
            next_check: now,
            events: Vec::new(),
        })
    }

    /// Adds media sections and offers them; gives the offer.
    ///
    /// `receiving` are further sections to receive audio and video with. With the first of them the
    /// data channels are opened too, which in this mode is the client's part.
    pub(crate) fn offer_tracks(
        &mut self,
        now: Instant,
        tracks: &[(String, TrackPlan)],
        receiving: (u32, u32),
    ) -> Result<String, LinkError> {
        let has_channels = receiving != (0, 0) && self.sections == 0;
        self.sections += receiving.0 + receiving.1;
        Ok(self.session.offer(now, tracks, receiving, has_channels)?)
    }

    /// Offers new ICE credentials.
    pub(crate) fn offer_restart(&mut self, now: Instant) -> Result<String, LinkError> {
        Ok(self.session.offer_restart(now)?)
    }

    /// Takes the answer to the last offer. One that nobody waits for is ignored.
    pub(crate) fn accept_answer(&mut self, now: Instant, sdp: &str) -> Result<(), LinkError> {
        self.session.accept_answer(now, sdp)?;
        self.after_description(now, sdp);
        Ok(())
    }

    /// Answers an offer.
    pub(crate) fn accept_offer(&mut self, now: Instant, sdp: &str) -> Result<String, LinkError> {
        let answer = self.session.accept_offer(now, sdp)?;
        self.after_description(now, sdp);
        Ok(answer)
    }

    fn after_description(&mut self, now: Instant, sdp: &str) {
        self.reception.learn(sdp);
        // What there is to send is not sent before time passes.
        self.due = now;
    }

    /// Takes a candidate of the server. Only UDP is spoken; others are ignored.
    pub(crate) fn add_candidate(&mut self, now: Instant, line: &str) {
        self.session.add_candidate(line);
        self.due = now;
    }

    /// Tells whether the answer to an offer is waited for.
    pub(crate) fn is_offering(&self) -> bool {
        self.session.is_offering()
    }

    /// Sections to receive with that were offered.
    pub(crate) fn sections(&self) -> u32 {
        self.sections
    }

    /// Tells whether media can flow.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// When [`Self::handle_timeout`] has to be called.
    pub(crate) fn due(&self) -> Instant {
        if self.is_connected {
            self.due.min(self.next_check)
        } else {
            self.due
        }
    }

    /// What is received.
    pub(crate) fn reception(&mut self) -> &mut Reception {
        &mut self.reception
    }

    /// Gives the next event.
    pub(crate) fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop()
    }

    /// Reads what came. Gives whether more may be there.
    pub(crate) fn receive(
        &mut self,
        buffers: &mut Buffers,
        totals: &mut Totals,
    ) -> Result<bool, LinkError> {
        for _ in 0..READS_MAX {
            let mut chunks = buffers.storage.chunks_exact_mut(buffers.stride);
            let mut slices: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
                IoSliceMut::new(chunks.next().expect("there is a buffer for each datagram"))
            });
            let count =
                match self
                    .state
                    .recv((&self.socket).into(), &mut slices, &mut buffers.metas)
                {
                    Ok(count) => count,
                    // What is refused on the path (an ICMP message) shows as an error once.
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                    Err(_) => continue,
                };
            let now = Instant::now();
            for index in 0..count {
                let meta = buffers.metas[index];
                let start = index * buffers.stride;
                let contents = &buffers.storage[start..start + meta.len];
                for datagram in contents.chunks(meta.stride.max(1)) {
                    self.handle_datagram(now, meta.addr, datagram, totals)?;
                }
            }
            if count < BATCH_SIZE {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
        totals: &mut Totals,
    ) -> Result<(), LinkError> {
        if is_media(datagram) {
            self.reception.count(datagram, !self.is_sampled, totals);
            if !self.is_sampled {
                return Ok(());
            }
        }
        self.session.handle_datagram(now, source, datagram)?;
        self.drain(now, totals)
    }

    /// Lets time pass.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        totals: &mut Totals,
    ) -> Result<(), LinkError> {
        if now >= self.next_check {
            self.next_check = now + CHECK_INTERVAL;
            let session = &mut self.session;
            let want = |ssrc| session.want_keyframe(now, ssrc);
            self.reception.handle_timeout(now, want, totals);
        }
        self.session.handle_timeout(now)?;
        self.drain(now, totals)
    }

    /// Sends a packet of a track. It leaves with the next [`Self::handle_timeout`].
    pub(crate) fn send(
        &mut self,
        now: Instant,
        track: usize,
        packet: Outgoing,
        totals: &mut Totals,
    ) {
        totals.time(Timing::Lateness, packet.lateness);
        let bytes = packet.payload.len() as u64;
        if self.session.send(now, track, packet) {
            totals.count(Counter::PublishedPackets);
            totals.add(Counter::PublishedBytes, bytes);
            self.due = now;
        }
    }

    fn drain(&mut self, now: Instant, totals: &mut Totals) -> Result<(), LinkError> {
        let mut sink = Sink {
            now,
            at: now.saturating_duration_since(self.epoch),
            socket: &self.socket,
            reception: &mut self.reception,
            events: &mut self.events,
            totals,
        };
        self.due = self.session.drain(now, &mut sink)?;
        self.is_connected |= self.events.contains(&LinkEvent::Connected);
        Ok(())
    }

    /// Tells whether the session is over.
    pub(crate) fn is_over(&self) -> bool {
        self.session.is_over()
    }

    /// Takes the socket out of the poll.
    pub(crate) fn close(&mut self, registry: &Registry) {
        // It is closed with the link anyway.
        let _ = registry.deregister(&mut self.socket);
    }
}
