//! Tracks in two codecs: what the publisher is asked for, and what viewers are told.

use auth::VideoGrant;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    AddTrackRequest, LeaveRequest, SimulcastCodec, SubscribedQualityUpdate, SubscriptionError,
    TrackInfo, TrackPublishedResponse, UpdateSubscription, UpdateTrackSettings, VideoQuality,
};

use serde_json::json;

use crate::kit::api::{ROOM_SERVICE, all_grants, call_as, token};
use crate::kit::client::camera;
use crate::kit::viewer::Viewer;
use crate::kit::{Client, Stage, claims, sdp};

fn codec(name: &str, cid: &str) -> SimulcastCodec {
    SimulcastCodec {
        codec: name.into(),
        cid: cid.into(),
        ..SimulcastCodec::default()
    }
}

/// A camera in these codecs, as livekit-client announces it.
fn in_codecs(names: &[&str]) -> AddTrackRequest {
    let codecs = names.iter().enumerate();
    AddTrackRequest {
        simulcast_codecs: codecs
            .map(|(index, name)| codec(name, if index == 0 { "cam-1" } else { "" }))
            .collect(),
        ..camera("cam-1")
    }
}

/// The second codec of a track.
fn second(sid: &str, name: &str) -> AddTrackRequest {
    AddTrackRequest {
        sid: sid.into(),
        simulcast_codecs: vec![codec(name, "cam-2")],
        ..camera("cam-2")
    }
}

/// The offer in VP9, which has payload types of its own.
fn in_vp9(offer: &str) -> String {
    offer
        .replace("VP8", "VP9")
        .replace("SAVPF 96 97", "SAVPF 98 99")
        .replace(":96 ", ":98 ")
        .replace(":97 ", ":99 ")
        .replace("apt=96", "apt=98")
}

/// Two sections of one track, in VP9 and VP8.
fn both_sections(first: &str, second: &str) -> String {
    let both = sdp::with_two_cameras("cam-1", "cam-2");
    let (one, two) = both.rsplit_once("m=video").unwrap();
    let one = in_vp9(one);
    let one = one.replace("a=sendonly", &format!("a={first}"));
    let two = two.replace("a=sendonly", &format!("a={second}"));
    format!("{one}m=video{two}")
}

async fn announced(client: &mut Client, request: AddTrackRequest) -> TrackPublishedResponse {
    client.say(Request::AddTrack(request)).await;
    client
        .until(|message| match message {
            Response::TrackPublished(published) => Some(published),
            _ => None,
        })
        .await
}

async fn refused(client: &mut Client, request: AddTrackRequest) -> Reason {
    client.say(Request::AddTrack(request)).await;
    client
        .until(|message| match message {
            Response::RequestResponse(response) => Some(response.reason()),
            _ => None,
        })
        .await
}

/// Publishes a camera in VP9, with what else the request promises.
async fn publish(client: &mut Client, request: AddTrackRequest) -> TrackInfo {
    let track = announced(client, request).await.track.unwrap();
    let offer = in_vp9(&sdp::with_camera("cam-1", "sendonly"));
    client.offer(1, &offer).await;
    track
}

fn mids(track: &TrackInfo) -> Vec<&str> {
    let codecs = track.codecs.iter();
    codecs.map(|codec| codec.mid.as_str()).collect()
}

/// Which codecs somebody watches, by an update.
fn watched(update: &SubscribedQualityUpdate) -> Vec<(String, bool)> {
    let codecs = update.subscribed_codecs.iter();
    codecs
        .map(|codec| {
            let is_watched = codec.qualities.iter().any(|quality| quality.enabled);
            (codec.codec.clone(), is_watched)
        })
        .collect()
}

/// Waits until the server says of a codec whether it is watched.
async fn until_watched(client: &mut Client, codec: &str, is_watched: bool) {
    let wanted = (codec.to_owned(), is_watched);
    client
        .until(|message| match message {
            Response::SubscribedQualityUpdate(update) => {
                watched(&update).contains(&wanted).then_some(())
            }
            _ => None,
        })
        .await;
}

