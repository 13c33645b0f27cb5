//! Every limit on signalling is hit once: what happens is bounded, told and counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use auth::{Claims, VideoGrant};
use axum::http::StatusCode;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{JoinRequest, UpdateParticipantMetadata, UpdateTrackSettings};
use service::Config;
use signaling::{EntryRefused, RoomPolicy};

use crate::kit::client::{camera, description, http, v1_path};
use crate::kit::{Client, Stage, claims, sdp, sign};

async fn validate(stage: &Stage, claims: &Claims) -> (StatusCode, String) {
    let path = format!("/rtc/validate?access_token={}", sign(claims));
    http(stage.address, &format!("GET {path} HTTP/1.1")).await
}

/// A stage on which texts of more than ten bytes are too long.
async fn strict() -> Stage {
    Stage::with(|config| {
        config.limit.identity_bytes_max = 10;
        config.limit.room_name_bytes_max = 10;
        config.limit.metadata_bytes_max = 10;
        config.limit.attributes_bytes_max = 10;
    })
    .await
}

#[tokio::test]
async fn a_token_that_says_too_much_is_refused_at_the_door() {
    let stage = strict().await;
    let short = claims("alice", "yoga");
    let with_attributes = Claims {
        attributes: BTreeMap::from([("key".into(), "x".repeat(8))]),
        ..short.clone()
    };
    let with_metadata = Claims {
        metadata: "x".repeat(11),
        ..short.clone()
    };

    assert_eq!(validate(&stage, &short).await.0, 200);
    for (token, reason) in [
        (claims("alice-the-great", "yoga"), "identity"),
        (claims("alice", "yoga-at-noon"), "room-name"),
        (with_metadata, "metadata"),
        (with_attributes, "attributes"),
    ] {
        let (status, text) = validate(&stage, &token).await;
        assert_eq!(status, 400, "{text}");
        assert!(stage.refused(reason) >= 1.0, "{reason}");
    }
    let huge = claims(&"x".repeat(9000), "yoga");
    assert_eq!(validate(&stage, &huge).await.0, 401);
    assert!(stage.refused("token-too-long") >= 1.0);
}

#[tokio::test]
async fn a_join_request_that_says_too_much_is_told_to_leave() {
    let stage = strict().await;
    let request = JoinRequest {
        metadata: "x".repeat(11),
        ..JoinRequest::default()
    };

    let path = v1_path(&claims("alice", "yoga"), &request);
    let mut client = Client::connect(&stage, &path).await.unwrap();

    let leave = client.until(|message| match message {
        Response::Leave(leave) => Some(leave.reason()),
        _ => None,
    });
    let join_failure = livekit_protocol::DisconnectReason::JoinFailure;
    assert_eq!(leave.await, join_failure);
    stage.until_refused("too-large").await;
}

