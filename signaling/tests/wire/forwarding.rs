//! Participants that are shown in another room than theirs.

use auth::VideoGrant;
use livekit_protocol::participant_info::{KindDetail, State};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    ClientInfo, ConnectionSettings, DisconnectReason, JoinRequest, MuteTrackRequest,
    ParticipantInfo, SubscriptionPermission, TrackPermission,
};
use serde_json::json;

use crate::kit::api::{Answer, ROOM_SERVICE, all_grants, call_as, token};
use crate::kit::client::{camera, http};
use crate::kit::{Client, Stage, claims, sdp, sign};

fn path(method: &str) -> String {
    format!("{ROOM_SERVICE}{method}")
}

async fn forward(stage: &Stage, identity: &str) -> Answer {
    let grant = VideoGrant {
        destination_room: "pilates".into(),
        ..all_grants("yoga")
    };
    let body = json!({"room": "yoga", "identity": identity, "destination_room": "pilates"});
    call_as(stage, &token(grant), &path("ForwardParticipant"), &body).await
}

/// Calls a method about Alice in the room that she is forwarded to.
async fn there(stage: &Stage, method: &str, more: &serde_json::Value) -> Answer {
    let mut body = json!({"room": "pilates", "identity": "alice"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    call_as(stage, &token(all_grants("pilates")), &path(method), &body).await
}

fn is_forwarded(info: &ParticipantInfo) -> bool {
    info.kind_details()
        .any(|kind| kind == KindDetail::Forwarded)
}

fn is_gone(info: &ParticipantInfo) -> bool {
    info.state() == State::Disconnected
}

/// Waits until a client is told that it receives a track.
async fn until_received(client: &mut Client, sid: &str) {
    let is_told = |message| match message {
        Response::SubscriptionPermissionUpdate(update) => {
            (update.allowed && update.track_sid == sid).then_some(())
        }
        _ => None,
    };
    client.until(is_told).await;
}

/// Joins with one peer connection and a section to receive pictures in.
async fn join_single(stage: &Stage, identity: &str) -> Client {
    let claims = claims(identity, "pilates");
    let request = JoinRequest {
        client_info: Some(ClientInfo {
            protocol: 17,
            ..ClientInfo::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            ..ConnectionSettings::default()
        }),
        ..JoinRequest::default()
    };
    let mut client = Client::join_single(stage, &claims, &request).await;
    client.offer(1, &sdp::receiving("VP8")).await;
    client
}

/// The tracks that a client's section carries.
async fn carried(client: &mut Client, offer_id: u32) -> Vec<String> {
    let answer = client.offer(offer_id, &sdp::receiving("VP8")).await;
    answer.mid_to_track_id.into_values().collect()
}

/// Alice with a camera in one room and Bob in the other, where she is forwarded to.
async fn scene(stage: &Stage) -> (Client, Client, ParticipantInfo) {
    let mut alice = Client::join(stage, "alice", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    let mut bob = join_single(stage, "bob").await;

    let answer = forward(stage, "alice").await;

    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let seen = bob
        .until_info("alice", |info| !info.tracks.is_empty())
        .await;
    assert_eq!(seen.tracks[0].sid, track.sid);
    (alice, bob, seen)
}

#[tokio::test]
async fn who_is_forwarded_is_seen_with_its_tracks_and_received() {
    let stage = Stage::new().await;
    let (alice, mut bob, seen) = Box::pin(scene(&stage)).await;
    let track = &seen.tracks[0].sid;

    assert!(is_forwarded(&seen) && seen.is_publisher);
    assert_eq!(seen.state(), State::Active);
    assert_ne!(
        seen.sid,
        alice.sid(),
        "it is another participant of another room"
    );
    until_received(&mut bob, track).await;
    assert_eq!(carried(&mut bob, 2).await, std::slice::from_ref(track));
    let mut carol = Client::join(&stage, "carol", "pilates").await;
    assert!(carol.join.other_participants.iter().any(is_forwarded));
    until_received(&mut carol, track).await;
    let own = json!({"room": "yoga", "identity": "alice"});
    let own = call_as(
        &stage,
        &token(all_grants("yoga")),
        &path("GetParticipant"),
        &own,
    )
    .await;
    assert_eq!(
        own.json()["kind_details"],
        json!([]),
        "where she is she stays as she was"
    );
}

#[tokio::test]
async fn what_changes_about_one_who_is_forwarded_is_seen_in_both_rooms() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, seen) = Box::pin(scene(&stage)).await;
    let sid = seen.tracks[0].sid.clone();

    let mute = MuteTrackRequest { sid, muted: true };
    alice.say(Request::Mute(mute)).await;
    bob.until_info("alice", |info| info.tracks[0].muted).await;
    let update = json!({"room": "yoga", "identity": "alice", "metadata": "hand"});
    let (grants, update_participant) = (token(all_grants("yoga")), path("UpdateParticipant"));
    let updated = call_as(&stage, &grants, &update_participant, &update).await;
    assert_eq!(updated.status, 200);
    bob.until_info("alice", |info| info.metadata.contains("hand"))
        .await;
    alice.say(Request::AddTrack(camera("cam-2"))).await;
    let both = sdp::with_two_cameras("cam-1", "cam-2");
    alice.offer(2, &both).await;
    let two = bob.until_info("alice", |info| info.tracks.len() == 2).await;
    until_received(&mut bob, &two.tracks[1].sid).await;
    alice
        .offer(3, &both.replace("a=sendonly", "a=inactive"))
        .await;

    let last = bob.until_info("alice", |info| info.tracks.is_empty()).await;
    assert!(is_forwarded(&last));
}

#[tokio::test]
async fn forwarding_ends_when_the_participant_leaves_its_room() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, seen) = Box::pin(scene(&stage)).await;

    alice
        .say(Request::Leave(livekit_protocol::LeaveRequest::default()))
        .await;

    let left = bob.until_info("alice", is_gone).await;
    assert_eq!(left.sid, seen.sid);
    assert_eq!(left.disconnect_reason(), DisconnectReason::ClientInitiated);
    assert_eq!(
        there(&stage, "GetParticipant", &json!({})).await.status,
        404
    );
}

