//! A whole server whose requests come from a fuzz target, beside an honest participant.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use auth::{ApiKeys, Claims, VideoGrant};
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::FutureExt as _;
use livekit_protocol::signal_request::Message;
use livekit_protocol::signal_response::Message as Answer;
use livekit_protocol::{AddTrackRequest, SignalRequest, SignalResponse, TrackSource, TrackType};
use prometheus::Registry;
use prost::Message as _;
use service::Config;
use sfu::{Running, SfuConfig};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::REQUEST_BYTES_MAX;
use crate::ids::{ConnectionKey, ParticipantKey};
use crate::join_request::{JoinWish, Mode};
use crate::outbox::{OutboxReader, OutboxSize, outbox};
use crate::room::{Command, Entry, RoomHandle};
use crate::room_settings::RoomSettings;
use crate::{AllowAll, Signaling, api};

const KEY: &str = "key";
const SECRET: &str = "secret-that-is-long-enough-for-hs256";
const ROOM: &str = "yoga";

/// A token that never expires.
const NEVER: u64 = 1 << 40;

/// What a fuzzer makes a room say waits until it is looked at.
const QUEUE_SIZE: OutboxSize = OutboxSize {
    messages_max: 1 << 16,
    bytes_max: usize::MAX,
};

/// Whatever takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(20);

/// A caller that goes away after so long: nobody answers its RPC.
const PATIENCE: Duration = Duration::from_millis(100);

/// Stand in a fuzzer's frames for the ids of the honest participant and its track, and of the other one and
/// its track, since nobody can guess these.
pub(super) const PLACEHOLDERS: [&str; 4] = [
    "PA_hhhhhhhhhhhhhh",
    "TR_VChhhhhhhhhhhhhh",
    "PA_mmmmmmmmmmmmmm",
    "TR_VCmmmmmmmmmmmmmm",
];

/// What a broadcasting program or a player offers.
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:clnt\r\n\
    a=ice-pwd:clientpasswordclientpass\r\na=fingerprint:sha-256 \
    00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n\
    a=setup:actpass\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

/// Runs `work` on a server that lives as long as the thread.
pub(super) fn with_stage(work: impl AsyncFnOnce(&Stage)) {
    STAGE.with_borrow_mut(|stage| {
        let stage = stage.get_or_insert_with(Stage::start);
        let in_time = async { tokio::time::timeout(DEADLINE, work(stage)).await };
        let result = stage.runtime.block_on(in_time);
        result.expect("nothing hangs");
    });
}

/// A whole server without sockets for signalling.
pub(super) struct Stage {
    runtime: Runtime,
    signaling: Signaling,
    _running: Running,
}

/// A participant by hand.
struct Participant {
    key: ParticipantKey,
    connection: ConnectionKey,
    reader: OutboxReader,
}

impl Participant {
    async fn say(&self, room: &RoomHandle, request: Message) {
        let command = Command::Request {
            participant: self.key,
            connection: self.connection,
            request: Box::new(request),
        };
        room.send(command).await.expect("the room lives on");
    }

    /// Announces a camera; returns the ids of participant and track.
    async fn announce(&mut self, room: &RoomHandle) -> [String; 2] {
        let camera = AddTrackRequest {
            cid: "camera".to_owned(),
            r#type: TrackType::Video.into(),
            source: TrackSource::Camera.into(),
            ..AddTrackRequest::default()
        };
        self.say(room, Message::AddTrack(camera)).await;
        let mut sid = String::new();
        loop {
            let bytes = self.reader.next().await.expect("the room answers");
            let answer = SignalResponse::decode(bytes).expect("it writes what can be read");
            match answer.message {
                Some(Answer::Join(join)) => sid = join.participant.unwrap_or_default().sid,
                Some(Answer::TrackPublished(published)) => {
                    return [sid, published.track.unwrap_or_default().sid];
                }
                _ => {}
            }
        }
    }
}