async fn told_of_refusal(client: &mut Client) -> (String, SubscriptionError) {
    client
        .until(|message| match message {
            Response::SubscriptionResponse(response) => {
                Some((response.track_sid.clone(), response.err()))
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn both_codecs_are_one_track_with_an_entry_for_each() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    let first = publish(&mut alice, in_codecs(&["vp9", "vp8"])).await;
    let again = announced(&mut alice, second(&first.sid, "vp8")).await;
    alice.offer(2, &both_sections("sendonly", "sendonly")).await;
    let is_complete = |track: &TrackInfo| mids(track) == ["1", "2"];
    let info = bob
        .until_info("alice", |info| info.tracks.iter().any(is_complete))
        .await;

    assert_eq!(again.cid, "cam-2");
    assert_eq!(again.track.unwrap().sid, first.sid);
    assert_eq!(info.tracks.len(), 1);
    let track = &info.tracks[0];
    let told = track.codecs.iter();
    let told: Vec<_> = told
        .map(|codec| (codec.mime_type.as_str(), codec.cid.as_str()))
        .collect();
    assert_eq!(told, [("video/VP9", "cam-1"), ("video/VP8", "cam-2")]);
    assert_eq!(
        (track.mime_type.as_str(), track.mid.as_str()),
        ("video/VP9", "1")
    );
}

#[tokio::test]
async fn a_track_goes_on_without_its_second_codec_but_not_without_its_first() {
    for (second_left, remains) in [("sendonly", false), ("inactive", true)] {
        let stage = Stage::new().await;
        let mut alice = Client::join(&stage, "alice", "yoga").await;
        let sid = publish(&mut alice, in_codecs(&["vp9", "vp8"])).await.sid;
        announced(&mut alice, second(&sid, "vp8")).await;
        alice.offer(2, &both_sections("sendonly", "sendonly")).await;
        alice
            .until_info("alice", |info| mids(&info.tracks[0]) == ["1", "2"])
            .await;

        let first = if remains { "sendonly" } else { "inactive" };
        alice.offer(3, &both_sections(first, second_left)).await;

        if remains {
            let is_alone = |track: &TrackInfo| mids(track) == ["1", ""];
            alice
                .until_info("alice", |info| info.tracks.iter().all(is_alone))
                .await;
            announced(&mut alice, second(&sid, "vp8")).await;
        } else {
            alice
                .until_info("alice", |info| info.tracks.is_empty())
                .await;
            let reason = refused(&mut alice, second(&sid, "vp8")).await;
            assert_eq!(reason, Reason::NotFound);
        }
    }
}

#[tokio::test]
async fn only_what_was_promised_of_an_own_track_is_taken() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let sid = publish(&mut alice, in_codecs(&["vp9", "vp8"])).await.sid;

    assert_eq!(
        refused(&mut alice, second(&sid, "h264")).await,
        Reason::UnsupportedType
    );
    assert_eq!(
        refused(&mut alice, second("TR_x", "vp8")).await,
        Reason::NotFound
    );
    assert_eq!(
        refused(&mut bob, second(&sid, "vp8")).await,
        Reason::NotFound
    );
}

/// Publishes the second codec, once it is asked for, and lets the viewer learn of it.
async fn answer_demand(alice: &mut Client, bob: &mut Viewer, sid: &str) {
    until_watched(alice, "vp8", true).await;
    announced(alice, second(sid, "vp8")).await;
    alice.offer(2, &both_sections("sendonly", "sendonly")).await;
    let is_complete = |track: &TrackInfo| mids(track) == ["1", "2"];
    bob.client
        .until_info("alice", |info| info.tracks.iter().any(is_complete))
        .await;
}

/// Lets the viewer hide the pictures and show them again: that moves the demand for what it gets.
async fn hide_and_show(alice: &mut Client, bob: &mut Viewer, sid: &str) {
    for disabled in [true, false] {
        let settings = UpdateTrackSettings {
            track_sids: vec![sid.to_owned()],
            disabled,
            quality: VideoQuality::High.into(),
            ..UpdateTrackSettings::default()
        };
        bob.client.say(Request::TrackSetting(settings)).await;
        until_watched(alice, "vp8", !disabled).await;
    }
}

#[tokio::test]
async fn the_publisher_is_asked_for_the_second_codec_while_somebody_lacks_the_first() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Viewer::join(&stage, "bob", "yoga").await;

    let sid = publish(&mut alice, in_codecs(&["vp9", "vp8"])).await.sid;
    bob.answer().await;
    answer_demand(&mut alice, &mut bob, &sid).await;
    // Nobody gets the first codec.
    until_watched(&mut alice, "vp9", false).await;
    hide_and_show(&mut alice, &mut bob, &sid).await;
    bob.client.settle().await;
    let leave = Request::Leave(LeaveRequest::default());
    bob.client.say(leave).await;
    until_watched(&mut alice, "vp8", false).await;

    assert_eq!(bob.offers(), 2, "the change of codecs is not negotiated");
    let is_error = |message: &Response| matches!(message, Response::SubscriptionResponse(_));
    assert!(!bob.client.seen.iter().any(is_error));
}

#[tokio::test]
async fn a_viewer_in_a_room_that_the_publisher_is_forwarded_to_gets_the_second_codec() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Viewer::join(&stage, "bob", "pilates").await;
    let sid = publish(&mut alice, in_codecs(&["vp9", "vp8"])).await.sid;

    let grant = VideoGrant {
        destination_room: "pilates".into(),
        ..all_grants("yoga")
    };
    let body = json!({"room": "yoga", "identity": "alice", "destination_room": "pilates"});
    let method = format!("{ROOM_SERVICE}ForwardParticipant");
    call_as(&stage, &token(grant), &method, &body).await;
    bob.answer().await;

    answer_demand(&mut alice, &mut bob, &sid).await;
    hide_and_show(&mut alice, &mut bob, &sid).await;
}

#[tokio::test]
async fn a_publisher_that_resumes_is_told_again_what_is_waited_for() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Viewer::join(&stage, "bob", "yoga").await;
    publish(&mut alice, in_codecs(&["vp9", "vp8"])).await;
    bob.answer().await;
    until_watched(&mut alice, "vp8", true).await;

    let query = format!("protocol=17&sdk=js&reconnect=1&sid={}", alice.sid());
    let token = crate::kit::sign(&claims("alice", "yoga"));
    let path = format!("/rtc?access_token={token}&{query}");
    let mut again = Client::connect(&stage, &path).await.unwrap();

    until_watched(&mut again, "vp8", true).await;
}

#[tokio::test]
async fn a_viewer_is_told_where_no_codec_suits_and_is_not_taken_for_subscribed() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Viewer::join(&stage, "bob", "yoga").await;

    let sid = publish(&mut alice, in_codecs(&["vp9"])).await.sid;
    bob.answer().await;
    let unsupported = (sid.clone(), SubscriptionError::SeCodecUnsupported);
    assert_eq!(told_of_refusal(&mut bob.client).await, unsupported);
    bob.answer().await; // The section is free again.
    bob.client
        .say(Request::Subscription(UpdateSubscription {
            track_sids: vec![sid],
            subscribe: true,
            ..UpdateSubscription::default()
        }))
        .await;
    bob.answer().await;

    assert_eq!(told_of_refusal(&mut bob.client).await, unsupported);
}
