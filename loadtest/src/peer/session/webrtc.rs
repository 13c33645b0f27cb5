//! Sessions of webrtc-rs: its crate `rtc`, which has all of its protocol code and no sockets.
//!
//! It shares no code with the server: ICE, DTLS, SRTP, SCTP and SDP are its own, and so is the
//! cryptography (ring). That both sides understand each other is no agreement of one crate with
//! itself.

mod keyframes;
mod sending;
mod setup;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::peer_connection::RTCPeerConnection;
use rtc::peer_connection::event::{RTCPeerConnectionEvent, RTCTrackEvent};
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::RTCRtpReceiverId;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use crate::media::Outgoing;
use crate::scene::TrackPlan;

use super::{CHANNELS, Session, SessionError, Sink};
use sending::Sending;
pub(super) use setup::Shared;

/// How long a session that has no timer sleeps.
const SLEEP: Duration = Duration::from_secs(1);

/// Candidates of the server that wait for its description; further ones are ignored.
const CANDIDATES_MAX: usize = 16;

/// Streams whose receivers are known, for keyframe requests; more than any scene has.
const STREAMS_MAX: usize = 4096;

/// A session.
pub(super) struct WebrtcSession {
    connection: RTCPeerConnection,
    local: SocketAddr,
    sending: Vec<Sending>,
    /// Bounded by [`CANDIDATES_MAX`].
    candidates: Vec<String>,
    /// By SSRC; bounded by [`STREAMS_MAX`].
    receivers: HashMap<u32, RTCRtpReceiverId>,
    is_offering: bool,
    is_over: bool,
}

impl WebrtcSession {
    pub(super) fn new(
        now: Instant,
        local: SocketAddr,
        shared: &Shared,
    ) -> Result<Self, SessionError> {
        Ok(Self {
            connection: setup::connection(now, local, shared).map_err(SessionError::unavailable)?,
            local,
            sending: Vec::new(),
            candidates: Vec::new(),
            receivers: HashMap::new(),
            is_offering: false,
            is_over: false,
        })
    }

    fn add_sections(
        &mut self,
        tracks: &[(String, TrackPlan)],
        receiving: (u32, u32),
        has_channels: bool,
    ) -> Result<(), Error> {
        let connection = &mut self.connection;
        if has_channels {
            for label in CHANNELS {
                connection.create_data_channel(label, None)?;
            }
        }
        for (kind, count) in [
            (RtpCodecKind::Audio, receiving.0),
            (RtpCodecKind::Video, receiving.1),
        ] {
            for _ in 0..count {
                connection.add_transceiver_from_kind(kind, None)?;
            }
        }
        for (cid, plan) in tracks {
            self.sending.push(Sending::add(connection, cid, plan)?);
        }
        Ok(())
    }

    fn make_offer(&mut self, now: Instant) -> Result<String, Error> {
        let offer = self.connection.create_offer(None)?;
        let sdp = offer.sdp.clone();
        self.connection.set_local_description(now, offer)?;
        self.is_offering = true;
        Ok(sdp)
    }

    fn answer(&mut self, now: Instant, sdp: &str) -> Result<String, Error> {
        let offer = RTCSessionDescription::offer(sdp.to_owned())?;
        self.connection.set_remote_description(now, offer)?;
        let answer = self.connection.create_answer(None)?;
        self.connection.set_local_description(now, answer.clone())?;
        self.add_candidates(sdp);
        Ok(answer.sdp)
    }

    /// Adds the candidates that came early, and those of a description again: `rtc` overlooks what
    /// stands in an inactive section. Those that it knows it leaves out.
    fn add_candidates(&mut self, sdp: &str) {
        for candidate in std::mem::take(&mut self.candidates) {
            self.add_candidate_now(candidate);
        }
        let lines = sdp.lines().filter_map(|line| line.strip_prefix("a="));
        for line in lines.filter(|line| line.starts_with("candidate:")) {
            self.add_candidate(line);
        }
    }

    /// A candidate that is not understood is one way less to the server, as if it hadn't come.
    fn add_candidate_now(&mut self, candidate: String) {
        let init = RTCIceCandidateInit {
            candidate,
            ..RTCIceCandidateInit::default()
        };
        let _ = self.connection.add_remote_candidate(init);
    }

