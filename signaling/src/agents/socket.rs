//! The WebSocket of workers.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Query as QueryExtractor, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::server_message::Message as Answer;
use livekit_protocol::worker_message::Message;
use livekit_protocol::{
    JobStatus, JobType, ParticipantPermission, RegisterWorkerRequest, RegisterWorkerResponse,
    ServerMessage, SimulateJobRequest, UpdateJobStatus, WorkerMessage, WorkerPing, WorkerPong,
};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::registry::{Worker, WorkerKind};
use super::{Agents, Offer};
use crate::addresses::SocketPlace;
use crate::answers;
use crate::ids;
use crate::join_request::Query;
use crate::room::{JobNews, Mailbox};
use crate::routes::{Door, Peer};
use crate::shared::Shared;
use service::network::client_address;

/// Messages that wait for a worker. One that does not read is given no more jobs.
const OUTBOX_MESSAGES_MAX: usize = 256;

/// A worker has to register in this time.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);

/// Workers are pinged this often, and are gone when nothing came for so long.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Jobs that a worker may say it goes on with, in one message.
const MIGRATED_JOBS_MAX: usize = 1000;

/// Bytes of a name that a worker may have.
const NAME_BYTES_MAX: usize = 256;

/// Makes the route of workers.
pub(crate) fn router(door: Door) -> Router {
    Router::new().route("/agent", get(open)).with_state(door)
}

async fn open(
    State(door): State<Door>,
    peer: Peer,
    QueryExtractor(query): QueryExtractor<Query>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match admit(&door, &peer, &query, &headers) {
        Ok((api_key, place)) => {
            let bytes_max = door.shared.config.limit.signal_message_bytes_max;
            upgrade
                .max_message_size(bytes_max)
                .max_frame_size(bytes_max)
                .on_upgrade(move |socket| run(socket, door.shared, api_key, place))
        }
        Err((status, reason, text)) => {
            door.shared.metrics.refuse(reason);
            (status, text).into_response()
        }
    }
}

type Refused = (StatusCode, &'static str, String);

/// Checks the token of a worker, which has to have the grant `agent`.
fn admit(
    door: &Door,
    peer: &Peer,
    query: &Query,
    headers: &HeaderMap,
) -> Result<(String, SocketPlace), Refused> {
    let unauthorized = |text: String| (StatusCode::UNAUTHORIZED, "agent-token", text);
    let token = crate::admission::token(query, headers).map_err(|r| unauthorized(r.text))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let claims = auth::verify(
        token,
        &door.shared.config.keys,
        now.unwrap_or_default().as_secs(),
    )
    .map_err(|error| unauthorized(error.to_string()))?;
    if !claims.video.is_some_and(|grant| grant.agent) {
        return Err(unauthorized("permissions denied".to_owned()));
    }
    let full = |text: &str| {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "agent-workers",
            text.to_owned(),
        )
    };
    if door.shared.agents.registry().workers.len() >= door.shared.config.limit.agent_workers_max {
        return Err(full("too many workers"));
    }
    let address = client_address(peer.0, headers, &door.shared.config.trusted_proxies);
    let place = door.sockets.take(address);
    let place = place.map_err(|_| full("too many connections"))?;
    Ok((claims.api_key, place))
}

/// One worker, from its first message to its last.
struct Line {
    shared: Arc<Shared>,
    id: String,
    answers: mpsc::Sender<Answer>,
}

async fn run(socket: WebSocket, shared: Arc<Shared>, api_key: String, place: SocketPlace) {
    let (mut writer, mut reader) = socket.split();
    let (answers, mut outbox) = mpsc::channel(OUTBOX_MESSAGES_MAX);
    let line = Line {
        id: ids::worker_id(),
        shared,
        answers,
    };
    let registered = timeout(
        REGISTER_TIMEOUT,
        line.register(&mut reader, &mut writer, api_key),
    );
    if registered.await.ok().flatten().is_none() {
        line.shared.agents.registry().remove(&line.id);
        return;
    }
    line.shared.metrics.agent_workers.inc();
    tracing::info!(worker.id = %line.id, "a worker has registered");
    line.serve(&mut reader, &mut writer, &mut outbox).await;
    line.shared.agents.registry().remove(&line.id);
    line.shared.metrics.agent_workers.dec();
    tracing::info!(worker.id = %line.id, "a worker is gone");
    drop(place);
}

type Reader = SplitStream<WebSocket>;
type Writer = SplitSink<WebSocket, Frame>;

impl Line {
    /// Waits for the registration and answers it. `None` if there is none worth the name.
    async fn register(
        &self,
        reader: &mut Reader,
        writer: &mut Writer,
        api_key: String,
    ) -> Option<()> {
        loop {
            let frame = reader.next().await?.ok()?;
            let request = match message(frame) {
                Received::Message(message) => match *message {
                    Message::Register(request) => request,
                    Message::Ping(ping) => {
                        write(writer, pong(ping)).await?;
                        continue;
                    }
                    Message::Availability(_)
                    | Message::UpdateWorker(_)
                    | Message::UpdateJob(_)
                    | Message::SimulateJob(_)
                    | Message::MigrateJob(_) => return None,
                },
                Received::Broken => return None,
                Received::Nothing => continue,
            };
            let kind = kind_of(&request)?;
            let permission = request
                .allowed_permissions
                .unwrap_or(ParticipantPermission {
                    can_subscribe: true,
                    can_publish: true,
                    can_publish_data: true,
                    can_update_metadata: true,
                    ..ParticipantPermission::default()
                });
            let worker = Worker::new(kind, api_key, permission, self.answers.clone());
            let response = Answer::Register(RegisterWorkerResponse {
                worker_id: self.id.clone(),
                server_info: Some(answers::server_info(&self.shared.node_id)),
                ..RegisterWorkerResponse::default()
            });
            // Before it is told so: it may be offered a job from then on. What it is offered waits
            // in its outbox until it was told.
            let agents = &self.shared.agents;
            agents.registry().workers.insert(self.id.clone(), worker);
            return write(writer, response).await;
        }
    }

