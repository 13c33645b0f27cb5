//! Joining, resuming and leaving, on the wire and against a real media server.

use std::time::Duration;

use crate::kit::client::{description, v1_path};
use crate::kit::{Client, DEADLINE, Stage, claims, sdp, sign};
use auth::VideoGrant;
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    DisconnectReason, JoinRequest, LeaveRequest, Ping, SessionDescription, SignalTarget,
    TrickleRequest,
};

fn leave(message: Response) -> Option<LeaveRequest> {
    match message {
        Response::Leave(leave) => Some(leave),
        _ => None,
    }
}

fn offer(message: Response) -> Option<SessionDescription> {
    match message {
        Response::Offer(offer) => Some(offer),
        _ => None,
    }
}

#[tokio::test]
async fn a_join_is_answered_with_all_that_clients_need() {
    let stage = Stage::new().await;

    let mut alice = Client::join(&stage, "alice", "yoga").await;

    let join = alice.join.clone();
    let room = join.room.unwrap();
    assert!(room.sid.starts_with("RM_") && room.name == "yoga");
    assert!(
        room.enabled_codecs
            .iter()
            .any(|codec| codec.mime == "video/VP8")
    );
    let me = join.participant.unwrap();
    assert!(me.sid.starts_with("PA_") && me.identity == "alice");
    assert!(me.permission.unwrap().can_publish);
    assert!(join.server_info.unwrap().version.starts_with("1.9."));
    assert_eq!((join.ping_interval, join.ping_timeout), (5, 15));
    assert!(join.subscriber_primary && join.fast_publish);
    assert!(!join.sif_trailer.is_empty() && !join.enabled_publish_codecs.is_empty());
    let token = alice
        .until(|message| match message {
            Response::RefreshToken(token) => Some(token),
            _ => None,
        })
        .await;
    let keys = auth::ApiKeys::from_iter([(crate::kit::KEY, crate::kit::SECRET)]);
    assert_eq!(
        auth::verify(&token, &keys, crate::kit::now())
            .unwrap()
            .identity,
        "alice"
    );
    let offer = alice.until(offer).await;
    assert!(offer.sdp.contains("webrtc-datachannel") && offer.id > 0);
}

#[tokio::test]
async fn in_single_mode_the_offer_in_the_join_request_is_answered_with_its_id() {
    let stage = Stage::new().await;
    let request = JoinRequest {
        publisher_offer: Some(description("offer", &sdp::data_only(), 7)),
        ..JoinRequest::default()
    };

    let mut alice = Client::join_single(&stage, &claims("alice", "yoga"), &request).await;

    assert!(!alice.join.subscriber_primary);
    let answer = alice
        .until(|message| match message {
            Response::Answer(answer) => Some(answer),
            _ => None,
        })
        .await;
    assert_eq!((answer.id, answer.r#type.as_str()), (7, "answer"));
}

#[tokio::test]
async fn those_who_are_there_learn_of_a_newcomer_and_the_newcomer_of_them() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    let bob = Client::join(&stage, "bob", "yoga").await;

    let others = &bob.join.other_participants;
    assert_eq!(
        others
            .iter()
            .map(|p| p.identity.as_str())
            .collect::<Vec<_>>(),
        ["alice"]
    );
    let seen = alice
        .until_info("bob", |info| info.state() == State::Joined)
        .await;
    assert_eq!(seen.sid, bob.sid());
    let counts = alice
        .until(|message| match message {
            Response::RoomUpdate(update) => update.room.map(|room| room.num_participants),
            _ => None,
        })
        .await;
    assert_eq!(counts, 2);
}

#[tokio::test]
async fn a_hidden_participant_sees_and_is_not_seen() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut ghost = claims("ghost", "yoga");
    ghost.video = Some(VideoGrant {
        hidden: true,
        ..ghost.video.unwrap()
    });

    let mut ghost = Client::join_with(&stage, &ghost, "").await;
    ghost.settle().await;
    let carol = Client::join(&stage, "carol", "yoga").await;
    alice.until_info("carol", |_| true).await;

    assert_eq!(ghost.join.other_participants.len(), 1);
    assert!(alice.updates().all(|info| info.identity != "ghost"));
    assert_eq!(carol.join.other_participants.len(), 1);
}

#[tokio::test]
async fn the_newer_of_two_with_one_identity_stays() {
    let stage = Stage::new().await;
    let mut old = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    let new = Client::join(&stage, "alice", "yoga").await;

    let leave = old.until(leave).await;
    assert_eq!(leave.reason(), DisconnectReason::DuplicateIdentity);
    assert_eq!(leave.action(), Action::Disconnect);
    assert!(old.next().await.is_none());
    let gone = bob
        .until_info("alice", |info| info.state() == State::Disconnected)
        .await;
    assert_eq!(gone.sid, old.sid());
    let came = bob
        .until_info("alice", |info| info.state() == State::Joined)
        .await;
    assert_eq!(came.sid, new.sid());
    assert_eq!(new.join.other_participants.len(), 1);
}