    fn follow_event(&mut self, event: &RTCPeerConnectionEvent, sink: &mut Sink<'_>) {
        if let RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) = event {
            let ends = [
                RTCPeerConnectionState::Failed,
                RTCPeerConnectionState::Closed,
            ];
            self.is_over |= ends.contains(state);
            if *state == RTCPeerConnectionState::Connected {
                sink.connected();
            }
        }
        if let RTCPeerConnectionEvent::OnTrack(RTCTrackEvent::OnOpen(track)) = event
            && self.receivers.len() < STREAMS_MAX
        {
            self.receivers.insert(track.ssrc, track.receiver_id);
        }
    }

    fn follow_message(&self, message: &RTCMessage, sink: &mut Sink<'_>) {
        if let RTCMessage::RtpPacket(_, packet) = message {
            let header = &packet.header;
            sink.received(header.ssrc, header.sequence_number, &packet.payload);
        }
        if let RTCMessage::RtcpPacket(_, packets) = message {
            let wanted = packets.iter().map(|one| keyframes::wanted(one.as_ref()));
            for ssrc in wanted.flatten() {
                self.pass_keyframe_request(ssrc, sink);
            }
        }
    }

    fn pass_keyframe_request(&self, ssrc: u32, sink: &mut Sink<'_>) {
        for (track, sending) in self.sending.iter().enumerate() {
            if let Some(layer) = sending.layer_of(ssrc) {
                sink.keyframe_wanted(track, Some(layer));
            }
        }
    }
}

impl Session for WebrtcSession {
    fn offer(
        &mut self,
        now: Instant,
        tracks: &[(String, TrackPlan)],
        receiving: (u32, u32),
        has_channels: bool,
    ) -> Result<String, SessionError> {
        self.add_sections(tracks, receiving, has_channels)
            .and_then(|()| self.make_offer(now))
            .map_err(SessionError::description)
    }

    fn offer_restart(&mut self, now: Instant) -> Result<String, SessionError> {
        self.connection.restart_ice();
        self.make_offer(now).map_err(SessionError::description)
    }

    fn is_offering(&self) -> bool {
        self.is_offering
    }

    fn accept_answer(&mut self, now: Instant, sdp: &str) -> Result<(), SessionError> {
        if !std::mem::take(&mut self.is_offering) {
            return Ok(());
        }
        let answer = RTCSessionDescription::answer(sdp.to_owned());
        answer
            .and_then(|answer| self.connection.set_remote_description(now, answer))
            .map_err(SessionError::description)?;
        for sending in &mut self.sending {
            sending.learn(&mut self.connection);
        }
        self.add_candidates(sdp);
        Ok(())
    }

    fn accept_offer(&mut self, now: Instant, sdp: &str) -> Result<String, SessionError> {
        self.answer(now, sdp).map_err(SessionError::description)
    }

    fn add_candidate(&mut self, line: &str) {
        let transport = line.split_whitespace().nth(2);
        if !transport.is_some_and(|name| name.eq_ignore_ascii_case("udp")) {
            return;
        }
        if self.connection.remote_description().is_some() {
            self.add_candidate_now(line.to_owned());
        } else if self.candidates.len() < CANDIDATES_MAX {
            self.candidates.push(line.to_owned());
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), SessionError> {
        let tagged = TaggedBytesMut {
            now,
            transport: TransportContext {
                local_addr: self.local,
                peer_addr: source,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(datagram),
        };
        self.connection
            .handle_read(tagged)
            .map_err(SessionError::broken)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.connection
            .handle_timeout(now)
            .map_err(SessionError::broken)
    }

    fn send(&mut self, now: Instant, track: usize, packet: Outgoing) -> bool {
        let sending = self.sending.get(track);
        sending.is_some_and(|sending| sending.send(now, &mut self.connection, packet))
    }

    fn want_keyframe(&mut self, now: Instant, ssrc: u32) {
        let Some(receiver) = self.receivers.get(&ssrc) else {
            return;
        };
        if let Some(mut receiver) = self.connection.rtp_receiver(*receiver) {
            let request = PictureLossIndication {
                sender_ssrc: 0,
                media_ssrc: ssrc,
            };
            // One that doesn't go out is repeated as long as the keyframe is missing.
            let _ = receiver.write_rtcp(now, vec![Box::new(request)]);
        }
    }

    fn drain(&mut self, now: Instant, sink: &mut Sink<'_>) -> Result<Instant, SessionError> {
        while let Some(event) = self.connection.poll_event() {
            self.follow_event(&event, sink);
        }
        while let Some(TaggedRTCMessage { message, .. }) = self.connection.poll_read() {
            self.follow_message(&message, sink);
        }
        while let Some(datagram) = self.connection.poll_write() {
            sink.transmit(datagram.transport.peer_addr, &datagram.message);
        }
        Ok(self.connection.poll_timeout().unwrap_or(now + SLEEP))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}
