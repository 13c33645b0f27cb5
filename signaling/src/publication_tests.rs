#![expect(deprecated, reason = "older clients read the fields of yore")]

use livekit_protocol::SimulcastCodec;
use sfu::ShardId;

use super::*;

fn layer(quality: VideoQuality, width: u32) -> VideoLayer {
    VideoLayer {
        quality: quality.into(),
        width,
        height: width * 9 / 16,
        ..VideoLayer::default()
    }
}

/// As the Python SDK announces it: the larger layer first.
fn camera() -> AddTrackRequest {
    let layers = vec![
        layer(VideoQuality::Medium, 640),
        layer(VideoQuality::Low, 320),
    ];
    AddTrackRequest {
        cid: "c1".into(),
        name: "cam".into(),
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: 640,
        height: 360,
        layers: layers.clone(),
        simulcast_codecs: vec![SimulcastCodec {
            codec: "vp8".into(),
            cid: "c1".into(),
            layers,
            ..SimulcastCodec::default()
        }],
        ..AddTrackRequest::default()
    }
}

fn announce(request: &AddTrackRequest) -> Option<Publication> {
    announce_with(request, &[Codec::Vp8, Codec::Vp9, Codec::Opus])
}

fn announce_with(request: &AddTrackRequest, enabled: &[Codec]) -> Option<Publication> {
    let id = TrackId::new(ShardId(0), 1);
    Publication::announce(id, request, enabled, Instant::now(), 1)
}

#[test]
fn what_may_not_be_published_is_replaced_or_refused() {
    let microphone = AddTrackRequest::default();

    let with_h264 = announce_with(&camera(), &[Codec::H264]).unwrap();
    assert_eq!(with_h264.codec_name(), "h264");
    assert!(announce_with(&camera(), &[Codec::Opus]).is_none());
    assert!(announce_with(&microphone, &[Codec::Vp8]).is_none());
    assert!(announce_with(&microphone, &[Codec::Opus]).is_some());
}

#[test]
fn sound_is_repeated_unless_the_client_or_its_encryption_forbids_it() {
    let all = [Codec::Opus, Codec::Red];
    let plain = AddTrackRequest::default();
    let disabled = AddTrackRequest {
        disable_red: true,
        ..plain.clone()
    };
    let sealed = AddTrackRequest {
        encryption: Encryption::Gcm.into(),
        ..plain.clone()
    };
    let codec = |request: &AddTrackRequest| announce_with(request, &all).unwrap().codec;

    assert_eq!(codec(&plain), Some(Codec::Red));
    assert_eq!(codec(&disabled), Some(Codec::Opus));
    assert_eq!(codec(&sealed), Some(Codec::Opus));
    // Which of them is not known before an offer carries the track.
    let info = announce_with(&plain, &all).unwrap().info;
    assert_eq!(info.codecs[0].mime_type, "");
}

#[test]
#[expect(deprecated, reason = "older clients write and read these fields")]
fn features_in_old_fields_and_new_are_one() {
    let of_old = AddTrackRequest {
        stereo: true,
        disable_dtx: true,
        audio_features: vec![AudioTrackFeature::TfNoDtx.into(), 99],
        ..AddTrackRequest::default()
    };

    let mut publication = announce(&of_old).unwrap();

    let [stereo, no_dtx] = [AudioTrackFeature::TfStereo, AudioTrackFeature::TfNoDtx];
    let both = [i32::from(stereo), i32::from(no_dtx)];
    assert_eq!(publication.info.audio_features, both);
    publication.set_audio_features(&[stereo.into(), 99]);
    assert_eq!(publication.info.audio_features, [i32::from(stereo)]);
    assert!(publication.info.stereo && !publication.info.disable_dtx);
}

