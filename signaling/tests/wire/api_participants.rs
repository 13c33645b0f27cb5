//! What the server API does to participants, and what their clients see of it.

use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{DisconnectReason, TrackInfo};
use serde_json::{Value, json};

use crate::kit::api::{ROOM_SERVICE, all_grants, call, call_as, token};
use crate::kit::client::http;
use crate::kit::{Client, KEY, SECRET, Stage, claims, now, sign};
use auth::{ApiKeys, Claims, VideoGrant};

fn path(method: &str) -> String {
    format!("{ROOM_SERVICE}{method}")
}

fn leave(message: Response) -> Option<(DisconnectReason, Action)> {
    match message {
        Response::Leave(leave) => Some((leave.reason(), leave.action())),
        _ => None,
    }
}

/// What a token is answered at the door.
async fn validated(stage: &Stage, claims: &Claims) -> u16 {
    let head = format!("GET /rtc/validate?access_token={} HTTP/1.1", sign(claims));
    http(stage.address, &head).await.0.as_u16()
}

async fn alice_with_camera(stage: &Stage) -> (Client, TrackInfo) {
    let mut alice = Client::join(stage, "alice", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    (alice, track)
}

#[tokio::test]
async fn a_participant_is_described_with_its_tracks() {
    let stage = Stage::new().await;
    let (_alice, track) = alice_with_camera(&stage).await;

    let one = json!({"room": "yoga", "identity": "alice"});
    let alice = call(&stage, "GetParticipant", &one).await.json();
    let list = call(&stage, "ListParticipants", &json!({"room": "yoga"})).await;

    assert_eq!(alice["identity"], "alice");
    assert_eq!(alice["tracks"][0]["sid"], Value::from(track.sid));
    assert_eq!(alice["tracks"][0]["type"], "VIDEO");
    assert_eq!(alice["tracks"][0]["source"], "CAMERA");
    assert_eq!(alice["permission"]["can_publish"], true);
    assert_eq!(alice["disconnect_reason"], "UNKNOWN_REASON");
    assert_eq!(list.json()["participants"][0]["sid"], alice["sid"]);
}

#[tokio::test]
async fn who_is_removed_stays_out_with_the_tokens_from_before() {
    let stage = Stage::new().await;
    let old = Claims {
        nbf: now() - 10,
        ..claims("alice", "yoga")
    };
    let mut alice = Client::join_with(&stage, &old, "protocol=17").await;
    let refreshed = alice
        .until(|message| match message {
            Response::RefreshToken(token) => Some(token),
            _ => None,
        })
        .await;

    let one = json!({"room": "yoga", "identity": "alice"});
    assert_eq!(call(&stage, "RemoveParticipant", &one).await.status, 200);

    let left = alice.until(leave).await;
    assert_eq!(
        left,
        (DisconnectReason::ParticipantRemoved, Action::Disconnect)
    );
    assert_eq!(validated(&stage, &old).await, 401);
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let refreshed = auth::verify(&refreshed, &keys, now()).unwrap();
    assert_eq!(validated(&stage, &refreshed).await, 401);
    let later = Claims {
        nbf: now() + 60,
        ..old.clone()
    };
    assert_eq!(validated(&stage, &later).await, 200);
    let other = Claims {
        identity: "bob".into(),
        ..old
    };
    assert_eq!(validated(&stage, &other).await, 200);
}

#[tokio::test]
async fn who_was_demoted_stays_so_with_the_token_from_before() {
    let stage = Stage::new().await;
    let old = Claims {
        nbf: now() - 10,
        ..claims("alice", "yoga")
    };
    let _alice = Client::join_with(&stage, &old, "protocol=17").await;
    let demote = json!({
        "room": "yoga", "identity": "alice",
        "permission": {"can_subscribe": true, "canPublishData": true},
    });
    let demoted = call(&stage, "UpdateParticipant", &demote).await.json();
    assert_eq!(demoted["permission"]["can_publish"], false);

    let again = Client::join_with(&stage, &old, "protocol=17").await;

    let permission = again.join.participant.unwrap().permission.unwrap();
    assert!(!permission.can_publish && permission.can_subscribe);
}

#[tokio::test]
async fn a_track_is_muted_and_unmuting_it_from_afar_has_to_be_allowed() {
    for is_allowed in [false, true] {
        let stage = Stage::with(|config| config.room.enable_remote_unmute = is_allowed).await;
        let (mut alice, track) = alice_with_camera(&stage).await;
        let mute = |muted: bool, sid: &str| json!({"room": "yoga", "identity": "alice", "track_sid": sid, "muted": muted});
        let muted = |message| match message {
            Response::Mute(mute) => Some((mute.sid, mute.muted)),
            _ => None,
        };

        let answer = call(&stage, "MutePublishedTrack", &mute(true, &track.sid)).await;
        assert_eq!(answer.json()["track"]["muted"], true);
        assert_eq!(alice.until(muted).await, (track.sid.clone(), true));
        alice.until_info("alice", |info| info.tracks[0].muted).await;
        let unmuted = call(&stage, "MutePublishedTrack", &mute(false, &track.sid)).await;
        let nothing = call(&stage, "MutePublishedTrack", &mute(true, "TR_x")).await;

        if is_allowed {
            assert_eq!(unmuted.json()["track"]["muted"], false);
            assert_eq!(alice.until(muted).await, (track.sid, false));
        } else {
            assert_eq!(unmuted.code(), (412, "failed_precondition".into()));
        }
        assert_eq!(nothing.code(), (404, "not_found".into()));
    }
}

#[tokio::test]
async fn a_participant_is_changed_within_the_limits() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    let change = json!({
        "room": "yoga", "identity": "alice", "name": "Alice", "metadata": "m",
        "attributes": {"seat_Row": "4"},
    });
    let changed = call(&stage, "UpdateParticipant", &change).await.json();

    assert_eq!(
        (&changed["name"], &changed["metadata"]),
        (&json!("Alice"), &json!("m"))
    );
    assert_eq!(changed["attributes"], json!({"seat_Row": "4"}));
    alice.until_info("alice", |info| info.name == "Alice").await;
    for (field, value) in [
        ("name", json!("x".repeat(257))),
        ("metadata", json!("x".repeat(65537))),
        ("attributes", json!({"a": "x".repeat(65537)})),
    ] {
        let body = json!({"room": "yoga", "identity": "alice", field: value});
        let answer = call(&stage, "UpdateParticipant", &body).await;
        assert_eq!(answer.code(), (400, "invalid_argument".into()), "{field}");
    }
}

