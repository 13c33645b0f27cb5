//! How a str0m peer connection is set up.

use std::time::{Duration, Instant};

use forwarding::Codec;
use str0m::config::DtlsCert;
use str0m::media::Pt;
use str0m::rtp::{Extension, ExtensionMap, ExtensionSerializer, ExtensionValues};
use str0m::{Candidate, Rtc};

use crate::gate::NameExtensions;
use crate::{EngineConfig, SessionConfig, SessionKind, crypto};

/// How often loss and round trip are summed up.
const QUALITY_INTERVAL: Duration = Duration::from_secs(2);

/// Bytes that SCTP buffers before it refuses a message; what waits beyond is our own queue.
const SCTP_BUFFER_BYTES: usize = 256 * 1024;

pub(crate) const DEPENDENCY_DESCRIPTOR_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
const DEPENDENCY_DESCRIPTOR_ID: u8 = 12;

/// Builds the peer connection of a session.
pub(crate) fn build(
    config: &EngineConfig,
    session: SessionConfig,
    certificate: &DtlsCert,
    now: Instant,
) -> Rtc {
    let codecs = session.codecs();
    let has = |codec| codecs.contains(codec);
    let mut rtc = Rtc::builder()
        .set_rtp_mode(true)
        .set_ice_lite(session.ice_lite)
        .set_crypto_provider(crypto::provider())
        .set_dtls_cert(certificate.clone())
        .clear_codecs()
        .enable_opus(has(Codec::Opus), has(Codec::Red))
        .enable_vp8(has(Codec::Vp8))
        .enable_h264(has(Codec::H264))
        .enable_vp9(has(Codec::Vp9))
        .enable_av1(has(Codec::Av1))
        .set_extension_map(extensions(session.kind))
        .set_sctp_max_buffered_amount(SCTP_BUFFER_BYTES)
        .set_stats_interval(Some(QUALITY_INTERVAL))
        .build(now);
    for address in &config.candidates {
        if let Ok(candidate) = Candidate::host(*address, "udp") {
            rtc.add_local_candidate(candidate);
        }
    }
    rtc
}

/// The header extensions of a session. Both sides number their packets where the other one tells which
/// came: publishers for their own estimates, we for [`bandwidth`](crate::bandwidth).
fn extensions(kind: SessionKind) -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(1, Extension::AudioLevel);
    map.set(3, Extension::TransportSequenceNumber);
    map.set(4, Extension::RtpMid);
    match kind {
        SessionKind::Publisher | SessionKind::Single => {
            map.set(2, Extension::AbsoluteSendTime);
            map.set(10, Extension::RtpStreamId);
            map.set(11, Extension::RepairedRtpStreamId);
        }
        SessionKind::Subscriber | SessionKind::Player => {}
    }
    map.set(
        DEPENDENCY_DESCRIPTOR_ID,
        Extension::with_serializer(DEPENDENCY_DESCRIPTOR_URI, DependencyDescriptorExtension),
    );
    map.set(13, Extension::VideoOrientation);
    map
}

/// The bytes of an AV1 dependency descriptor, as they stand in the header extension that a publisher sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DescriptorBytes(pub(crate) Vec<u8>);

#[derive(Debug)]
struct DependencyDescriptorExtension;

impl ExtensionSerializer for DependencyDescriptorExtension {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(DescriptorBytes(bytes)) = values.user_values.get::<DescriptorBytes>() else {
            return 0;
        };
        let Some(target) = buffer.get_mut(..bytes.len()) else {
            return 0;
        };
        target.copy_from_slice(bytes);
        bytes.len()
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(DescriptorBytes(bytes.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        let bytes = values.user_values.get::<DescriptorBytes>();
        bytes.is_some_and(|DescriptorBytes(bytes)| bytes.len() > 16)
    }
}

/// What each payload type of a session means, once it is negotiated.
#[derive(Debug)]
pub(crate) struct PayloadTypes {
    types: [Meaning; 128],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Unknown,
    Media(Codec),
    Repair,
}

impl PayloadTypes {
    pub(crate) fn of(rtc: &Rtc) -> Self {
        let mut types = [Meaning::Unknown; 128];
        for parameters in rtc.codec_config().params() {
            let Some(codec) = codec_of(parameters.spec().codec) else {
                continue;
            };
            if let Some(slot) = types.get_mut(usize::from(*parameters.pt())) {
                *slot = Meaning::Media(codec);
            }
            let red = parameters.red().map(|pt| usize::from(*pt));
            if let Some(slot) = red.and_then(|pt| types.get_mut(pt)) {
                *slot = Meaning::Media(Codec::Red);
            }
            let repair = parameters.resend().map(|pt| usize::from(*pt));
            if let Some(slot) = repair.and_then(|pt| types.get_mut(pt)) {
                *slot = Meaning::Repair;
            }
        }
        Self { types }
    }

    pub(crate) fn codec(&self, pt: Pt) -> Option<Codec> {
        match self.types.get(usize::from(*pt)) {
            Some(Meaning::Media(codec)) => Some(*codec),
            Some(Meaning::Unknown | Meaning::Repair) | None => None,
        }
    }

    pub(crate) fn is_repair(&self, payload_type: u8) -> bool {
        self.types.get(usize::from(payload_type)) == Some(&Meaning::Repair)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "str0m knows codecs that we don't offer"
)]
fn codec_of(codec: str0m::format::Codec) -> Option<Codec> {
    match codec {
        str0m::format::Codec::Opus => Some(Codec::Opus),
        str0m::format::Codec::Vp8 => Some(Codec::Vp8),
        str0m::format::Codec::H264 => Some(Codec::H264),
        str0m::format::Codec::Vp9 => Some(Codec::Vp9),
        str0m::format::Codec::Av1 => Some(Codec::Av1),
        _ => None,
    }
}

/// The payload type by which `codec` is sent in a section, if the client receives it, and for sound that
/// of its redundant form if the client knows that too. [`Codec::Red`] is sent as Opus to all others.
pub(crate) fn send_payload_types(
    rtc: &Rtc,
    mid: str0m::media::Mid,
    codec: Codec,
) -> Option<(u8, Option<u8>)> {
    let accepted = rtc.media(mid)?.remote_pts();
    let primary = match codec {
        Codec::Red => Codec::Opus,
        Codec::Opus | Codec::Vp8 | Codec::H264 | Codec::Vp9 | Codec::Av1 => codec,
    };
    let mut parameters = rtc.codec_config().params().iter();
    let parameters = parameters.find(|parameters| {
        accepted.contains(&parameters.pt()) && codec_of(parameters.spec().codec) == Some(primary)
    })?;
    Some((*parameters.pt(), parameters.red().map(|pt| *pt)))
}

/// The header extensions that name section and layer, as negotiated in any section.
pub(crate) fn name_extensions(
    rtc: &Rtc,
    mids: impl IntoIterator<Item = str0m::media::Mid>,
) -> NameExtensions {
    let mut names = NameExtensions::default();
    for map in mids
        .into_iter()
        .filter_map(|mid| rtc.media(mid))
        .map(str0m::media::Media::remote_extmap)
    {
        names.mid = names.mid.or(map.id_of(Extension::RtpMid));
        names.rid = names.rid.or(map.id_of(Extension::RtpStreamId));
        names.repaired_rid = names
            .repaired_rid
            .or(map.id_of(Extension::RepairedRtpStreamId));
    }
    names
}
