//! Agents of a room: when their jobs are offered, and when they end.

use std::time::{Duration, Instant};

use livekit_protocol::{
    AgentDispatch, Job, JobRestartPolicy, JobState, JobStatus, JobType, ParticipantInfo,
    RoomAgentDispatch,
};
use tokio::sync::mpsc;

use super::leave::Departure;
use super::orders::OrderError;
use super::{Command, Room, unix_micros};
use crate::agents::{Agents, Ending, Offer};
use crate::ids::{self, ParticipantKey};
use crate::restarts::Target;

/// An agent whose job was ended may take this long to leave by itself.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a room hears of its jobs.
#[derive(Debug)]
pub(crate) enum JobNews {
    /// A worker has taken a job.
    Started(Box<Job>),
    /// The worker says how a job goes.
    Updated {
        job_id: String,
        status: JobStatus,
        error: String,
    },
}

/// Where news for a room go. It does not keep the room open.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox(mpsc::WeakSender<Command>);

impl Mailbox {
    /// The mailbox of the room that reads `commands`.
    pub(super) fn of(commands: &mpsc::Sender<Command>) -> Self {
        Self(commands.downgrade())
    }

    /// A mailbox that nobody reads.
    pub(crate) fn nobody() -> Self {
        Self(mpsc::channel(1).0.downgrade())
    }

    /// Delivers news, if the room is still there.
    pub(crate) async fn send(&self, news: JobNews) {
        if let Some(commands) = self.0.upgrade() {
            let _ = commands.send(Command::Job(news)).await; // The room has closed.
        }
    }

    /// Tells the room to look at a participant of another room that it shows.
    pub(crate) async fn tell_shown(&self, key: ParticipantKey) {
        if let Some(commands) = self.0.upgrade() {
            let _ = commands.send(Command::Shown(key)).await; // The room has closed.
        }
    }
}

/// An agent that has to be gone by some time.
#[derive(Debug)]
pub(crate) struct Leaving {
    identity: String,
    at: Instant,
}

impl Room {
    /// Takes over the dispatches that the room was created with. Without any, workers that have no
    /// name are for it.
    pub(super) fn dispatch_first(&mut self, wanted: &[RoomAgentDispatch]) {
        let unnamed = [RoomAgentDispatch::default()];
        let wanted = if wanted.is_empty() { &unnamed } else { wanted };
        let places = self.shared.config.limit.dispatches_per_room_max;
        for wish in wanted.iter().take(places) {
            let dispatch = AgentDispatch {
                id: ids::dispatch_id(),
                agent_name: wish.agent_name.clone(),
                room: self.info.name.clone(),
                metadata: wish.metadata.clone(),
                restart_policy: wish.restart_policy,
                deployment: wish.deployment.clone(),
                attributes: wish.attributes.clone(),
                state: None,
            };
            self.offer(&dispatch, JobType::JtRoom, None);
            self.dispatches.add(dispatch, unix_nanos());
        }
    }

    /// Adds a dispatch and offers its jobs for all who are here.
    pub(super) fn add_dispatch(
        &mut self,
        dispatch: AgentDispatch,
    ) -> Result<AgentDispatch, OrderError> {
        if self.dispatches.len() >= self.shared.config.limit.dispatches_per_room_max {
            self.shared.metrics.refuse("dispatches");
            return Err(OrderError::TooManyDispatches);
        }
        self.offer(&dispatch, JobType::JtRoom, None);
        let people = self.participants.values();
        for person in people.filter(|person| !person.permissions.is_dependent()) {
            self.offer(&dispatch, JobType::JtParticipant, Some(person.info()));
            if person.is_publisher {
                self.offer(&dispatch, JobType::JtPublisher, Some(person.info()));
            }
        }
        let id = dispatch.id.clone();
        self.dispatches.add(dispatch, unix_nanos());
        let added = self.dispatches.list(&id).pop();
        added.ok_or(OrderError::NoDispatch)
    }

    /// Takes a dispatch back: its jobs end, and its agents leave.
    pub(super) fn delete_dispatch(&mut self, id: &str) -> Result<AgentDispatch, OrderError> {
        let mut dispatch = self.dispatches.remove(id).ok_or(OrderError::NoDispatch)?;
        self.restarts.forget(id);
        let Some(state) = &mut dispatch.state else {
            return Ok(dispatch);
        };
        state.deleted_at = unix_nanos();
        for job in &mut state.jobs {
            self.end_job(&job.id, job.state.get_or_insert_default());
        }
        Ok(dispatch)
    }