impl Stage {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        let config = Config {
            keys: ApiKeys::from_iter([(KEY, SECRET)]),
            ..Config::default()
        };
        let media = SfuConfig {
            shards: 1,
            udp_port: 0,
            bind_ip: [127, 0, 0, 1].into(),
            node_ips: vec![[127, 0, 0, 1].into()],
            ..SfuConfig::default()
        };
        let registry = Registry::new();
        let (sfu, running) = sfu::start(&media, &registry).expect("a free port");
        let signaling = Signaling::new(sfu, Arc::new(config), Arc::new(AllowAll), &registry)
            .expect("the registry is new");
        Self {
            runtime,
            signaling,
            _running: running,
        }
    }

    async fn enter(&self, room: &RoomHandle, identity: &str, mode: Mode) -> Participant {
        let shared = self.signaling.shared();
        let connection = ConnectionKey(shared.next_number());
        let (outbox, reader) = outbox(connection, QUEUE_SIZE, Arc::clone(&shared.metrics));
        let query = HashMap::from([("protocol".to_owned(), "16".to_owned())]);
        let wish = JoinWish::read(&query, "", false, REQUEST_BYTES_MAX).expect("an honest wish");
        let wish = JoinWish { mode, ..wish };
        let (reply, answer) = oneshot::channel();
        let entry = Box::new(Entry {
            claims: claims(identity),
            wish,
            outbox,
        });
        let sent = room.send(Command::Enter { entry, reply }).await;
        sent.expect("the room is open");
        let key = answer
            .await
            .expect("the room answers")
            .expect("there is a place");
        Participant {
            key,
            connection,
            reader,
        }
    }

    async fn close_all(&self) {
        for room in self.signaling.shared().rooms.all() {
            Self::close(&room).await;
        }
    }

    async fn close(room: &RoomHandle) {
        let (done, waiting) = oneshot::channel();
        if room.send(Command::Shutdown { done }).await.is_ok() {
            let _ = waiting.await; // An error means that the room has closed by itself.
        }
        room.closed().await;
    }

    /// See [`super::signal_frames`].
    pub(super) async fn frames(&self, is_single: bool, mut bytes: &[u8]) {
        let shared = self.signaling.shared();
        let room = shared.open_room(ROOM, &RoomSettings::default());
        let mode = if is_single { Mode::Single } else { Mode::Dual };
        let mut honest = self.enter(&room, "honest", Mode::Dual).await;
        let mut mallory = self.enter(&room, "mallory", mode).await;
        let mut ids = honest.announce(&room).await.to_vec();
        ids.extend(mallory.announce(&room).await);
        while let Some((length, rest)) = bytes.split_at_checked(2) {
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (frame, rest) = rest.split_at(length.min(rest.len()));
            bytes = rest;
            let request = SignalRequest::decode(with_ids(frame, &ids).as_slice());
            if let Some(request) = request.ok().and_then(|request| request.message) {
                mallory.say(&room, request).await;
            }
        }
        // The answer to a question of the honest one comes after all that was said before.
        let (reply, answer) = oneshot::channel();
        let claims = Box::new(claims("honest"));
        let sent = room.send(Command::Probe { claims, reply }).await;
        sent.expect("the room lives on");
        assert_eq!(answer.await, Ok(true), "the honest one has its place");
        while let Some(message) = honest.reader.next().now_or_never() {
            assert!(message.is_some(), "the honest one stays");
        }
        self.close_all().await;
    }

    /// See [`super::twirp`].
    pub(super) async fn call(&self, choice: u8, body: &[u8]) {
        let paths: Vec<String> = api::paths().collect();
        let path = &paths[usize::from(choice & 0x7f) % paths.len()];
        let mime = if choice & 0x80 == 0 {
            "application/json"
        } else {
            "application/protobuf"
        };
        let shared = self.signaling.shared();
        let room = shared.open_room(ROOM, &RoomSettings::default());
        let mut honest = self.enter(&room, "honest", Mode::Dual).await;
        honest.announce(&room).await;
        let request = request("POST", path, &operator(), mime, body);
        let answer = tokio::time::timeout(PATIENCE, self.answer(request)).await;
        if let Ok(answer) = answer {
            let status = answer.status;
            let is_refusal = status == StatusCode::NOT_IMPLEMENTED;
            assert!(is_refusal || !status.is_server_error(), "{path}: {status}");
        } else {
            assert!(path.ends_with("/PerformRpc"), "{path} does not answer");
        }
        self.close_all().await;
    }

    /// See [`super::whip`].
    pub(super) async fn whip(&self, choice: u8, body: &[u8]) {
        const SDP: &str = "application/sdp";
        let own = claims("honest");
        let role = if choice & 1 == 0 { "/whip" } else { "/whep" };
        if choice & 2 == 0 {
            let offer = request("POST", role, &own, SDP, body);
            assert!(!self.answer(offer).await.status.is_server_error());
        } else {
            let offer = OFFER.replace(
                "sendrecv",
                ["sendonly", "recvonly"][usize::from(choice & 1)],
            );
            let created = self
                .answer(request("POST", role, &own, SDP, offer.as_bytes()))
                .await;
            assert_eq!(created.status, StatusCode::CREATED);
            let fragment = "application/trickle-ice-sdpfrag";
            for _ in 0..2 {
                let patch = request("PATCH", &created.location, &own, fragment, body);
                assert!(!self.answer(patch).await.status.is_server_error());
            }
            let end = request("DELETE", &created.location, &own, SDP, &[]);
            assert_eq!(
                self.answer(end).await.status,
                StatusCode::OK,
                "it still stands"
            );
        }
        self.close_all().await;
    }

    async fn answer(&self, request: Request<Body>) -> Reply {
        let answer = self.signaling.router().oneshot(request).await;
        let answer = answer.expect("a router always answers");
        let location = answer.headers().get(header::LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        Reply {
            status: answer.status(),
            location: location.unwrap_or_default().to_owned(),
        }
    }
}

/// What matters of an answer.
struct Reply {
    status: StatusCode,
    location: String,
}

fn request(method: &str, path: &str, claims: &Claims, mime: &str, body: &[u8]) -> Request<Body> {
    let token = auth::sign(claims, KEY, SECRET);
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, mime)
        .header(header::IF_MATCH, "*")
        .body(Body::from(body.to_vec()))
        .expect("a well-formed request")
}

/// Puts ids where their placeholders stand; each is as long as what it replaces.
fn with_ids(frame: &[u8], ids: &[String]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    for (placeholder, id) in PLACEHOLDERS.iter().zip(ids) {
        assert_eq!(placeholder.len(), id.len());
        let places: Vec<usize> = frame
            .windows(id.len())
            .enumerate()
            .filter(|(_, window)| *window == placeholder.as_bytes())
            .map(|(at, _)| at)
            .collect();
        for at in places {
            frame[at..at + id.len()].copy_from_slice(id.as_bytes());
        }
    }
    frame
}

fn claims(identity: &str) -> Claims {
    Claims::for_room(identity, ROOM, NEVER)
}

fn operator() -> Claims {
    let mut claims = claims("operator");
    claims.video = Some(VideoGrant {
        room_create: true,
        room_list: true,
        room_admin: true,
        room: ROOM.to_owned(),
        destination_room: ROOM.to_owned(),
        ..VideoGrant::default()
    });
    claims
}
