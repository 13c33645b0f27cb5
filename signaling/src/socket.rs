//! One WebSocket: decodes what the client says for its room, and writes what the room says.
//!
//! Invariants:
//! - the room never waits for this task, and this task never waits for the client longer than
//!   [`WRITE_TIMEOUT`];
//! - nothing that a client sends ends more than its own socket.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::leave_request::Action;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use livekit_protocol::{DisconnectReason, Pong, SignalRequest};
use prost::Message as _;
use prost::bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, timeout};
use tokio_tungstenite::tungstenite;

use crate::addresses::SocketPlace;
use crate::admission::Admitted;
use crate::answers;
use crate::ids::{ConnectionKey, ParticipantKey};
use crate::outbox::{Outbox, OutboxReader, OutboxSize, encode, outbox};
use crate::quirks::Quirks;
use crate::rate::RateLimit;
use crate::requests;
use crate::room::{Command, EnterError, Entry, RoomHandle};
use crate::shared::Shared;

/// Some TCP stacks need seconds to get over a lost packet; longer means that nobody reads.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that has stopped reading is not waited for to read why.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client that was told to leave may take to close its socket. Firefox hands over a close
/// before the message that came ahead of it, so closing first would hide why.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The client is asked for a sign of life this often …
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// … and is given up after so long without any. As it is looked at with each ping, a socket whose
/// other end is gone is found after 15 s at the latest.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// A room may close while a client enters; then the next one is opened.
const ENTER_ATTEMPTS: usize = 3;

/// Runs a socket to its end.
pub(crate) async fn run(
    websocket: WebSocket,
    shared: Arc<Shared>,
    admitted: Admitted,
    place: SocketPlace,
) {
    let opened_at = Instant::now();
    shared.metrics.sockets.inc();
    let key = ConnectionKey(shared.next_number());
    let quirks = Quirks::of(&admitted.wish.client, false);
    let (sink, mut stream) = websocket.split();
    let mut writer = Writer { sink };
    let deadline = Duration::from_millis(shared.config.limit.handshake_timeout_ms);
    match timeout(deadline, enter(&shared, admitted, key)).await {
        Ok(Ok((room, participant, reader))) => {
            shared
                .metrics
                .join_seconds
                .observe(opened_at.elapsed().as_secs_f64());
            let socket = Socket {
                shared: Arc::clone(&shared),
                key,
                participant,
                room: room.clone(),
                rate: RateLimit::new(shared.config.limit.signal_messages_per_second),
                heard_at: Instant::now(),
            };
            let close = socket.run(&mut writer, &mut stream, reader).await;
            let detach = Command::Detach {
                participant,
                connection: key,
            };
            let _ = room.send(detach).await; // An error means that the room has closed.
            if close == Close::Normal {
                await_close(&mut stream).await;
            }
            writer.close(close).await;
        }
        Ok(Err(error)) => {
            refuse(&shared, &mut writer, quirks, &error).await;
            await_close(&mut stream).await;
            writer.close(Close::Normal).await;
        }
        Err(_) => {
            shared.metrics.refuse("join-timeout");
            writer.close(Close::Error("joining took too long")).await;
        }
    }
    shared.metrics.sockets.dec();
    drop(place);
}

/// Brings a client into its room. A resume never opens a room.
async fn enter(
    shared: &Arc<Shared>,
    admitted: Admitted,
    key: ConnectionKey,
) -> Result<(RoomHandle, ParticipantKey, OutboxReader), EnterError> {
    let Admitted {
        room,
        claims,
        settings,
        wish,
    } = admitted;
    for _ in 0..ENTER_ATTEMPTS {
        let handle = if wish.resume.is_some() {
            shared
                .rooms
                .find(&room)
                .ok_or(EnterError::NothingToResume)?
        } else {
            shared.open_room(&room, &settings)
        };
        let (outbox, reader) = new_outbox(shared, key);
        let entry = Entry {
            claims: claims.clone(),
            wish: wish.clone(),
            outbox,
        };
        let (reply, answer) = oneshot::channel();
        let command = Command::Enter {
            entry: Box::new(entry),
            reply,
        };
        if handle.send(command).await.is_ok()
            && let Ok(result) = answer.await
        {
            return result.map(|participant| (handle, participant, reader));
        }
    }
    Err(EnterError::Media(sfu::SfuError::Down))
}

fn new_outbox(shared: &Shared, key: ConnectionKey) -> (Outbox, OutboxReader) {
    let size = OutboxSize::of(&shared.config.limit);
    outbox(key, size, Arc::clone(&shared.metrics))
}

/// Tells a client why it did not get in, in the only way that it understands at this point.
async fn refuse(shared: &Shared, writer: &mut Writer, quirks: Quirks, error: &EnterError) {
    let (label, reason, action) = match error {
        EnterError::NothingToResume => (
            "nothing-to-resume",
            DisconnectReason::StateMismatch,
            Action::Reconnect,
        ),
        EnterError::Full => (
            "room-full",
            DisconnectReason::JoinFailure,
            Action::Disconnect,
        ),
        EnterError::TooLarge(_) => (
            "too-large",
            DisconnectReason::JoinFailure,
            Action::Disconnect,
        ),
        EnterError::Media(error) => {
            tracing::warn!(%error, "no media session for a client");
            (
                "no-media",
                DisconnectReason::JoinFailure,
                Action::Disconnect,
            )
        }
    };
    shared.metrics.refuse(label);
    writer
        .write(encode(answers::leave(quirks, reason, action)))
        .await;
}

