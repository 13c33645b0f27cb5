//! Who may publish and watch, and for how long.

use livekit_protocol::signal_response::Message as Response;

use super::*;

#[tokio::test]
async fn only_who_may_publish_publishes_and_only_who_may_watch_watches() {
    let stage = Stage::new().await;
    let offer = broadcast("sendonly");
    let player = broadcast("recvonly");
    let none = Ask::new("POST", "/whip")
        .body(SDP, offer.clone())
        .send(stage.address)
        .await;
    assert_eq!(
        (none.status, none.header("www-authenticate")),
        (401, "Bearer")
    );
    let mut old = claims("obs", "yoga");
    old.exp = now() - 600;
    let no_source = |grant: &mut VideoGrant| grant.can_publish_sources = vec!["camera".into()];

    for (path, claims, offer, status) in [
        ("/whip", old, &offer, 401),
        ("/whip", grant(|grant| grant.room_join = false), &offer, 401),
        (
            "/whip",
            grant(|grant| grant.can_publish = Some(false)),
            &offer,
            403,
        ),
        ("/whip", grant(no_source), &offer, 403),
        ("/whip/dance", claims("obs", "yoga"), &offer, 403),
        (
            "/whep",
            grant(|grant| grant.can_subscribe = Some(false)),
            &player,
            403,
        ),
        ("/whep/dance", claims("obs", "yoga"), &player, 403),
        ("/whip/yoga", claims("obs", "yoga"), &offer, 201),
        ("/whip/v1", claims("obs", "yoga"), &offer, 201),
    ] {
        let reply = post(path, &claims, offer.clone()).send(stage.address).await;
        assert_eq!(reply.status, status, "{path} {claims:?} {reply:?}");
    }
    assert_eq!(stage.count("clapt_signal_participants"), 1);
}

#[tokio::test]
async fn a_session_is_that_of_its_participant_only() {
    let stage = Stage::new().await;
    let session = publish(&stage).await.header("location").to_owned();
    let as_player = session.replace("/whip/", "/whep/");

    for (session, claims, status) in [
        (&session, claims("mallory", "yoga"), 404),
        (&session, claims("obs", "dance"), 404),
        (&as_player, claims("obs", "yoga"), 404),
        (
            &"/whip/yoga/HS_unknown".to_owned(),
            claims("obs", "yoga"),
            404,
        ),
    ] {
        let reply = delete(session, &claims).send(stage.address).await;
        assert_eq!(reply.status, status, "{session} {claims:?}");
        let patch = Ask::new("PATCH", session.as_str())
            .token(&sign(&claims))
            .body(FRAGMENT, RESTART);
        assert_eq!(patch.send(stage.address).await.status, status);
    }
    for session in [session.as_str(), "/whip/yoga/HS_unknown"] {
        let nobody = Ask::new("DELETE", session).send(stage.address).await;
        assert_eq!(nobody.status, 401, "no oracle");
    }
    assert_eq!(
        delete(&session, &claims("obs", "yoga"))
            .send(stage.address)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_token_that_ran_out_meanwhile_still_ends_its_session() {
    let stage = Stage::new().await;
    let mut short = claims("obs", "yoga");
    short.exp = now() - auth::EXPIRY_LEEWAY_SECONDS + 1;
    let offer = broadcast("sendonly");
    let reply = post("/whip", &short, offer.clone())
        .send(stage.address)
        .await;
    let session = reply.header("location").to_owned();
    let deadline = Instant::now() + DEADLINE;
    while post("/whip", &claims_like(&short), offer.clone())
        .send(stage.address)
        .await
        .status
        != 401
    {
        assert!(Instant::now() < deadline, "the token never runs out");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let reply = delete(&session, &short).send(stage.address).await;

    assert_eq!(reply.status, 200, "{reply:?}");
}

/// Another identity with the same lifetime.
fn claims_like(claims: &Claims) -> Claims {
    Claims {
        identity: "probe".into(),
        ..claims.clone()
    }
}

#[tokio::test]
async fn scripts_of_other_sites_may_ask_and_read_what_they_need() {
    let stage = Stage::new().await;
    let session = publish(&stage).await.header("location").to_owned();
    for (path, header, value) in [
        ("/whip", "accept-post", SDP),
        ("/whep/yoga", "accept-post", SDP),
        (session.as_str(), "accept-patch", FRAGMENT),
    ] {
        let reply = Ask::new("OPTIONS", path)
            .header("Origin", "https://other.example")
            .header("Access-Control-Request-Method", "POST")
            .header(
                "Access-Control-Request-Headers",
                "authorization,content-type,if-match",
            )
            .send(stage.address)
            .await;

        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert!(
            reply
                .header("access-control-allow-headers")
                .contains("if-match")
        );
        assert_eq!(reply.header(header), value);
    }
    let offer = broadcast("sendonly");
    let reply = post("/whip", &claims("obs", "yoga"), offer)
        .header("Origin", "https://other.example")
        .send(stage.address)
        .await;
    let exposed = reply
        .header("access-control-expose-headers")
        .to_ascii_lowercase();
    for name in ["location", "etag", "link", "accept-patch"] {
        assert!(exposed.contains(name), "{name} in {exposed}");
    }
}

#[tokio::test]
async fn only_allowed_sites_may_publish_from_a_browser() {
    let stage = Stage::with(|config| {
        config.allowed_origins = vec!["https://class.example".to_owned()];
    })
    .await;
    for (origin, status) in [
        ("https://other.example", 403),
        ("https://class.example", 201),
    ] {
        let reply = post("/whip", &claims("obs", "yoga"), broadcast("sendonly"))
            .header("Origin", origin)
            .send(stage.address)
            .await;
        assert_eq!(reply.status, status, "{origin}");
    }
}

#[tokio::test]
async fn a_second_session_of_one_identity_replaces_the_first() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let first = publish(&stage).await.header("location").to_owned();
    let sid = alice
        .until_info("obs", |info| info.tracks.len() == 2)
        .await
        .sid;

    let second = publish(&stage).await.header("location").to_owned();

    let left = alice
        .until_info("obs", |info| info.sid == sid && info.tracks.is_empty())
        .await;
    assert_eq!(
        left.disconnect_reason(),
        DisconnectReason::DuplicateIdentity
    );
    let own = claims("obs", "yoga");
    assert_eq!(delete(&first, &own).send(stage.address).await.status, 404);
    assert_eq!(delete(&second, &own).send(stage.address).await.status, 200);
}

#[tokio::test]
async fn a_session_that_the_server_removes_is_gone() {
    let stage = Stage::new().await;
    let session = publish(&stage).await.header("location").to_owned();

    stage
        .signaling
        .remove_participant("yoga", "obs")
        .await
        .unwrap();

    let reply = patch(&session, "*", RESTART).send(stage.address).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn places_and_addresses_are_limited_as_for_everybody() {
    let full = Stage::with(|config| config.room.max_participants = 1).await;
    let _alice = Client::join(&full, "alice", "yoga").await;
    let offer = broadcast("sendonly");
    let reply = post("/whip", &claims("obs", "yoga"), offer.clone())
        .send(full.address)
        .await;
    assert_eq!(reply.status, 403, "{reply:?}");
    let stage = Stage::with(|config| config.limit.sockets_per_address_max = 1).await;
    let session = publish(&stage).await.header("location").to_owned();

    let second = post("/whip", &claims("two", "yoga"), offer.clone())
        .send(stage.address)
        .await;

    assert_eq!(second.status, 429);
    assert_eq!(second.header("retry-after"), "5");
    delete(&session, &claims("obs", "yoga"))
        .send(stage.address)
        .await;
    let third = post("/whip", &claims("two", "yoga"), offer)
        .send(stage.address)
        .await;
    assert_eq!(third.status, 201, "the place is free again: {third:?}");
}

#[tokio::test]
async fn a_server_that_goes_down_takes_nobody_and_ends_what_is_there() {
    let stage = Stage::new().await;
    publish(&stage).await;

    stage.signaling.shutdown().await;

    let reply = post("/whip", &claims("two", "yoga"), broadcast("sendonly")).send(stage.address);
    let reply = reply.await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "5"));
    assert_eq!(stage.count("clapt_signal_whip_sessions"), 0);
}

struct Closed;

impl RoomPolicy for Closed {
    fn may_enter<'a>(
        &'a self,
        claims: &'a Claims,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), EntryRefused>> {
        let refused = EntryRefused {
            reason: "the class begins at noon".into(),
        };
        let is_let_in = claims.identity == "teacher";
        Box::pin(std::future::ready(is_let_in.then_some(()).ok_or(refused)))
    }
}

