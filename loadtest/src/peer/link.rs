//! One WebRTC connection of a peer, with a socket of its own.
//!
//! A connection of the sample hands every datagram to str0m. One outside counts media by its headers
//! and keeps the rest of the session alive: ICE, DTLS, SCTP and RTCP.

mod descriptions;

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Registry, Token};
use quinn_udp::{BATCH_SIZE, UdpSocketState};
use str0m::change::SdpPendingOffer;
use str0m::format::Codec;
use str0m::media::{Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};
use thiserror::Error;

use crate::measure::{Counter, Timing, Totals};
use crate::media::Outgoing;

use super::reception::{Reception, is_media};
use super::socket::{Buffers, Kit, open};

/// Reads of a socket in one turn, of [`BATCH_SIZE`] datagrams each. More wait for the next turn.
const READS_MAX: usize = 8;

/// First RTP sequence number: high enough that a repaired packet before it has a number.
const FIRST_SEQUENCE: u64 = 1000;

/// How often gaps and missing keyframes are looked after.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Why a connection can't go on.
#[derive(Debug, Error)]
pub(crate) enum LinkError {
    /// The system refused a socket.
    #[error("no socket")]
    Socket(#[source] io::Error),
    /// A description that can't be read or applied.
    #[error("the server's description is not understood")]
    Description(#[source] RtcError),
    /// The session broke.
    #[error("the media session failed")]
    Session(#[source] RtcError),
}

/// What happened on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// ICE and DTLS are up.
    Connected,
    /// A keyframe is wanted of what we send.
    KeyframeWanted(Mid, Option<str0m::media::Rid>),
}

/// A connection.
pub(crate) struct Link {
    rtc: Rtc,
    socket: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    /// Sections to receive with that we offered.
    sections: u32,
    reception: Reception,
    is_sampled: bool,
    epoch: Instant,
    is_connected: bool,
    /// When str0m wants to be called.
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
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_crypto_provider(Arc::clone(&kit.crypto))
            .set_dtls_cert(kit.certificate.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        if let Ok(candidate) = Candidate::host(local, "udp") {
            rtc.add_local_candidate(candidate);
        }
        Ok(Self {
            rtc,
            socket,
            state,
            local,
            pending: None,
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

    /// Takes a candidate of the server. Only UDP is spoken; others are ignored.
    pub(crate) fn add_candidate(&mut self, line: &str) {
        if let Ok(candidate) = Candidate::from_sdp_string(line)
            && candidate.proto() == Protocol::Udp
        {
            self.rtc.add_remote_candidate(candidate);
            self.due = Instant::now();
        }
    }

    /// Tells whether the answer to an offer is waited for.
    pub(crate) fn is_offering(&self) -> bool {
        self.pending.is_some()
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
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, datagram) else {
            return Ok(());
        };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return Ok(());
        }
        self.rtc.handle_input(input).map_err(LinkError::Session)?;
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
            self.reception.handle_timeout(now, &mut self.rtc, totals);
        }
        let input = Input::Timeout(now);
        self.rtc.handle_input(input).map_err(LinkError::Session)?;
        self.drain(now, totals)
    }

    /// Sends a packet of a track. It leaves with the next [`Self::handle_timeout`].
    pub(crate) fn send(
        &mut self,
        now: Instant,
        mid: Mid,
        rid: &str,
        packet: Outgoing,
        totals: &mut Totals,
    ) {
        let codec = if packet.level.is_some() {
            Codec::Opus
        } else {
            Codec::Vp8
        };
        let Some(pt) = self.pt_of(codec) else {
            return;
        };
        let mut values = ExtensionValues::default();
        if let Some((level, is_voice)) = packet.level {
            values.audio_level = Some(level);
            values.voice_activity = Some(is_voice);
        }
        totals.time(Timing::Lateness, packet.lateness);
        let bytes = packet.payload.len() as u64;
        let number = FIRST_SEQUENCE + u64::from(packet.counter);
        let write = RtpWrite::new(pt, number.into(), packet.timestamp, now, packet.payload)
            .marker(packet.is_marker)
            .nackable(codec == Codec::Vp8)
            .ext_vals(values);
        let rid = (!rid.is_empty()).then(|| rid.into());
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, rid) {
            stream.write_rtp(write);
            totals.count(Counter::PublishedPackets);
            totals.add(Counter::PublishedBytes, bytes);
            self.due = now;
        }
    }

    fn pt_of(&self, codec: Codec) -> Option<Pt> {
        let mut params = self.rtc.codec_config().params().iter();
        let params = params.find(|params| params.spec().codec == codec);
        params.map(str0m::format::PayloadParams::pt)
    }

    fn drain(&mut self, now: Instant, totals: &mut Totals) -> Result<(), LinkError> {
        loop {
            match self.rtc.poll_output().map_err(LinkError::Session)? {
                Output::Timeout(due) => {
                    self.due = due;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    // What the kernel doesn't take is lost, as on any path.
                    let _ = self
                        .socket
                        .send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::Connected) => {
                    self.is_connected = true;
                    self.events.push(LinkEvent::Connected);
                }
                Output::Event(Event::KeyframeRequest(request)) => {
                    totals.count(Counter::KeyframesAsked);
                    let event = LinkEvent::KeyframeWanted(request.mid, request.rid);
                    self.events.push(event);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let at = now.saturating_duration_since(self.epoch);
                    self.reception.check(now, at, &packet, totals);
                }
                Output::Event(_) => {}
            }
        }
    }

    /// Tells whether the session is over.
    pub(crate) fn is_over(&self) -> bool {
        !self.rtc.is_alive()
    }

    /// Takes the socket out of the poll.
    pub(crate) fn close(&mut self, registry: &Registry) {
        // It is closed with the link anyway.
        let _ = registry.deregister(&mut self.socket);
    }
}