#[tokio::test]
async fn forwarding_ends_by_a_removal_there_and_changes_nothing_here() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, seen) = Box::pin(scene(&stage)).await;
    until_received(&mut bob, &seen.tracks[0].sid).await;
    assert_eq!(carried(&mut bob, 2).await.len(), 1);

    assert_eq!(
        there(&stage, "RemoveParticipant", &json!({})).await.status,
        200
    );

    bob.until_info("alice", is_gone).await;
    assert!(carried(&mut bob, 3).await.is_empty(), "the section rests");
    alice.settle().await;
    let head = format!(
        "GET /rtc/validate?access_token={} HTTP/1.1",
        sign(&claims("alice", "pilates"))
    );
    assert_eq!(
        http(stage.address, &head).await.0,
        200,
        "she may come herself"
    );
    assert_eq!(
        forward(&stage, "alice").await.status,
        200,
        "and be forwarded again"
    );
    bob.until_info("alice", |info| is_forwarded(info) && info.sid != seen.sid)
        .await;
}

#[tokio::test]
async fn one_who_is_forwarded_is_changed_only_where_it_is() {
    let stage = Stage::new().await;
    let (_alice, _bob, seen) = Box::pin(scene(&stage)).await;
    let sid = seen.tracks[0].sid.clone();

    for (method, more) in [
        (
            "MutePublishedTrack",
            json!({"track_sid": sid, "muted": true}),
        ),
        ("UpdateParticipant", json!({"metadata": "x"})),
        (
            "UpdateSubscriptions",
            json!({"track_sids": ["TR_x"], "subscribe": true}),
        ),
    ] {
        let answer = there(&stage, method, &more).await;
        assert_eq!(
            answer.code(),
            (412, "failed_precondition".into()),
            "{method}"
        );
    }
    let rpc = json!({"destination_identity": "alice", "method": "greet"});
    assert_eq!(there(&stage, "PerformRpc", &rpc).await.status, 412);
    assert_eq!(
        forward(&stage, "alice").await.status,
        200,
        "a second time changes nothing"
    );
    let list = there(&stage, "ListParticipants", &json!({})).await.json();
    let sids: Vec<_> = list["participants"].as_array().unwrap().iter().collect();
    assert!(sids.iter().any(|info| info["sid"] == seen.sid.as_str()) && sids.len() == 2);
}

