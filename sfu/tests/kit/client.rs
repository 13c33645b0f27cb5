//! A WebRTC client of real str0m and a real socket, without a thread.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::source::{Publication, Shape, is_keyframe, number_of};

/// What a client has received of one media section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// Media packets.
    pub(crate) packets: u64,
    /// Packets that started a keyframe.
    pub(crate) keyframes: u64,
    /// Packets whose number was not above the one before.
    pub(crate) disordered: u64,
    /// Packets with an audio level.
    pub(crate) levels: u64,
    /// The publisher's number of the last packet.
    pub(crate) last_number: u64,
    /// The numbers of the first and the last packet's RTP header.
    pub(crate) sequence: Option<(u64, u64)>,
}

/// What a client tells of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// ICE and DTLS are up.
    pub(crate) is_connected: bool,
    /// By the name of the media section.
    pub(crate) sections: BTreeMap<String, Received>,
    /// Keyframes that the client was asked for.
    pub(crate) keyframes_asked: u64,
}

impl Report {
    /// Sums up all sections.
    pub(crate) fn packets(&self) -> u64 {
        self.sections.values().map(|section| section.packets).sum()
    }

    /// Tells whether no packet came twice or late.
    pub(crate) fn is_in_order(&self) -> bool {
        self.sections
            .values()
            .all(|section| section.disordered == 0)
    }
}

/// A media section to publish.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// The name of the track in the offer.
    pub(crate) cid: &'static str,
    /// What is sent.
    pub(crate) shape: Shape,
}

/// A client.
pub(crate) struct Client {
    rtc: Rtc,
    pub(crate) socket: UdpSocket,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    publications: Vec<Publication>,
    pub(crate) report: Report,
    /// When str0m wants to be driven.
    timeout: Instant,
}

impl Client {
    /// Makes a client with a socket of its own.
    pub(crate) fn new(now: Instant) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        // More than the kernel grants is asked for; less loss where clients are slow.
        let buffer = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
        buffer.unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        Self {
            rtc,
            socket,
            local,
            pending: None,
            publications: Vec::new(),
            report: Report::default(),
            timeout: now,
        }
    }

    /// Offers to send `tracks`.
    pub(crate) fn offer(&mut self, now: Instant, tracks: &[Published]) -> String {
        let mut changes = self.rtc.sdp_api();
        for track in tracks {
            let simulcast = (!track.shape.rids.is_empty()).then(|| {
                let mut simulcast = Simulcast::new();
                for rid in track.shape.rids {
                    simulcast.add_send_layer(SimulcastLayer::new(rid));
                }
                simulcast
            });
            let kind = if track.shape.is_video {
                MediaKind::Video
            } else {
                MediaKind::Audio
            };
            let stream = Some("stream".to_owned());
            let name = Some(track.cid.to_owned());
            let mid = changes.add_media(kind, Direction::SendOnly, stream, name, simulcast);
            self.publications
                .push(Publication::new(mid, track.shape.clone(), now));
        }
        let (offer, pending) = changes.apply().expect("something changed");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes the answer to the last offer.
    pub(crate) fn accept_answer(&mut self, sdp: &str) {
        let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
        let pending = self.pending.take().expect("an offer waits");
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    /// Answers an offer.
    pub(crate) fn accept_offer(&mut self, sdp: &str) -> String {
        let offer = SdpOffer::from_sdp_string(sdp).unwrap();
        let answer = self.rtc.sdp_api().accept_offer(offer).unwrap();
        answer.to_sdp_string()
    }

    /// Handles a datagram.
    pub(crate) fn handle_datagram(&mut self, now: Instant, source: SocketAddr, contents: &[u8]) {
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, contents) else {
            return;
        };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            self.rtc.handle_input(input).unwrap();
            self.drain();
        }
    }

    /// Publishes what is due and lets time pass.
    pub(crate) fn drive(&mut self, now: Instant) {
        if self.report.is_connected {
            for publication in &mut self.publications {
                while publication.write(now, &mut self.rtc) {}
            }
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain();
    }

    /// When [`Self::drive`] has to be called again.
    pub(crate) fn due(&self) -> Instant {
        let next = self.publications.iter().map(Publication::due).min();
        next.filter(|_| self.report.is_connected)
            .map_or(self.timeout, |next| next.min(self.timeout))
    }

    /// Waits for a datagram for at most `wait` and handles all that are there.
    pub(crate) fn receive(&mut self, wait: Duration) {
        self.socket
            .set_read_timeout(Some(wait.max(Duration::from_millis(1))))
            .unwrap();
        let mut buffer = [0; 2048];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, source)) => {
                self.handle_datagram(Instant::now(), source, &buffer[..length]);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("receiving failed: {error}"),
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(due) => {
                    self.timeout = due;
                    return;
                }
                Output::Transmit(transmit) => {
                    // Loss is none of the client's business.
                    let _ = self
                        .socket
                        .send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(event) => self.handle_event(event),
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "str0m tells more than we ask"
    )]
    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connected => self.report.is_connected = true,
            Event::KeyframeRequest(request) => {
                self.report.keyframes_asked += 1;
                for publication in &mut self.publications {
                    publication.ask_keyframe(request.mid, request.rid);
                }
            }
            Event::RtpPacket(packet) => {
                let mut direct = self.rtc.direct_api();
                let Some(stream) = direct.stream_rx(&packet.header.ssrc) else {
                    return;
                };
                let mid = stream.mid().to_string();
                let section = self.report.sections.entry(mid).or_default();
                let number = number_of(&packet.payload);
                let is_first = section.packets == 0;
                section.disordered += u64::from(!is_first && number <= section.last_number);
                section.packets += 1;
                section.keyframes += u64::from(is_keyframe(&packet.payload));
                section.levels += u64::from(packet.header.ext_vals.audio_level.is_some());
                section.last_number = number;
                let sequence: u64 = *packet.seq_no;
                let first = section.sequence.map_or(sequence, |(first, _)| first);
                section.sequence = Some((first, sequence));
            }
            _ => {}
        }
    }
}
