//! Nonsense, floods and deaf clients: they hurt nobody else.

use std::time::Duration;

use crate::kit::client::{description, http};
use crate::kit::{Client, Stage, claims, sdp, sign};
use auth::VideoGrant;
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{SignalRequest, SignalResponse, UpdateParticipantMetadata};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use signaling::{EntryRefused, RoomPolicy};
use tokio_tungstenite::tungstenite::Message as Frame;

#[tokio::test]
async fn random_frames_close_their_own_socket_only() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut noise = StdRng::seed_from_u64(seed);
    let stage = Stage::new().await;
    let mut victim = Client::join(&stage, "victim", "yoga").await;

    for number in 0..20 {
        let mut mallory = Client::join(&stage, &format!("mallory{number}"), "yoga").await;
        for _ in 0..20 {
            let length = noise.random_range(0..300);
            mallory
                .say_bytes((0..length).map(|_| noise.random()).collect())
                .await;
        }
    }

    victim.settle().await;
    assert!(stage.metric("clapt_signal_refused_total") > 0.0);
}

#[tokio::test]
async fn flipped_bits_in_true_messages_never_end_a_room() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut noise = StdRng::seed_from_u64(seed);
    let stage = Stage::new().await;
    let mut victim = Client::join(&stage, "victim", "yoga").await;
    let rooms = stage.metric("clapt_signal_rooms");
    let offer = Request::Offer(description("offer", &sdp::with_camera("c", "sendonly"), 1));
    let honest = [offer, Request::AddTrack(crate::kit::client::camera("c"))];

    for number in 0..40 {
        let mut mallory = Client::join(&stage, "mallory", "yoga").await;
        for message in honest.clone() {
            let request = SignalRequest {
                message: Some(message),
            };
            let mut bytes = request.encode_to_vec();
            for _ in 0..number {
                let at = noise.random_range(0..bytes.len());
                bytes[at] = noise.random();
            }
            mallory.say_bytes(bytes).await;
        }
    }

    victim.settle().await;
    assert!((stage.metric("clapt_signal_rooms") - rooms).abs() < 0.5);
}

#[tokio::test]
async fn a_message_over_the_limit_closes_its_socket_only() {
    let stage = Stage::new().await;
    let mut victim = Client::join(&stage, "victim", "yoga").await;
    let mut mallory = Client::join(&stage, "mallory", "yoga").await;

    mallory.say_bytes(vec![0; 300 * 1024]).await;

    mallory.until_closed().await;
    victim.settle().await;
}

#[tokio::test]
async fn text_frames_are_closed_with_the_reason() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    alice.line.send(Frame::text("{}")).await.unwrap();

    let frame = alice.until_closed().await.unwrap();
    assert!(frame.reason.contains("binary"), "{}", frame.reason);
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_and_the_others_are_not_slowed() {
    let stage = Stage::with(|config| {
        config.limit.signal_queue_messages_max = 8;
        config.limit.signal_messages_per_second = 10_000;
        config.limit.participant_updates_per_second = 10_000;
    })
    .await;
    let mut speaker = claims("speaker", "yoga");
    speaker.video = Some(VideoGrant {
        can_update_own_metadata: Some(true),
        ..speaker.video.unwrap()
    });
    let mut speaker = Client::join_with(&stage, &speaker, "").await;
    let deaf = Client::join(&stage, "deaf", "yoga").await;

    let talk = async {
        for turn in 0_u32.. {
            let update = UpdateParticipantMetadata {
                metadata: format!("{turn} {}", "x".repeat(60_000)),
                ..UpdateParticipantMetadata::default()
            };
            speaker.say(Request::UpdateMetadata(update)).await;
            speaker.settle().await;
            speaker.seen.clear();
            if stage.metric("clapt_signal_sockets") < 2.0 {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), talk)
        .await
        .expect("the deaf one is cut");

    drop(deaf);
}

#[tokio::test]
async fn sockets_from_one_address_are_limited() {
    let stage = Stage::with(|config| config.limit.sockets_per_address_max = 2).await;
    let _alice = Client::join(&stage, "alice", "yoga").await;
    let bob = Client::join(&stage, "bob", "yoga").await;

    let path = format!("/rtc?access_token={}", sign(&claims("carol", "yoga")));
    let refused = Client::connect(&stage, &path).await.err().unwrap();

    assert!(refused.to_string().contains("429"), "{refused}");
    let mut bob = bob;
    bob.line.close(None).await.unwrap();
    bob.until_closed().await;
    let again = async {
        while Client::connect(&stage, &path).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::kit::DEADLINE, again)
        .await
        .unwrap();
}

#[tokio::test]
async fn pages_of_other_sites_may_not_connect_if_sites_are_named() {
    let stage =
        Stage::with(|config| config.allowed_origins = vec!["https://good.example".into()]).await;
    let path = format!("/rtc?access_token={}", sign(&claims("alice", "yoga")));
    let head = |origin: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        )
    };
    // The kit adds `Connection: close`, which the server reads together with `Upgrade`.
    let (bad, _) = http(stage.address, &head("https://evil.example")).await;

    assert_eq!(bad.as_u16(), 403);
    // Clients that are no browsers name no site.
    Client::join(&stage, "alice", "yoga").await;
}

