//! Calls of the server API.

use auth::{Claims, VideoGrant};
use prost::Message;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{DEADLINE, Stage, now, sign};

pub(crate) const ROOM_SERVICE: &str = "/twirp/livekit.RoomService/";

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Status and Twirp code of an error, status and "ok" otherwise.
    pub(crate) fn code(&self) -> (u16, String) {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let code = json["code"].as_str().unwrap_or("ok");
        (self.status, code.to_owned())
    }
}

/// Makes a request with a body.
pub(crate) async fn request(stage: &Stage, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let length = body.len();
    let head =
        format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses early may not read all of it.
    let _ = stream.write_all(body).await;
    let mut bytes = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = bytes.split_at(end.expect("a whole head"));
    let head = String::from_utf8(head.to_vec()).unwrap().to_lowercase();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: body[4..].to_vec(),
    }
}

/// Signs a token that calls the server API.
pub(crate) fn token(grant: VideoGrant) -> String {
    sign(&Claims {
        exp: now() + 600,
        video: Some(grant),
        ..Claims::default()
    })
}

/// May do everything in `room`, and with rooms.
pub(crate) fn all_grants(room: &str) -> VideoGrant {
    VideoGrant {
        room_create: true,
        room_list: true,
        room_admin: true,
        room: room.into(),
        ..VideoGrant::default()
    }
}

/// Calls a method with JSON.
pub(crate) async fn call_as(stage: &Stage, token: &str, path: &str, body: &Value) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json"
    );
    request(stage, &head, body.to_string().as_bytes()).await
}

/// Calls a method of the room service with JSON, allowed to do everything in room "yoga".
pub(crate) async fn call(stage: &Stage, method: &str, body: &Value) -> Answer {
    let path = format!("{ROOM_SERVICE}{method}");
    call_as(stage, &token(all_grants("yoga")), &path, body).await
}

/// Calls a method that succeeds, with protobuf.
pub(crate) async fn call_protobuf<A: Message + Default>(
    stage: &Stage,
    path: &str,
    body: &impl Message,
) -> A {
    let token = token(all_grants("yoga"));
    let head = format!(
        "POST {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/protobuf"
    );
    let answer = request(stage, &head, &body.encode_to_vec()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.head.contains("content-type: application/protobuf"));
    A::decode(&answer.body[..]).unwrap()
}
