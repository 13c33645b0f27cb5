//! Which workers are here, how busy they are, and which job runs where.
//!
//! Invariants:
//! - a job is sent to workers of its own kind only, and to none that says it is full;
//! - a job whose worker is gone belongs to nobody, until a worker with the same key and name says
//!   that it goes on with it.

use std::collections::{BTreeMap, HashMap, HashSet};

use livekit_protocol::server_message::Message;
use livekit_protocol::{
    AvailabilityResponse, JobType, ParticipantPermission, UpdateWorkerStatus, WorkerStatus,
};
use tokio::sync::{mpsc, oneshot};

use crate::room::Mailbox;

/// What jobs a worker takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WorkerKind {
    pub(super) agent_name: String,
    pub(super) namespace: String,
    pub(super) deployment: String,
    pub(super) job_type: JobType,
}

/// A worker that is connected.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) kind: WorkerKind,
    /// The key of its token, which signs the tokens of its agents.
    pub(super) api_key: String,
    /// What its agents may do in rooms.
    pub(super) permission: ParticipantPermission,
    pub(super) outbox: mpsc::Sender<Message>,
    status: WorkerStatus,
    load: f32,
    asked: HashMap<String, oneshot::Sender<AvailabilityResponse>>,
}

impl Worker {
    pub(super) fn new(
        kind: WorkerKind,
        api_key: String,
        permission: ParticipantPermission,
        outbox: mpsc::Sender<Message>,
    ) -> Self {
        Self {
            kind,
            api_key,
            permission,
            outbox,
            status: WorkerStatus::WsAvailable,
            load: 0.0,
            asked: HashMap::new(),
        }
    }

    /// The share of the worker that is free; 0 if it takes nothing.
    fn free(&self) -> f32 {
        match self.status {
            WorkerStatus::WsAvailable if self.load.is_finite() => (1.0 - self.load).clamp(0.0, 1.0),
            WorkerStatus::WsAvailable | WorkerStatus::WsFull => 0.0,
        }
    }
}

/// A job that runs.
#[derive(Debug, Clone)]
pub(super) struct Running {
    /// `None` while its worker is away.
    pub(super) worker: Option<String>,
    pub(super) api_key: String,
    pub(super) agent_name: String,
    pub(super) room: Mailbox,
    /// Its agent has left the room; the worker has yet to say how the job went.
    pub(super) has_left: bool,
}

/// Jobs whose agents have left that are kept for the last word of their workers.
const LEFT_MAX: usize = 1000;

/// All workers, and all jobs that run. Bounded by `limit.agent_workers_max`, and by what rooms keep
/// of their jobs.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) workers: BTreeMap<String, Worker>,
    pub(super) jobs: HashMap<String, Running>,
}

impl Registry {
    /// Lists the namespaces in which there are workers for a job. Jobs go once to each, as LiveKit's
    /// server does; workers of today have none.
    pub(super) fn namespaces(
        &self,
        agent_name: &str,
        deployment: &str,
        job_type: JobType,
    ) -> Vec<String> {
        let kinds = self.workers.values().map(|worker| &worker.kind);
        let fitting = kinds.filter(|kind| {
            kind.agent_name == agent_name
                && kind.deployment == deployment
                && kind.job_type == job_type
        });
        let mut namespaces: Vec<String> = fitting.map(|kind| kind.namespace.clone()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces
    }

    /// Picks a worker that was not tried, the likelier the more of it is free. `chance` is from 0 up
    /// to 1.
    pub(super) fn pick(
        &self,
        kind: &WorkerKind,
        tried: &HashSet<String>,
        chance: f32,
    ) -> Option<String> {
        let candidates = || {
            self.workers
                .iter()
                .filter(|(id, worker)| worker.kind == *kind && !tried.contains(*id))
                .map(|(id, worker)| (id, worker.free()))
                .filter(|(_, free)| *free > 0.0)
        };
        let sum: f32 = candidates().map(|(_, free)| free).sum();
        let mut rest = chance * sum;
        let mut last = None;
        for (id, free) in candidates() {
            last = Some(id);
            rest -= free;
            if rest < 0.0 {
                break;
            }
        }
        last.cloned()
    }

    /// Asks a worker about a job. `None` if it is gone or does not read what it is told.
    pub(super) fn ask(
        &mut self,
        worker: &str,
        job: &str,
        question: Message,
    ) -> Option<oneshot::Receiver<AvailabilityResponse>> {
        let worker = self.workers.get_mut(worker)?;
        let (reply, answer) = oneshot::channel();
        worker.outbox.try_send(question).ok()?;
        worker.asked.insert(job.to_owned(), reply);
        Some(answer)
    }

    /// Takes a worker's answer about a job.
    pub(super) fn answer(&mut self, worker: &str, response: AvailabilityResponse) {
        let worker = self.workers.get_mut(worker);
        if let Some(reply) = worker.and_then(|worker| worker.asked.remove(&response.job_id)) {
            let _ = reply.send(response); // It came too late.
        }
    }

    /// Forgets a question that nobody waits for any more.
    pub(super) fn forget_question(&mut self, worker: &str, job: &str) {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.asked.remove(job);
        }
    }

    /// Notes how busy a worker says it is.
    pub(super) fn update(&mut self, worker: &str, update: &UpdateWorkerStatus) {
        if let Some(worker) = self.workers.get_mut(worker) {
            if update.status.is_some() {
                worker.status = update.status();
            }
            worker.load = update.load;
        }
    }

