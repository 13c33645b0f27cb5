//! A track from its announcement to its end, and what clients are told about it.

use std::time::Instant;

use livekit_protocol::encryption::Type as Encryption;
use livekit_protocol::video_layer::Mode;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, BackupCodecPolicy, SimulcastCodec, SimulcastCodecInfo,
    TimedVersion, TrackInfo, TrackSource, TrackType, VideoLayer, VideoQuality,
};
use sfu::{BoundTrack, Codec, MediaKind, PendingTrack, PictureSize, TrackId};

use crate::backup::Backup;
use crate::codecs;
use crate::dynacast::Dynacast;
use crate::ids;

/// The names of simulcast encodings, from small to large.
const RIDS: [&str; 3] = ["q", "h", "f"];

/// Longest name, id or stream name of a track that is taken over.
pub(crate) const TRACK_TEXT_BYTES_MAX: usize = 256;

/// A track that was announced by `AddTrackRequest`.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    pub(crate) id: TrackId,
    pub(crate) kind: MediaKind,
    pub(crate) cid: String,
    pub(crate) info: TrackInfo,
    pub(crate) announced_at: Instant,
    /// What the client wants to encode with, and once it is published what it does encode with.
    pub(crate) codec: Option<Codec>,
    pub(crate) dynacast: Dynacast,
    /// What it is also encoded with if somebody needs that.
    pub(crate) backup: Option<Backup>,
}

