//! Publishing and subscribing, on the wire and against a real media server.

use std::collections::HashMap;

use crate::kit::client::camera;
use crate::kit::{Client, Stage, claims, sdp};
use auth::VideoGrant;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    MuteTrackRequest, RequestResponse, SubscriptionPermission, TrackPermission,
    UpdateParticipantMetadata, UpdateSubscription,
};

fn refusal(message: Response) -> Option<RequestResponse> {
    match message {
        Response::RequestResponse(response) => Some(response),
        _ => None,
    }
}

/// Waits for the offer that carries a track, and returns the ids that it carries.
async fn offered_tracks(client: &mut Client) -> Vec<String> {
    // Answers nothing: only the first offer after a join comes without one.
    client
        .until(|message| match message {
            Response::SubscriptionPermissionUpdate(update) if update.allowed => {
                Some(vec![update.track_sid])
            }
            _ => None,
        })
        .await
}

#[tokio::test]
async fn a_published_track_is_answered_and_told_before_it_is_subscribed() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    let track = alice.publish_camera("cam-1").await;
    let subscribed = offered_tracks(&mut bob).await;

    assert!(track.sid.starts_with("TR_VC") && track.stream == "camera");
    assert_eq!(subscribed, std::slice::from_ref(&track.sid));
    let told = bob
        .updates()
        .flat_map(|info| &info.tracks)
        .find(|told| told.sid == track.sid);
    let told = told.expect("the track is told before it is subscribed");
    assert_eq!(
        (told.mime_type.as_str(), told.mid.as_str()),
        ("video/VP8", "1")
    );
    let me = alice.until_info("alice", |info| info.is_publisher).await;
    assert_eq!(me.tracks.len(), 1);
}

#[tokio::test]
async fn a_section_that_turns_inactive_unpublishes() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    alice.publish_camera("cam-1").await;
    bob.until_info("alice", |info| !info.tracks.is_empty())
        .await;

    alice.offer(2, &sdp::with_camera("cam-1", "inactive")).await;

    bob.until_info("alice", |info| info.tracks.is_empty()).await;
}

#[tokio::test]
async fn muting_is_told_to_everybody() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let sid = alice.publish_camera("cam-1").await.sid;

    for muted in [true, false] {
        let request = MuteTrackRequest {
            sid: sid.clone(),
            muted,
        };
        alice.say(Request::Mute(request)).await;
        for client in [&mut alice, &mut bob] {
            let is_so = |info: &livekit_protocol::ParticipantInfo| {
                info.tracks.iter().any(|track| track.muted == muted)
            };
            client.until_info("alice", is_so).await;
        }
    }
}

#[tokio::test]
async fn nobody_mutes_the_track_of_another() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let sid = alice.publish_camera("cam-1").await.sid;
    bob.until_info("alice", |info| !info.tracks.is_empty())
        .await;

    bob.say(Request::Mute(MuteTrackRequest { sid, muted: true }))
        .await;
    bob.settle().await;
    alice.settle().await;

    let muted = |client: &Client| {
        let mut tracks = client.updates().flat_map(|info| &info.tracks);
        tracks.any(|track| track.muted)
    };
    assert!(!muted(&alice) && !muted(&bob));
}

#[tokio::test]
async fn a_source_that_the_token_does_not_name_is_refused() {
    let stage = Stage::new().await;
    let mut claims = claims("alice", "yoga");
    claims.video = Some(VideoGrant {
        can_publish_sources: vec!["microphone".into()],
        ..claims.video.unwrap()
    });
    let mut alice = Client::join_with(&stage, &claims, "protocol=17").await;

    alice.say(Request::AddTrack(camera("cam-1"))).await;

    assert_eq!(alice.until(refusal).await.reason(), Reason::NotAllowed);
}

#[tokio::test]
async fn announcements_without_end_are_refused_at_the_limit() {
    let stage = Stage::with(|config| config.limit.pending_tracks_max = 3).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    for number in 0..4 {
        alice
            .say(Request::AddTrack(camera(&format!("cam-{number}"))))
            .await;
    }

    assert_eq!(alice.until(refusal).await.reason(), Reason::LimitExceeded);
    let published = alice
        .seen
        .iter()
        .filter(|m| matches!(m, Response::TrackPublished(_)));
    assert_eq!(published.count(), 3);
}

