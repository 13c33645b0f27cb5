//! Agents: programs that take part in rooms, started where and when they are needed.
//!
//! A worker connects to `/agent` and waits for jobs. A room that has a dispatch for the worker's name
//! (or for workers without a name, unless it was created with others) offers it a job when the room
//! opens, somebody joins or somebody publishes, as the worker has registered for. The worker that
//! accepts gets a token, and its agent joins as anybody does.
//!
//! | what | module |
//! | --- | --- |
//! | who is there, who gets a job | `registry` |
//! | the workers' socket | `socket` |
//! | which dispatches a room has | `dispatches`, in the room |

mod registry;
mod socket;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::{Claims, VideoGrant};
use livekit_protocol::server_message::Message;
use livekit_protocol::{
    AgentDispatch, AvailabilityRequest, AvailabilityResponse, Job, JobAssignment, JobState,
    JobStatus, JobTermination, JobType, ParticipantInfo, ParticipantPermission, Room,
};
use tokio::sync::Notify;
use tokio::time::timeout;

pub(crate) use self::socket::router;

use self::registry::{Registry, Running, WorkerKind};
use crate::ids;
use crate::permissions::Permissions;
use crate::room::{JobNews, Mailbox};
use crate::shared::Shared;

/// How long a worker may think about a job.
const AVAILABILITY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the token of an agent is good for joining.
const TOKEN_LIFETIME_SECONDS: u64 = 60 * 60;

/// The attribute in which agents carry their name.
const NAME_ATTRIBUTE: &str = "lk.agent_name";

/// All workers.
#[derive(Debug, Default)]
pub(crate) struct Agents {
    registry: Mutex<Registry>,
    closing: Notify,
}

/// A job that a room has to give.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) dispatch: AgentDispatch,
    pub(crate) job_type: JobType,
    pub(crate) room: Room,
    pub(crate) participant: Option<ParticipantInfo>,
    /// Where news of the job go.
    pub(crate) mailbox: Mailbox,
}

/// Why a job ends that the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its dispatch was deleted, or its room closed.
    Asked,
    /// Its agent is no longer in the room.
    AgentLeft,
}

impl Agents {
    /// Offers a job to the workers that it is for, if there are any. Returns at once; the room gets
    /// news when a worker has taken it.
    pub(crate) fn offer(shared: &Arc<Shared>, offer: &Offer) {
        let dispatch = &offer.dispatch;
        let registry = shared.agents.registry();
        let namespaces =
            registry.namespaces(&dispatch.agent_name, &dispatch.deployment, offer.job_type);
        drop(registry);
        for namespace in namespaces {
            let kind = WorkerKind {
                agent_name: dispatch.agent_name.clone(),
                namespace,
                deployment: dispatch.deployment.clone(),
                job_type: offer.job_type,
            };
            tokio::spawn(assign(Arc::clone(shared), kind, offer.clone()));
        }
    }

    /// Ends a job, writes into `state` what became of it, and tells its worker; false if it does not
    /// run.
    pub(crate) fn terminate(&self, job_id: &str, ending: Ending, state: &mut JobState) -> bool {
        let mut registry = self.registry();
        let Some(running) = registry.end(job_id, ending == Ending::AgentLeft) else {
            return false;
        };
        let worker = running
            .worker
            .and_then(|worker| registry.workers.get(&worker));
        if let Some(worker) = worker {
            let job_id = job_id.to_owned();
            let termination = Message::Termination(JobTermination { job_id });
            // A worker that reads nothing is found by its socket.
            let _ = worker.outbox.try_send(termination);
        }
        let (status, error) = match ending {
            Ending::Asked => (JobStatus::JsSuccess, ""),
            Ending::AgentLeft => (JobStatus::JsFailed, "agent worker left the room"),
        };
        end(state, status, error);
        true
    }

    /// Closes the sockets of all workers, as the server goes down.
    pub(crate) fn close(&self) {
        self.closing.notify_waiters();
    }

    /// The registry stays whole when a thread panics, since nothing is called while it is changed.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end(state: &mut JobState, status: JobStatus, error: &str) {
    let now = unix_nanos();
    state.status = status.into();
    error.clone_into(&mut state.error);
    (state.updated_at, state.ended_at) = (now, now);
}

/// Finds a worker for a job: asks one after the other, until one takes it.
async fn assign(shared: Arc<Shared>, kind: WorkerKind, offer: Offer) {
    let mut job = job_of(&kind, &offer);
    let mut tried = HashSet::new();
    loop {
        let picked = {
            let registry = shared.agents.registry();
            registry.pick(&kind, &tried, rand::random::<f32>())
        };
        let Some(worker) = picked else {
            tracing::warn!(
                room.name = %offer.room.name,
                agent.name = %kind.agent_name,
                "no worker takes an agent's job"
            );
            count(&shared, "refused");
            return;
        };
        tried.insert(worker.clone());
        let now = unix_nanos();
        job.state = Some(JobState {
            status: JobStatus::JsRunning.into(),
            worker_id: worker.clone(),
            started_at: now,
            updated_at: now,
            ..JobState::default()
        });
        let Some(response) = ask(&shared, &worker, &job).await else {
            continue;
        };
        if response.terminate {
            if let Some(state) = &mut job.state {
                end(state, JobStatus::JsSuccess, "");
            }
        } else if !response.available || !hand_over(&shared, &worker, &mut job, response, &offer) {
            continue;
        }
        tracing::info!(room.name = %offer.room.name, job.id = %job.id, "a worker took a job");
        count(&shared, "assigned");
        offer.mailbox.send(JobNews::Started(Box::new(job))).await;
        return;
    }
}