    async fn serve(
        &self,
        reader: &mut Reader,
        writer: &mut Writer,
        outbox: &mut mpsc::Receiver<Answer>,
    ) {
        let mut heard_at = Instant::now();
        let mut ping_at = heard_at + PING_INTERVAL;
        let mut closing = pin!(self.shared.agents.closing.notified());
        loop {
            tokio::select! {
                () = closing.as_mut() => return,
                frame = reader.next() => {
                    heard_at = Instant::now();
                    let Some(Ok(frame)) = frame else { return };
                    match message(frame) {
                        Received::Message(message) => self.handle(*message),
                        Received::Nothing => {}
                        Received::Broken => return,
                    }
                }
                Some(answer) = outbox.recv() => {
                    let written = timeout(SILENCE_MAX, write(writer, answer)).await;
                    if written.ok().flatten().is_none() {
                        return;
                    }
                }
                () = sleep_until(ping_at) => {
                    ping_at = Instant::now() + PING_INTERVAL;
                    let ping = writer.send(Frame::Ping(bytes::Bytes::new()));
                    let is_silent = heard_at.elapsed() >= SILENCE_MAX;
                    if is_silent || timeout(SILENCE_MAX, ping).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn handle(&self, message: Message) {
        let registry = || self.shared.agents.registry();
        match message {
            Message::Availability(response) => registry().answer(&self.id, response),
            Message::UpdateWorker(update) => registry().update(&self.id, &update),
            Message::UpdateJob(update) => self.update_job(update),
            Message::MigrateJob(migrate) => {
                let mut jobs = migrate.job_ids;
                jobs.truncate(MIGRATED_JOBS_MAX);
                registry().adopt(&self.id, &jobs);
            }
            Message::Ping(ping) => {
                // One that does not read its answers does not get any.
                let _ = self.answers.try_send(pong(ping));
            }
            Message::SimulateJob(request) => self.simulate(request),
            // A worker registers once.
            Message::Register(_) => {}
        }
    }

    /// Passes on how a job goes.
    fn update_job(&self, update: UpdateJobStatus) {
        let status = update.status();
        let is_over = matches!(status, JobStatus::JsSuccess | JobStatus::JsFailed);
        let mut registry = self.shared.agents.registry();
        let Some(running) = registry.job_of(&self.id, &update.job_id) else {
            return; // The room or the dispatch has ended before.
        };
        let mailbox = running.room.clone();
        if is_over {
            registry.jobs.remove(&update.job_id);
        }
        drop(registry);
        let news = JobNews::Updated {
            job_id: update.job_id,
            status,
            error: update.error,
        };
        tokio::spawn(async move { mailbox.send(news).await });
    }

    /// Gives a worker a job of its own making, for its developer.
    fn simulate(&self, request: SimulateJobRequest) {
        let Some(room) = request.room.filter(|_| self.shared.config.dev) else {
            self.shared.metrics.refuse("simulate");
            return;
        };
        let agent_name = {
            let registry = self.shared.agents.registry();
            let worker = registry.workers.get(&self.id);
            worker.map(|worker| worker.kind.agent_name.clone())
        };
        let offer = Offer {
            dispatch: livekit_protocol::AgentDispatch {
                agent_name: agent_name.unwrap_or_default(),
                ..livekit_protocol::AgentDispatch::default()
            },
            job_type: if request.participant.is_some() {
                JobType::JtPublisher
            } else {
                JobType::JtRoom
            },
            room,
            participant: request.participant,
            mailbox: Mailbox::nobody(),
        };
        Agents::offer(&self.shared, &offer);
    }
}

enum Received {
    Message(Box<Message>),
    /// Nothing to do for us.
    Nothing,
    /// The worker is gone, or speaks another language.
    Broken,
}

fn message(frame: Frame) -> Received {
    match frame {
        Frame::Binary(bytes) => match WorkerMessage::decode(bytes) {
            Ok(decoded) => decoded.message.map_or(Received::Nothing, |message| {
                Received::Message(Box::new(message))
            }),
            Err(_) => Received::Broken,
        },
        Frame::Ping(_) | Frame::Pong(_) => Received::Nothing,
        Frame::Text(_) | Frame::Close(_) => Received::Broken,
    }
}

fn kind_of(request: &RegisterWorkerRequest) -> Option<WorkerKind> {
    let job_type = JobType::try_from(request.r#type).ok()?;
    let kind = WorkerKind {
        agent_name: request.agent_name.clone(),
        namespace: request.namespace.clone().unwrap_or_default(),
        deployment: request.deployment.clone(),
        job_type,
    };
    let names = [&kind.agent_name, &kind.namespace, &kind.deployment];
    let are_short = names.iter().all(|name| name.len() <= NAME_BYTES_MAX);
    are_short.then_some(kind)
}

fn pong(ping: WorkerPing) -> Answer {
    Answer::Pong(WorkerPong {
        last_timestamp: ping.timestamp,
        timestamp: super::unix_nanos() / 1_000_000,
    })
}

async fn write(writer: &mut Writer, answer: Answer) -> Option<()> {
    let message = ServerMessage {
        message: Some(answer),
    };
    let frame = Frame::Binary(message.encode_to_vec().into());
    writer.send(frame).await.ok()
}
