//! How long rooms live, how many they hold, and what their creator or a token says about that.

use crate::kit::client::http;
use crate::kit::{Client, DEADLINE, Stage, claims, sign};
use auth::Claims;
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{CreateRoomRequest, DisconnectReason, LeaveRequest};
use signaling::OrderError;

fn leave(message: Response) -> Option<(DisconnectReason, Action)> {
    match message {
        Response::Leave(leave) => Some((leave.reason(), leave.action())),
        _ => None,
    }
}

fn configured(identity: &str, room_config: &str) -> Claims {
    Claims {
        room_config: Some(serde_json::from_str(room_config).unwrap()),
        ..claims(identity, "yoga")
    }
}

async fn until_closed(stage: &Stage, room: &str) {
    let closed = async {
        while stage.signaling.describe_room(room).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, closed).await.unwrap();
}

#[tokio::test]
async fn the_token_of_the_first_sets_up_the_room_and_later_ones_change_nothing() {
    let stage = Stage::new().await;
    let first = configured(
        "alice",
        r#"{"maxParticipants":1,"emptyTimeout":7,"metadata":"m"}"#,
    );
    let later = configured("bob", r#"{"maxParticipants":9}"#);

    let alice = Client::join_with(&stage, &first, "protocol=17").await;

    let room = alice.join.room.as_ref().unwrap();
    assert_eq!((room.max_participants, room.empty_timeout), (1, 7));
    assert_eq!((room.metadata.as_str(), room.departure_timeout), ("m", 20));
    let path = format!("GET /rtc/validate?access_token={} HTTP/1.1", sign(&later));
    let (status, text) = http(stage.address, &path).await;
    assert_eq!(
        (status.as_u16(), text.as_str()),
        (403, "room has exceeded its max participants")
    );
}

#[tokio::test]
async fn a_token_with_a_broken_room_configuration_is_refused() {
    let stage = Stage::new().await;
    let broken = sign(&configured("alice", r#"{"maxParticipants":"many"}"#));

    let path = format!("GET /rtc/validate?access_token={broken} HTTP/1.1");
    let (status, text) = http(stage.address, &path).await;

    assert_eq!(
        (status.as_u16(), text.as_str()),
        (400, "invalid room configuration")
    );
}

#[tokio::test]
async fn a_created_room_waits_for_its_first_participant_and_then_closes() {
    let stage = Stage::new().await;
    let request = CreateRoomRequest {
        name: "yoga".into(),
        empty_timeout: 1,
        departure_timeout: 600,
        max_participants: 3,
        metadata: "m".into(),
        ..CreateRoomRequest::default()
    };

    let room = stage.signaling.create_room(&request).await.unwrap();

    assert!(room.sid.starts_with("RM_"));
    assert_eq!((room.max_participants, room.metadata.as_str()), (3, "m"));
    until_closed(&stage, "yoga").await;
}

#[tokio::test]
async fn creating_a_room_that_is_open_changes_it_and_tells_those_inside() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let request = CreateRoomRequest {
        name: "yoga".into(),
        max_participants: 1,
        metadata: "news".into(),
        ..CreateRoomRequest::default()
    };

    let room = stage.signaling.create_room(&request).await.unwrap();

    assert_eq!(room.sid, alice.join.room.as_ref().unwrap().sid);
    let told = alice.until(|message| match message {
        Response::RoomUpdate(update) => update.room.map(|room| room.metadata),
        _ => None,
    });
    assert_eq!(told.await, "news");
    let path = format!("/rtc?access_token={}", sign(&claims("bob", "yoga")));
    assert!(Client::connect(&stage, &path).await.is_err());
}

#[tokio::test]
async fn room_metadata_is_told_at_once_and_has_a_limit() {
    let stage = Stage::with(|config| config.limit.metadata_bytes_max = 10).await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    stage
        .signaling
        .set_room_metadata("yoga", "short")
        .await
        .unwrap();
    let long = stage
        .signaling
        .set_room_metadata("yoga", "longer than ten")
        .await;

    assert!(matches!(long, Err(OrderError::TooLarge(_))));
    let told = alice.until(|message| match message {
        Response::RoomUpdate(update) => update.room.map(|room| room.metadata),
        _ => None,
    });
    assert_eq!(told.await, "short");
}

#[tokio::test]
async fn those_in_a_deleted_room_are_told_and_do_not_come_back() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    stage.signaling.delete_room("yoga").await.unwrap();

    let told = alice.until(leave).await;
    assert_eq!(told, (DisconnectReason::RoomDeleted, Action::Disconnect));
    assert!(alice.next().await.is_none());
    until_closed(&stage, "yoga").await;
}

#[tokio::test]
async fn agents_take_no_place_and_keep_no_room_open() {
    let stage = Stage::with(|config| {
        config.room.max_participants = 1;
        config.room.departure_timeout = 0;
    })
    .await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let agent = Claims {
        kind: "agent".into(),
        ..claims("tutor", "yoga")
    };
    let mut agent = Client::join_with(&stage, &agent, "protocol=17").await;

    alice.say(Request::Leave(LeaveRequest::default())).await;

    let told = agent.until(leave).await;
    assert_eq!(told, (DisconnectReason::RoomClosed, Action::Disconnect));
    until_closed(&stage, "yoga").await;
}

#[tokio::test]
async fn a_room_is_kept_for_the_departure_timeout_of_its_creator() {
    let stage = Stage::with(|config| config.room.departure_timeout = 0).await;
    let stays = configured("alice", r#"{"departureTimeout":600}"#);
    let mut alice = Client::join_with(&stage, &stays, "protocol=17").await;
    let sid = alice.join.room.as_ref().unwrap().sid.clone();
    let mut carol = Client::join(&stage, "carol", "chess").await;

    alice.say(Request::Leave(LeaveRequest::default())).await;
    while alice.next().await.is_some() {}
    carol.say(Request::Leave(LeaveRequest::default())).await;
    until_closed(&stage, "chess").await; // A room without such a wish has closed meanwhile.

    let bob = Client::join(&stage, "bob", "yoga").await;
    assert_eq!(bob.join.room.unwrap().sid, sid);
}
