//! Rights that change while their holder is in the room, and orders of the server API.

use std::collections::HashMap;

use crate::kit::client::camera;
use crate::kit::{Client, SECRET, Stage, claims, now};
use auth::ApiKeys;
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    DisconnectReason, MuteTrackRequest, ParticipantPermission, SubscriptionPermission, TrackInfo,
    TrackPermission, TrackSource, UpdateParticipantMetadata, UpdateSubscription,
};
use signaling::OrderError;

const ALL: ParticipantPermission = {
    #[expect(deprecated, reason = "a constant has to name every field")]
    ParticipantPermission {
        can_subscribe: true,
        can_publish: true,
        can_publish_data: true,
        can_publish_sources: Vec::new(),
        hidden: false,
        recorder: false,
        can_update_metadata: false,
        agent: false,
        can_subscribe_metrics: false,
        can_manage_agent_session: false,
    }
};

fn permission_update(message: Response) -> Option<(String, bool)> {
    match message {
        Response::SubscriptionPermissionUpdate(update) => Some((update.track_sid, update.allowed)),
        _ => None,
    }
}

/// Waits for the next token and reads it.
async fn fresh_token(client: &mut Client) -> auth::Claims {
    let token = client
        .until(|message| match message {
            Response::RefreshToken(token) => Some(token),
            _ => None,
        })
        .await;
    let keys = ApiKeys::from_iter([(crate::kit::KEY, SECRET)]);
    auth::verify(&token, &keys, now()).unwrap()
}

async fn permit(stage: &Stage, identity: &str, permission: ParticipantPermission) {
    let profile = UpdateParticipantMetadata::default();
    let updated = stage
        .signaling
        .update_participant("yoga", identity, profile, Some(permission.clone()))
        .await
        .unwrap();
    assert_eq!(updated.permission, Some(permission));
}

/// Two who are there, one of them with a camera that the other receives.
async fn alice_with_camera_and_bob(stage: &Stage) -> (Client, Client, TrackInfo) {
    let mut alice = Client::join(stage, "alice", "yoga").await;
    let mut bob = Client::join(stage, "bob", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    let told = bob.until(permission_update).await;
    assert_eq!(told, (track.sid.clone(), true));
    (alice, bob, track)
}

#[tokio::test]
async fn losing_the_right_to_publish_ends_what_is_published() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, track) = alice_with_camera_and_bob(&stage).await;

    let listener = ParticipantPermission {
        can_publish: false,
        ..ALL
    };
    permit(&stage, "alice", listener.clone()).await;

    let unpublished = alice.until(|message| match message {
        Response::TrackUnpublished(unpublished) => Some(unpublished.track_sid),
        _ => None,
    });
    assert_eq!(unpublished.await, track.sid);
    let seen = bob.until_info("alice", |info| info.tracks.is_empty()).await;
    assert_eq!(
        (seen.permission, seen.is_publisher),
        (Some(listener), false)
    );
    let grant = fresh_token(&mut alice).await.video.unwrap();
    assert!(!grant.may_publish() && grant.may_subscribe() && grant.room == "yoga");
    alice.say(Request::AddTrack(camera("cam-2"))).await;
    let refused = alice.until(|message| match message {
        Response::RequestResponse(response) => Some(response.reason()),
        _ => None,
    });
    assert_eq!(refused.await, Reason::NotAllowed);
}

#[tokio::test]
async fn a_track_that_the_server_ended_does_not_come_back_under_the_next_one() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, _) = alice_with_camera_and_bob(&stage).await;
    let listener = ParticipantPermission {
        can_publish: false,
        ..ALL
    };
    permit(&stage, "alice", listener).await;
    permit(&stage, "alice", ALL).await;

    // The client goes on sending the ended track in its section, and adds a section for another.
    alice.say(Request::AddTrack(camera("cam-2"))).await;
    alice
        .offer(2, &crate::kit::sdp::with_two_cameras("cam-1", "cam-2"))
        .await;

    let is_new = |info: &livekit_protocol::ParticipantInfo| {
        info.tracks.len() == 1 && info.permission.as_ref() == Some(&ALL)
    };
    let seen = bob.until_info("alice", is_new).await;
    assert_eq!(seen.tracks[0].mid, "2");
}

