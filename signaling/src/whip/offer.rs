//! What an offer carries, read before anything is done for it.
//!
//! Only what decides about acceptance and names is read here; the media server reads the rest.
//! Offers are taken as a whole or not at all (RFC 9725, section 4.4.3).

use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, SimulcastCodec, TrackSource, TrackType, VideoLayer,
    VideoQuality,
};
use sfu::{Codec, MediaKind};
use thiserror::Error;

use super::Role;
use crate::codecs;

/// Sections of one kind that a player may offer. Publishers may offer one (RFC 9725, section 4.4.2).
const PLAYED_SECTIONS_MAX: usize = 16;

/// Why an offer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum OfferError {
    /// It is no session description: 400.
    #[error("the body is not an SDP offer: {0}")]
    Malformed(&'static str),
    /// It asks for what this server does not do: 422.
    #[error("the offer can't be accepted: {0}")]
    Unprocessable(&'static str),
}

/// One media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferedSection {
    pub(crate) kind: MediaKind,
    /// The client's name of the track, else that of the section.
    pub(crate) name: String,
    /// Codecs by name, in the order of the client's preference.
    codecs: Vec<Codec>,
    /// Simulcast encodings.
    encodings: usize,
    /// Opus in stereo.
    is_stereo: bool,
    /// Opus that stops in silence.
    has_dtx: bool,
}

/// Reads the sections of an offer with sound and pictures that carry something in the right way.
///
/// # Errors
///
/// [`OfferError`] says which rule it breaks.
pub(crate) fn read(text: &str, role: Role) -> Result<Vec<OfferedSection>, OfferError> {
    use OfferError::{Malformed, Unprocessable};
    if !text.starts_with("v=0") {
        return Err(Malformed("it does not begin with v=0"));
    }
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let starts = |line: &&str| line.starts_with("m=");
    let mut rest = lines
        .iter()
        .position(starts)
        .map_or(&[][..], |at| &lines[at..]);
    let mut sections = Vec::new();
    while let [head, tail @ ..] = rest {
        let end = tail.iter().position(starts).unwrap_or(tail.len());
        sections.extend(read_section(head, &tail[..end], role)?);
        rest = &tail[end..];
    }
    let most = match role {
        Role::Publish => 1,
        Role::Play => PLAYED_SECTIONS_MAX,
    };
    for kind in [MediaKind::Audio, MediaKind::Video] {
        if sections
            .iter()
            .filter(|section| section.kind == kind)
            .count()
            > most
        {
            return Err(Unprocessable("too many sections of one kind"));
        }
    }
    if sections.is_empty() {
        return Err(Unprocessable("there is no section with sound or pictures"));
    }
    Ok(sections)
}

/// `None` for data channels and sections that are switched off.
fn read_section(
    head: &str,
    lines: &[&str],
    role: Role,
) -> Result<Option<OfferedSection>, OfferError> {
    let mut words = head.trim_start_matches("m=").split(' ');
    let kind = match words.next() {
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        Some("application") => return Ok(None),
        Some(_) | None => return Err(OfferError::Unprocessable("a kind of media is not known")),
    };
    let is_off = words.next() == Some("0") && !lines.contains(&"a=bundle-only");
    if is_off {
        return Ok(None);
    }
    let wanted = match role {
        Role::Publish => ["a=sendonly", "a=sendrecv"],
        Role::Play => ["a=recvonly", "a=sendrecv"],
    };
    let directions = ["a=sendonly", "a=recvonly", "a=sendrecv", "a=inactive"];
    let direction = lines.iter().find(|line| directions.contains(line));
    if direction.is_some_and(|direction| !wanted.contains(direction)) {
        return Err(OfferError::Unprocessable(match role {
            Role::Publish => "publishing sections are sendonly or sendrecv",
            Role::Play => "playing sections are recvonly or sendrecv",
        }));
    }
    let value = |prefix: &str| lines.iter().find_map(|line| line.strip_prefix(prefix));
    let mid = value("a=mid:").ok_or(OfferError::Malformed("a section has no a=mid"))?;
    let name = value("a=msid:").and_then(|msid| msid.split(' ').nth(1));
    let payload_types: Vec<&str> = words.skip(1).collect();
    Ok(Some(OfferedSection {
        kind,
        name: name.unwrap_or(mid).to_owned(),
        codecs: offered_codecs(&payload_types, lines),
        encodings: value("a=simulcast:").map_or(1, sent_encodings),
        is_stereo: has_parameter(lines, &["stereo=1", "sprop-stereo=1"]),
        has_dtx: has_parameter(lines, &["usedtx=1"]),
    }))
}

