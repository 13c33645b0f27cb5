//! WHIP and WHEP on the wire: every status and header of the contract.

mod access;

use std::sync::Arc;
use std::time::Duration;

use auth::{Claims, VideoGrant};
use futures_util::future::BoxFuture;
use livekit_protocol::participant_info::Kind;
use livekit_protocol::{AudioTrackFeature, DisconnectReason};
use signaling::{AllowAll, EntryRefused, RoomPolicy};
use tokio::time::Instant;

use crate::kit::sdp::{broadcast, ufrag};
use crate::kit::{Ask, Client, DEADLINE, Reply, Stage, claims, now, sign};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What a client says to change nothing, and to restart ICE.
const TRICKLE: &str = "a=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\nm=audio 9 x 0\r\n\
    a=mid:0\r\na=candidate:2 1 udp 2122260223 127.0.0.1 61764 typ host\r\na=end-of-candidates\r\n";
const RESTART: &str = "a=ice-ufrag:newu\r\na=ice-pwd:newpasswordnewpasswordnew\r\nm=audio 9 x 0\r\n\
    a=mid:0\r\na=candidate:2 1 udp 2122260223 127.0.0.1 61764 typ host\r\n";

fn grant(change: impl FnOnce(&mut VideoGrant)) -> Claims {
    let mut claims = claims("obs", "yoga");
    change(claims.video.as_mut().unwrap());
    claims
}

fn post(path: &str, claims: &Claims, offer: String) -> Ask {
    Ask::new("POST", path).token(&sign(claims)).body(SDP, offer)
}

async fn publish(stage: &Stage) -> Reply {
    let offer = broadcast("sendonly");
    let reply = post("/whip", &claims("obs", "yoga"), offer).send(stage.address);
    let reply = reply.await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply
}

fn patch(session: &str, if_match: &str, body: &str) -> Ask {
    Ask::new("PATCH", session)
        .token(&sign(&claims("obs", "yoga")))
        .header("If-Match", if_match)
        .body(FRAGMENT, body)
}

fn delete(session: &str, claims: &Claims) -> Ask {
    Ask::new("DELETE", session).token(&sign(claims))
}

#[tokio::test]
async fn a_publisher_is_answered_and_seen_by_everybody() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;

    let reply = publish(&stage).await;

    assert_eq!(reply.header("content-type"), SDP);
    assert_eq!(reply.header("accept-patch"), FRAGMENT);
    assert!(reply.header("location").starts_with("/whip/yoga/HS_"));
    assert_eq!(
        reply.header("etag"),
        format!("\"{}\"", ufrag(&reply.body)),
        "a strong tag, new with each ICE session"
    );
    assert_eq!(reply.body.matches("a=recvonly").count(), 2);
    assert!(reply.body.contains("a=candidate:") && !reply.body.contains("a=inactive"));
    let info = alice.until_info("obs", |info| info.tracks.len() == 2).await;
    assert_eq!(info.kind(), Kind::Ingress);
    assert!(info.is_publisher);
    let [audio, video] = &info.tracks[..] else {
        panic!("two tracks");
    };
    assert_eq!(
        (audio.mime_type.as_str(), video.mime_type.as_str()),
        ("audio/opus", "video/H264")
    );
    assert!(
        audio
            .audio_features()
            .any(|f| f == AudioTrackFeature::TfStereo)
    );
    assert_eq!((audio.mid.as_str(), video.mid.as_str()), ("0", "1"));
    assert_eq!(
        (audio.stream.as_str(), video.stream.as_str()),
        ("camera", "camera")
    );
    assert_eq!(stage.count("clapt_signal_whip_sessions"), 1);
}

#[tokio::test]
async fn a_deleted_session_leaves_the_room_and_is_gone() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let session = publish(&stage).await.header("location").to_owned();
    let own = claims("obs", "yoga");
    alice.until_info("obs", |info| info.tracks.len() == 2).await;

    let reply = delete(&session, &own)
        .header("If-Match", "\"x\"")
        .send(stage.address);
    let reply = reply.await;

    assert_eq!(reply.status, 200, "{reply:?}");
    let left = alice.until_info("obs", |info| info.tracks.is_empty()).await;
    assert_eq!(left.disconnect_reason(), DisconnectReason::ClientInitiated);
    let again = delete(&session, &own).send(stage.address).await;
    assert_eq!(again.status, 404);
    assert_eq!(again.header("content-type"), "application/problem+json");
    let late = patch(&session, "*", RESTART).send(stage.address).await;
    assert_eq!(late.status, 404);
    assert_eq!(stage.count("clapt_signal_whip_sessions"), 0);
}

#[tokio::test]
async fn candidates_need_the_tag_of_the_present_ice_session() {
    let stage = Stage::new().await;
    let reply = publish(&stage).await;
    let (session, tag) = (reply.header("location"), reply.header("etag"));

    let taken = patch(session, tag, TRICKLE).send(stage.address).await;
    let other = patch(session, "\"other\"", TRICKLE)
        .send(stage.address)
        .await;
    let missing = Ask::new("PATCH", session)
        .token(&sign(&claims("obs", "yoga")))
        .body(FRAGMENT, TRICKLE)
        .send(stage.address)
        .await;

    assert_eq!((taken.status, taken.body.as_str()), (204, ""));
    assert!(!taken.headers.contains_key("etag"));
    assert_eq!((other.status, missing.status), (412, 428));
}