#[tokio::test]
async fn own_metadata_and_attributes_have_their_limits() {
    let stage = strict().await;
    let mut claims = claims("alice", "yoga");
    claims.video = Some(VideoGrant {
        can_update_own_metadata: Some(true),
        ..claims.video.unwrap()
    });
    let mut alice = Client::join_with(&stage, &claims, "protocol=17").await;
    let long = "x".repeat(11);
    let name = "x".repeat(257);

    for update in [
        UpdateParticipantMetadata {
            metadata: long.clone(),
            ..Default::default()
        },
        UpdateParticipantMetadata {
            attributes: HashMap::from([("a".into(), long)]),
            ..Default::default()
        },
        UpdateParticipantMetadata {
            name,
            ..Default::default()
        },
    ] {
        alice.say(Request::UpdateMetadata(update)).await;
        let response = alice.until(|message| match message {
            Response::RequestResponse(response) => Some(response.reason()),
            _ => None,
        });
        assert_eq!(response.await, Reason::LimitExceeded);
    }
    assert!(stage.refused("metadata") >= 3.0);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_counted() {
    let stage = Stage::new().await;
    let mut mallory = Client::join(&stage, "mallory", "yoga").await;

    mallory.say_bytes(vec![0; 300 * 1024]).await;

    mallory.until_closed().await;
    stage.until_refused("message-size").await;
}

#[tokio::test]
async fn an_offer_or_answer_that_is_too_large_is_dropped() {
    let stage = Stage::with(|config| config.limit.sdp_bytes_max = 100).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    let offer = description("offer", &sdp::data_only(), 1);
    let answer = description("answer", &sdp::data_only(), 1);
    alice.say(Request::Offer(offer)).await;
    alice.say(Request::Answer(answer)).await;
    alice.settle().await;

    assert!((stage.refused("sdp-size") - 2.0).abs() < 0.5);
    assert!(!alice.seen.iter().any(|m| matches!(m, Response::Answer(_))));
}

#[tokio::test]
async fn ten_thousand_announcements_leave_as_many_as_are_allowed() {
    let stage = Stage::with(|config| {
        config.limit.signal_messages_per_second = 100_000;
        config.limit.pending_tracks_max = 20;
    })
    .await;
    let mut victim = Client::join(&stage, "victim", "yoga").await;
    let mut mallory = Client::join(&stage, "mallory", "yoga").await;

    let mut refused = 0;
    for turn in 0..10_000 {
        mallory
            .say(Request::AddTrack(camera(&format!("cam-{turn}"))))
            .await;
        if turn % 100 == 99 {
            mallory.settle().await;
            let answers = mallory.seen.drain(..);
            refused += answers
                .filter(|m| matches!(m, Response::RequestResponse(it) if it.reason() != Reason::Ok))
                .count();
        }
    }

    // Each settling is a refused wish too, as its token gives no right to change itself.
    assert_eq!(refused, 10_000 - 20 + 100);
    assert!((stage.refused("add-track") - 9_980.0).abs() < 0.5);
    victim.settle().await;
}

#[tokio::test]
async fn a_flood_of_messages_is_slowed_down_and_others_are_not() {
    let stage = Stage::with(|config| config.limit.signal_messages_per_second = 20).await;
    let mut mallory = Client::join(&stage, "mallory", "yoga").await;
    let mut victim = Client::join(&stage, "victim", "yoga").await;

    for _ in 0..200 {
        let settings = UpdateTrackSettings::default();
        mallory.say(Request::TrackSetting(settings)).await;
    }

    stage.until_refused("rate").await;
    let started = std::time::Instant::now();
    victim.settle().await;
    assert!(started.elapsed() < std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn the_server_takes_so_many_sockets() {
    let stage = Stage::with(|config| config.limit.sessions_max = 1).await;
    let _alice = Client::join(&stage, "alice", "yoga").await;

    let path = format!("/rtc?access_token={}", sign(&claims("bob", "yoga")));
    let refused = Client::connect(&stage, &path).await.err().unwrap();

    assert!(refused.to_string().contains("503"), "{refused}");
    assert!(stage.refused("server-full") >= 1.0);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_counted_one_by_one() {
    let behind = |config: &mut Config| {
        config.limit.sockets_per_address_max = 1;
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let stage = Stage::with(behind).await;

    let from = |address: &'static str, identity: &'static str| {
        let path = format!("/rtc?access_token={}", sign(&claims(identity, "yoga")));
        let stage = &stage;
        async move { Client::connect_from(stage, &path, address).await }
    };
    let alice = from("203.0.113.1", "alice").await.unwrap();
    let again = from("203.0.113.1", "bob").await;
    let bob = from("203.0.113.2", "bob").await;

    assert!(again.err().unwrap().to_string().contains("429"));
    assert!(bob.is_ok() && stage.refused("sockets-per-address") >= 1.0);
    drop(alice);
}

#[tokio::test]
async fn without_trusted_proxies_nobody_is_believed_to_come_from_elsewhere() {
    let stage = Stage::with(|config| config.limit.sockets_per_address_max = 1).await;
    let path = format!("/rtc?access_token={}", sign(&claims("alice", "yoga")));
    let alice = Client::connect_from(&stage, &path, "203.0.113.1")
        .await
        .unwrap();

    let path = format!("/rtc?access_token={}", sign(&claims("bob", "yoga")));
    let bob = Client::connect_from(&stage, &path, "203.0.113.2").await;

    assert!(bob.err().unwrap().to_string().contains("429"));
    drop(alice);
}

struct Silent;

impl RoomPolicy for Silent {
    fn may_enter<'a>(
        &'a self,
        _: &'a Claims,
        _: &'a str,
    ) -> futures_util::future::BoxFuture<'a, Result<(), EntryRefused>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_policy_that_never_answers_keeps_nobody_waiting_for_ever() {
    let quick = |config: &mut Config| config.limit.handshake_timeout_ms = 50;
    let stage = Stage::with_policy(quick, Arc::new(Silent)).await;

    let (status, text) = validate(&stage, &claims("alice", "yoga")).await;

    assert_eq!(
        (status.as_u16(), text.as_str()),
        (503, "joining took too long")
    );
    assert!(stage.refused("join-timeout") >= 1.0);
}