#[tokio::test]
async fn refusals_name_the_reason_and_never_the_token() {
    let stage = Stage::new().await;
    let expired = auth::Claims::for_room("alice", "yoga", 1000);
    let nobody = claims("", "yoga");
    let nowhere = claims("alice", "");
    let mut no_join = claims("alice", "yoga");
    no_join.video = Some(VideoGrant {
        room_join: false,
        ..no_join.video.unwrap()
    });
    let mut no_grant = claims("alice", "yoga");
    no_grant.video = None;
    for (claims, status, text) in [
        (expired, 401, "expired"),
        (nobody, 400, "identity cannot be empty"),
        (nowhere, 400, "no room name"),
        (no_join, 401, "permissions denied"),
        (no_grant, 401, "no permissions to access the room"),
    ] {
        let token = sign(&claims);
        let head = format!("GET /rtc/validate?access_token={token} HTTP/1.1");
        let (answered, body) = http(stage.address, &head).await;
        assert_eq!(answered.as_u16(), status, "{body}");
        assert!(body.contains(text) && !body.contains(&token), "{body}");
    }
    let (status, _) = http(stage.address, "GET /rtc HTTP/1.1").await;
    assert_eq!(status, 404);
}

struct Closed;

impl RoomPolicy for Closed {
    fn may_enter<'a>(
        &'a self,
        _: &'a auth::Claims,
        room: &'a str,
    ) -> futures_util::future::BoxFuture<'a, Result<(), EntryRefused>> {
        let reason = format!("{room} opens at nine");
        Box::pin(async { Err(EntryRefused { reason }) })
    }
}

#[tokio::test]
async fn the_room_policy_has_the_last_word() {
    let stage = Stage::with_policy(|_| {}, std::sync::Arc::new(Closed)).await;
    let token = sign(&claims("alice", "yoga"));

    let head = format!("GET /rtc/validate?access_token={token} HTTP/1.1");
    let (status, text) = http(stage.address, &head).await;

    assert_eq!(
        (status.as_u16(), text.as_str()),
        (403, "yoga opens at nine")
    );
}

#[tokio::test]
async fn news_that_come_too_fast_are_told_together() {
    let stage = Stage::with(|config| config.limit.participant_updates_per_second = 1).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    let sid = alice.publish_camera("cam-1").await.sid;

    for turn in 0..41 {
        let sid = sid.clone();
        let muted = turn % 2 == 0;
        let request = livekit_protocol::MuteTrackRequest { sid, muted };
        alice.say(Request::Mute(request)).await;
    }
    alice.settle().await;

    let is_final = |info: &livekit_protocol::ParticipantInfo| {
        info.tracks.iter().any(|track| track.muted) && info.version > 41
    };
    bob.until_info("alice", is_final).await;
    assert!(bob.updates().count() < 20);
}

#[tokio::test]
async fn a_socket_whose_other_end_is_gone_is_found_within_15_seconds() {
    let stage = Stage::with(|config| config.room.resume_window = 0).await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    // It is never read again, so that pings are not answered: as if the cable were cut.
    let mut mute = Client::join(&stage, "mute", "yoga").await;
    mute.settle().await; // The last sign of life comes just after a ping: the worst moment.

    let gone = async {
        loop {
            let message = bob.line.next().await.unwrap().unwrap();
            if let Frame::Binary(bytes) = message
                && let Some(Response::Update(update)) =
                    SignalResponse::decode(bytes).unwrap().message
                && update.participants[0].state() == State::Disconnected
            {
                return update.participants[0].identity.clone();
            }
        }
    };
    let identity = tokio::time::timeout(Duration::from_secs(16), gone)
        .await
        .unwrap();
    assert_eq!(identity, "mute");
    drop(mute);
}

#[tokio::test]
async fn a_room_that_panics_ends_alone_and_opens_anew() {
    let stage = Stage::new().await;
    let mut honest = Client::join(&stage, "honest", "chess").await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;
    alice.publish_camera("cam-1").await;

    assert!(stage.signaling.panic_room("yoga").await);

    alice.until_closed().await;
    bob.until_closed().await;
    honest.settle().await;
    let mut again = Client::join(&stage, "alice", "yoga").await;
    again.settle().await;
    for name in [
        "clapt_signal_rooms",
        "clapt_signal_participants",
        "clapt_signal_sockets",
    ] {
        stage.until_metric(name, 2.0).await;
    }
    stage.until_metric("clapt_sessions", 2.0).await;
}
