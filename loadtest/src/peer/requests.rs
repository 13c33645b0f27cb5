//! Messages to the server.

use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{
    AddTrackRequest, SessionDescription, SimulcastCodec, TrackSource, TrackType,
    UpdateTrackSettings, VideoLayer, VideoQuality,
};

use crate::media::encoder::LayerSpec;
use crate::scene::{Tile, TrackPlan};

/// Qualities of simulcast layers, smallest first.
const QUALITIES: [VideoQuality; 3] = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];

/// A description to send; nothing if there is none.
pub(super) fn description(kind: &str, sdp: &str, id: u32) -> Option<SessionDescription> {
    (!sdp.is_empty()).then(|| SessionDescription {
        r#type: kind.to_owned(),
        sdp: sdp.to_owned(),
        id,
        ..SessionDescription::default()
    })
}

/// Announces a track.
pub(super) fn add_track(cid: &str, plan: &TrackPlan) -> AddTrackRequest {
    let (kind, source, layers): (_, _, &[LayerSpec]) = match plan {
        TrackPlan::Camera(layers) => (TrackType::Video, TrackSource::Camera, layers),
        TrackPlan::Screen(layer) => {
            let layers = std::slice::from_ref(layer);
            (TrackType::Video, TrackSource::ScreenShare, layers)
        }
        TrackPlan::Microphone => (TrackType::Audio, TrackSource::Microphone, &[]),
    };
    // A single layer is the high one.
    let qualities = &QUALITIES[QUALITIES.len() - layers.len().min(QUALITIES.len())..];
    let layer = |(spec, quality): (&LayerSpec, &VideoQuality)| VideoLayer {
        quality: (*quality).into(),
        width: spec.width.into(),
        height: spec.height.into(),
        bitrate: spec.bitrate,
        rid: spec.rid.to_owned(),
        ..VideoLayer::default()
    };
    let largest = layers.last();
    let codec = SimulcastCodec {
        codec: "vp8".to_owned(),
        cid: cid.to_owned(),
        ..SimulcastCodec::default()
    };
    AddTrackRequest {
        cid: cid.to_owned(),
        name: cid.to_owned(),
        r#type: kind.into(),
        source: source.into(),
        width: largest.map_or(0, |spec| spec.width.into()),
        height: largest.map_or(0, |spec| spec.height.into()),
        layers: layers.iter().zip(qualities).map(layer).collect(),
        simulcast_codecs: largest.map(|_| codec).into_iter().collect(),
        disable_red: true,
        ..AddTrackRequest::default()
    }
}

/// Tells how large a track is shown.
pub(super) fn track_settings(sid: &str, tile: Tile) -> Request {
    let (quality, width, height) = match tile {
        Tile::Hidden | Tile::Small => (VideoQuality::Low, 320, 180),
        Tile::Large => (VideoQuality::High, 1280, 720),
    };
    Request::TrackSetting(UpdateTrackSettings {
        track_sids: vec![sid.to_owned()],
        disabled: tile == Tile::Hidden,
        quality: quality.into(),
        width,
        height,
        ..UpdateTrackSettings::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::camera_layers;

    #[test]
    fn a_camera_names_its_layers_with_rising_quality() {
        let request = add_track("cam", &TrackPlan::Camera(camera_layers(1_700_000)));
        let layers = request.layers.iter();
        let layers: Vec<(i32, u32)> = layers.map(|layer| (layer.quality, layer.width)).collect();

        assert_eq!(layers, [(0, 320), (1, 640), (2, 1280)]);
        assert_eq!((request.width, request.height), (1280, 720));
        assert_eq!(request.simulcast_codecs[0].codec, "vp8");
    }

    #[test]
    fn a_microphone_has_no_layers() {
        let request = add_track("mic", &TrackPlan::Microphone);

        assert!(request.layers.is_empty() && request.simulcast_codecs.is_empty());
        assert_eq!(request.r#type(), TrackType::Audio);
    }

    #[test]
    fn a_hidden_track_is_disabled() {
        let Request::TrackSetting(settings) = track_settings("TR_1", Tile::Hidden) else {
            panic!("other message");
        };

        assert!(settings.disabled);
    }
}