#[tokio::test]
async fn only_the_sources_that_are_left_go_on() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, _) = alice_with_camera_and_bob(&stage).await;

    let only_microphone = ParticipantPermission {
        can_publish_sources: vec![TrackSource::Microphone.into()],
        ..ALL
    };
    permit(&stage, "alice", only_microphone).await;
    bob.until_info("alice", |info| info.tracks.is_empty()).await;
    let with_camera = ParticipantPermission {
        can_publish_sources: vec![TrackSource::Camera.into()],
        ..ALL
    };
    permit(&stage, "alice", with_camera).await;
    let microphone = livekit_protocol::AddTrackRequest {
        cid: "mic-1".into(),
        source: TrackSource::Microphone.into(),
        ..Default::default()
    };
    alice.say(Request::AddTrack(microphone)).await;

    let refused = alice.until(|message| match message {
        Response::RequestResponse(response) => Some(response.reason()),
        _ => None,
    });
    assert_eq!(refused.await, Reason::NotAllowed);
    alice.publish_camera("cam-2").await;
    bob.until_info("alice", |info| info.tracks.len() == 1).await;
}

#[tokio::test]
async fn a_client_before_unpublishing_was_known_is_muted_instead() {
    let stage = Stage::new().await;
    let mut alice = Client::join_with(&stage, &claims("alice", "yoga"), "protocol=6").await;
    let track = alice.publish_camera("cam-1").await;

    let listener = ParticipantPermission {
        can_publish: false,
        ..ALL
    };
    permit(&stage, "alice", listener).await;

    let muted = alice.until(|message| match message {
        Response::Mute(mute) => Some((mute.sid, mute.muted)),
        _ => None,
    });
    assert_eq!(muted.await, (track.sid, true));
}

#[tokio::test]
async fn the_right_to_subscribe_is_taken_and_given_back() {
    let stage = Stage::new().await;
    let (_alice, mut bob, track) = alice_with_camera_and_bob(&stage).await;
    let deaf = ParticipantPermission {
        can_subscribe: false,
        ..ALL
    };

    permit(&stage, "bob", deaf.clone()).await;

    let me = bob
        .until_info("bob", |info| info.permission.as_ref() == Some(&deaf))
        .await;
    assert_eq!(me.state(), State::Joined);
    assert!(!fresh_token(&mut bob).await.video.unwrap().may_subscribe());
    let choice = UpdateSubscription {
        track_sids: vec![track.sid.clone()],
        subscribe: true,
        ..UpdateSubscription::default()
    };
    bob.say(Request::Subscription(choice)).await;
    bob.settle().await;
    assert!(
        !bob.seen
            .iter()
            .cloned()
            .filter_map(permission_update)
            .any(|(_, allowed)| !allowed),
        "the publisher has forbidden nothing"
    );
    permit(&stage, "bob", ALL).await;
    bob.until_info("bob", |info| info.permission.as_ref() == Some(&ALL))
        .await;
}

#[tokio::test]
async fn whoever_is_hidden_later_disappears_and_comes_back() {
    let stage = Stage::new().await;
    let (_alice, mut bob, track) = alice_with_camera_and_bob(&stage).await;
    let hidden = ParticipantPermission {
        hidden: true,
        ..ALL
    };

    permit(&stage, "alice", hidden).await;
    bob.until_info("alice", |info| info.state() == State::Disconnected)
        .await;
    permit(&stage, "alice", ALL).await;

    let seen = bob
        .until_info("alice", |info| info.state() != State::Disconnected)
        .await;
    assert_eq!(seen.tracks[0].sid, track.sid);
}

