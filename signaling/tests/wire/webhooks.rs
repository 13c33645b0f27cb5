//! Webhooks, against a real HTTP server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use auth::{ApiKeys, Claims};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_response::Message as Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::kit::api::call;
use crate::kit::{Client, DEADLINE, KEY, SECRET, Stage, now};

/// What the receiver answers, before it begins to answer 200.
type Answers = Arc<Mutex<VecDeque<u16>>>;

struct Receiver {
    url: String,
    seen: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
}

#[derive(Clone)]
struct Desk {
    answers: Answers,
    seen: mpsc::UnboundedSender<(HeaderMap, Bytes)>,
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    desk.seen.send((headers, body)).unwrap();
    let status = desk.answers.lock().unwrap().pop_front().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

impl Receiver {
    async fn answering(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, seen) = mpsc::unbounded_channel();
        let desk = Desk {
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            seen: sender,
        };
        let router = Router::new().route("/hook", post(take)).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen }
    }

    /// The next event, its signature checked as LiveKit's receivers do.
    async fn next(&mut self) -> Value {
        let received = timeout(DEADLINE, self.seen.recv()).await;
        let (headers, body) = received.expect("an event in time").unwrap();
        assert_eq!(headers["content-type"], "application/webhook+json");
        let token = headers["authorization"].to_str().unwrap();
        let keys = ApiKeys::from_iter([(KEY, SECRET)]);
        let claims: Claims = auth::verify(token, &keys, now()).unwrap();
        assert_eq!(claims.sha256, STANDARD.encode(Sha256::digest(&body)));
        serde_json::from_slice(&body).unwrap()
    }

    async fn names(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(self.next().await["event"].as_str().unwrap().to_owned());
        }
        names
    }
}

async fn stage(urls: &[&Receiver]) -> Stage {
    let urls = urls.iter().map(|receiver| receiver.url.clone()).collect();
    Stage::with(|config| {
        config.webhook.api_key = KEY.into();
        config.webhook.urls = urls;
        config.webhook.retry_delay_ms = 1;
        config.webhook.attempts_max = 3;
    })
    .await
}

#[tokio::test]
async fn all_events_of_a_room_come_in_order_to_every_receiver() {
    let mut one = Receiver::answering(&[]).await;
    let mut other = Receiver::answering(&[]).await;
    let stage = stage(&[&one, &other]).await;

    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let started = one.next().await;
    let track = alice.publish_camera("cam-1").await;
    let published = one.next().await;
    let everything = json!({"room": "yoga"});
    call(&stage, "DeleteRoom", &everything).await;

    assert_eq!(started["event"], "room_started");
    assert_eq!(started["room"]["name"], "yoga");
    assert!(started["room"]["creationTime"].is_string());
    assert!(started["id"].as_str().unwrap().starts_with("EV_"));
    assert!(started["createdAt"].is_string() && started.get("track").is_none());
    assert_eq!(published["event"], "track_published");
    assert_eq!(published["track"]["sid"], Value::from(track.sid));
    assert_eq!(published["participant"]["identity"], "alice");
    let rest = [
        "track_unpublished",
        "participant_connection_aborted",
        "room_finished",
    ];
    assert_eq!(one.names(3).await, rest);
    let all = other.names(5).await;
    assert_eq!(all[..2], ["room_started", "track_published"]);
    assert_eq!(all[2..], rest);
}

#[tokio::test]
async fn a_receiver_that_stumbles_is_asked_again_and_one_that_refuses_is_not() {
    let mut receiver = Receiver::answering(&[500, 429, 200, 404, 200]).await;
    let stage = stage(&[&receiver]).await;

    call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
    call(&stage, "DeleteRoom", &json!({"room": "yoga"})).await;
    let names = receiver.names(4).await;
    call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
    let again = receiver.names(1).await;

    let started = "room_started";
    assert_eq!(names, [started, started, started, "room_finished"]);
    assert_eq!(again, [started], "not the refused one again");
    stage.signaling.shutdown().await;
    let delivered = "clapt_signal_webhook_events_total";
    assert!((stage.metric(delivered) - 4.0).abs() < 0.1);
}

#[tokio::test]
async fn an_event_is_given_up_after_its_attempts_and_the_next_one_follows() {
    let mut receiver = Receiver::answering(&[500, 500, 500, 200]).await;
    let stage = stage(&[&receiver]).await;

    call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
    call(&stage, "DeleteRoom", &json!({"room": "yoga"})).await;

    let started = "room_started";
    let names = receiver.names(4).await;
    assert_eq!(names, [started, started, started, "room_finished"]);
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_no_room_and_no_memory() {
    // Accepts connections, and reads nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let stage = Stage::with(|config| {
        config.webhook.api_key = KEY.into();
        config.webhook.urls = vec![url];
        config.webhook.queue_events_max = 3;
        config.webhook.parallel_max = 1;
    })
    .await;

    for number in 0..10 {
        let room = json!({"name": format!("room-{number}")});
        assert_eq!(call(&stage, "CreateRoom", &room).await.status, 200);
    }

    // One is under way and three wait.
    let ended = stage.metric("clapt_signal_webhook_events_total");
    assert!(ended >= 6.0, "{ended}");
}

#[tokio::test]
async fn a_room_that_a_bug_ends_is_finished_for_everybody_and_can_be_made_anew() {
    let mut receiver = Receiver::answering(&[]).await;
    let stage = stage(&[&receiver]).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "pilates").await;
    alice.publish_camera("cam-1").await;
    assert_eq!(receiver.names(3).await.len(), 3);

    assert!(stage.signaling.panic_room("yoga").await);

    let leave = alice.until(|message| match message {
        Response::Leave(leave) => Some((leave.reason(), leave.action())),
        _ => None,
    });
    assert_eq!(
        leave.await,
        (DisconnectReason::StateMismatch, Action::Reconnect)
    );
    alice.until_closed().await;
    let mut rest = Vec::new();
    for _ in 0..3 {
        let event = receiver.next().await;
        assert_eq!(event["room"]["name"], "yoga");
        rest.push(event["event"].as_str().unwrap().to_owned());
    }
    let expected = [
        "track_unpublished",
        "participant_connection_aborted",
        "room_finished",
    ];
    assert_eq!(rest, expected);
    bob.settle().await;
    let again = Client::join(&stage, "alice", "yoga").await;
    assert_ne!(again.join.room.unwrap().sid, alice.join.room.unwrap().sid);
    assert!((stage.metric("clapt_signal_room_panics_total") - 1.0).abs() < 0.1);
    stage.until_metric("clapt_signal_participants", 2.0).await;
    stage.until_metric("clapt_signal_rooms", 2.0).await;
    // Its media session went, too: Bob and Alice have one each.
    stage.until_metric("clapt_sessions", 2.0).await;
}
