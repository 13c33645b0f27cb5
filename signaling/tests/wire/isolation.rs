//! Rooms know nothing of each other, and whoever was sent away stays away (promise 7).

use std::collections::HashSet;
use std::mem::discriminant;
use std::time::{Duration, Instant};

use auth::Claims;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::update_data_subscription::Update;
use livekit_protocol::{
    AddTrackRequest, DataBlobKey, GetDataBlobRequest, MuteTrackRequest, ParticipantTracks,
    SubscriptionPermission, SyncState, TrackPermission, UpdateDataSubscription,
    UpdateLocalAudioTrack, UpdateLocalVideoTrack, UpdateSubscription, UpdateTrackSettings,
    UpdateVideoLayers, data_blob_key,
};

use crate::kit::client::{camera, http};
use crate::kit::{Client, Stage, claims, now, sign};

/// Tells whether a request can name what belongs to somebody else. No `_`: a new one has to be judged.
#[expect(deprecated, reason = "clients may still send it")]
fn names_others(request: &Request) -> bool {
    match request {
        Request::AddTrack(_)
        | Request::Mute(_)
        | Request::Subscription(_)
        | Request::TrackSetting(_)
        | Request::UpdateLayers(_)
        | Request::SubscriptionPermission(_)
        | Request::SyncState(_)
        | Request::UpdateAudioTrack(_)
        | Request::UpdateVideoTrack(_)
        | Request::UpdateDataSubscription(_)
        | Request::GetDataBlobRequest(_) => true,
        Request::Offer(_)
        | Request::Answer(_)
        | Request::Trickle(_)
        | Request::Leave(_)
        | Request::Simulate(_)
        | Request::Ping(_)
        | Request::UpdateMetadata(_)
        | Request::PingReq(_)
        | Request::PublishDataTrackRequest(_)
        | Request::UnpublishDataTrackRequest(_)
        | Request::StoreDataBlobRequest(_) => false,
    }
}

/// How many of them there are.
const NAMING: usize = 11;

/// Every request that names something, all naming what belongs to somebody else.
#[expect(deprecated, reason = "clients may still send it")]
fn requests_about(track: &str, data_track: &str, owner: (&str, &str)) -> Vec<Request> {
    let (sid, identity) = owner;
    let by_participant = ParticipantTracks {
        participant_sid: sid.into(),
        track_sids: vec![track.into()],
    };
    let subscription = UpdateSubscription {
        track_sids: vec![track.into()],
        subscribe: true,
        participant_tracks: vec![by_participant],
    };
    let rule = TrackPermission {
        participant_sid: sid.into(),
        track_sids: vec![track.into()],
        ..TrackPermission::default()
    };
    let data = Update {
        track_sid: data_track.into(),
        subscribe: true,
        options: None,
    };
    let key = DataBlobKey {
        key: Some(data_blob_key::Key::Generic("pose".into())),
    };
    vec![
        Request::AddTrack(AddTrackRequest {
            sid: track.into(),
            ..camera("backup")
        }),
        Request::UpdateLayers(UpdateVideoLayers {
            track_sid: track.into(),
            ..UpdateVideoLayers::default()
        }),
        Request::Subscription(subscription.clone()),
        Request::TrackSetting(UpdateTrackSettings {
            track_sids: vec![track.into()],
            disabled: true,
            ..UpdateTrackSettings::default()
        }),
        Request::Mute(MuteTrackRequest {
            sid: track.into(),
            muted: true,
        }),
        Request::UpdateAudioTrack(UpdateLocalAudioTrack {
            track_sid: track.into(),
            features: vec![1],
        }),
        Request::UpdateVideoTrack(UpdateLocalVideoTrack {
            track_sid: track.into(),
            width: 1,
            height: 1,
        }),
        Request::SubscriptionPermission(SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![rule],
        }),
        Request::UpdateDataSubscription(UpdateDataSubscription {
            updates: vec![data],
        }),
        Request::GetDataBlobRequest(GetDataBlobRequest {
            request_id: 3,
            participant_identity: identity.into(),
            key: Some(key),
        }),
        Request::SyncState(SyncState {
            subscription: Some(subscription),
            track_sids_disabled: vec![track.into()],
            ..SyncState::default()
        }),
    ]
}

/// What the server answered, without the ids that the client named itself.
fn shapes(seen: &[Response], named: &str) -> Vec<String> {
    let is_answer = |message: &&Response| {
        !matches!(
            message,
            Response::Offer(_) | Response::RoomUpdate(_) | Response::RefreshToken(_)
        )
    };
    let answers = seen.iter().filter(is_answer);
    answers
        .map(|message| format!("{message:?}").replace(named, "…"))
        .collect()
}