#[tokio::test]
async fn nobody_is_forwarded_who_is_not_there_or_into_a_full_room() {
    let stage = Stage::with(|config| config.room.max_participants = 1).await;
    let _alice = Client::join(&stage, "alice", "yoga").await;

    assert_eq!(
        forward(&stage, "ghost").await.code(),
        (404, "not_found".into())
    );
    let list = call_as(
        &stage,
        &token(all_grants("yoga")),
        &path("ListRooms"),
        &json!({}),
    )
    .await;
    assert_eq!(
        list.json()["rooms"].as_array().unwrap().len(),
        1,
        "no room was made"
    );
    let bob = Client::join(&stage, "bob", "pilates").await;
    assert_eq!(
        forward(&stage, "alice").await.code(),
        (429, "resource_exhausted".into())
    );
    drop(bob);
    let body = json!({"room": "yoga", "identity": "alice", "destination_room": "pilates"});
    let without = token(all_grants("yoga"));
    let denied = call_as(&stage, &without, &path("ForwardParticipant"), &body).await;
    assert_eq!(denied.status, 401);
}

#[tokio::test]
async fn the_last_to_come_under_an_identity_stays() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, seen) = Box::pin(scene(&stage)).await;

    let mut herself = Client::join(&stage, "alice", "pilates").await;
    bob.until_info("alice", |info| is_gone(info) && info.sid == seen.sid)
        .await;
    let there = herself.sid();
    bob.until_info("alice", |info| info.sid == there && !is_forwarded(info))
        .await;
    assert_eq!(forward(&stage, "alice").await.status, 200);

    let reason = herself.until(|message| match message {
        Response::Leave(leave) => Some(leave.reason()),
        _ => None,
    });
    assert_eq!(reason.await, DisconnectReason::DuplicateIdentity);
    bob.until_info("alice", is_forwarded).await;
    alice.settle().await;
}

#[tokio::test]
async fn a_token_of_the_same_identity_resumes_nobody_who_is_forwarded() {
    let stage = Stage::new().await;
    let (_alice, _bob, seen) = Box::pin(scene(&stage)).await;
    let path = format!(
        "/rtc?access_token={}&protocol=17&reconnect=1&sid={}",
        sign(&claims("alice", "pilates")),
        seen.sid
    );

    let mut intruder = Client::connect(&stage, &path).await.unwrap();

    let first = intruder.next().await;
    assert!(matches!(first, Some(Response::Leave(_))), "{first:?}");
    let still = there(&stage, "GetParticipant", &json!({})).await.json();
    assert_eq!(still["sid"], seen.sid.as_str());
}

#[tokio::test]
async fn a_publishers_rules_hold_where_it_is_forwarded_to() {
    let stage = Stage::new().await;
    let (mut alice, mut bob, seen) = Box::pin(scene(&stage)).await;
    let sid = seen.tracks[0].sid.clone();
    until_received(&mut bob, &sid).await;
    let told = |message| match message {
        Response::SubscriptionPermissionUpdate(update) => Some(update.allowed),
        _ => None,
    };

    let nobody = SubscriptionPermission::default();
    alice.say(Request::SubscriptionPermission(nobody)).await;
    assert!(!bob.until(told).await);
    let only_bob = SubscriptionPermission {
        track_permissions: vec![TrackPermission {
            participant_identity: "bob".into(),
            all_tracks: true,
            ..TrackPermission::default()
        }],
        ..SubscriptionPermission::default()
    };
    alice.say(Request::SubscriptionPermission(only_bob)).await;

    assert!(bob.until(told).await);
}
