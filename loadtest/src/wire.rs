//! A peer's signalling connection: a WebSocket to any server that speaks LiveKit's protocol.
//!
//! It only carries messages; what they mean is the peer's business.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::Claims;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use clap::ValueEnum;
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{
    ClientInfo, ConnectionSettings, JoinRequest, Ping, SignalRequest, SignalResponse,
    WrappedJoinRequest,
};
use prost::Message as _;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::{self, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::media_thread::{Command, MediaThread};
use crate::notes::complain;
use crate::peer::Outbound;

/// How long a token is good: as long as the longest run.
const TOKEN_SECONDS: u64 = 26 * 3600;

/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// Time between two pings until the server says otherwise, and how long it may be silent.
const PING: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));

/// How long a broken connection is away before it is resumed.
const AWAY: Duration = Duration::from_millis(300);

/// The protocol version that is spoken.
const PROTOCOL: u32 = 16;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Peer connections of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// One to send and one to receive (`/rtc`).
    Dual,
    /// One for both (`/rtc/v1`).
    Single,
}

/// A server and who may enter it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Such as `ws://localhost:7880`.
    pub url: String,
    /// The API key.
    pub key: String,
    /// Its secret.
    pub secret: String,
}

/// Why a signalling connection ended.
#[derive(Debug, Error)]
enum WireError {
    #[error("the server can't be reached within {} s", CONNECT_MAX.as_secs())]
    Slow,
    #[error("the server refused the connection")]
    Refused(#[source] Box<tungstenite::Error>),
    #[error("the connection broke")]
    Broken(#[source] Box<tungstenite::Error>),
    #[error("the server closed the connection")]
    Closed,
    #[error("the server sent what is no message")]
    Unreadable(#[source] prost::DecodeError),
    #[error("the server didn't answer pings")]
    Silent,
}

impl Server {
    /// The address of the signalling socket for somebody in a room.
    ///
    /// `resumed` is the server's id of a participant that comes back.
    fn signal_url(
        &self,
        mode: Mode,
        (identity, room): (&str, &str),
        resumed: Option<&str>,
    ) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        let claims = Claims::for_room(identity, room, now + TOKEN_SECONDS);
        let token = auth::sign(&claims, &self.key, &self.secret);
        let base = self.url.trim_end_matches('/');
        let base = base
            .strip_prefix("http")
            .map_or_else(|| base.to_owned(), |rest| format!("ws{rest}"));
        match mode {
            Mode::Dual => {
                let extra =
                    resumed.map_or_else(String::new, |sid| format!("&reconnect=1&sid={sid}"));
                format!(
                    "{base}/rtc?access_token={token}&protocol={PROTOCOL}&auto_subscribe=1\
                     &adaptive_stream=0{extra}"
                )
            }
            Mode::Single => {
                let request = join_request(resumed);
                format!("{base}/rtc/v1?access_token={token}&join_request={request}")
            }
        }
    }
}

/// The request of a single connection, as it stands in the address.
fn join_request(resumed: Option<&str>) -> String {
    let request = JoinRequest {
        client_info: Some(ClientInfo {
            protocol: PROTOCOL.cast_signed(),
            ..ClientInfo::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            ..ConnectionSettings::default()
        }),
        reconnect: resumed.is_some(),
        participant_sid: resumed.unwrap_or_default().to_owned(),
        ..JoinRequest::default()
    };
    let wrapped = WrappedJoinRequest {
        join_request: request.encode_to_vec(),
        ..WrappedJoinRequest::default()
    };
    // Padding, which some servers insist on, is not safe in an address as it is.
    URL_SAFE.encode(wrapped.encode_to_vec()).replace('=', "%3D")
}

/// Carries the messages of one peer until either side ends it.
pub(crate) async fn run(
    (server, mode): (Server, Mode),
    (identity, room): (String, String),
    index: usize,
    thread: MediaThread,
    mut outbox: mpsc::Receiver<Outbound>,
) {
    let mut resumed = None;
    loop {
        let url = server.signal_url(mode, (&identity, &room), resumed.as_deref());
        match carry(&url, index, &thread, &mut outbox).await {
            Ok(None) => return,
            Ok(Some(sid)) => resumed = Some(sid),
            Err(error) => {
                complain("signalling", &error);
                return thread.tell(Command::Closed(index)).await;
            }
        }
        tokio::time::sleep(AWAY).await;
    }
}

async fn connect(url: &str) -> Result<Socket, WireError> {
    let connecting = tokio::time::timeout(CONNECT_MAX, connect_async(url));
    let connected = connecting.await.map_err(|_| WireError::Slow)?;
    let (socket, _) = connected.map_err(|error| WireError::Refused(Box::new(error)))?;
    Ok(socket)
}

/// Carries messages over one connection. Gives the id to resume with, or nothing at the end.
async fn carry(
    url: &str,
    index: usize,
    thread: &MediaThread,
    outbox: &mut mpsc::Receiver<Outbound>,
) -> Result<Option<String>, WireError> {
    let mut socket = connect(url).await?;
    let (mut interval, mut silence_max) = PING;
    let mut ping = tokio::time::interval_at(Instant::now() + interval, interval);
    let mut heard = Instant::now();
    let mut has_left = false;
    loop {
        tokio::select! {
            outbound = outbox.recv() => match outbound {
                Some(Outbound::Send(request)) => {
                    has_left |= matches!(*request, Request::Leave(_));
                    send(&mut socket, *request).await?;
                }
                Some(Outbound::Resume(sid)) => return Ok(Some(sid)),
                Some(Outbound::Close) | None => return Ok(None),
            },
            frame = socket.next() => {
                heard = Instant::now();
                let message = match read(frame) {
                    Ok(Some(message)) => message,
                    Ok(None) => continue,
                    // The server may close first.
                    Err(_) if has_left => return Ok(None),
                    Err(error) => return Err(error),
                };
                if let Response::Join(join) = &message
                    && let (Ok(every @ 1..), Ok(silence @ 1..)) =
                        (u64::try_from(join.ping_interval), u64::try_from(join.ping_timeout))
                {
                    interval = Duration::from_secs(every);
                    silence_max = Duration::from_secs(silence) + interval;
                    ping = tokio::time::interval_at(heard + interval, interval);
                    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
                }
                thread.tell(Command::Signal(index, Box::new(message))).await;
            }
            _ = ping.tick() => {
                if heard.elapsed() > silence_max {
                    return Err(WireError::Silent);
                }
                send(&mut socket, Request::PingReq(Ping { timestamp: now_millis(), rtt: 0 })).await?;
            }
        }
    }
}

async fn send(socket: &mut Socket, message: Request) -> Result<(), WireError> {
    let request = SignalRequest {
        message: Some(message),
    };
    let frame = Frame::binary(request.encode_to_vec());
    let sent = socket.send(frame).await;
    sent.map_err(|error| WireError::Broken(Box::new(error)))
}

/// Reads a message; nothing if the frame has none that we know.
fn read(frame: Option<Result<Frame, tungstenite::Error>>) -> Result<Option<Response>, WireError> {
    match frame {
        Some(Ok(Frame::Binary(bytes))) => {
            let response = SignalResponse::decode(bytes).map_err(WireError::Unreadable)?;
            Ok(response.message)
        }
        Some(Ok(Frame::Close(_))) | None => Err(WireError::Closed),
        Some(Ok(Frame::Text(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_))) => Ok(None),
        Some(Err(error)) => Err(WireError::Broken(Box::new(error))),
    }
}

fn now_millis() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = now.map_or(0, |now| now.as_millis());
    i64::try_from(millis).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        Server {
            url: url.to_owned(),
            key: "key".to_owned(),
            secret: "a-secret-that-is-long-enough-for-it".to_owned(),
        }
    }