#[test]
fn every_request_that_names_something_is_in_the_matrix() {
    let requests = requests_about("TR_x", "DTR_x", ("PA_x", "alice"));

    assert!(requests.iter().all(names_others));
    let kinds: HashSet<_> = requests.iter().map(discriminant).collect();
    assert_eq!(kinds.len(), NAMING);
}

#[tokio::test]
async fn ids_of_another_room_do_nothing_and_are_answered_like_ids_of_nobody() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    bob.until_info("alice", |info| info.tracks.len() == 1).await;
    alice
        .say(Request::PublishDataTrackRequest(
            livekit_protocol::PublishDataTrackRequest {
                pub_handle: 1,
                name: "pose".into(),
                ..Default::default()
            },
        ))
        .await;
    let seen = bob
        .until_info("alice", |info| !info.data_tracks.is_empty())
        .await;
    let mut answers = Vec::new();
    for (identity, track, data, owner) in [
        (
            "mallory",
            track.sid.as_str(),
            seen.data_tracks[0].sid.as_str(),
            alice.sid(),
        ),
        (
            "trudy",
            "TR_VC00000000000000",
            "DTR_0000000000",
            "PA_00000000000000".into(),
        ),
    ] {
        let mut stranger = Client::join(&stage, identity, "chess").await;
        stranger.settle().await;
        stranger.seen.clear();
        for request in requests_about(track, data, (&owner, "alice")) {
            stranger.say(request).await;
        }
        stranger.settle().await;
        stranger.seen.pop();
        answers.push(shapes(&stranger.seen, track));
        stranger
            .say(Request::Leave(livekit_protocol::LeaveRequest::default()))
            .await;
        stranger.until_closed().await;
    }

    assert_eq!(
        answers[0], answers[1],
        "foreign and unknown ids look the same"
    );
    let count = bob.seen.len();
    bob.settle().await;
    let told = &bob.seen[count..bob.seen.len() - 1];
    let is_quiet = |message: &Response| {
        matches!(
            message,
            Response::ConnectionQuality(_) | Response::RoomUpdate(_)
        )
    };
    assert!(told.iter().all(is_quiet), "{told:?}");
    let room = stage
        .signaling
        .get_participant("yoga", "alice")
        .await
        .unwrap();
    assert!(!room.tracks[0].muted && room.tracks[0].width == 1280);
}

#[tokio::test]
async fn nobody_changes_the_tracks_of_another_in_the_same_room() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut mallory = Client::join(&stage, "mallory", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    let before = alice
        .until_info("alice", |info| info.tracks.len() == 1)
        .await;

    for request in requests_about(&track.sid, "DTR_x", (&alice.sid(), "alice")) {
        mallory.say(request).await;
    }
    mallory.settle().await;

    let after = stage
        .signaling
        .get_participant("yoga", "alice")
        .await
        .unwrap();
    assert_eq!(after.tracks, before.tracks);
    let not_found = mallory.seen.iter().find_map(|message| match message {
        Response::RequestResponse(response) if response.request_id == 3 => Some(response.reason()),
        _ => None,
    });
    assert_eq!(not_found, Some(Reason::NotFound));
}

#[tokio::test]
async fn whoever_was_removed_does_not_come_back_with_the_same_token() {
    let stage = Stage::new().await;
    let old = Claims {
        nbf: now() - 60,
        ..claims("alice", "yoga")
    };
    let mut alice = Client::join_with(&stage, &old, "protocol=17").await;

    let asked = Instant::now();
    stage
        .signaling
        .remove_participant("yoga", "alice")
        .await
        .unwrap();

    let path = |claims: &Claims| format!("/rtc/validate?access_token={}", sign(claims));
    let ask = |claims: Claims| {
        let head = format!("GET {} HTTP/1.1", path(&claims));
        let address = stage.address;
        async move { http(address, &head).await.0.as_u16() }
    };
    assert_eq!(ask(old.clone()).await, 401);
    assert!(
        asked.elapsed() <= Duration::from_secs(1),
        "it bites at once"
    );
    alice.until_closed().await;
    let resume = format!(
        "/rtc?access_token={}&reconnect=1&sid={}&protocol=17",
        sign(&old),
        alice.sid()
    );
    let refused = Client::connect(&stage, &resume).await.err().unwrap();
    assert!(refused.to_string().contains("401"), "{refused}");
    // Another room, and a token that was made after the removal, are not concerned.
    let elsewhere = Claims {
        nbf: now() - 60,
        ..claims("alice", "chess")
    };
    assert_eq!(ask(elsewhere).await, 200);
    let later = Claims {
        nbf: now() + 60, // The server allows for clocks that are so much ahead.
        ..claims("alice", "yoga")
    };
    assert_eq!(ask(later).await, 200);
}
