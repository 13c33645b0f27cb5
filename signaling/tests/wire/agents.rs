//! Agents: workers on their socket, dispatches through the server API, and jobs between them.

mod restarts;

use auth::{ApiKeys, Claims, VideoGrant};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol::server_message::Message as Answer;
use livekit_protocol::worker_message::Message;
use livekit_protocol::{
    AgentDispatch, AvailabilityResponse, CreateAgentDispatchRequest, Job, JobAssignment, JobStatus,
    JobType, ListAgentDispatchRequest, ListAgentDispatchResponse, MigrateJobRequest,
    ParticipantPermission, RegisterWorkerRequest, ServerMessage, UpdateJobStatus,
    UpdateWorkerStatus, WorkerMessage, WorkerPing, WorkerStatus,
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::kit::api::{all_grants, call, call_as, call_protobuf, token};
use crate::kit::{Client, DEADLINE, KEY, SECRET, Stage, claims, now};

const SERVICE: &str = "/twirp/livekit.AgentDispatchService/";

struct Worker {
    line: WebSocketStream<MaybeTlsStream<TcpStream>>,
    id: String,
}

impl Worker {
    async fn connect(stage: &Stage, grant: VideoGrant) -> Result<Self, Error> {
        let url = format!("ws://{}/agent?access_token={}", stage.address, token(grant));
        let (line, _) = connect_async(url).await?;
        let id = String::new();
        Ok(Self { line, id })
    }

    async fn register(stage: &Stage, name: &str, job_type: JobType) -> Self {
        let request = RegisterWorkerRequest {
            agent_name: name.into(),
            r#type: job_type.into(),
            ..RegisterWorkerRequest::default()
        };
        Self::register_as(stage, request).await
    }

    async fn register_as(stage: &Stage, request: RegisterWorkerRequest) -> Self {
        let grant = VideoGrant {
            agent: true,
            ..VideoGrant::default()
        };
        let mut worker = Self::connect(stage, grant).await.unwrap();
        worker.say(Message::Register(request)).await;
        match worker.next().await {
            Some(Answer::Register(registered)) => worker.id = registered.worker_id,
            other => panic!("{other:?}"),
        }
        worker
    }

    async fn say(&mut self, message: Message) {
        let message = WorkerMessage {
            message: Some(message),
        };
        let frame = Frame::binary(message.encode_to_vec());
        let _ = self.line.send(frame).await; // The server may have had enough.
    }

    /// The next message; `None` when the server has closed.
    async fn next(&mut self) -> Option<Answer> {
        loop {
            let frame = timeout(DEADLINE, self.line.next()).await;
            match frame.expect("a message in time") {
                Some(Ok(Frame::Binary(bytes))) => {
                    return ServerMessage::decode(bytes).unwrap().message;
                }
                Some(Ok(Frame::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn offered(&mut self) -> Job {
        match self.next().await {
            Some(Answer::Availability(request)) => request.job.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn answer(&mut self, job: &Job, available: bool) {
        let response = AvailabilityResponse {
            job_id: job.id.clone(),
            available,
            participant_identity: format!("agent-{}", job.id),
            participant_name: "Tutor".into(),
            ..AvailabilityResponse::default()
        };
        self.say(Message::Availability(response)).await;
    }

    async fn take(&mut self) -> JobAssignment {
        let job = self.offered().await;
        self.answer(&job, true).await;
        match self.next().await {
            Some(Answer::Assignment(assignment)) => assignment,
            other => panic!("{other:?}"),
        }
    }

    /// Makes a round trip: all that was said before has been read when it returns.
    async fn settle(&mut self) {
        self.say(Message::Ping(WorkerPing { timestamp: 7 })).await;
        match self.next().await {
            Some(Answer::Pong(pong)) => assert_eq!(pong.last_timestamp, 7),
            other => panic!("{other:?}"),
        }
    }

    async fn ended(&mut self) -> String {
        match self.next().await {
            Some(Answer::Termination(termination)) => termination.job_id,
            other => panic!("{other:?}"),
        }
    }
}

async fn dispatch(stage: &Stage, method: &str, body: &Value) -> Value {
    let path = format!("{SERVICE}{method}");
    let answer = call_as(stage, &token(all_grants("yoga")), &path, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// Waits for what the room knows of its jobs.
async fn until_jobs(stage: &Stage, is_so: impl Fn(&[Value]) -> bool) {
    let waiting = async {
        loop {
            let list = dispatch(stage, "ListDispatch", &json!({"room": "yoga"})).await;
            let all = list["agent_dispatches"].as_array().unwrap();
            let jobs = all
                .iter()
                .flat_map(|one| one["state"]["jobs"].as_array().unwrap());
            let jobs: Vec<Value> = jobs.cloned().collect();
            if is_so(&jobs) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, waiting).await.expect("the jobs in time");
}

#[tokio::test]
async fn a_worker_without_a_name_gets_a_job_for_each_room_and_its_agent_joins() {
    let stage = Stage::new().await;
    let mut worker = Worker::register(&stage, "", JobType::JtRoom).await;

    call(&stage, "CreateRoom", &json!({"name": "yoga"})).await;
    let assignment = worker.take().await;

    let job = assignment.job.unwrap();
    assert!(job.id.starts_with("AJ_") && job.dispatch_id.starts_with("AD_"));
    assert_eq!(job.room.unwrap().name, "yoga");
    assert_eq!(job.r#type, i32::from(JobType::JtRoom));
    assert_eq!(job.state.as_ref().unwrap().worker_id, worker.id);
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let claims = auth::verify(&assignment.token, &keys, now()).unwrap();
    let agent = Client::join_with(&stage, &claims, "protocol=17").await;
    let info = agent.join.participant.clone().unwrap();
    assert_eq!(info.identity, format!("agent-{}", job.id));
    assert_eq!(
        info.kind,
        i32::from(livekit_protocol::participant_info::Kind::Agent)
    );
    assert_eq!(info.attributes["lk.agent_name"], "");
    assert_eq!(agent.join.room.unwrap().name, "yoga");
}

#[tokio::test]
async fn workers_for_people_and_publishers_get_a_job_for_each() {
    let stage = Stage::new().await;
    let mut for_people = Worker::register(&stage, "", JobType::JtParticipant).await;
    let mut for_publishers = Worker::register(&stage, "", JobType::JtPublisher).await;

    let mut alice = Client::join(&stage, "alice", "yoga").await;
    let about_alice = for_people.offered().await;
    alice.publish_camera("cam-1").await;
    let published = for_publishers.offered().await;

    assert_eq!(about_alice.participant.unwrap().identity, "alice");
    assert_eq!(about_alice.r#type, i32::from(JobType::JtParticipant));
    assert_eq!(published.participant.unwrap().identity, "alice");
    let agent = Claims {
        kind: "agent".into(),
        ..claims("robot", "yoga")
    };
    let _robot = Client::join_with(&stage, &agent, "protocol=17").await;
    let _bob = Client::join(&stage, "bob", "yoga").await;
    let next = for_people.offered().await;
    assert_eq!(
        next.participant.unwrap().identity,
        "bob",
        "and none for an agent"
    );
}

#[tokio::test]
async fn a_named_worker_is_called_by_the_api_by_the_creator_or_by_a_token() {
    let stage = Stage::new().await;
    let mut tutor = Worker::register(&stage, "tutor", JobType::JtRoom).await;

    let wish = json!({"room": "yoga", "agent_name": "tutor", "metadata": "maths"});
    let made = dispatch(&stage, "CreateDispatch", &wish).await;
    let by_api = tutor.offered().await;
    let creator = json!({"name": "pilates", "agents": [{"agentName": "tutor", "metadata": "m"}]});
    call(&stage, "CreateRoom", &creator).await;
    let by_creator = tutor.offered().await;
    let by_token = Claims {
        room_config: Some(json!({"agents": [{"agent_name": "tutor", "metadata": "t"}]})),
        ..claims("alice", "gym")
    };
    let _alice = Client::join_with(&stage, &by_token, "protocol=17").await;
    let by_token = tutor.offered().await;

    assert_eq!(
        (by_api.metadata.as_str(), by_api.agent_name.as_str()),
        ("maths", "tutor")
    );
    assert_eq!(made["id"], Value::from(by_api.dispatch_id));
    assert_eq!(made["agent_name"], "tutor");
    assert_eq!(by_creator.room.unwrap().name, "pilates");
    assert_eq!(by_creator.metadata, "m");
    assert_eq!(
        (
            by_token.room.unwrap().name.as_str(),
            by_token.metadata.as_str()
        ),
        ("gym", "t")
    );
}

#[tokio::test]
async fn a_job_goes_on_to_the_next_worker_and_full_ones_are_not_asked() {
    let stage = Stage::new().await;
    let mut first = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let mut full = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let busy = UpdateWorkerStatus {
        status: Some(WorkerStatus::WsFull.into()),
        load: 0.2,
        ..UpdateWorkerStatus::default()
    };
    full.say(Message::UpdateWorker(busy)).await;
    full.settle().await;
    let wish = json!({"room": "yoga", "agent_name": "tutor"});

    dispatch(&stage, "CreateDispatch", &wish).await;
    let offered = first.offered().await;
    let mut second = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    first.answer(&offered, false).await;
    let assignment = second.take().await;

    assert_eq!(assignment.job.unwrap().id, offered.id);
    full.settle().await;
    until_jobs(&stage, |jobs| jobs.len() == 1).await;
}

#[tokio::test]
async fn the_room_knows_how_its_jobs_go() {
    let stage = Stage::new().await;
    let mut tutor = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let wish = json!({"room": "yoga", "agent_name": "tutor"});
    dispatch(&stage, "CreateDispatch", &wish).await;
    let job = tutor.take().await.job.unwrap();
    until_jobs(&stage, |jobs| {
        jobs.len() == 1 && jobs[0]["state"]["status"] == "JS_RUNNING"
    })
    .await;

    let update = UpdateJobStatus {
        job_id: job.id.clone(),
        status: JobStatus::JsFailed.into(),
        error: "out of chalk".into(),
    };
    let mut other = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let foreign = UpdateJobStatus {
        status: JobStatus::JsSuccess.into(),
        ..update.clone()
    };
    other.say(Message::UpdateJob(foreign)).await;
    other.settle().await;
    tutor.say(Message::UpdateJob(update)).await;

    until_jobs(&stage, |jobs| {
        let known = &jobs[0]["state"];
        assert_ne!(known["status"], "JS_SUCCESS", "another worker's word");
        known["status"] == "JS_FAILED" && known["error"] == "out of chalk"
    })
    .await;
}

#[tokio::test]
async fn a_dispatch_that_is_deleted_ends_its_jobs_and_its_agents_leave() {
    let stage = Stage::new().await;
    let mut tutor = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let wish = CreateAgentDispatchRequest {
        room: "yoga".into(),
        agent_name: "tutor".into(),
        ..CreateAgentDispatchRequest::default()
    };
    let path = |method: &str| format!("{SERVICE}{method}");
    let made: AgentDispatch = call_protobuf(&stage, &path("CreateDispatch"), &wish).await;
    let assignment = tutor.take().await;
    let job = assignment.job.unwrap();
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let claims = auth::verify(&assignment.token, &keys, now()).unwrap();
    let mut agent = Client::join_with(&stage, &claims, "protocol=17").await;
    until_jobs(&stage, |jobs| jobs.len() == 1).await;

    let delete = json!({"room": "yoga", "dispatch_id": made.id});
    let deleted = dispatch(&stage, "DeleteDispatch", &delete).await;

    assert_eq!(tutor.ended().await, job.id);
    assert_eq!(deleted["state"]["jobs"][0]["state"]["status"], "JS_SUCCESS");
    assert_ne!(deleted["state"]["deleted_at"], "0");
    // This one does not leave by itself.
    agent.until_closed().await;
    let list = ListAgentDispatchRequest {
        room: "yoga".into(),
        dispatch_id: made.id.clone(),
    };
    let left: ListAgentDispatchResponse = call_protobuf(&stage, &path("ListDispatch"), &list).await;
    assert!(left.agent_dispatches.is_empty());
    let again = call_as(
        &stage,
        &token(all_grants("yoga")),
        &path("DeleteDispatch"),
        &delete,
    )
    .await;
    assert_eq!(again.code(), (404, "not_found".into()));
}

#[tokio::test]
async fn jobs_end_with_their_agent_and_with_their_room() {
    let stage = Stage::new().await;
    let mut tutor = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let wish = json!({"room": "yoga", "agent_name": "tutor"});
    dispatch(&stage, "CreateDispatch", &wish).await;
    let assignment = tutor.take().await;
    until_jobs(&stage, |jobs| jobs.len() == 1).await;
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let claims = auth::verify(&assignment.token, &keys, now()).unwrap();
    let agent = Client::join_with(&stage, &claims, "protocol=17").await;

    let one = json!({"room": "yoga", "identity": claims.identity});
    call(&stage, "RemoveParticipant", &one).await;
    assert_eq!(tutor.ended().await, assignment.job.unwrap().id);
    until_jobs(&stage, |jobs| jobs[0]["state"]["status"] == "JS_FAILED").await;
    drop(agent);
    dispatch(&stage, "CreateDispatch", &wish).await;
    let second = tutor.take().await.job.unwrap();
    until_jobs(&stage, |jobs| jobs.len() == 2).await;
    call(&stage, "DeleteRoom", &json!({"room": "yoga"})).await;

    assert_eq!(tutor.ended().await, second.id);
}

#[tokio::test]
async fn a_worker_that_comes_back_goes_on_with_its_jobs() {
    let stage = Stage::new().await;
    let mut tutor = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let wish = json!({"room": "yoga", "agent_name": "tutor"});
    dispatch(&stage, "CreateDispatch", &wish).await;
    let job = tutor.take().await.job.unwrap();
    until_jobs(&stage, |jobs| jobs.len() == 1).await;
    drop(tutor);
    let gone = async {
        while stage.metric("clapt_signal_agent_workers") > 0.5 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, gone).await.unwrap();

    let mut tutor = Worker::register(&stage, "tutor", JobType::JtRoom).await;
    let mut thief = Worker::register(&stage, "thief", JobType::JtRoom).await;
    let migrate = MigrateJobRequest {
        job_ids: vec![job.id.clone()],
    };
    thief.say(Message::MigrateJob(migrate.clone())).await;
    thief.settle().await;
    tutor.say(Message::MigrateJob(migrate)).await;
    tutor.settle().await;
    call(&stage, "DeleteRoom", &json!({"room": "yoga"})).await;

    assert_eq!(tutor.ended().await, job.id);
}

#[tokio::test]
async fn an_agent_may_do_only_what_its_worker_has_registered_for() {
    let stage = Stage::new().await;
    let request = RegisterWorkerRequest {
        agent_name: "listener".into(),
        allowed_permissions: Some(ParticipantPermission {
            can_subscribe: true,
            hidden: true,
            ..ParticipantPermission::default()
        }),
        ..RegisterWorkerRequest::default()
    };
    let mut worker = Worker::register_as(&stage, request).await;
    let wish = json!({"room": "yoga", "agent_name": "listener"});
    dispatch(&stage, "CreateDispatch", &wish).await;

    let assignment = worker.take().await;

    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    let claims = auth::verify(&assignment.token, &keys, now()).unwrap();
    let agent = Client::join_with(&stage, &claims, "protocol=17").await;
    let permission = agent.join.participant.unwrap().permission.unwrap();
    assert!(permission.hidden && permission.can_subscribe);
    assert!(!permission.can_publish && !permission.can_publish_data);
}

#[tokio::test]
async fn only_workers_get_in_and_only_so_many() {
    let stage = Stage::with(|config| config.limit.agent_workers_max = 1).await;
    let status = |result: Result<Worker, Error>| match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => 101,
    };
    let worker = VideoGrant {
        agent: true,
        ..VideoGrant::default()
    };

    let no_worker = Worker::connect(&stage, all_grants("yoga")).await;
    let _first = Worker::register(&stage, "", JobType::JtRoom).await;
    let second = Worker::connect(&stage, worker).await;

    assert_eq!(status(no_worker), 401);
    assert_eq!(status(second), 503);
    assert!(stage.refused("agent-workers") >= 1.0);
}

#[tokio::test]
async fn a_worker_that_talks_nonsense_is_cut_off() {
    let stage = Stage::new().await;
    let grant = VideoGrant {
        agent: true,
        ..VideoGrant::default()
    };
    let mut early = Worker::connect(&stage, grant.clone()).await.unwrap();
    let update = UpdateWorkerStatus::default();
    early.say(Message::UpdateWorker(update)).await;
    assert_eq!(early.next().await, None, "before it has registered");
    let mut odd = Worker::connect(&stage, grant).await.unwrap();
    let request = RegisterWorkerRequest {
        r#type: 9,
        ..RegisterWorkerRequest::default()
    };
    odd.say(Message::Register(request)).await;
    assert_eq!(odd.next().await, None, "an unknown kind of job");
    let mut broken = Worker::register(&stage, "", JobType::JtRoom).await;
    broken
        .line
        .send(Frame::binary(vec![0xff; 9]))
        .await
        .unwrap();

    assert_eq!(broken.next().await, None);
}

#[tokio::test]
async fn a_room_has_so_many_dispatches() {
    let stage = Stage::with(|config| config.limit.dispatches_per_room_max = 2).await;
    let wish = json!({"room": "yoga", "agent_name": "tutor"});
    let path = format!("{SERVICE}CreateDispatch");

    // The room starts with the one for workers without a name.
    dispatch(&stage, "CreateDispatch", &wish).await;
    let third = call_as(&stage, &token(all_grants("yoga")), &path, &wish).await;

    assert_eq!(third.code(), (429, "resource_exhausted".into()));
    assert!(stage.refused("dispatches") >= 1.0);
    let long = json!({"room": "yoga", "agent_name": "x".repeat(257)});
    let long = call_as(&stage, &token(all_grants("yoga")), &path, &long).await;
    assert_eq!(long.code(), (400, "invalid_argument".into()));
    let foreign = json!({"room": "pilates", "agent_name": "tutor"});
    for method in ["CreateDispatch", "DeleteDispatch", "ListDispatch"] {
        let path = format!("{SERVICE}{method}");
        let answer = call_as(&stage, &token(all_grants("yoga")), &path, &foreign).await;
        assert_eq!(answer.code(), (401, "unauthenticated".into()), "{method}");
    }
}