impl Publication {
    /// Takes over an announcement. `None` if it is about neither sound nor pictures, has endless
    /// names, or if no codec of the kind is `enabled`.
    pub(crate) fn announce(
        id: TrackId,
        request: &AddTrackRequest,
        enabled: &[Codec],
        now: Instant,
        unix_micros: i64,
    ) -> Option<Self> {
        let kind = match request.r#type() {
            TrackType::Audio => MediaKind::Audio,
            TrackType::Video => MediaKind::Video,
            TrackType::Data => return None,
        };
        let texts = [&request.cid, &request.name, &request.stream];
        if texts.iter().any(|text| text.len() > TRACK_TEXT_BYTES_MAX) {
            return None;
        }
        let wanted = request.simulcast_codecs.first();
        let wanted = wanted.and_then(|wanted| codecs::from_name(&wanted.codec));
        let codec = match kind {
            MediaKind::Audio => {
                let may_repeat = !request.disable_red && request.encryption() == Encryption::None;
                Some(codecs::choose_audio(wanted, may_repeat, enabled).ok()?)
            }
            MediaKind::Video => codecs::choose_video(wanted, enabled).ok()?,
        };
        // What becomes of sound shows when it is published.
        let told = codec.filter(|_| kind == MediaKind::Video || wanted.is_some());
        let backup = match kind {
            MediaKind::Audio => None,
            MediaKind::Video => Backup::of(request, codec, enabled),
        };
        let mut info = track_info(request, kind, told, unix_micros);
        info.codecs.extend(backup.as_ref().map(|backup| {
            let wanted = request.simulcast_codecs.get(1);
            let mut layers = layers_of(request, wanted);
            if layers.is_empty() {
                layers.clone_from(&info.codecs[0].layers);
            }
            codec_info(wanted, Some(backup.codec), layers)
        }));
        Some(Self {
            id,
            kind,
            cid: request.cid.clone(),
            info,
            announced_at: now,
            codec,
            dynacast: Dynacast::default(),
            backup,
        })
    }

    /// Says what the media server has to look for in the next offer.
    pub(crate) fn pending(&self) -> PendingTrack {
        #[expect(deprecated, reason = "they say the same as the features")]
        let (stereo, disable_dtx) = (self.info.stereo, self.info.disable_dtx);
        PendingTrack {
            track: self.id,
            cid: self.cid.clone(),
            kind: self.kind,
            codec: self.codec,
            stereo,
            dtx: !disable_dtx,
        }
    }

    /// Notes that an offer carries the track.
    #[expect(deprecated, reason = "older clients read `layers`")]
    pub(crate) fn bind(&mut self, bound: &BoundTrack) {
        self.codec = Some(bound.codec);
        codecs::mime_type(bound.codec).clone_into(&mut self.info.mime_type);
        self.info.mid.clone_from(&bound.mid);
        for codec in self.info.codecs.iter_mut().take(1) {
            fill(codec, bound);
            self.info.layers.clone_from(&codec.layers);
        }
    }

    /// Notes the SSRC of an encoding that has started; false if nothing changed.
    #[expect(deprecated, reason = "older clients read `layers`")]
    pub(crate) fn start_encoding(&mut self, track: TrackId, encoding: u8, ssrc: u32) -> bool {
        let index = usize::from(encoding);
        let is_first = track == self.id;
        let in_codec = self.info.codecs.get_mut(usize::from(!is_first));
        let in_codec = in_codec.map(|codec| &mut codec.layers);
        let of_all = is_first.then_some(&mut self.info.layers);
        let mut changed = false;
        for layers in in_codec.into_iter().chain(of_all) {
            if let Some(layer) = layers.get_mut(index).filter(|layer| layer.ssrc != ssrc) {
                layer.ssrc = ssrc;
                changed = true;
            }
        }
        changed
    }

    /// Notes the size of the pictures of an encoding of the first codec; false if nothing changed.
    #[expect(deprecated, reason = "older clients read `layers`")]
    pub(crate) fn grow(&mut self, encoding: u8, size: PictureSize) -> bool {
        let (width, height) = (u32::from(size.width), u32::from(size.height));
        let index = usize::from(encoding);
        let in_codec = self.info.codecs.first_mut().map(|codec| &mut codec.layers);
        let mut changed = false;
        for layers in in_codec.into_iter().chain([&mut self.info.layers]) {
            if let Some(layer) = layers.get_mut(index) {
                changed |= (layer.width, layer.height) != (width, height);
                (layer.width, layer.height) = (width, height);
            }
        }
        if u64::from(self.info.width) * u64::from(self.info.height) < u64::from(size.area()) {
            (self.info.width, self.info.height) = (width, height);
            changed = true;
        }
        changed
    }

    /// Tells whether the publisher appends something to its frames.
    pub(crate) fn has_trailer(&self) -> bool {
        !self.info.packet_trailer_features.is_empty()
    }

    /// Tells whether the sound is stereo.
    pub(crate) fn is_stereo(&self) -> bool {
        let stereo = AudioTrackFeature::TfStereo.into();
        self.info.audio_features.contains(&stereo)
    }

    /// Replaces the features of a sound track by those that are known.
    #[expect(deprecated, reason = "older clients read `stereo` and `disable_dtx`")]
    pub(crate) fn set_audio_features(&mut self, features: &[i32]) {
        let known = |feature: &i32| AudioTrackFeature::try_from(*feature).is_ok();
        let mut features: Vec<i32> = features.iter().copied().filter(known).collect();
        features.sort_unstable();
        features.dedup();
        self.info.stereo = features.contains(&AudioTrackFeature::TfStereo.into());
        self.info.disable_dtx = features.contains(&AudioTrackFeature::TfNoDtx.into());
        self.info.audio_features = features;
    }

    /// Returns the name of the stream that pairs this track with others, if it can be part of an
    /// SDP and is not taken for a track's id.
    pub(crate) fn stream_name(&self) -> Option<&str> {
        let name = self.info.stream.as_str();
        let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_usable = !name.is_empty() && name.chars().all(is_token) && !name.starts_with("TR");
        is_usable.then_some(name)
    }

    /// Tells whether this is sound of a microphone, of which a room may pass on the loudest only.
    pub(crate) fn is_voice(&self) -> bool {
        self.kind == MediaKind::Audio && self.info.source() != TrackSource::ScreenShareAudio
    }

    /// Returns the name of the codec for `SubscribedQualityUpdate`.
    pub(crate) fn codec_name(&self) -> &'static str {
        self.codec.map(codecs::short_name).unwrap_or_default()
    }
}

