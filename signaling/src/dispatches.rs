//! The dispatches of a room: which agents it wants, and their jobs.
//!
//! Invariant: no more dispatches than the limit, and no more jobs of one dispatch than
//! [`JOBS_MAX`]: the oldest that is over goes first.

use std::collections::BTreeMap;

use livekit_protocol::{AgentDispatch, AgentDispatchState, Job, JobState, JobStatus};

/// Jobs that are remembered of one dispatch, those that are over included.
const JOBS_MAX: usize = 1000;

/// The dispatches of one room, by id.
#[derive(Debug, Default)]
pub(crate) struct Dispatches(BTreeMap<String, AgentDispatch>);

impl Dispatches {
    /// Counts them.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds one without jobs.
    pub(crate) fn add(&mut self, mut dispatch: AgentDispatch, unix_nanos: i64) {
        dispatch.state = Some(AgentDispatchState {
            created_at: unix_nanos,
            ..AgentDispatchState::default()
        });
        self.0.insert(dispatch.id.clone(), dispatch);
    }

    /// Lists all, or the one with this id if it is not empty.
    pub(crate) fn list(&self, id: &str) -> Vec<AgentDispatch> {
        let all = self.0.values();
        all.filter(|dispatch| id.is_empty() || dispatch.id == id)
            .cloned()
            .collect()
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: &str) -> Option<AgentDispatch> {
        self.0.remove(id)
    }

    /// Notes a job that has started; false if its dispatch is gone.
    pub(crate) fn start(&mut self, job: Job) -> bool {
        let dispatch = self.0.get_mut(&job.dispatch_id);
        let Some(state) = dispatch.and_then(|dispatch| dispatch.state.as_mut()) else {
            return false;
        };
        if state.jobs.len() >= JOBS_MAX {
            let over = state.jobs.iter().position(is_over);
            state.jobs.remove(over.unwrap_or(0));
        }
        state.jobs.push(job);
        true
    }

    /// Finds a job, with the dispatch that it belongs to.
    pub(crate) fn job(&self, job_id: &str) -> Option<(&AgentDispatch, &Job)> {
        self.0.values().find_map(|dispatch| {
            let mut jobs = dispatch.state.iter().flat_map(|state| &state.jobs);
            Some((dispatch, jobs.find(|job| job.id == job_id)?))
        })
    }

    /// Finds the state of a job.
    pub(crate) fn state_mut(&mut self, job_id: &str) -> Option<&mut JobState> {
        let mut jobs = self.jobs_mut();
        let job = jobs.find(|job| job.id == job_id)?;
        Some(job.state.get_or_insert_default())
    }

    /// Lists the jobs that run, with the identities of their agents.
    pub(crate) fn running(&mut self) -> Vec<(String, String)> {
        let running = self.jobs_mut().filter(|job| !is_over(job));
        let name = |job: &mut Job| {
            let state = job.state.as_ref();
            let identity = state.map(|state| state.participant_identity.clone());
            (job.id.clone(), identity.unwrap_or_default())
        };
        running.map(name).collect()
    }

    fn jobs_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        let states = self.0.values_mut().filter_map(|one| one.state.as_mut());
        states.flat_map(|state| &mut state.jobs)
    }
}

fn is_over(job: &Job) -> bool {
    let status = job.state.as_ref().map(JobState::status);
    matches!(status, Some(JobStatus::JsSuccess | JobStatus::JsFailed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: &str, status: JobStatus) -> Job {
        Job {
            id: id.into(),
            dispatch_id: "AD_1".into(),
            state: Some(JobState {
                status: status.into(),
                participant_identity: format!("agent-{id}"),
                ..JobState::default()
            }),
            ..Job::default()
        }
    }

    fn dispatches() -> Dispatches {
        let mut dispatches = Dispatches::default();
        let dispatch = AgentDispatch {
            id: "AD_1".into(),
            ..AgentDispatch::default()
        };
        dispatches.add(dispatch, 7);
        dispatches
    }

    #[test]
    fn a_job_belongs_to_its_dispatch_and_changes_there() {
        let mut dispatches = dispatches();
        assert!(dispatches.start(job("1", JobStatus::JsRunning)));
        assert_eq!(dispatches.running(), [("1".into(), "agent-1".into())]);

        let state = dispatches.state_mut("1").unwrap();
        state.status = JobStatus::JsFailed.into();

        assert!(dispatches.running().is_empty());
        assert_eq!(dispatches.list("")[0].state.as_ref().unwrap().jobs.len(), 1);
        assert!(dispatches.list("AD_2").is_empty());
        assert_eq!(dispatches.list("AD_1").len(), 1);
    }

    #[test]
    fn a_job_of_a_dispatch_that_is_gone_is_not_kept() {
        let mut dispatches = dispatches();
        assert!(dispatches.remove("AD_1").is_some());

        assert!(!dispatches.start(job("1", JobStatus::JsRunning)));
        assert!(dispatches.state_mut("1").is_none());
    }

    #[test]
    fn only_so_many_jobs_are_kept_and_those_that_are_over_go_first() {
        let mut dispatches = dispatches();
        dispatches.start(job("first", JobStatus::JsRunning));
        dispatches.start(job("over", JobStatus::JsSuccess));
        for number in 0..JOBS_MAX {
            dispatches.start(job(&number.to_string(), JobStatus::JsRunning));
        }

        assert_eq!(dispatches.running().len(), JOBS_MAX);
        assert!(dispatches.state_mut("over").is_none());
        assert!(
            dispatches.state_mut("first").is_none(),
            "the oldest, as all run"
        );
    }
}