#[tokio::test]
async fn an_ice_restart_gives_new_credentials_and_a_new_tag() {
    let stage = Stage::new().await;
    let reply = publish(&stage).await;
    let (session, tag) = (reply.header("location"), reply.header("etag"));

    let restarted = patch(session, "*", RESTART).send(stage.address).await;

    assert_eq!(restarted.status, 200, "{restarted:?}");
    assert_eq!(restarted.header("content-type"), FRAGMENT);
    let fragment = &restarted.body;
    assert_ne!(ufrag(fragment), ufrag(&reply.body));
    for needed in [
        "a=ice-lite\r\n",
        "a=mid:0\r\n",
        "a=ice-pwd:",
        "a=candidate:",
    ] {
        assert!(fragment.contains(needed), "{needed} in {fragment}");
    }
    let new_tag = restarted.header("etag");
    assert_eq!(new_tag, format!("\"{}\"", ufrag(fragment)));
    let own = RESTART.to_owned();
    let old = patch(session, tag, &own).send(stage.address).await;
    let new = patch(session, new_tag, &own).send(stage.address).await;
    assert_eq!((old.status, new.status), (412, 204));
}

#[tokio::test]
async fn bodies_of_another_type_or_shape_are_refused() {
    let stage = Stage::new().await;
    let own = claims("obs", "yoga");
    let session = publish(&stage).await.header("location").to_owned();
    let type_of_post = Ask::new("POST", "/whip")
        .token(&sign(&own))
        .body("text/plain", "v=0");
    let type_of_patch = Ask::new("PATCH", session.as_str())
        .token(&sign(&own))
        .header("If-Match", "*")
        .body(SDP, TRICKLE);

    let reply = type_of_post.send(stage.address).await;
    assert_eq!((reply.status, reply.header("accept-post")), (415, SDP));
    let reply = type_of_patch.send(stage.address).await;
    assert_eq!(
        (reply.status, reply.header("accept-patch")),
        (415, FRAGMENT)
    );
    let reply = patch(&session, "*", "hello").send(stage.address).await;
    assert_eq!(reply.status, 400);
    let no_ice = broadcast("sendonly").replace("a=ice-pwd", "a=no-pwd");
    let two_cameras = broadcast("sendonly").replace("m=audio", "m=video");
    let no_codec = broadcast("sendonly").replace("H264", "H265");
    for (offer, status) in [
        (String::new(), 400),
        ("hello".to_owned(), 400),
        (no_ice, 400),
        (broadcast("recvonly"), 422),
        (two_cameras, 422),
        (no_codec, 422),
    ] {
        let reply = post("/whip", &claims("other", "yoga"), offer).send(stage.address);
        let reply = reply.await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    assert_eq!(stage.count("clapt_signal_participants"), 1);
    stage.until_metric("clapt_sessions", 1.0).await; // The refused left nothing.
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let stage = Stage::with(|config| config.limit.sdp_bytes_max = 100).await;

    let reply = post("/whip", &claims("obs", "yoga"), broadcast("sendonly"));

    assert_eq!(reply.send(stage.address).await.status, 413);
}

#[tokio::test]
async fn other_methods_are_405_and_the_right_ones_are_named() {
    let stage = Stage::new().await;
    let session = publish(&stage).await.header("location").to_owned();

    for (method, path, allowed) in [
        ("PUT", "/whip", "POST"),
        ("DELETE", "/whip/yoga", "POST"),
        ("PATCH", "/whep", "POST"),
        ("POST", session.as_str(), "DELETE"),
        ("PUT", session.as_str(), "PATCH"),
    ] {
        let reply = Ask::new(method, path).send(stage.address).await;
        assert_eq!(reply.status, 405, "{method} {path}");
        assert!(reply.header("allow").contains(allowed), "{reply:?}");
    }
    for path in ["/whip", "/whip/yoga", session.as_str()] {
        let reply = Ask::new("GET", path).send(stage.address).await;
        assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{path}");
    }
    let head = Ask::new("HEAD", "/whep/yoga").send(stage.address).await;
    assert_eq!((head.status, head.header("content-type")), (200, SDP));
}

#[tokio::test]
async fn who_never_connects_is_gone_after_a_while() {
    let stage = Stage::with_policy(
        |config| config.limit.whip_connect_timeout_ms = 300,
        Arc::new(AllowAll),
    )
    .await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let session = publish(&stage).await.header("location").to_owned();

    let left = alice
        .until_info("obs", |info| info.disconnect_reason != 0)
        .await;

    assert_eq!(left.disconnect_reason(), DisconnectReason::JoinFailure);
    let reply = delete(&session, &claims("obs", "yoga"))
        .send(stage.address)
        .await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_player_is_answered_and_seen_by_nobody() {
    let stage = Stage::new().await;
    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let player = claims("tv", "yoga");

    let reply = post("/whep/yoga", &player, broadcast("recvonly"))
        .send(stage.address)
        .await;

    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(reply.header("location").starts_with("/whep/yoga/HS_"));
    assert_eq!(
        reply.body.matches("a=sendonly").count(),
        2,
        "before anybody publishes"
    );
    alice.settle().await;
    assert!(alice.updates().all(|info| info.identity != "tv"));
    let session = reply.header("location");
    let ended = delete(session, &player).send(stage.address).await;
    assert_eq!(ended.status, 200);
}
