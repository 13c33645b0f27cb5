//! The server API as HTTP sees it: routes, formats, tokens, grants, limits.

use auth::{Claims, VideoGrant};
use serde_json::json;

use crate::kit::api::{ROOM_SERVICE, all_grants, call, call_as, request, token};
use crate::kit::{SECRET, Stage, now};

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn what_leads_nowhere_is_a_bad_route() {
    let stage = Stage::new().await;
    let token = token(all_grants("yoga"));
    let json = "Content-Type: application/json";
    for (verb, path, header) in [
        ("GET", "/twirp/livekit.RoomService/ListRooms", json),
        ("POST", "/twirp/livekit.RoomService/Nope", json),
        ("POST", "/twirp/livekit.RoomService/ListRooms/", json),
        ("POST", "/twirp/livekit.Nope/ListRooms", json),
        ("POST", "/twirp/livekit.RoomService/ListRooms", "X: y"),
        (
            "POST",
            "/twirp/livekit.RoomService/ListRooms",
            "Content-Type: text/plain",
        ),
    ] {
        let head = format!("{verb} {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n{header}");

        let answer = request(&stage, &head, b"{}").await;

        assert_eq!(answer.code(), refused(404, "bad_route"), "{head}");
        let route = &answer.json()["meta"]["twirp_invalid_route"];
        assert_eq!(*route, format!("{verb} {path}"));
    }
    for mime in ["application/json; charset=utf-8", "APPLICATION/JSON"] {
        let head = format!(
            "POST {ROOM_SERVICE}ListRooms HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {mime}"
        );
        assert_eq!(request(&stage, &head, b"{}").await.status, 200, "{mime}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_and_checked_and_never_repeated() {
    let stage = Stage::new().await;
    let path = format!("{ROOM_SERVICE}ListRooms");
    let claims = Claims {
        exp: now() + 600,
        video: Some(all_grants("yoga")),
        ..Claims::default()
    };
    let over = Claims {
        exp: now() - 60,
        ..claims.clone()
    };
    for token in [
        String::new(),
        "junk".to_owned(),
        auth::sign(&claims, "nobody", SECRET),
        auth::sign(&claims, "key", "another secret that is long enough"),
        auth::sign(&over, "key", SECRET),
    ] {
        let answer = call_as(&stage, &token, &path, &json!({})).await;

        assert_eq!(answer.code(), refused(401, "unauthenticated"), "{token}");
        let text = String::from_utf8(answer.body).unwrap();
        assert!(token.len() < 5 || !text.contains(&token), "{text}");
    }
    let by_query = format!("{path}?access_token={}", token(all_grants("yoga")));
    let head = format!("POST {by_query} HTTP/1.1\r\nContent-Type: application/json");
    assert_eq!(request(&stage, &head, b"{}").await.status, 200);
}

#[tokio::test]
async fn each_method_asks_for_the_grant_that_livekit_asks_for() {
    let stage = Stage::new().await;
    let room = |room_admin, room: &str| VideoGrant {
        room_admin,
        room: room.into(),
        ..VideoGrant::default()
    };
    let room_grant = |change: fn(&mut VideoGrant)| {
        let mut grant = room(false, "yoga");
        change(&mut grant);
        grant
    };
    let mover = |destination: &str| VideoGrant {
        destination_room: destination.into(),
        ..room(true, "yoga")
    };
    let grants = [
        ("none", VideoGrant::default()),
        ("create", room_grant(|grant| grant.room_create = true)),
        ("list", room_grant(|grant| grant.room_list = true)),
        ("join", room_grant(|grant| grant.room_join = true)),
        ("admin of another room", room(true, "pilates")),
        ("admin of no room", room(true, "")),
        ("admin", room(true, "yoga")),
        ("mover", mover("pilates")),
        ("mover to elsewhere", mover("gym")),
    ];
    let admins = ["admin", "mover", "mover to elsewhere"].as_slice();
    for (method, allowed) in [
        ("CreateRoom", ["create"].as_slice()),
        ("DeleteRoom", &["create"]),
        ("ListRooms", &["list"]),
        ("UpdateRoomMetadata", admins),
        ("ListParticipants", admins),
        ("GetParticipant", admins),
        ("RemoveParticipant", admins),
        ("MutePublishedTrack", admins),
        ("UpdateParticipant", admins),
        ("UpdateSubscriptions", admins),
        ("SendData", admins),
        ("PerformRpc", admins),
        ("ForwardParticipant", &["mover"]),
        ("MoveParticipant", &["mover"]),
    ] {
        let path = format!("{ROOM_SERVICE}{method}");
        let body = json!({
            "name": "yoga", "room": "yoga", "identity": "nobody",
            "destination_identity": "nobody", "destination_room": "pilates",
        });
        for (name, grant) in &grants {
            let answer = call_as(&stage, &token(grant.clone()), &path, &body).await;

            let was_refused = answer.code() == refused(401, "unauthenticated");
            assert_eq!(was_refused, !allowed.contains(name), "{method} by {name}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_broken_or_too_long_is_malformed() {
    let stage = Stage::with(|config| config.limit.json_body_bytes_max = 1000).await;
    let token = token(all_grants("yoga"));
    let long = format!("{}{{}}", " ".repeat(1000));
    for (mime, body) in [
        ("json", b"".as_slice()),
        ("json", b"{"),
        ("json", b"[]"),
        ("json", b"{\"names\": 5}"),
        ("json", b"\xff\xfe"),
        ("json", long.as_bytes()),
        ("protobuf", b"\xff\xff"),
        ("protobuf", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
    ] {
        let head = format!(
            "POST {ROOM_SERVICE}ListRooms HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/{mime}"
        );

        let answer = request(&stage, &head, body).await;

        assert_eq!(answer.code(), refused(400, "malformed"), "{mime} {body:?}");
    }
}

#[tokio::test]
async fn nothing_of_a_body_is_read_without_a_token() {
    let stage = Stage::new().await;
    let head = format!("POST {ROOM_SERVICE}ListRooms HTTP/1.1\r\nContent-Type: application/json");

    let answer = request(&stage, &head, b"{").await;

    assert_eq!(answer.code(), refused(401, "unauthenticated"));
}

#[tokio::test]
async fn browsers_may_call_from_other_sites_that_are_allowed() {
    let stage = Stage::with(|config| config.allowed_origins = vec!["https://ok.example".into()]);
    let stage = stage.await;
    let preflight = |origin: &str| {
        format!(
            "OPTIONS {ROOM_SERVICE}ListRooms HTTP/1.1\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization,content-type"
        )
    };

    let allowed = request(&stage, &preflight("https://ok.example"), b"").await;
    let foreign = request(&stage, &preflight("https://evil.example"), b"").await;

    let has = |head: &str, line: &str| head.contains(line);
    assert!(has(
        &allowed.head,
        "access-control-allow-origin: https://ok.example"
    ));
    assert!(has(
        &allowed.head,
        "access-control-allow-headers: authorization,content-type"
    ));
    assert!(has(&allowed.head, "access-control-max-age: 86400"));
    assert!(!has(&foreign.head, "access-control-allow-origin"));
}

#[tokio::test]
async fn calls_are_counted_by_method_and_result() {
    let stage = Stage::new().await;

    call(&stage, "ListRooms", &json!({})).await;
    call(
        &stage,
        "GetParticipant",
        &json!({"room": "yoga", "identity": "x"}),
    )
    .await;
    call(&stage, "Made.Up", &json!({})).await;

    let families = stage.registry.gather();
    let family = families
        .iter()
        .find(|family| family.name() == "clapt_signal_api_requests_total")
        .unwrap();
    let mut labels: Vec<String> = family
        .get_metric()
        .iter()
        .map(|metric| {
            let labels = metric.get_label().iter();
            labels.map(|label| label.value().to_owned() + " ").collect()
        })
        .collect();
    labels.sort_unstable();
    assert_eq!(
        labels,
        [
            "bad_route unknown ",
            "not_found GetParticipant ",
            "ok ListRooms "
        ]
    );
}

#[tokio::test]
async fn a_server_that_goes_down_takes_no_calls() {
    let stage = Stage::new().await;
    stage.signaling.shutdown().await;

    let answer = call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;

    assert_eq!(answer.code(), refused(503, "unavailable"));
}