#[tokio::test]
async fn rules_about_single_tracks_are_given_and_taken_at_run_time() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, track) = alice_with_camera_and_bob(&stage).await;
    let rules = |tracks: &[&str]| {
        Request::SubscriptionPermission(SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![TrackPermission {
                participant_identity: "bob".into(),
                track_sids: tracks.iter().map(|sid| (*sid).to_owned()).collect(),
                ..TrackPermission::default()
            }],
        })
    };

    alice.say(rules(&["TR_another"])).await;
    assert_eq!(
        bob.until(permission_update).await,
        (track.sid.clone(), false)
    );
    alice.say(rules(&["TR_another"])).await;
    alice.say(rules(&[&track.sid])).await;
    assert_eq!(
        bob.until(permission_update).await,
        (track.sid.clone(), true)
    );

    // By the id of the participant, for all its tracks.
    let by_sid = SubscriptionPermission {
        all_participants: false,
        track_permissions: vec![TrackPermission {
            participant_sid: bob.sid(),
            all_tracks: true,
            ..TrackPermission::default()
        }],
    };
    alice.say(rules(&[])).await;
    assert_eq!(
        bob.until(permission_update).await,
        (track.sid.clone(), false)
    );
    alice.say(Request::SubscriptionPermission(by_sid)).await;
    assert_eq!(bob.until(permission_update).await, (track.sid, true));
}

#[tokio::test]
async fn a_recorder_is_not_bound_by_rules_of_publishers() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut recording = claims("recorder", "yoga");
    recording.video.as_mut().unwrap().recorder = true;
    let mut recorder = Client::join_with(&stage, &recording, "protocol=17").await;
    let nobody = SubscriptionPermission::default();
    alice.say(Request::SubscriptionPermission(nobody)).await;

    let track = alice.publish_camera("cam-1").await;

    assert_eq!(recorder.until(permission_update).await, (track.sid, true));
    let is_recording = alice.until(|message| match message {
        Response::RoomUpdate(update) => update.room.map(|room| room.active_recording),
        _ => None,
    });
    assert!(is_recording.await);
}

#[tokio::test]
async fn a_track_muted_by_the_server_is_told_to_its_owner_and_all() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, track) = alice_with_camera_and_bob(&stage).await;

    let muted = stage
        .signaling
        .mute_track("yoga", "alice", &track.sid, true)
        .await
        .unwrap();

    assert!(muted.muted && muted.sid == track.sid);
    let told = alice.until(|message| match message {
        Response::Mute(mute) => Some(mute),
        _ => None,
    });
    let expected = MuteTrackRequest {
        sid: track.sid,
        muted: true,
    };
    assert_eq!(told.await, expected);
    bob.until_info("alice", |info| info.tracks[0].muted).await;
}

#[tokio::test]
async fn the_server_changes_what_a_participant_is_called() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    fresh_token(&mut alice).await;
    let profile = UpdateParticipantMetadata {
        name: "Alice".into(),
        metadata: "m".into(),
        attributes: HashMap::from([("seat".into(), "4".into())]),
        ..UpdateParticipantMetadata::default()
    };

    stage
        .signaling
        .update_participant("yoga", "alice", profile, None)
        .await
        .unwrap();

    let seen = bob.until_info("alice", |info| info.name == "Alice").await;
    assert_eq!(
        (seen.metadata.as_str(), &*seen.attributes["seat"]),
        ("m", "4")
    );
    let token = fresh_token(&mut alice).await;
    assert_eq!(
        (token.name.as_str(), token.metadata.as_str()),
        ("Alice", "m")
    );
    let long = UpdateParticipantMetadata {
        metadata: "x".repeat(65 * 1024),
        ..UpdateParticipantMetadata::default()
    };
    let refused = stage
        .signaling
        .update_participant("yoga", "alice", long, None)
        .await;
    assert!(matches!(refused, Err(OrderError::TooLarge(_))));
}

#[tokio::test]
async fn whoever_is_removed_is_told_why_and_so_are_the_others() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    stage
        .signaling
        .remove_participant("yoga", "alice")
        .await
        .unwrap();

    let leave = alice.until(|message| match message {
        Response::Leave(leave) => Some((leave.reason(), leave.action())),
        _ => None,
    });
    let removed = DisconnectReason::ParticipantRemoved;
    assert_eq!(leave.await, (removed, Action::Disconnect));
    let gone = bob
        .until_info("alice", |info| info.state() == State::Disconnected)
        .await;
    assert_eq!(gone.disconnect_reason(), removed);
    let again = stage.signaling.remove_participant("yoga", "alice").await;
    assert_eq!(again, Err(OrderError::NoParticipant));
    let elsewhere = stage.signaling.remove_participant("chess", "bob").await;
    assert_eq!(elsewhere, Err(OrderError::NoRoom));
}