#[expect(deprecated, reason = "older clients read the fields of yore")]
fn track_info(
    request: &AddTrackRequest,
    kind: MediaKind,
    codec: Option<Codec>,
    unix_micros: i64,
) -> TrackInfo {
    let layers = sorted_layers(request, kind);
    let audio_features = audio_features(request, kind);
    let has = |feature: AudioTrackFeature| audio_features.contains(&feature.into());
    let backup_codec_policy = match kind {
        MediaKind::Audio => BackupCodecPolicy::Simulcast,
        MediaKind::Video => request.backup_codec_policy(),
    };
    TrackInfo {
        sid: ids::track_sid(request.r#type(), request.source()),
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: has(AudioTrackFeature::TfNoDtx),
        source: request.source,
        codecs: vec![SimulcastCodecInfo {
            cid: request.cid.clone(),
            ..codec_info(request.simulcast_codecs.first(), codec, layers.clone())
        }],
        layers,
        stereo: has(AudioTrackFeature::TfStereo),
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: stream(request),
        version: Some(TimedVersion {
            unix_micro: unix_micros,
            ticks: 0,
        }),
        audio_features,
        backup_codec_policy: backup_codec_policy.into(),
        packet_trailer_features: trailer_features(request),
        ..TrackInfo::default()
    }
}

/// The features that are known, those included that older clients write in fields of their own.
#[expect(deprecated, reason = "older clients write `stereo` and `disable_dtx`")]
fn audio_features(request: &AddTrackRequest, kind: MediaKind) -> Vec<i32> {
    if kind == MediaKind::Video {
        return Vec::new();
    }
    let of_old = [
        (request.stereo, AudioTrackFeature::TfStereo),
        (request.disable_dtx, AudioTrackFeature::TfNoDtx),
    ];
    let of_old = of_old.into_iter().filter(|(is_set, _)| *is_set);
    let mut features: Vec<i32> = request.audio_features().map(i32::from).collect();
    features.extend(of_old.map(|(_, feature)| i32::from(feature)));
    features.sort_unstable();
    features.dedup();
    features
}

/// What the publisher appends to its frames: receivers look for it only if they are told.
fn trailer_features(request: &AddTrackRequest) -> Vec<i32> {
    let mut features = Vec::new();
    for feature in request.packet_trailer_features().map(i32::from) {
        if !features.contains(&feature) {
            features.push(feature);
        }
    }
    features
}

fn codec_info(
    wanted: Option<&SimulcastCodec>,
    codec: Option<Codec>,
    layers: Vec<VideoLayer>,
) -> SimulcastCodecInfo {
    let mode = match wanted.map(SimulcastCodec::video_layer_mode) {
        None | Some(Mode::Unused) => codecs::layer_mode(codec),
        Some(
            mode @ (Mode::OneSpatialLayerPerStream
            | Mode::MultipleSpatialLayersPerStream
            | Mode::OneSpatialLayerPerStreamIncompleteRtcpSr),
        ) => mode,
    };
    SimulcastCodecInfo {
        mime_type: codec.map(codecs::mime_type).unwrap_or_default().to_owned(),
        layers,
        video_layer_mode: mode.into(),
        ..SimulcastCodecInfo::default()
    }
}

/// Layers from small to large, one for each quality. A video track without any gets one.
fn sorted_layers(request: &AddTrackRequest, kind: MediaKind) -> Vec<VideoLayer> {
    if kind == MediaKind::Audio {
        return Vec::new();
    }
    let mut layers = layers_of(request, request.simulcast_codecs.first());
    if layers.is_empty() {
        layers.push(VideoLayer {
            quality: VideoQuality::High.into(),
            width: request.width,
            height: request.height,
            ..VideoLayer::default()
        });
    }
    layers
}

/// The layers of a codec, else those that the track has in any, from small to large.
pub(crate) fn layers_of(
    request: &AddTrackRequest,
    codec: Option<&SimulcastCodec>,
) -> Vec<VideoLayer> {
    let of_codec = codec.map(|codec| &codec.layers);
    let layers = of_codec.filter(|layers| !layers.is_empty());
    let mut layers = layers.unwrap_or(&request.layers).clone();
    layers.sort_by_key(|layer| layer.quality);
    layers.dedup_by_key(|layer| layer.quality);
    layers.truncate(RIDS.len());
    layers
}

/// Notes in what clients are told of a codec that an offer carries it.
pub(crate) fn fill(codec: &mut SimulcastCodecInfo, bound: &BoundTrack) {
    codecs::mime_type(bound.codec).clone_into(&mut codec.mime_type);
    codec.mid.clone_from(&bound.mid);
    if codec.video_layer_mode == i32::from(Mode::Unused) {
        codec.video_layer_mode = codecs::layer_mode(Some(bound.codec)).into();
    }
    let is_simulcast = codec.layers.len() > 1;
    for (index, layer) in codec.layers.iter_mut().enumerate() {
        layer.spatial_layer = i32::try_from(index).unwrap_or(i32::MAX);
        if is_simulcast && let Some(rid) = RIDS.get(index) {
            (*rid).clone_into(&mut layer.rid);
        }
    }
}

/// Tracks of one stream are played in sync; camera belongs with microphone, screen with its sound.
fn stream(request: &AddTrackRequest) -> String {
    if !request.stream.is_empty() {
        return request.stream.clone();
    }
    let stream = match request.source() {
        TrackSource::Camera | TrackSource::Microphone => "camera",
        TrackSource::ScreenShare | TrackSource::ScreenShareAudio => "screen",
        TrackSource::Unknown => "unknown",
    };
    stream.to_owned()
}

#[cfg(test)]
#[path = "publication_tests.rs"]
mod tests;