#[test]
fn only_stream_names_that_fit_into_an_sdp_pair_tracks() {
    let name = |stream: &str| {
        let request = AddTrackRequest {
            stream: stream.into(),
            ..AddTrackRequest::default()
        };
        let publication = announce(&request).unwrap();
        publication.stream_name().map(str::to_owned)
    };

    assert_eq!(name("camera").as_deref(), Some("camera"));
    for bad in ["a b", "a|b", "x\r\na=msid:y", "TR_x", "é"] {
        assert_eq!(name(bad), None, "{bad}");
    }
}

#[test]
fn layers_are_sorted_and_named_when_the_track_is_bound() {
    let mut publication = announce(&camera()).unwrap();
    assert!(publication.info.simulcast);
    assert_eq!(publication.info.codecs[0].mime_type, "video/VP8");

    publication.bind(&BoundTrack {
        track: publication.id,
        mid: "1".into(),
        codec: Codec::Vp8,
    });

    let layers = publication.layers(publication.id);
    let rids: Vec<&str> = layers.iter().map(|layer| layer.rid.as_str()).collect();
    let spatial: Vec<i32> = layers.iter().map(|layer| layer.spatial_layer).collect();
    assert_eq!((rids, spatial), (vec!["q", "h"], vec![0, 1]));
    assert_eq!(publication.info.mime_type, "video/VP8");
    assert_eq!(publication.info.codecs[0].mid, "1");
    assert_eq!(publication.info.codecs[0].layers, publication.info.layers);
}

#[test]
fn the_ssrc_of_an_encoding_is_news_once() {
    let mut publication = announce(&camera()).unwrap();

    assert!(publication.start_encoding(publication.id, 1, 77));
    assert!(!publication.start_encoding(publication.id, 1, 77));
    assert!(!publication.start_encoding(publication.id, 9, 77));
    assert_eq!(publication.layers(publication.id)[1].ssrc, 77);
    assert_eq!(publication.info.codecs[0].layers[1].ssrc, 77);
}

#[test]
fn camera_and_microphone_share_a_stream_unless_the_client_names_one() {
    let stream = |source: TrackSource, name: &str| {
        announce(&AddTrackRequest {
            source: source.into(),
            stream: name.into(),
            ..AddTrackRequest::default()
        })
        .unwrap()
        .info
        .stream
    };

    assert_eq!(stream(TrackSource::Microphone, ""), "camera");
    assert_eq!(stream(TrackSource::ScreenShareAudio, ""), "screen");
    assert_eq!(stream(TrackSource::Unknown, ""), "unknown");
    assert_eq!(stream(TrackSource::Camera, "mine"), "mine");
}

#[test]
fn audio_features_become_wishes_for_the_answer() {
    let mut request = AddTrackRequest::default();
    let pending = announce(&request).unwrap().pending();
    assert!(pending.dtx && !pending.stereo);

    request.audio_features = vec![
        AudioTrackFeature::TfStereo.into(),
        AudioTrackFeature::TfNoDtx.into(),
    ];
    let pending = announce(&request).unwrap().pending();

    assert!(!pending.dtx && pending.stereo);
}

#[test]
fn svc_codecs_say_that_one_stream_has_all_layers() {
    let mut request = camera();
    request.simulcast_codecs[0].codec = "vp9".into();

    let publication = announce(&request).unwrap();

    let mode = publication.info.codecs[0].video_layer_mode();
    assert_eq!(mode, Mode::MultipleSpatialLayersPerStream);
    assert_eq!(publication.codec_name(), "vp9");
}

#[test]
fn data_tracks_and_endless_names_are_refused() {
    let data = AddTrackRequest {
        r#type: TrackType::Data.into(),
        ..AddTrackRequest::default()
    };
    let endless = AddTrackRequest {
        name: "x".repeat(300),
        ..AddTrackRequest::default()
    };

    assert!(announce(&data).is_none());
    assert!(announce(&endless).is_none());
}

#[test]
fn what_is_appended_to_frames_is_told_once_each_and_only_if_it_is_known() {
    let request = AddTrackRequest {
        packet_trailer_features: vec![1, 0, 1, 77],
        ..camera()
    };

    assert_eq!(trailer_features(&request), [1, 0]);
}