    #[test]
    fn addresses_of_pages_become_those_of_sockets() {
        for (given, expected) in [
            ("http://host:1/", "ws://host:1/rtc?access_token="),
            ("https://host", "wss://host/rtc?access_token="),
            ("ws://host:1", "ws://host:1/rtc?access_token="),
        ] {
            let url = server(given).signal_url(Mode::Dual, ("ana", "yoga"), None);
            assert!(url.starts_with(expected), "{url}");
        }
    }

    #[test]
    fn a_single_connection_says_in_its_request_who_comes_back() {
        let url = server("ws://host").signal_url(Mode::Single, ("ana", "yoga"), Some("PA_1"));
        assert!(url.starts_with("ws://host/rtc/v1?access_token="), "{url}");

        let request = url.rsplit('=').next().unwrap().replace("%3D", "=");
        let request = URL_SAFE.decode(request).unwrap();
        let wrapped = WrappedJoinRequest::decode(&*request).unwrap();
        let request = JoinRequest::decode(&*wrapped.join_request).unwrap();

        assert_eq!(request.participant_sid, "PA_1");
        assert!(request.reconnect && request.connection_settings.unwrap().auto_subscribe);
    }

    #[test]
    fn the_token_lets_the_peer_into_its_room() {
        let url = server("ws://host").signal_url(Mode::Dual, ("ana", "yoga"), Some("PA_1"));
        let token = url.split(['=', '&']).nth(1).unwrap();
        let keys = auth::ApiKeys::from_iter([("key", "a-secret-that-is-long-enough-for-it")]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();

        let claims = auth::verify(token, &keys, now.as_secs()).unwrap();

        assert_eq!(claims.identity, "ana");
        assert_eq!(claims.video.unwrap().room, "yoga");
        assert!(url.ends_with("&reconnect=1&sid=PA_1"));
    }
}