fn job_of(kind: &WorkerKind, offer: &Offer) -> Job {
    let dispatch = offer.dispatch.clone();
    #[expect(deprecated, reason = "older workers have namespaces")]
    Job {
        id: ids::job_id(),
        dispatch_id: dispatch.id,
        r#type: offer.job_type.into(),
        room: Some(offer.room.clone()),
        participant: offer.participant.clone(),
        namespace: kind.namespace.clone(),
        metadata: dispatch.metadata,
        agent_name: dispatch.agent_name,
        deployment: dispatch.deployment,
        attributes: dispatch.attributes,
        ..Job::default()
    }
}

async fn ask(shared: &Shared, worker: &str, job: &Job) -> Option<AvailabilityResponse> {
    let question = Message::Availability(AvailabilityRequest {
        job: Some(job.clone()),
        resuming: false,
    });
    let answer = shared.agents.registry().ask(worker, &job.id, question)?;
    let answer = timeout(AVAILABILITY_TIMEOUT, answer).await;
    shared.agents.registry().forget_question(worker, &job.id);
    answer.ok()?.ok()
}

/// Gives a job to the worker that accepted it; false if the worker is gone by now.
fn hand_over(
    shared: &Shared,
    id: &str,
    job: &mut Job,
    response: AvailabilityResponse,
    offer: &Offer,
) -> bool {
    let mut registry = shared.agents.registry();
    let Some(worker) = registry.workers.get(id) else {
        return false;
    };
    let Some(secret) = shared.config.keys.secret(&worker.api_key) else {
        return false;
    };
    if let Some(state) = &mut job.state {
        state
            .participant_identity
            .clone_from(&response.participant_identity);
    }
    let claims = agent_claims(&offer.room.name, response, &worker.kind, &worker.permission);
    let assignment = Message::Assignment(JobAssignment {
        job: Some(job.clone()),
        url: None,
        token: auth::sign(&claims, &worker.api_key, secret.expose()),
    });
    if worker.outbox.try_send(assignment).is_err() {
        return false;
    }
    let running = Running {
        worker: Some(id.to_owned()),
        api_key: worker.api_key.clone(),
        agent_name: worker.kind.agent_name.clone(),
        room: offer.mailbox.clone(),
        has_left: false,
    };
    registry.jobs.insert(job.id.clone(), running);
    true
}

fn agent_claims(
    room: &str,
    response: AvailabilityResponse,
    kind: &WorkerKind,
    permission: &ParticipantPermission,
) -> Claims {
    let now = u64::try_from(unix_nanos() / 1_000_000_000).unwrap_or(0);
    let mut attributes = response.participant_attributes;
    attributes.insert(NAME_ATTRIBUTE.to_owned(), kind.agent_name.clone());
    let mut claims = Claims {
        name: response.participant_name,
        metadata: response.participant_metadata,
        attributes: attributes.into_iter().collect(),
        kind: "agent".to_owned(),
        nbf: now,
        ..Claims::for_room(
            response.participant_identity,
            room,
            now + TOKEN_LIFETIME_SECONDS,
        )
    };
    let mut permissions = Permissions::of(&claims);
    permissions.replace(permission);
    claims.video = Some(VideoGrant {
        agent: true,
        ..permissions.grant().clone()
    });
    claims
}

fn count(shared: &Shared, result: &str) {
    let jobs = &shared.metrics.agent_jobs;
    jobs.with_label_values(&[result]).inc();
}

fn unix_nanos() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_may_do_in_its_room_what_its_worker_asked_for() {
        let response = AvailabilityResponse {
            participant_identity: "agent-1".into(),
            participant_attributes: [("a".to_owned(), "b".to_owned())].into(),
            ..AvailabilityResponse::default()
        };
        let kind = WorkerKind {
            agent_name: "tutor".into(),
            namespace: String::new(),
            deployment: String::new(),
            job_type: JobType::JtRoom,
        };
        let permission = ParticipantPermission {
            can_subscribe: true,
            hidden: true,
            ..ParticipantPermission::default()
        };

        let claims = agent_claims("yoga", response, &kind, &permission);

        let grant = claims.video.clone().unwrap();
        assert!(grant.room_join && grant.agent && grant.hidden && grant.room == "yoga");
        assert!(grant.may_subscribe() && !grant.may_publish() && !grant.may_publish_data());
        assert_eq!(
            (claims.kind.as_str(), claims.identity.as_str()),
            ("agent", "agent-1")
        );
        assert_eq!(claims.attributes["lk.agent_name"], "tutor");
        assert_eq!(claims.attributes["a"], "b");
        assert!(!grant.room_admin && !grant.room_create && !grant.room_list);
    }
}