#[tokio::test]
async fn without_auto_subscribe_a_track_comes_when_it_is_asked_for() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join_with(&stage, &claims("bob", "yoga"), "auto_subscribe=0").await;
    let sid = alice.publish_camera("cam-1").await.sid;
    bob.until_info("alice", |info| !info.tracks.is_empty())
        .await;
    bob.settle().await;
    let was_told = |client: &Client| {
        let is_told = |m: &Response| matches!(m, Response::SubscriptionPermissionUpdate(_));
        client.seen.iter().any(is_told)
    };
    assert!(!was_told(&bob));

    bob.say(Request::Subscription(UpdateSubscription {
        track_sids: vec![sid.clone()],
        subscribe: true,
        ..UpdateSubscription::default()
    }))
    .await;

    assert_eq!(offered_tracks(&mut bob).await, [sid]);
}

#[tokio::test]
async fn a_subscription_to_nothing_is_answered() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    alice
        .say(Request::Subscription(UpdateSubscription {
            track_sids: vec!["TR_nothing".into()],
            subscribe: true,
            ..UpdateSubscription::default()
        }))
        .await;

    let sid = alice.until(|message| match message {
        Response::SubscriptionResponse(response) => Some(response.track_sid),
        _ => None,
    });
    assert_eq!(sid.await, "TR_nothing");
}

#[tokio::test]
async fn a_publisher_may_name_who_receives_its_tracks() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let mut carol = Client::join(&stage, "carol", "yoga").await;
    let rules = SubscriptionPermission {
        all_participants: false,
        track_permissions: vec![TrackPermission {
            participant_identity: "bob".into(),
            all_tracks: true,
            ..TrackPermission::default()
        }],
    };
    alice.say(Request::SubscriptionPermission(rules)).await;

    alice.publish_camera("cam-1").await;

    let allowed = |message| match message {
        Response::SubscriptionPermissionUpdate(update) => Some(update.allowed),
        _ => None,
    };
    assert!(bob.until(allowed).await);
    assert!(!carol.until(allowed).await);
    let rules = SubscriptionPermission {
        all_participants: true,
        ..SubscriptionPermission::default()
    };
    alice.say(Request::SubscriptionPermission(rules)).await;
    assert!(carol.until(allowed).await);
}

#[tokio::test]
async fn own_metadata_changes_if_the_token_allows_it() {
    let stage = Stage::new().await;
    let mut claims = claims("alice", "yoga");
    claims.video = Some(VideoGrant {
        can_update_own_metadata: Some(true),
        ..claims.video.unwrap()
    });
    let mut alice = Client::join_with(&stage, &claims, "protocol=17").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let update = UpdateParticipantMetadata {
        metadata: "m".into(),
        name: "Alice".into(),
        attributes: HashMap::from([("seat".into(), "4".into())]),
        request_id: 9,
    };

    alice.say(Request::UpdateMetadata(update.clone())).await;
    bob.say(Request::UpdateMetadata(update)).await;

    let seen = bob.until_info("alice", |info| info.metadata == "m").await;
    assert_eq!(
        (seen.name.as_str(), seen.attributes["seat"].as_str()),
        ("Alice", "4")
    );
    let response = alice.until(refusal).await;
    assert_eq!((response.request_id, response.reason()), (9, Reason::Ok));
    let has_token = alice
        .seen
        .iter()
        .filter(|m| matches!(m, Response::RefreshToken(_)));
    assert_eq!(has_token.count(), 2);
    let response = match bob.seen.iter().rev().cloned().find_map(refusal) {
        Some(response) => response,
        None => bob.until(refusal).await,
    };
    assert_eq!(response.reason(), Reason::NotAllowed);
}

#[tokio::test]
async fn versions_of_a_participant_rise_with_every_update() {
    let stage = Stage::new().await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let sid = alice.publish_camera("cam-1").await.sid;
    for turn in 0..6 {
        let muted = turn % 2 == 0;
        let sid = sid.clone();
        alice
            .say(Request::Mute(MuteTrackRequest { sid, muted }))
            .await;
    }
    alice
        .say(Request::Leave(livekit_protocol::LeaveRequest::default()))
        .await;

    bob.until_info("alice", |info| info.state == 3).await;

    let versions: Vec<u32> = bob
        .updates()
        .filter(|info| info.identity == "alice")
        .map(|info| info.version)
        .collect();
    assert!(versions.len() >= 9, "{versions:?}");
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
}

#[tokio::test]
async fn a_track_is_published_again_though_its_ended_section_still_names_it() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    alice.publish_camera("cam").await;
    alice.offer(2, &sdp::with_camera("cam", "recvonly")).await;
    alice.say(Request::AddTrack(camera("cam"))).await;

    // As LiveKit's Rust SDK does it: the new section names the track anew.
    let again = sdp::with_two_cameras("cam", "other").replacen("a=sendonly", "a=recvonly", 1);
    alice.offer(3, &again).await;

    let info = alice
        .until_info("alice", |info| info.tracks.len() == 1)
        .await;
    assert_eq!(info.tracks[0].mid, "2");
}
