//! A client that says exactly what a test wants it to say.

use std::net::SocketAddr;

use auth::Claims;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    AddTrackRequest, JoinRequest, JoinResponse, ParticipantInfo, SessionDescription, SignalRequest,
    SignalResponse, TrackInfo, TrackSource, TrackType, WrappedJoinRequest,
};
use prost::Message as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{DEADLINE, Stage, claims, sdp, sign};

pub(crate) struct Client {
    pub(crate) line: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) join: JoinResponse,
    /// All that was received, for assertions about order.
    pub(crate) seen: Vec<Response>,
}

impl Client {
    /// Joins in dual mode.
    pub(crate) async fn join(stage: &Stage, identity: &str, room: &str) -> Self {
        Self::join_with(
            stage,
            &claims(identity, room),
            "protocol=17&sdk=js&version=2.23.0",
        )
        .await
    }

    pub(crate) async fn join_with(stage: &Stage, claims: &Claims, query: &str) -> Self {
        let path = format!("/rtc?access_token={}&{query}", sign(claims));
        let mut client = Self::connect(stage, &path).await.unwrap();
        client.read_join().await;
        client
    }

    /// Joins in single mode, with an offer.
    pub(crate) async fn join_single(stage: &Stage, claims: &Claims, request: &JoinRequest) -> Self {
        let path = v1_path(claims, request);
        let mut client = Self::connect(stage, &path).await.unwrap();
        client.read_join().await;
        client
    }

    /// Opens a socket without waiting for anything.
    pub(crate) async fn connect(stage: &Stage, path: &str) -> Result<Self, Error> {
        let url = format!("ws://{}{path}", stage.address);
        let request = url.into_client_request()?;
        let (line, _) = connect_async(request).await?;
        Ok(Self {
            line,
            join: JoinResponse::default(),
            seen: Vec::new(),
        })
    }

    /// Opens a socket as a proxy does for a client with `address`.
    pub(crate) async fn connect_from(
        stage: &Stage,
        path: &str,
        address: &'static str,
    ) -> Result<Self, Error> {
        let url = format!("ws://{}{path}", stage.address);
        let mut request = url.into_client_request()?;
        let address = axum::http::HeaderValue::from_static(address);
        request.headers_mut().insert("x-forwarded-for", address);
        let (line, _) = connect_async(request).await?;
        Ok(Self {
            line,
            join: JoinResponse::default(),
            seen: Vec::new(),
        })
    }

    async fn read_join(&mut self) {
        match self.next().await {
            Some(Response::Join(join)) => self.join = join,
            other => panic!("the first message is {other:?}"),
        }
    }

    pub(crate) fn sid(&self) -> String {
        self.join.participant.as_ref().unwrap().sid.clone()
    }

    pub(crate) async fn say(&mut self, message: Request) {
        let request = SignalRequest {
            message: Some(message),
        };
        self.say_bytes(request.encode_to_vec()).await;
    }

    pub(crate) async fn say_bytes(&mut self, bytes: Vec<u8>) {
        let _ = self.line.send(Frame::binary(bytes)).await; // The server may have had enough.
    }

    /// The next message; `None` when the server has closed.
    pub(crate) async fn next(&mut self) -> Option<Response> {
        loop {
            let frame = timeout(DEADLINE, self.line.next())
                .await
                .expect("a message in time");
            match frame {
                Some(Ok(Frame::Binary(bytes))) => {
                    let message = SignalResponse::decode(bytes).unwrap().message.unwrap();
                    self.seen.push(message.clone());
                    return Some(message);
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// The first coming message that `pick` takes.
    pub(crate) async fn until<T>(&mut self, mut pick: impl FnMut(Response) -> Option<T>) -> T {
        let waiting = async {
            while let Some(message) = self.next().await {
                if let Some(picked) = pick(message) {
                    return picked;
                }
            }
            panic!(
                "the server closed before the message came; seen: {:?}",
                self.seen
            );
        };
        timeout(DEADLINE, waiting)
            .await
            .expect("the message in time")
    }

    /// Waits for news of a participant that are as they should be.
    pub(crate) async fn until_info(
        &mut self,
        identity: &str,
        is_so: impl Fn(&ParticipantInfo) -> bool,
    ) -> ParticipantInfo {
        self.until(|message| match message {
            Response::Update(update) => update
                .participants
                .into_iter()
                .find(|info| info.identity == identity && is_so(info)),
            _ => None,
        })
        .await
    }

    /// Waits for the end, and tells how it was explained.
    pub(crate) async fn until_closed(&mut self) -> Option<CloseFrame> {
        let waiting = async {
            loop {
                match self.line.next().await {
                    Some(Ok(Frame::Close(frame))) => return frame,
                    Some(Ok(Frame::Binary(bytes))) => {
                        let message = SignalResponse::decode(bytes).unwrap().message.unwrap();
                        self.seen.push(message);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(DEADLINE, waiting).await.expect("the end in time")
    }

    /// Makes a round trip: all that the room did for earlier messages has been sent when it returns.
    pub(crate) async fn settle(&mut self) {
        let id = u32::try_from(self.seen.len()).unwrap() + 1_000_000;
        let message = Request::UpdateMetadata(livekit_protocol::UpdateParticipantMetadata {
            request_id: id,
            ..Default::default()
        });
        self.say(message).await;
        self.until(|message| match message {
            Response::RequestResponse(response) if response.request_id == id => Some(()),
            _ => None,
        })
        .await;
    }

    /// Announces a camera and offers it; returns what the server calls it.
    pub(crate) async fn publish_camera(&mut self, cid: &str) -> TrackInfo {
        self.say(Request::AddTrack(camera(cid))).await;
        let track = self
            .until(|message| match message {
                Response::TrackPublished(published) if published.cid == cid => published.track,
                _ => None,
            })
            .await;
        self.offer(1, &sdp::with_camera(cid, "sendonly")).await;
        track
    }

    /// Offers, and returns the answer.
    pub(crate) async fn offer(&mut self, id: u32, sdp: &str) -> SessionDescription {
        self.say(Request::Offer(description("offer", sdp, id)))
            .await;
        self.until(|message| match message {
            Response::Answer(answer) => Some(answer),
            _ => None,
        })
        .await
    }

    /// All updates that came, in order.
    pub(crate) fn updates(&self) -> impl Iterator<Item = &ParticipantInfo> {
        let updates = self.seen.iter().filter_map(|message| match message {
            Response::Update(update) => Some(&update.participants),
            _ => None,
        });
        updates.flatten()
    }
}

pub(crate) fn description(kind: &str, sdp: &str, id: u32) -> SessionDescription {
    SessionDescription {
        r#type: kind.into(),
        sdp: sdp.into(),
        id,
        ..SessionDescription::default()
    }
}

pub(crate) fn camera(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: cid.into(),
        r#type: TrackType::Video.into(),
        source: TrackSource::Camera.into(),
        width: 1280,
        height: 720,
        ..AddTrackRequest::default()
    }
}

pub(crate) fn v1_path(claims: &Claims, request: &JoinRequest) -> String {
    let wrapped = WrappedJoinRequest {
        join_request: request.encode_to_vec(),
        ..WrappedJoinRequest::default()
    };
    let encoded = URL_SAFE_NO_PAD.encode(wrapped.encode_to_vec());
    format!(
        "/rtc/v1?access_token={}&join_request={encoded}",
        sign(claims)
    )
}

/// Makes a plain HTTP request and returns status and body.
pub(crate) async fn http(address: SocketAddr, head: &str) -> (StatusCode, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    (status, body.to_owned())
}