fn offered_codecs(payload_types: &[&str], lines: &[&str]) -> Vec<Codec> {
    let codec = |payload_type: &&str| {
        let map = lines.iter().find_map(|line| {
            let (number, encoding) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            (number == *payload_type).then_some(encoding)
        })?;
        codecs::from_name(map.split('/').next().unwrap_or_default())
    };
    payload_types.iter().filter_map(codec).collect()
}

/// Counts the encodings in `send q;h;f recv x` (RFC 8853, section 5.1).
fn sent_encodings(simulcast: &str) -> usize {
    let mut words = simulcast.split(' ').skip_while(|word| *word != "send");
    let list = words.nth(1);
    list.map_or(1, |list| list.split(';').count())
}

fn has_parameter(lines: &[&str], wanted: &[&str]) -> bool {
    let parameters = lines.iter().filter_map(|line| {
        let (_, parameters) = line.strip_prefix("a=fmtp:")?.split_once(' ')?;
        Some(parameters)
    });
    parameters
        .flat_map(|parameters| parameters.split(';'))
        .any(|parameter| wanted.contains(&parameter.trim()))
}

impl OfferedSection {
    /// The source that a track of this section counts as.
    pub(crate) fn source(&self) -> TrackSource {
        match self.kind {
            MediaKind::Audio => TrackSource::Microphone,
            MediaKind::Video => TrackSource::Camera,
        }
    }

    /// The first codec of the client that the room allows too.
    pub(crate) fn codec(&self, is_enabled: impl Fn(Codec) -> bool) -> Option<Codec> {
        self.codecs.iter().copied().find(|codec| is_enabled(*codec))
    }

    /// Announces the track of this section as a client of the WebSocket would.
    pub(crate) fn announcement(&self, codec: Codec) -> AddTrackRequest {
        let layers = self.layers();
        let features = [
            (self.is_stereo, AudioTrackFeature::TfStereo),
            (!self.has_dtx, AudioTrackFeature::TfNoDtx),
        ];
        let has = |(is_set, feature): (bool, AudioTrackFeature)| is_set.then_some(feature.into());
        AddTrackRequest {
            cid: self.name.clone(),
            r#type: match self.kind {
                MediaKind::Audio => TrackType::Audio.into(),
                MediaKind::Video => TrackType::Video.into(),
            },
            source: self.source().into(),
            simulcast_codecs: vec![SimulcastCodec {
                codec: codecs::short_name(codec).to_owned(),
                cid: self.name.clone(),
                layers: layers.clone(),
                ..SimulcastCodec::default()
            }],
            layers,
            audio_features: match self.kind {
                MediaKind::Audio => features.into_iter().filter_map(has).collect(),
                MediaKind::Video => Vec::new(),
            },
            ..AddTrackRequest::default()
        }
    }

    /// One layer for each encoding; their sizes are not in the offer and come with the first keyframes.
    fn layers(&self) -> Vec<VideoLayer> {
        let qualities: &[VideoQuality] = match (self.kind, self.encodings) {
            (MediaKind::Audio, _) => &[],
            (MediaKind::Video, 0 | 1) => &[VideoQuality::High],
            (MediaKind::Video, 2) => &[VideoQuality::Low, VideoQuality::Medium],
            (MediaKind::Video, _) => &[VideoQuality::Low, VideoQuality::Medium, VideoQuality::High],
        };
        let layer = |quality: &VideoQuality| VideoLayer {
            quality: (*quality).into(),
            ..VideoLayer::default()
        };
        qualities.iter().map(layer).collect()
    }
}

#[cfg(test)]
#[path = "offer_tests.rs"]
mod tests;
