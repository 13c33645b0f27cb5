//! Resuming, and what happens to those who don't.

use futures_util::{SinkExt, StreamExt};
use livekit_protocol::leave_request::Action;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    DisconnectReason, LeaveRequest, SessionDescription, SimulateScenario,
    simulate_scenario::Scenario,
};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::kit::client::description;
use crate::kit::{Client, DEADLINE, Stage, claims, sdp, sign};

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

fn resume_path(claims: &auth::Claims, sid: &str) -> String {
    let token = sign(claims);
    format!("/rtc?access_token={token}&reconnect=1&sid={sid}&protocol=17&sdk=js&version=2.23.0")
}

#[tokio::test]
async fn a_resumed_client_gets_everything_again_in_order() {
    let stage = Stage::new().await;
    let claims = claims("alice", "yoga");
    let mut alice = Client::join_with(&stage, &claims, "protocol=17").await;
    let sid = alice.sid();
    let first = alice.until(offer).await;
    let answer = description("answer", &sdp::answer_to(&first.sdp), first.id);
    alice.say(Request::Answer(answer)).await;
    alice.settle().await;
    alice.line.close(None).await.unwrap();
    let _bob = Client::join(&stage, "bob", "yoga").await;

    let mut alice = Client::connect(&stage, &resume_path(&claims, &sid))
        .await
        .unwrap();

    let Some(Response::Reconnect(_)) = alice.next().await else {
        panic!(
            "the first message is a reconnect response: {:?}",
            alice.seen
        );
    };
    let Some(Response::Update(update)) = alice.next().await else {
        panic!("the second message is an update: {:?}", alice.seen);
    };
    let names: Vec<_> = update
        .participants
        .iter()
        .map(|p| p.identity.as_str())
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!(update.participants[0].sid, sid);
    assert!(matches!(alice.next().await, Some(Response::RoomUpdate(_))));
    let second = alice.until(offer).await;
    assert_ne!(sdp::ufrag(&first.sdp), sdp::ufrag(&second.sdp));
    assert!(second.id > first.id);
}

#[tokio::test]
async fn a_resume_of_somebody_unknown_or_else_asks_for_a_new_join() {
    let stage = Stage::new().await;
    let alice = Client::join(&stage, "alice", "yoga").await;

    for (claims, sid) in [
        (claims("alice", "yoga"), "PA_nobody".to_owned()),
        (claims("mallory", "yoga"), alice.sid()),
        (claims("alice", "other"), alice.sid()),
    ] {
        let mut client = Client::connect(&stage, &resume_path(&claims, &sid))
            .await
            .unwrap();
        let leave = client.until(leave).await;
        assert_eq!(leave.reason(), DisconnectReason::StateMismatch);
        assert_eq!(leave.action(), Action::Reconnect);
    }
}

#[tokio::test]
async fn a_participant_whose_socket_is_gone_leaves_after_the_resume_window() {
    let stage = Stage::with(|config| config.room.resume_window = 1).await;
    let alice = Client::join(&stage, "alice", "yoga").await;
    let mut bob = Client::join(&stage, "bob", "yoga").await;

    drop(alice);

    let gone = bob
        .until_info("alice", |info| info.state() == State::Disconnected)
        .await;
    assert_eq!(gone.disconnect_reason(), DisconnectReason::SignalClose);
}

#[tokio::test]
async fn a_played_node_failure_needs_a_new_join_and_only_developers_may_play() {
    let dev = Stage::with(|config| config.dev = true).await;
    let production = Stage::new().await;
    let failure = || {
        Request::Simulate(SimulateScenario {
            scenario: Some(Scenario::NodeFailure(true)),
        })
    };
    let mut alice = Client::join(&dev, "alice", "yoga").await;
    let mut bob = Client::join(&production, "bob", "yoga").await;

    alice.say(failure()).await;
    bob.say(failure()).await;

    assert!(alice.until_closed().await.is_some());
    assert!(
        !alice
            .seen
            .iter()
            .any(|message| matches!(message, Response::Leave(_)))
    );
    let path = resume_path(&claims("alice", "yoga"), &alice.sid());
    let mut again = Client::connect(&dev, &path).await.unwrap();
    assert_eq!(again.until(leave).await.action(), Action::Reconnect);
    bob.settle().await;
}

#[tokio::test]
async fn a_client_that_was_told_to_leave_closes_its_socket_itself() {
    let stage = Stage::new().await;
    let path = resume_path(&claims("alice", "yoga"), "PA_nobody");
    let mut alice = Client::connect(&stage, &path).await.unwrap();
    alice.until(leave).await;

    // Whoever is still there answers; a server that closes first would be heard of first.
    alice.line.send(Frame::Ping("there".into())).await.unwrap();
    let answer = timeout(DEADLINE, alice.line.next()).await.unwrap();

    assert!(matches!(answer, Some(Ok(Frame::Pong(_)))), "{answer:?}");
    assert!(alice.until_closed().await.is_some());
}