    fn end_job(&mut self, job_id: &str, state: &mut JobState) {
        let ended = self.shared.agents.terminate(job_id, Ending::Asked, state);
        if ended && !state.participant_identity.is_empty() {
            self.leaving.push(Leaving {
                identity: state.participant_identity.clone(),
                at: Instant::now() + LEAVE_TIMEOUT,
            });
        }
    }

    /// Offers the jobs of all dispatches that are about a participant.
    pub(super) fn offer_for(&self, key: ParticipantKey, job_type: JobType) {
        let participant = self.participants.get(&key);
        let Some(person) = participant.filter(|p| !p.permissions.is_dependent()) else {
            return;
        };
        for dispatch in self.dispatches.list("") {
            self.offer(&dispatch, job_type, Some(person.info()));
        }
    }

    fn offer(
        &self,
        dispatch: &AgentDispatch,
        job_type: JobType,
        participant: Option<ParticipantInfo>,
    ) {
        let dispatch = AgentDispatch {
            state: None,
            ..dispatch.clone()
        };
        let offer = Offer {
            dispatch,
            job_type,
            room: self.room_info(),
            participant,
            mailbox: self.mailbox.clone(),
        };
        Agents::offer(&self.shared, &offer);
    }

    /// Takes news of a job.
    pub(super) fn handle_job(&mut self, news: JobNews) {
        match news {
            JobNews::Started(job) => {
                let (id, mut state) = (job.id.clone(), job.state.clone().unwrap_or_default());
                if !self.dispatches.start(*job) {
                    self.end_job(&id, &mut state);
                }
            }
            JobNews::Updated {
                job_id,
                status,
                error,
            } => {
                if status == JobStatus::JsFailed {
                    self.plan_restart(&job_id);
                }
                if let Some(state) = self
                    .dispatches
                    .state_mut(&job_id)
                    .filter(|s| s.ended_at == 0)
                {
                    let now = unix_nanos();
                    state.status = status.into();
                    state.error = error;
                    state.updated_at = now;
                    if matches!(status, JobStatus::JsSuccess | JobStatus::JsFailed) {
                        state.ended_at = now;
                    }
                }
            }
        }
    }

    /// Lets a job that its worker calls failed be offered again, if its dispatch says so.
    fn plan_restart(&mut self, job_id: &str) {
        let Some((dispatch, job)) = self.dispatches.job(job_id) else {
            return;
        };
        if dispatch.restart_policy() == JobRestartPolicy::JrpOnFailure {
            let target = Target {
                dispatch_id: dispatch.id.clone(),
                job_type: job.r#type,
                identity: job.participant.as_ref().map(|who| who.identity.clone()),
            };
            self.restarts.plan(Instant::now(), target);
        }
    }

    /// Offers jobs again that failed, but none about somebody who has left.
    pub(super) fn offer_again(&mut self, now: Instant) {
        for target in self.restarts.take_due(now) {
            let Some(dispatch) = self.dispatches.list(&target.dispatch_id).pop() else {
                continue;
            };
            let key = target
                .identity
                .as_deref()
                .map(|identity| self.key_of(identity));
            let about = match key {
                Some(Ok(key)) => self.participants.get(&key).map(super::Participant::info),
                Some(Err(_)) => continue,
                None => None,
            };
            if let Ok(job_type) = JobType::try_from(target.job_type) {
                self.offer(&dispatch, job_type, about);
            }
        }
    }

    /// Ends the job of an agent that has left.
    pub(super) fn end_job_of(&mut self, identity: &str) {
        self.leaving.retain(|leaving| leaving.identity != identity);
        for (job_id, agent) in self.dispatches.running() {
            if agent == identity
                && let Some(state) = self.dispatches.state_mut(&job_id)
            {
                let agents = &self.shared.agents;
                agents.terminate(&job_id, Ending::AgentLeft, state);
            }
        }
    }

    /// Ends all jobs, as the room closes.
    pub(super) fn end_jobs(&mut self) {
        for (job_id, _) in self.dispatches.running() {
            if let Some(state) = self.dispatches.state_mut(&job_id) {
                self.shared.agents.terminate(&job_id, Ending::Asked, state);
            }
        }
    }

    /// Removes agents that should have left by now.
    pub(super) async fn remove_leaving(&mut self, now: Instant) {
        let is_due = |leaving: &mut Leaving| leaving.at <= now;
        let due: Vec<Leaving> = self.leaving.extract_if(.., is_due).collect();
        for Leaving { identity, at: _ } in due {
            if let Ok(key) = self.key_of(&identity) {
                self.remove(key, Departure::Removed).await;
            }
        }
    }
}

fn unix_nanos() -> i64 {
    unix_micros().saturating_mul(1000)
}