    /// Takes out a job that runs. One whose agent has left may still be told of by its worker.
    pub(super) fn end(&mut self, job_id: &str, has_left: bool) -> Option<Running> {
        let running = self.jobs.get(job_id).filter(|job| !job.has_left)?.clone();
        let kept = self.jobs.values().filter(|job| job.has_left).count();
        if has_left && running.worker.is_some() && kept < LEFT_MAX {
            if let Some(job) = self.jobs.get_mut(job_id) {
                job.has_left = true;
            }
        } else {
            self.jobs.remove(job_id);
        }
        Some(running)
    }

    /// Takes a worker out. Its jobs may go on: it is they that sit in rooms.
    pub(super) fn remove(&mut self, id: &str) {
        self.workers.remove(id);
        for job in self.jobs.values_mut() {
            if job.worker.as_deref() == Some(id) {
                job.worker = None;
            }
        }
        self.jobs
            .retain(|_, job| job.worker.is_some() || !job.has_left);
    }

    /// Gives jobs whose worker was lost to the one that goes on with them.
    pub(super) fn adopt(&mut self, id: &str, jobs: &[String]) {
        let Some(worker) = self.workers.get(id) else {
            return;
        };
        for job in jobs {
            if let Some(job) = self.jobs.get_mut(job)
                && job.worker.is_none()
                && job.api_key == worker.api_key
                && job.agent_name == worker.kind.agent_name
            {
                job.worker = Some(id.to_owned());
            }
        }
    }

    /// Finds a job that runs on a worker.
    pub(super) fn job_of(&self, worker: &str, job: &str) -> Option<&Running> {
        let running = self.jobs.get(job)?;
        (running.worker.as_deref() == Some(worker)).then_some(running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, job_type: JobType) -> WorkerKind {
        WorkerKind {
            agent_name: name.into(),
            namespace: String::new(),
            deployment: String::new(),
            job_type,
        }
    }

    fn worker(name: &str) -> (Worker, mpsc::Receiver<Message>) {
        let (outbox, reader) = mpsc::channel(1);
        let kind = kind(name, JobType::JtRoom);
        let permission = ParticipantPermission::default();
        (Worker::new(kind, "key".into(), permission, outbox), reader)
    }

    fn registry(names: &[&str]) -> (Registry, Vec<mpsc::Receiver<Message>>) {
        let mut registry = Registry::default();
        let mut readers = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let (worker, reader) = worker(name);
            registry.workers.insert(format!("AW_{number}"), worker);
            readers.push(reader);
        }
        (registry, readers)
    }

    fn busy(status: WorkerStatus, load: f32) -> UpdateWorkerStatus {
        UpdateWorkerStatus {
            status: Some(status.into()),
            load,
            ..UpdateWorkerStatus::default()
        }
    }

    #[test]
    fn only_workers_of_the_kind_that_are_not_full_are_picked() {
        let (mut registry, _readers) = registry(&["a", "a", "b"]);
        let kind = kind("a", JobType::JtRoom);
        let none = HashSet::new();
        registry.update("AW_0", &busy(WorkerStatus::WsFull, 0.1));

        for chance in [0.0, 0.5, 0.999] {
            assert_eq!(registry.pick(&kind, &none, chance).as_deref(), Some("AW_1"));
        }
        let tried = HashSet::from(["AW_1".to_owned()]);
        assert_eq!(registry.pick(&kind, &tried, 0.0), None);
        registry.update("AW_1", &busy(WorkerStatus::WsAvailable, f32::NAN));
        assert_eq!(registry.pick(&kind, &none, 0.0), None);
    }

    #[test]
    fn the_freer_worker_is_likelier() {
        let (mut registry, _readers) = registry(&["a", "a"]);
        registry.update("AW_0", &busy(WorkerStatus::WsAvailable, 0.75));
        let kind = kind("a", JobType::JtRoom);

        let picks = |chance| registry.pick(&kind, &HashSet::new(), chance).unwrap();

        assert_eq!([picks(0.1), picks(0.19)], ["AW_0", "AW_0"]);
        assert_eq!([picks(0.21), picks(0.99)], ["AW_1", "AW_1"]);
    }

    #[test]
    fn namespaces_are_listed_once_for_each_kind_of_job() {
        let (registry, _readers) = registry(&["a", "a", "b"]);

        assert_eq!(registry.namespaces("a", "", JobType::JtRoom), [""]);
        assert!(
            registry
                .namespaces("a", "", JobType::JtPublisher)
                .is_empty()
        );
        assert!(registry.namespaces("a", "blue", JobType::JtRoom).is_empty());
        assert!(registry.namespaces("c", "", JobType::JtRoom).is_empty());
    }

    #[test]
    fn a_worker_that_comes_back_goes_on_with_its_own_jobs_only() {
        let (mut registry, _readers) = registry(&["a", "a", "b"]);
        let running = |worker: Option<&str>, agent_name: &str| Running {
            worker: worker.map(str::to_owned),
            api_key: "key".into(),
            agent_name: agent_name.into(),
            room: Mailbox::nobody(),
            has_left: false,
        };
        registry
            .jobs
            .insert("AJ_1".into(), running(Some("AW_0"), "a"));
        registry.jobs.insert("AJ_2".into(), running(None, "b"));
        let jobs = ["AJ_1".to_owned(), "AJ_2".to_owned()];

        registry.adopt("AW_1", &jobs);
        assert!(registry.job_of("AW_0", "AJ_1").is_some());
        registry.remove("AW_0");
        registry.adopt("AW_1", &jobs);

        assert!(registry.job_of("AW_1", "AJ_1").is_some());
        assert!(registry.job_of("AW_1", "AJ_2").is_none());
    }
}
