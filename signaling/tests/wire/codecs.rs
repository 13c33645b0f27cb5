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

fn microphone(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: cid.into(),
        source: TrackSource::Microphone.into(),
        ..AddTrackRequest::default()
    }
}

/// Joins as `browser`, publishes a camera and a microphone with every codec of Chromium on offer, and
/// gives the names of the codecs in the answer and the mime types that are told of the tracks.
async fn negotiated(
    stage: &Stage,
    browser: &str,
    microphone: AddTrackRequest,
) -> (Vec<String>, Vec<String>) {
    let query = format!("protocol=17&sdk=js&version=2.23.0&browser={browser}");
    let mut alice = Client::join_with(stage, &claims("alice", "yoga"), &query).await;
    alice.say(Request::AddTrack(camera("cam-1"))).await;
    alice.say(Request::AddTrack(microphone)).await;
    let offer = sdp::with_choice("cam-1", "mic-1");
    alice
        .say(Request::Offer(description("offer", &offer, 2)))
        .await;
    let answer = alice.until(|message| match message {
        Response::Answer(answer) if answer.id == 2 => Some(answer.sdp),
        _ => None,
    });
    let answer = answer.await;
    let maps = answer
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"));
    let names = maps.filter_map(|map| map.split([' ', '/']).nth(1));
    let names = names.map(str::to_owned).collect();
    let info = alice.until_info("alice", |info| info.tracks.len() == 2);
    let tracks = info.await.tracks;
    let mimes = tracks.into_iter().map(|track| track.mime_type).collect();
    (names, mimes)
}

#[tokio::test]
async fn an_answer_names_no_codec_that_the_room_does_not_take() {
    let only = ["audio/opus", "video/H264"];
    let stage = Stage::with(|config| {
        config.room.enabled_codecs = only.map(str::to_owned).to_vec();
    })
    .await;

    let (names, mimes) = negotiated(&stage, "Chrome", microphone("mic-1")).await;

    assert_eq!(names, ["H264", "opus"]);
    assert_eq!(mimes, ["video/H264", "audio/opus"]);
}

#[tokio::test]
async fn sound_is_published_with_redundancy_where_nothing_speaks_against_it() {
    for (browser, disable_red, is_red) in [
        ("Chrome", false, true),
        ("Chrome", true, false),
        ("Firefox", false, false),
        ("Safari", false, false),
    ] {
        let stage = Stage::new().await;
        let microphone = AddTrackRequest {
            disable_red,
            ..microphone("mic-1")
        };

        let (names, mimes) = Box::pin(negotiated(&stage, browser, microphone)).await;

        let name = if is_red { "audio/red" } else { "audio/opus" };
        assert_eq!(mimes[1], name, "{browser}");
        let has_red = names.iter().any(|name| name == "red");
        assert_eq!(has_red, is_red, "{browser}: {names:?}");
    }
}

#[tokio::test]
async fn encrypted_sound_is_not_repeated_as_nobody_could_unwrap_it() {
    let stage = Stage::new().await;
    let sealed = AddTrackRequest {
        encryption: encryption::Type::Gcm.into(),
        ..microphone("mic-1")
    };

    let (_, mimes) = negotiated(&stage, "Chrome", sealed).await;

    assert_eq!(mimes[1], "audio/opus");
}

#[tokio::test]
async fn a_room_without_sound_refuses_microphones() {
    let stage = Stage::with(|config| config.room.enabled_codecs = vec!["video/VP8".into()]).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    alice.say(Request::AddTrack(microphone("mic-1"))).await;

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
    let chrome = Client::join(&stage, "bob", "yoga").await;
    assert_eq!(mimes(&chrome.join).last(), Some(&"audio/red"));
}

#[tokio::test]
async fn changes_of_a_local_track_are_told_to_the_others() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let camera = alice.publish_camera("cam-1").await.sid;
    alice.say(Request::AddTrack(microphone("mic-1"))).await;
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