#[tokio::test]
async fn subscriptions_are_ended_and_begun_from_afar() {
    let stage = Stage::new().await;
    let (_alice, track) = alice_with_camera(&stage).await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let permission = |message| match message {
        Response::SubscriptionPermissionUpdate(update) => Some(update.track_sid),
        _ => None,
    };
    assert_eq!(bob.until(permission).await, track.sid);
    let body = |subscribe: bool| {
        json!({
            "room": "yoga", "identity": "bob", "subscribe": subscribe,
            "participantTracks": [{"participantSid": "", "trackSids": [track.sid]}],
        })
    };

    call(&stage, "UpdateSubscriptions", &body(false)).await;
    call(&stage, "UpdateSubscriptions", &body(true)).await;

    // It is told anew, because it was ended in between.
    assert_eq!(bob.until(permission).await, track.sid);
}

#[tokio::test]
async fn data_goes_out_within_the_limits() {
    let stage = Stage::new().await;
    let _alice = Client::join(&stage, "alice", "yoga").await;
    let data = |data: &str, nonce: &str| json!({"room": "yoga", "data": data, "nonce": nonce, "destination_identities": ["alice"]});
    let long = "aGVsbG8h".repeat(12_000);

    let sent = call(&stage, "SendData", &data("aGVsbG8=", "")).await;
    let odd_nonce = call(&stage, "SendData", &data("aGVsbG8=", "aGVsbG8=")).await;
    let too_long = call(&stage, "SendData", &data(&long, "")).await;

    assert_eq!((sent.status, sent.json()), (200, json!({})));
    assert_eq!(odd_nonce.code(), (400, "invalid_argument".into()));
    assert_eq!(too_long.code(), (400, "invalid_argument".into()));
    assert!((stage.metric("clapt_signal_data_packets_total") - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn who_is_moved_is_led_to_the_other_room() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    // The token that comes with each join.
    let token_of = |message| match message {
        Response::RefreshToken(token) => Some(token),
        _ => None,
    };
    alice.until(token_of).await;
    let grant = VideoGrant {
        destination_room: "pilates".into(),
        ..all_grants("yoga")
    };
    let go = json!({"room": "yoga", "identity": "alice", "destinationRoom": "pilates"});

    let answer = call_as(&stage, &token(grant), &path("MoveParticipant"), &go).await;

    assert_eq!((answer.status, answer.json()), (200, json!({})));
    let refreshed = alice.until(token_of);
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let claims = auth::verify(&refreshed.await, &keys, now()).unwrap();
    assert_eq!(claims.video.as_ref().unwrap().room, "pilates");
    let left = alice.until(leave).await;
    assert_eq!(left, (DisconnectReason::Migration, Action::Reconnect));
    bob.until_info("alice", |info| {
        info.state() == livekit_protocol::participant_info::State::Disconnected
    })
    .await;
    let there = Client::join_with(&stage, &claims, "protocol=17").await;
    assert_eq!(there.join.room.unwrap().name, "pilates");
}

#[tokio::test]
async fn moving_and_forwarding_nowhere_are_refused() {
    let stage = Stage::new().await;
    let _alice = Client::join(&stage, "alice", "yoga").await;
    for (destination, method, status) in [
        ("yoga", "MoveParticipant", 400),
        ("", "MoveParticipant", 400),
        ("yoga", "ForwardParticipant", 400),
        ("", "ForwardParticipant", 400),
    ] {
        let grant = VideoGrant {
            destination_room: destination.into(),
            ..all_grants("yoga")
        };
        let body = json!({"room": "yoga", "identity": "alice", "destination_room": destination});

        let answer = call_as(&stage, &token(grant), &path(method), &body).await;

        assert_eq!(answer.status, status, "{method} to {destination:?}");
    }
}

#[tokio::test]
async fn an_rpc_that_nobody_answers_ends_and_only_so_many_wait() {
    let stage = Stage::with(|config| config.limit.rpcs_per_room_max = 1).await;
    let alice = Client::join(&stage, "alice", "yoga").await;
    let rpc = json!({"room": "yoga", "destination_identity": "alice", "method": "greet"});

    // The media connection of this client never stands, so that nothing is acknowledged.
    let (first, second) = tokio::join!(
        call(&stage, "PerformRpc", &rpc),
        call(&stage, "PerformRpc", &rpc),
    );

    let mut codes = [first.code(), second.code()];
    codes.sort_unstable();
    assert_eq!(
        codes,
        [(408, "canceled".into()), (429, "resource_exhausted".into())]
    );
    let long = json!({
        "room": "yoga", "destination_identity": "alice", "payload": "x".repeat(15 * 1024 + 1),
    });
    assert_eq!(
        call(&stage, "PerformRpc", &long).await.code(),
        (400, "malformed".into())
    );
    let (gone, ()) = tokio::join!(call(&stage, "PerformRpc", &rpc), async {
        // Whether it leaves before or after the call begins, nobody is there to answer.
        drop(alice);
        let one = json!({"room": "yoga", "identity": "alice"});
        call(&stage, "RemoveParticipant", &one).await;
    });
    assert!([404, 503].contains(&gone.status), "{gone:?}");
    let nobody = json!({"room": "yoga", "method": "greet"});
    assert_eq!(
        call(&stage, "PerformRpc", &nobody).await.code(),
        (400, "invalid_argument".into())
    );
}

#[tokio::test]
async fn a_hidden_participant_is_shown_to_the_backend() {
    let stage = Stage::new().await;
    let mut hidden = claims("ghost", "yoga");
    hidden.video = hidden.video.map(|grant| VideoGrant {
        hidden: true,
        ..grant
    });
    let _ghost = Client::join_with(&stage, &hidden, "protocol=17").await;

    let list = call(&stage, "ListParticipants", &json!({"room": "yoga"}))
        .await
        .json();

    assert_eq!(list["participants"][0]["identity"], "ghost");
    let permission: &Value = &list["participants"][0]["permission"];
    assert_eq!(permission["hidden"], true);
}