#[tokio::test]
async fn the_policy_of_the_room_decides() {
    let stage = Stage::with_policy(|_| {}, Arc::new(Closed)).await;
    for (identity, status) in [("obs", 403), ("teacher", 201)] {
        let claims = claims(identity, "yoga");

        let reply = post("/whip", &claims, broadcast("sendonly"))
            .send(stage.address)
            .await;

        assert_eq!(reply.status, status);
        assert!(status == 201 || reply.body.contains("the class begins at noon"));
    }
}

#[tokio::test]
async fn ice_servers_are_told_to_sockets_and_to_whoever_has_a_token() {
    let stage = Stage::with(|config| {
        let server = r#"{"urls": ["stun:a.example", "turn:a.example?transport=udp"], "username": "u",
            "credential": "canary"}"#;
        config.rtc.ice_servers = vec![serde_json::from_str(server).unwrap()];
    })
    .await;
    let links = "<stun:a.example>; rel=\"ice-server\"\n<turn:a.example?transport=udp>; \
        rel=\"ice-server\"; username=\"u\"; credential=\"canary\"; credential-type=\"password\"";

    let alice = Client::join(&stage, "alice", "yoga").await;
    let published = publish(&stage).await;
    let token = sign(&claims("obs", "yoga"));
    let asked = Ask::new("OPTIONS", "/whep")
        .token(&token)
        .send(stage.address)
        .await;
    let preflight = Ask::new("OPTIONS", "/whip")
        .header("Origin", "https://a.example")
        .header("Access-Control-Request-Method", "POST")
        .send(stage.address)
        .await;

    let [told] = &alice.join.ice_servers[..] else {
        panic!("one server");
    };
    assert_eq!((told.urls.len(), told.username.as_str()), (2, "u"));
    assert_eq!(told.credential, "canary");
    assert_eq!(published.header("link"), links);
    assert_eq!((asked.status, asked.header("link")), (200, links));
    assert!(!preflight.headers.contains_key("link"), "{preflight:?}");
    let exposed = published.header("access-control-expose-headers");
    assert!(exposed.contains("link"), "{exposed}");
    let resumed = format!(
        "/rtc?access_token={}&protocol=17&reconnect=1&sid={}",
        sign(&claims("alice", "yoga")),
        alice.sid()
    );
    let mut resumed = Client::connect(&stage, &resumed).await.unwrap();
    let told = resumed.until(|message| match message {
        Response::Reconnect(reconnect) => Some(reconnect.ice_servers),
        _ => None,
    });
    assert_eq!(told.await.len(), 1);
}
