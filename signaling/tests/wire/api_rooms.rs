//! What the server API does to rooms, and all its methods in both formats.

use livekit_protocol::{
    CreateRoomRequest, DeleteRoomRequest, DeleteRoomResponse, ListParticipantsRequest,
    ListParticipantsResponse, ListRoomsRequest, ListRoomsResponse, MuteRoomTrackRequest,
    MuteRoomTrackResponse, ParticipantInfo, RemoveParticipantResponse, Room,
    RoomParticipantIdentity, SendDataRequest, SendDataResponse, TrackInfo,
    UpdateParticipantRequest, UpdateRoomMetadataRequest, UpdateSubscriptionsRequest,
    UpdateSubscriptionsResponse,
};
use serde_json::json;

use crate::kit::api::{ROOM_SERVICE, all_grants, call, call_as, call_protobuf, token};
use crate::kit::{Client, Stage};
use auth::VideoGrant;

fn path(method: &str) -> String {
    format!("{ROOM_SERVICE}{method}")
}

async fn alice_with_camera(stage: &Stage) -> (Client, TrackInfo) {
    let mut alice = Client::join(stage, "alice", "yoga").await;
    let track = alice.publish_camera("cam-1").await;
    (alice, track)
}

#[tokio::test]
async fn a_room_is_created_listed_and_deleted_in_json() {
    let stage = Stage::new().await;

    let body = json!({"name": "yoga", "emptyTimeout": 60, "max_participants": 3, "metadata": "m"});
    let created = call(&stage, "CreateRoom", &body).await.json();
    call(&stage, "CreateRoom", &json!({"name": "pilates"})).await;
    let all = call(&stage, "ListRooms", &json!({})).await.json();
    let names = json!({"names": ["pilates", "nope", "pilates"]});
    let some = call(&stage, "ListRooms", &names).await.json();

    assert_eq!(
        (&created["name"], &created["metadata"]),
        (&json!("yoga"), &json!("m"))
    );
    assert_eq!(created["empty_timeout"], 60);
    assert_eq!(
        (&created["max_participants"], &created["num_participants"]),
        (&json!(3), &json!(0))
    );
    assert!(created["creation_time"].is_string() && created["version"].is_null());
    let all = all["rooms"].as_array().unwrap();
    assert!(all.len() == 2 && all.contains(&created), "{all:?}");
    assert_eq!(some["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(some["rooms"][0]["name"], "pilates");
    let deleted = call(&stage, "DeleteRoom", &json!({"room": "yoga"})).await;
    assert_eq!((deleted.status, deleted.json()), (200, json!({})));
    let left = call(&stage, "ListRooms", &json!({"names": ["yoga"]})).await;
    assert_eq!(left.json(), json!({"rooms": []}));
    let again = call(&stage, "DeleteRoom", &json!({"room": "yoga"})).await;
    assert_eq!(again.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn rooms_are_handled_in_protobuf_too() {
    let stage = Stage::new().await;
    let create = CreateRoomRequest {
        name: "yoga".into(),
        departure_timeout: 9,
        ..CreateRoomRequest::default()
    };
    let update = UpdateRoomMetadataRequest {
        room: "yoga".into(),
        metadata: "new".into(),
    };
    let delete = DeleteRoomRequest {
        room: "yoga".into(),
    };

    let created: Room = call_protobuf(&stage, &path("CreateRoom"), &create).await;
    let _alice = Client::join(&stage, "alice", "yoga").await;
    let changed: Room = call_protobuf(&stage, &path("UpdateRoomMetadata"), &update).await;
    let rooms: ListRoomsResponse =
        call_protobuf(&stage, &path("ListRooms"), &ListRoomsRequest::default()).await;
    let _: DeleteRoomResponse = call_protobuf(&stage, &path("DeleteRoom"), &delete).await;

    assert_eq!(
        (created.name.as_str(), created.departure_timeout),
        ("yoga", 9)
    );
    assert_eq!(
        (changed.metadata.as_str(), changed.num_participants),
        ("new", 1)
    );
    assert_eq!(rooms.rooms, [changed]);
}

#[tokio::test]
async fn participants_are_handled_in_protobuf_too() {
    let stage = Stage::new().await;
    let (_alice, track) = alice_with_camera(&stage).await;
    let everybody = ListParticipantsRequest {
        room: "yoga".into(),
    };
    let one = RoomParticipantIdentity {
        room: "yoga".into(),
        identity: "alice".into(),
        ..RoomParticipantIdentity::default()
    };
    let mute = MuteRoomTrackRequest {
        room: "yoga".into(),
        identity: "alice".into(),
        track_sid: track.sid.clone(),
        muted: true,
    };
    let rename = UpdateParticipantRequest {
        room: "yoga".into(),
        identity: "alice".into(),
        name: "Alice".into(),
        ..UpdateParticipantRequest::default()
    };
    let subscribe = UpdateSubscriptionsRequest {
        room: "yoga".into(),
        identity: "alice".into(),
        ..UpdateSubscriptionsRequest::default()
    };
    let data = SendDataRequest {
        room: "yoga".into(),
        data: b"hello".to_vec(),
        nonce: vec![7; 16],
        ..SendDataRequest::default()
    };

    let list: ListParticipantsResponse =
        call_protobuf(&stage, &path("ListParticipants"), &everybody).await;
    let alice: ParticipantInfo = call_protobuf(&stage, &path("GetParticipant"), &one).await;
    let muted: MuteRoomTrackResponse =
        call_protobuf(&stage, &path("MutePublishedTrack"), &mute).await;
    let renamed: ParticipantInfo = call_protobuf(&stage, &path("UpdateParticipant"), &rename).await;
    let _: UpdateSubscriptionsResponse =
        call_protobuf(&stage, &path("UpdateSubscriptions"), &subscribe).await;
    let _: SendDataResponse = call_protobuf(&stage, &path("SendData"), &data).await;
    let _: RemoveParticipantResponse =
        call_protobuf(&stage, &path("RemoveParticipant"), &one).await;

    assert_eq!(list.participants[0].identity, "alice");
    assert_eq!(alice.tracks[0].sid, track.sid);
    assert!(muted.track.unwrap().muted);
    assert_eq!(renamed.name, "Alice");
}

#[tokio::test]
async fn what_can_not_be_created_is_refused_with_the_reason() {
    let stage = Stage::with(|config| config.limit.rooms_max = 1).await;
    let long = |bytes| "x".repeat(bytes);
    for body in [
        json!({}),
        json!({"name": long(257)}),
        json!({"name": "yoga", "metadata": long(65537)}),
    ] {
        let answer = call(&stage, "CreateRoom", &body).await;
        assert_eq!(answer.code(), (400, "invalid_argument".into()));
    }
    let recorded = json!({"name": "yoga", "egress": {}});
    let recorded = call(&stage, "CreateRoom", &recorded).await;
    assert_eq!(recorded.code(), (501, "unimplemented".into()));

    let first = call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
    let same = call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
    let second = call(&stage, "CreateRoom", &json!({"name": "pilates"})).await;

    assert_eq!((first.status, same.status), (200, 200));
    assert_eq!(second.code(), (429, "resource_exhausted".into()));
    assert!(stage.metric("clapt_signal_refused_total") > 0.0);
}

#[tokio::test]
async fn nobody_and_nowhere_are_not_found() {
    let stage = Stage::new().await;
    let about_nobody = json!({
        "room": "yoga", "identity": "nobody", "destination_identity": "nobody",
        "track_sid": "TR_x", "muted": true, "metadata": "m", "destination_room": "pilates",
    });
    let grant = VideoGrant {
        destination_room: "pilates".into(),
        ..all_grants("yoga")
    };
    for exists in [false, true] {
        if exists {
            call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
        }
        for method in [
            "GetParticipant",
            "RemoveParticipant",
            "MutePublishedTrack",
            "UpdateParticipant",
            "UpdateSubscriptions",
            "MoveParticipant",
            "PerformRpc",
        ] {
            let answer = call_as(&stage, &token(grant.clone()), &path(method), &about_nobody).await;

            assert_eq!(answer.code(), (404, "not_found".into()), "{method}");
            assert_eq!(
                answer.json()["msg"],
                "participant does not exist",
                "{method}"
            );
        }
        let metadata = call(&stage, "UpdateRoomMetadata", &about_nobody).await;
        let data = call(&stage, "SendData", &about_nobody).await;
        let list = call(&stage, "ListParticipants", &about_nobody).await;
        let expected = if exists { 200 } else { 404 };
        assert_eq!((metadata.status, data.status), (expected, expected));
        assert_eq!(list.json(), json!({"participants": []}));
    }
}
