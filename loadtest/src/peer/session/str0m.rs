//! Sessions of str0m.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer};
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::error::RtcError;
use str0m::format::Codec;
use str0m::media::{
    Direction, KeyframeRequestKind, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};
use thiserror::Error;

use crate::media::Outgoing;
use crate::scene::TrackPlan;

use super::{CHANNELS, FIRST_SEQUENCE, STREAM, Session, SessionError, Sink};

/// No certificate could be made.
#[derive(Debug, Error)]
#[error("no certificate could be made")]
struct NoCertificate;

/// What all sessions share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    crypto: Arc<CryptoProvider>,
    /// One certificate, so that none has to be made for each peer.
    certificate: DtlsCert,
}

impl Shared {
    pub(super) fn new() -> Result<Self, SessionError> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate();
        Ok(Self {
            certificate: certificate.ok_or_else(|| SessionError::unavailable(NoCertificate))?,
            crypto,
        })
    }
}

/// A track that is sent.
struct Sending {
    mid: Mid,
    /// Names of its layers, smallest first; empty without simulcast.
    rids: Vec<Rid>,
}

/// A session.
pub(super) struct Str0mSession {
    rtc: Rtc,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    sending: Vec<Sending>,
}

impl Str0mSession {
    pub(super) fn new(now: Instant, local: SocketAddr, shared: &Shared) -> Self {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_crypto_provider(Arc::clone(&shared.crypto))
            .set_dtls_cert(shared.certificate.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(now);
        if let Ok(candidate) = Candidate::host(local, "udp") {
            rtc.add_local_candidate(candidate);
        }
        Self {
            rtc,
            local,
            pending: None,
            sending: Vec::new(),
        }
    }

    fn keep(&mut self, offer: Option<(SdpOffer, SdpPendingOffer)>) -> String {
        let Some((offer, pending)) = offer else {
            return String::new();
        };
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    fn pt_of(&self, codec: Codec) -> Option<Pt> {
        let mut params = self.rtc.codec_config().params().iter();
        let params = params.find(|params| params.spec().codec == codec);
        params.map(str0m::format::PayloadParams::pt)
    }

    fn handle(&mut self, input: Input<'_>) -> Result<(), SessionError> {
        self.rtc.handle_input(input).map_err(SessionError::broken)
    }
}

fn add_track(changes: &mut SdpApi<'_>, cid: &str, plan: &TrackPlan) -> Sending {
    let (kind, layers) = match plan {
        TrackPlan::Camera(layers) => (MediaKind::Video, layers.as_slice()),
        TrackPlan::Screen(_) => (MediaKind::Video, [].as_slice()),
        TrackPlan::Microphone => (MediaKind::Audio, [].as_slice()),
    };
    let simulcast = (!layers.is_empty()).then(|| {
        let mut simulcast = Simulcast::new();
        for layer in layers {
            simulcast.add_send_layer(SimulcastLayer::new(layer.rid));
        }
        simulcast
    });
    let (stream, cid) = (Some(STREAM.to_owned()), Some(cid.to_owned()));
    Sending {
        mid: changes.add_media(kind, Direction::SendOnly, stream, cid, simulcast),
        rids: layers.iter().map(|layer| layer.rid.into()).collect(),
    }
}

impl Session for Str0mSession {
    fn offer(
        &mut self,
        _now: Instant,
        tracks: &[(String, TrackPlan)],
        receiving: (u32, u32),
        has_channels: bool,
    ) -> Result<String, SessionError> {
        let mut changes = self.rtc.sdp_api();
        if has_channels {
            for label in CHANNELS {
                changes.add_channel(label.to_owned());
            }
        }
        for (kind, count) in [
            (MediaKind::Audio, receiving.0),
            (MediaKind::Video, receiving.1),
        ] {
            for _ in 0..count {
                changes.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        for (cid, plan) in tracks {
            self.sending.push(add_track(&mut changes, cid, plan));
        }
        let offer = changes.apply();
        Ok(self.keep(offer))
    }

    fn offer_restart(&mut self, _now: Instant) -> Result<String, SessionError> {
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(true);
        let offer = changes.apply();
        Ok(self.keep(offer))
    }

    fn is_offering(&self) -> bool {
        self.pending.is_some()
    }

    fn accept_answer(&mut self, _now: Instant, sdp: &str) -> Result<(), SessionError> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(RtcError::from);
        let answer = answer.map_err(SessionError::description)?;
        let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
        accepted.map_err(SessionError::description)
    }

    fn accept_offer(&mut self, _now: Instant, sdp: &str) -> Result<String, SessionError> {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(RtcError::from);
        let offer = offer.map_err(SessionError::description)?;
        let answer = self.rtc.sdp_api().accept_offer(offer);
        let answer = answer.map_err(SessionError::description)?;
        Ok(answer.to_sdp_string())
    }

    fn add_candidate(&mut self, line: &str) {
        if let Ok(candidate) = Candidate::from_sdp_string(line)
            && candidate.proto() == Protocol::Udp
        {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), SessionError> {
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, datagram) else {
            return Ok(());
        };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            self.handle(input)
        } else {
            Ok(())
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.handle(Input::Timeout(now))
    }

    fn send(&mut self, now: Instant, track: usize, packet: Outgoing) -> bool {
        let codec = if packet.level.is_some() {
            Codec::Opus
        } else {
            Codec::Vp8
        };
        let (Some(pt), Some(sending)) = (self.pt_of(codec), self.sending.get(track)) else {
            return false;
        };
        let mut values = ExtensionValues::default();
        if let Some((level, is_voice)) = packet.level {
            values.audio_level = Some(level);
            values.voice_activity = Some(is_voice);
        }
        let number = u64::from(FIRST_SEQUENCE) + u64::from(packet.counter);
        let write = RtpWrite::new(pt, number.into(), packet.timestamp, now, packet.payload)
            .marker(packet.is_marker)
            .nackable(codec == Codec::Vp8)
            .ext_vals(values);
        let rid = sending.rids.get(usize::from(packet.layer)).copied();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(sending.mid, rid);
        let Some(stream) = stream else {
            return false;
        };
        stream.write_rtp(write);
        true
    }

    fn want_keyframe(&mut self, _now: Instant, ssrc: u32) {
        if let Some(stream) = self.rtc.direct_api().stream_rx(&Ssrc::from(ssrc)) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    fn drain(&mut self, _now: Instant, sink: &mut Sink<'_>) -> Result<Instant, SessionError> {
        loop {
            match self.rtc.poll_output().map_err(SessionError::broken)? {
                Output::Timeout(due) => return Ok(due),
                Output::Transmit(transmit) => {
                    sink.transmit(transmit.destination, &transmit.contents);
                }
                Output::Event(Event::Connected) => sink.connected(),
                Output::Event(Event::KeyframeRequest(request)) => {
                    let mut sending = self.sending.iter();
                    let Some(track) = sending.position(|one| one.mid == request.mid) else {
                        continue;
                    };
                    let layer = request.rid.and_then(|rid| {
                        let mut rids = self.sending[track].rids.iter();
                        rids.position(|one| *one == rid)
                    });
                    sink.keyframe_wanted(track, layer);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let header = &packet.header;
                    sink.received(*header.ssrc, header.sequence_number, &packet.payload);
                }
                Output::Event(_) => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        !self.rtc.is_alive()
    }
}