/// Lets a client that was told to leave close its socket; what else it says is not heard.
async fn await_close(stream: &mut SplitStream<WebSocket>) {
    let closed = async {
        while let Some(Ok(frame)) = stream.next().await {
            if matches!(frame, Frame::Close(_)) {
                return;
            }
        }
    };
    let _ = timeout(LEAVE_TIMEOUT, closed).await; // Else it is closed from here.
}

/// How a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    /// The room has said all that there is to say.
    Normal,
    /// The client is gone; there is nobody to tell.
    Gone,
    /// The client broke a rule.
    Policy(&'static str),
    /// It is not the client's fault.
    Error(&'static str),
}

struct Socket {
    shared: Arc<Shared>,
    key: ConnectionKey,
    participant: ParticipantKey,
    room: RoomHandle,
    rate: RateLimit,
    heard_at: Instant,
}

impl Socket {
    async fn run(
        mut self,
        writer: &mut Writer,
        stream: &mut SplitStream<WebSocket>,
        mut reader: OutboxReader,
    ) -> Close {
        let overflow = Arc::clone(&reader.overflow);
        let mut ping = tokio::time::interval(PING_INTERVAL);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = reader.next() => match message {
                    Some(message) => {
                        tokio::select! {
                            is_written = writer.write(message) => if !is_written {
                                return Close::Gone;
                            },
                            () = overflow.notified() => return Close::Policy("reading too slowly"),
                        }
                    }
                    None => return Close::Normal,
                },
                () = overflow.notified() => return Close::Policy("reading too slowly"),
                frame = stream.next() => {
                    let frame = match frame {
                        Some(Ok(frame)) => frame,
                        Some(Err(error)) if is_too_large(&error) => {
                            self.shared.metrics.refuse("message-size");
                            return Close::Policy("a message is too large");
                        }
                        Some(Err(_)) | None => return Close::Gone,
                    };
                    self.heard_at = Instant::now();
                    if let Err(close) = self.handle_frame(frame, writer).await {
                        return close;
                    }
                }
                _ = ping.tick() => {
                    if self.heard_at.elapsed() >= IDLE_TIMEOUT {
                        self.shared.metrics.refuse("idle");
                        return Close::Gone;
                    }
                    if !writer.ping().await {
                        return Close::Gone;
                    }
                }
            }
        }
    }

    async fn handle_frame(&mut self, frame: Frame, writer: &mut Writer) -> Result<(), Close> {
        let bytes = match frame {
            Frame::Binary(bytes) => bytes,
            Frame::Text(_) => {
                self.shared.metrics.refuse("text-frame");
                return Err(Close::Policy(
                    "only binary (protobuf) messages are understood",
                ));
            }
            Frame::Ping(_) | Frame::Pong(_) => return Ok(()),
            Frame::Close(_) => return Err(Close::Gone),
        };
        let Ok(request) = SignalRequest::decode(bytes) else {
            self.shared.metrics.refuse("malformed-message");
            return Err(Close::Policy("a message can't be read"));
        };
        // A message that this version does not know has no content for it.
        let Some(request) = request.message else {
            self.shared.metrics.refuse("unknown-message");
            return Ok(());
        };
        self.shared
            .metrics
            .requests
            .with_label_values(&[requests::kind(&request)])
            .inc();
        let delay = self.rate.take(Instant::now());
        if !delay.is_zero() {
            self.shared.metrics.refuse("rate");
            tokio::time::sleep(delay).await;
        }
        match pong(&request) {
            Some(pong) => writer.write(pong).await.then_some(()).ok_or(Close::Gone),
            None => self.pass_on(request).await,
        }
    }

    async fn pass_on(&self, request: Request) -> Result<(), Close> {
        let command = Command::Request {
            participant: self.participant,
            connection: self.key,
            request: Box::new(request),
        };
        // The queue to a closed room still has its last messages for us, so go on reading it.
        let _ = self.room.send(command).await;
        Ok(())
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<tungstenite::Error>());
    matches!(cause, Some(tungstenite::Error::Capacity(_)))
}

/// Pings are answered here, so that they measure the network and not the room.
fn pong(request: &Request) -> Option<Bytes> {
    let unix_ms = || {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    if let Request::Ping(_) = request {
        return Some(encode(Response::Pong(unix_ms())));
    }
    let Request::PingReq(ping) = request else {
        return None;
    };
    Some(encode(Response::PongResp(Pong {
        last_ping_timestamp: ping.timestamp,
        timestamp: unix_ms(),
    })))
}

struct Writer {
    sink: SplitSink<WebSocket, Frame>,
}

impl Writer {
    /// Writes one message; false if nobody reads.
    async fn write(&mut self, message: Bytes) -> bool {
        self.send(Frame::Binary(message)).await
    }

    async fn ping(&mut self) -> bool {
        self.send(Frame::Ping(Bytes::new())).await
    }

    async fn send(&mut self, frame: Frame) -> bool {
        matches!(
            timeout(WRITE_TIMEOUT, self.sink.send(frame)).await,
            Ok(Ok(()))
        )
    }

    async fn close(&mut self, close: Close) {
        let (code, reason) = match close {
            Close::Normal => (close_code::NORMAL, ""),
            Close::Gone => return,
            Close::Policy(reason) => (close_code::POLICY, reason),
            Close::Error(reason) => (close_code::ERROR, reason),
        };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let _ = timeout(CLOSE_TIMEOUT, self.sink.send(Frame::Close(Some(frame)))).await;
    }
}