#[tokio::test]
async fn a_client_that_says_goodbye_is_let_go_and_the_others_are_told() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    alice.say(Request::Leave(LeaveRequest::default())).await;

    assert_eq!(
        alice.until(leave).await.reason(),
        DisconnectReason::ClientInitiated
    );
    assert!(alice.next().await.is_none());
    let gone = bob
        .until_info("alice", |info| info.state() == State::Disconnected)
        .await;
    assert_eq!(gone.disconnect_reason(), DisconnectReason::ClientInitiated);
}

#[tokio::test]
async fn an_empty_room_closes_and_the_next_one_is_new() {
    let stage = Stage::with(|config| config.room.departure_timeout = 0).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let first = alice.join.room.clone().unwrap().sid;
    alice.say(Request::Leave(LeaveRequest::default())).await;
    while alice.next().await.is_some() {}
    let closed = async {
        while stage.metric("clapt_signal_rooms") > 0.0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, closed).await.unwrap();

    let alice = Client::join(&stage, "alice", "yoga").await;

    assert_ne!(alice.join.room.unwrap().sid, first);
}

#[tokio::test]
async fn a_full_room_refuses_newcomers_but_not_those_who_are_there() {
    let stage = Stage::with(|config| config.room.max_participants = 1).await;
    let _alice = Client::join(&stage, "alice", "yoga").await;

    let path = format!("/rtc?access_token={}", sign(&claims("bob", "yoga")));
    assert!(Client::connect(&stage, &path).await.is_err());
    let (status, text) = crate::kit::client::http(
        stage.address,
        &format!("GET {} HTTP/1.1", path.replace("/rtc", "/rtc/validate")),
    )
    .await;
    assert_eq!(status, 403);
    assert_eq!(text, "room has exceeded its max participants");
    Client::join(&stage, "alice", "yoga").await;
}

#[tokio::test]
async fn pings_of_both_kinds_are_answered() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    alice.say(Request::Ping(5)).await;
    alice
        .say(Request::PingReq(Ping {
            timestamp: 77,
            rtt: 3,
        }))
        .await;

    let pong = alice.until(|message| match message {
        Response::Pong(at) => Some(at),
        _ => None,
    });
    assert!(pong.await > 1_700_000_000_000);
    let pong = alice.until(|message| match message {
        Response::PongResp(pong) => Some(pong.last_ping_timestamp),
        _ => None,
    });
    assert_eq!(pong.await, 77);
}

#[tokio::test]
async fn a_shutdown_asks_everybody_to_come_back_and_takes_nobody_new() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "pilates").await;

    stage.signaling.shutdown().await;

    for client in [&mut alice, &mut bob] {
        let leave = client.until(leave).await;
        assert_eq!(leave.reason(), DisconnectReason::ServerShutdown);
        assert_eq!(leave.action(), Action::Reconnect);
        assert!(client.next().await.is_none());
    }
    let path = format!(
        "/rtc/validate?access_token={}",
        sign(&claims("carol", "yoga"))
    );
    let (status, _) =
        crate::kit::client::http(stage.address, &format!("GET {path} HTTP/1.1")).await;
    assert_eq!(status, 503);
}

#[tokio::test]
async fn candidates_may_come_before_the_first_offer() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    for target in [SignalTarget::Publisher, SignalTarget::Subscriber] {
        let candidate = "candidate:1 1 udp 2122194687 127.0.0.1 50000 typ host";
        alice
            .say(Request::Trickle(TrickleRequest {
                candidate_init: format!(r#"{{"candidate":"{candidate}","sdpMid":"0"}}"#),
                target: target.into(),
                r#final: false,
            }))
            .await;
    }

    let answer = alice.offer(3, &sdp::data_only()).await;

    assert_eq!(answer.id, 3);
    assert!(answer.sdp.contains("a=candidate:"));
}

#[tokio::test]
async fn the_path_of_single_mode_needs_a_join_request() {
    let stage = Stage::new().await;
    let token = sign(&claims("alice", "yoga"));

    let path = format!("GET /rtc/v1/validate?access_token={token} HTTP/1.1");
    let (status, text) = crate::kit::client::http(stage.address, &path).await;
    let request = JoinRequest {
        metadata: "m".into(),
        ..JoinRequest::default()
    };
    let good = v1_path(&claims("alice", "yoga"), &request);
    let good = format!(
        "GET {} HTTP/1.1",
        good.replace("/rtc/v1", "/rtc/v1/validate")
    );
    let (good_status, good_text) = crate::kit::client::http(stage.address, &good).await;

    assert_eq!(
        (status.as_u16(), text.as_str()),
        (400, "join_request is required")
    );
    assert_eq!((good_status.as_u16(), good_text.as_str()), (200, "success"));
}
