//! A connection of webrtc-rs as a peer needs it: codecs, header extensions, its one candidate.

use std::net::SocketAddr;
use std::time::Instant;

use rtc::crypto::{self, SignatureScheme};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MediaEngine,
};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::shared::error::Error;

use super::super::SessionError;
use super::keyframes::KeyframeRequests;

/// Payload types that are offered; the server may offer others.
const OPUS: u8 = 111;
const VP8: u8 = 96;
const RTX: u8 = 97;

/// Farther from the wire than all that `rtc` brings.
const BEHIND_ALL: Slot = Slot::Custom(14_000);

/// Header extensions that a peer writes.
pub(super) const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
pub(super) const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
pub(super) const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// What all sessions share.
#[derive(Debug, Clone)]
pub(in super::super) struct Shared {
    /// One certificate, so that none has to be made for each peer.
    certificate: RTCCertificate,
}

impl Shared {
    pub(in super::super) fn new() -> Result<Self, SessionError> {
        let provider = crypto::default_provider().map_err(SessionError::unavailable)?;
        let scheme = SignatureScheme::EcdsaP256Sha256;
        let params = CertificateParams::default();
        let certificate = RTCCertificate::generate(provider.crypto(), scheme, params);
        Ok(Self {
            certificate: certificate.map_err(SessionError::unavailable)?,
        })
    }
}

/// The codec of sound or of pictures, without feedback: the interceptors add what they do.
pub(super) fn codec(kind: RtpCodecKind) -> RTCRtpCodec {
    let (name, clock_rate, channels, fmtp) = if kind == RtpCodecKind::Audio {
        (MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1")
    } else {
        (MIME_TYPE_VP8, 90_000, 0, "")
    };
    RTCRtpCodec {
        mime_type: name.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

fn media_engine() -> Result<MediaEngine, Error> {
    let mut engine = MediaEngine::default();
    let full_intra = RTCPFeedback {
        typ: "ccm".to_owned(),
        parameter: "fir".to_owned(),
    };
    let repair = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: format!("apt={VP8}"),
        rtcp_feedback: Vec::new(),
    };
    let (audio, video) = (RtpCodecKind::Audio, RtpCodecKind::Video);
    for (rtp_codec, payload_type, kind) in [
        (codec(audio), OPUS, audio),
        (codec(video), VP8, video),
        (repair, RTX, video),
    ] {
        let codec = RTCRtpCodecParameters {
            rtp_codec,
            payload_type,
        };
        engine.register_codec(codec, kind)?;
    }
    engine.register_feedback(full_intra, video);
    for (uri, kind) in [(MID_URI, audio), (LEVEL_URI, audio)] {
        let uri = uri.to_owned();
        engine.register_header_extension(RTCRtpHeaderExtensionCapability { uri }, kind, None)?;
    }
    Ok(engine)
}

/// Makes a connection with one candidate, `local`.
pub(super) fn connection(
    now: Instant,
    local: SocketAddr,
    shared: &Shared,
) -> Result<RTCPeerConnection, Error> {
    let mut engine = media_engine()?;
    let interceptors = register_default_interceptors(Registry::new(), &mut engine)?
        .with(BEHIND_ALL, KeyframeRequests::default());
    let settings = SettingEngineBuilder::new()
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_include_loopback_candidate(true);
    let configuration = RTCConfigurationBuilder::new()
        .with_certificates(vec![shared.certificate.clone()])
        .build();
    let mut connection = RTCPeerConnectionBuilder::new()
        .with_configuration(configuration)
        .with_setting_engine(settings.build())
        .with_media_engine(engine)
        .with_interceptor_registry(interceptors)
        .build(now)?;
    let candidate = CandidateHostConfig {
        base_config: CandidateConfig {
            network: "udp".to_owned(),
            address: local.ip().to_string(),
            port: local.port(),
            component: 1,
            ..CandidateConfig::default()
        },
        ..CandidateHostConfig::default()
    };
    let candidate = RTCIceCandidate::from(&candidate.new_candidate_host()?);
    connection.add_local_candidate(candidate.to_json()?)?;
    Ok(connection)
}
