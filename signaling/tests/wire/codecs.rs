//! What tracks are encoded with, and what is told about them.

use auth::Claims;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    AddTrackRequest, AudioTrackFeature, ConnectionSettings, JoinRequest, JoinResponse,
    SimulcastCodec, TrackInfo, TrackSource, UpdateLocalAudioTrack, UpdateLocalVideoTrack,
    encryption,
};

use crate::kit::client::{camera, description};
use crate::kit::{Client, Stage, claims, sdp};

fn mimes(join: &JoinResponse) -> Vec<&str> {
    let codecs = join.enabled_publish_codecs.iter();
    codecs.map(|codec| codec.mime.as_str()).collect()
}

fn with_codec(codec: &str) -> AddTrackRequest {
    AddTrackRequest {
        simulcast_codecs: vec![SimulcastCodec {
            codec: codec.into(),
            cid: "cam-1".into(),
            ..SimulcastCodec::default()
        }],
        ..camera("cam-1")
    }
}

async fn published(client: &mut Client) -> TrackInfo {
    client
        .until(|message| match message {
            Response::TrackPublished(published) => published.track,
            _ => None,
        })
        .await
}

#[tokio::test]
async fn clients_are_told_what_they_may_publish_and_get_another_codec_instead() {
    let only = ["audio/opus", "video/VP9", "video/H264"];
    let stage = Stage::with(|config| {
        config.room.enabled_codecs = only.map(str::to_owned).to_vec();
    })
    .await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    alice.say(Request::AddTrack(with_codec("av1"))).await;
    let track = published(&mut alice).await;

    let told = ["video/H264", "video/VP9", "audio/opus"];
    assert_eq!(mimes(&alice.join), told);
    assert_eq!(track.codecs[0].mime_type, "video/H264");
}

#[tokio::test]
async fn a_room_without_sound_refuses_microphones() {
    let stage = Stage::with(|config| config.room.enabled_codecs = vec!["video/VP8".into()]).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    let microphone = AddTrackRequest {
        cid: "mic-1".into(),
        source: TrackSource::Microphone.into(),
        ..AddTrackRequest::default()
    };
    alice.say(Request::AddTrack(microphone)).await;

    let refused = alice.until(|message| match message {
        Response::RequestResponse(response) => Some(response.reason()),
        _ => None,
    });
    assert_eq!(refused.await, Reason::InvalidRequest);
}

#[tokio::test]
async fn a_browser_is_not_told_of_codecs_that_it_sends_badly() {
    let stage = Stage::new().await;
    let query = "protocol=17&sdk=js&version=2.23.0&browser=Safari&browser_version=18.5";

    let safari = Client::join_with(&stage, &claims("alice", "yoga"), query).await;

    assert_eq!(
        mimes(&safari.join),
        ["video/VP8", "video/H264", "audio/opus"]
    );
}

#[tokio::test]
async fn changes_of_a_local_track_are_told_to_the_others() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let camera = alice.publish_camera("cam-1").await.sid;
    let microphone = AddTrackRequest {
        cid: "mic-1".into(),
        source: TrackSource::Microphone.into(),
        ..AddTrackRequest::default()
    };
    alice.say(Request::AddTrack(microphone)).await;
    let microphone = published(&mut alice).await.sid;
    let stereo = i32::from(AudioTrackFeature::TfStereo);

    let size = UpdateLocalVideoTrack {
        track_sid: camera.clone(),
        width: 320,
        height: 180,
    };
    let features = UpdateLocalAudioTrack {
        track_sid: microphone,
        features: vec![stereo],
    };
    alice.say(Request::UpdateVideoTrack(size)).await;
    alice.say(Request::UpdateAudioTrack(features)).await;
    alice
        .offer(2, &sdp::with_camera_and_microphone("cam-1", "mic-1"))
        .await;

    let seen = bob.until_info("alice", |info| info.tracks.len() == 2).await;
    let find = |sid: &str| seen.tracks.iter().find(|track| track.sid == sid);
    let camera = find(&camera).unwrap();
    assert_eq!((camera.width, camera.height), (320, 180));
    let microphone = seen.tracks.iter().find(|track| track.sid != camera.sid);
    assert_eq!(microphone.unwrap().audio_features, [stereo]);
}

#[tokio::test]
async fn encryption_is_announced_and_the_trailer_is_the_same_for_all() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let bob = Client::join(&stage, "bob", "yoga").await;
    let sealed = AddTrackRequest {
        encryption: encryption::Type::Gcm.into(),
        ..camera("cam-1")
    };

    alice.say(Request::AddTrack(sealed)).await;

    assert_eq!(
        published(&mut alice).await.encryption(),
        encryption::Type::Gcm
    );
    assert!(!alice.join.sif_trailer.is_empty());
    assert_eq!(alice.join.sif_trailer, bob.join.sif_trailer);
}

/// The stream that bob's answer names for alice's camera, where bob has one peer connection.
async fn stream_for(stage: &Stage, client: livekit_protocol::ClientInfo) -> (String, String) {
    let mut alice = Client::join(stage, "alice", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    let request = JoinRequest {
        client_info: Some(client),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            ..ConnectionSettings::default()
        }),
        publisher_offer: Some(description("offer", &sdp::data_only(), 1)),
        ..JoinRequest::default()
    };
    let bob: Claims = claims("bob", "yoga");
    let mut bob = Client::join_single(stage, &bob, &request).await;
    bob.until(|message| match message {
        Response::MediaSectionsRequirement(needed) if needed.num_videos == 1 => Some(()),
        _ => None,
    })
    .await;
    let offer = description("offer", &sdp::receiving("VP8"), 2);
    bob.say(Request::Offer(offer)).await;
    let answer = bob.until(|message| match message {
        Response::Answer(answer) if answer.id == 2 => Some(answer),
        _ => None,
    });
    let answer = answer.await;
    assert_eq!(answer.mid_to_track_id["1"], track.sid);
    let msid = answer
        .sdp
        .lines()
        .find_map(|line| line.strip_prefix("a=msid:"));
    let msid = msid.unwrap().trim().to_owned();
    (msid, format!("{}|{}", alice.sid(), track.sid))
}

#[tokio::test]
async fn sound_and_pictures_of_a_source_share_a_stream_in_single_mode() {
    let stage = Stage::new().await;
    let chrome = livekit_protocol::ClientInfo {
        protocol: 17,
        browser: "Chrome".into(),
        ..Default::default()
    };

    let (msid, by_track) = Box::pin(stream_for(&stage, chrome)).await;

    let publisher = by_track.split('|').next().unwrap();
    assert!(msid.starts_with(&format!("{publisher}|camera ")), "{msid}");
}

#[tokio::test]
async fn streams_are_named_by_track_where_that_is_asked_for_or_firefox() {
    for browser in ["Firefox", "Chrome"] {
        let stage = Stage::with(|config| config.room.sync_streams = browser == "Firefox").await;
        let client = livekit_protocol::ClientInfo {
            protocol: 17,
            browser: browser.into(),
            ..Default::default()
        };

        let (msid, by_track) = Box::pin(stream_for(&stage, client)).await;

        assert!(
            msid.starts_with(&format!("{by_track} ")),
            "{browser}: {msid}"
        );
    }
}
