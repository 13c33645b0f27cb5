//! Runs what is due.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use rand::Rng;
use rand::seq::SliceRandom;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::verdict::{Verdict, verdict};
use super::{Job, JobError, queue};
use crate::db::Db;
use crate::error::DbError;
use crate::now;

/// The pause before the end of a job is noted once more, if the database was away.
const NOTE_PAUSE: Duration = Duration::from_millis(200);

/// The part of its lease that a job may run for; the rest is for noting its end.
const RUN_SHARE: f64 = 0.8;

/// How jobs are run.
#[derive(Debug, Clone)]
pub struct JobsConfig {
    /// Jobs that run at once in this process; further ones wait in the database.
    pub parallel_max: usize,
    /// How long a job is held. One that takes longer than four fifths of it fails, and one whose process
    /// dies is run again after it.
    pub lease: Duration,
    /// How often the database is asked. What this process puts in is run at once.
    pub poll: Duration,
    /// How long keys of jobs that were done are remembered.
    pub keep_done: Duration,
    /// How long jobs that were given up are kept.
    pub keep_dead: Duration,
    /// How often what is older than that is removed.
    pub sweep: Duration,
    /// How long jobs that run may go on when it is time to stop.
    pub stop: Duration,
}

impl Default for JobsConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            parallel_max: 8,
            lease: Duration::from_mins(1),
            poll: Duration::from_secs(1),
            keep_done: 30 * DAY,
            keep_dead: 90 * DAY,
            sweep: Duration::from_hours(1),
            stop: Duration::from_secs(5),
        }
    }
}

type Handler = Arc<dyn Fn(Job) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

#[derive(Debug, Clone)]
struct Metrics {
    ended: IntCounterVec,
    running: IntGauge,
}

/// Runs jobs of the kinds that it has handlers for. Any number of processes may have one.
pub struct Runner {
    db: Db,
    config: JobsConfig,
    handlers: BTreeMap<&'static str, Handler>,
    metrics: Metrics,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<_> = self.handlers.keys().collect();
        f.debug_struct("Runner")
            .field("kinds", &kinds)
            .finish_non_exhaustive()
    }
}

impl Runner {
    /// Makes a runner without handlers, and adds its metrics to `registry`.
    ///
    /// # Errors
    ///
    /// The registry's error, if they are in it already.
    ///
    /// # Panics
    ///
    /// Never: the metrics' names are valid.
    pub fn new(db: Db, config: JobsConfig, registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = Opts::new("clapt_jobs_total", "Attempts of jobs, by how they ended.");
        let ended = IntCounterVec::new(options, &["kind", "result"])?;
        let running = IntGauge::new("clapt_jobs_running", "Jobs that run now.")?;
        registry.register(Box::new(ended.clone()))?;
        registry.register(Box::new(running.clone()))?;
        Ok(Self {
            db,
            config,
            handlers: BTreeMap::new(),
            metrics: Metrics { ended, running },
        })
    }

    /// Adds the handler of a kind.
    #[must_use]
    pub fn on<F, Fut>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: Fn(Job) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handler = move |job| handler(job).boxed();
        self.handlers.insert(kind, Arc::new(handler));
        self
    }

    /// Runs what is due until `stop` is ready; then waits a little for what runs. What does not end in time
    /// is run again when its lease has ended.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut running = JoinSet::new();
        let mut next_sweep = Instant::now();
        loop {
            if Instant::now() >= next_sweep {
                self.sweep().await;
                next_sweep = Instant::now() + self.config.sweep;
            }
            while running.try_join_next().is_some() {}
            let free = self.config.parallel_max.max(1) - running.len();
            let started = self.start(free, &mut running).await;
            if started == free && free > 0 {
                continue; // There may be more of what is due.
            }
            tokio::select! {
                () = &mut stop => break,
                Some(_) = running.join_next() => {}
                () = self.db.shared.jobs.notified(), if started < free => {}
                () = tokio::time::sleep(self.config.poll), if started < free => {}
            }
        }
        let rest = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config.stop, rest).await.is_err() {
            tracing::warn!("some jobs did not end in time; they will be run again");
        }
    }

    /// Leases and starts up to `free` jobs and returns how many.
    async fn start(&self, free: usize, running: &mut JoinSet<()>) -> usize {
        if free == 0 {
            return 0;
        }
        match self.lease(free).await {
            Ok(jobs) => {
                let started = jobs.len();
                for job in jobs {
                    self.spawn(job, running);
                }
                started
            }
            Err(error) => {
                tracing::warn!(error = %error, "no jobs can be had from the database");
                0
            }
        }
    }

    /// Leases up to `free` jobs. Kinds are asked for in random order, so that none keeps others waiting.
    async fn lease(&self, free: usize) -> Result<Vec<Job>, DbError> {
        let at = now();
        let until = later(at, self.config.lease);
        let mut jobs = Vec::new();
        let mut kinds = queue::due_kinds(&self.db, at).await?;
        kinds.shuffle(&mut rand::rng());
        for kind in kinds {
            if !self.handlers.contains_key(kind.as_str()) || jobs.len() >= free {
                continue;
            }
            let leased = queue::lease(&self.db, &kind, free - jobs.len(), at, until).await;
            match leased {
                Ok(leased) => jobs.extend(leased),
                // What is leased already has to be run.
                Err(error) if jobs.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(jobs)
    }

    fn spawn(&self, job: Job, running: &mut JoinSet<()>) {
        let Some(handler) = self.handlers.get(job.kind.as_str()) else {
            return;
        };
        let (handler, db) = (Arc::clone(handler), self.db.clone());
        let (metrics, lease) = (self.metrics.clone(), self.config.lease);
        running.spawn(async move {
            metrics.running.inc();
            let ends_at = Instant::now() + lease;
            let result = attempt(&*handler, job.clone(), lease.mul_f64(RUN_SHARE)).await;
            let label = note(&db, &job, result, ends_at).await;
            metrics
                .ended
                .with_label_values(&[job.kind.as_str(), label])
                .inc();
            metrics.running.dec();
        });
    }

    async fn sweep(&self) {
        let at = now();
        let done_before = earlier(at, self.config.keep_done);
        let dead_before = earlier(at, self.config.keep_dead);
        if let Err(error) = queue::sweep(&self.db, done_before, dead_before).await {
            tracing::warn!(error = %error, "old jobs can't be removed");
        }
    }
}

/// Runs one attempt. A panic and taking too long are failures like others.
async fn attempt(
    handler: &(dyn Fn(Job) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync),
    job: Job,
    limit: Duration,
) -> Result<(), JobError> {
    let run = AssertUnwindSafe(async { handler(job).await }).catch_unwind();
    match tokio::time::timeout(limit, run).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(JobError::Later("it panicked".to_owned())),
        Err(_) => Err(JobError::Later(format!("it took more than {limit:?}"))),
    }
}

/// Notes how an attempt ended, again and again while the database is away and the lease lasts, and returns
/// a label for the metrics.
async fn note(db: &Db, job: &Job, result: Result<(), JobError>, ends_at: Instant) -> &'static str {
    let chance = rand::rng().random_range(0.0..1.0);
    loop {
        let (label, noted) = note_once(db, job, &result, chance).await;
        match noted {
            Ok(true) => return label,
            Ok(false) => {
                tracing::warn!(job.id = %job.id, job.kind, "the lease of a job ended before the job");
                return "lost";
            }
            Err(error) if Instant::now() + NOTE_PAUSE >= ends_at => {
                tracing::warn!(job.id = %job.id, job.kind, error = %error, "the end of a job was not noted");
                return "lost";
            }
            Err(_) => tokio::time::sleep(NOTE_PAUSE).await,
        }
    }
}

async fn note_once(
    db: &Db,
    job: &Job,
    result: &Result<(), JobError>,
    chance: f64,
) -> (&'static str, Result<bool, DbError>) {
    let Err(error) = result else {
        return ("done", queue::set_done(db, job, now()).await);
    };
    let reason = error.to_string();
    match verdict(error, job.attempt, job.attempts_max, chance) {
        Verdict::Again(pause) => {
            let due_at = later(now(), pause);
            tracing::info!(job.id = %job.id, job.kind, reason, "a job failed and will be tried again");
            ("failed", queue::set_due(db, job, due_at, &reason).await)
        }
        Verdict::Dead => {
            tracing::error!(job.id = %job.id, job.kind, reason, "a job was given up");
            ("dead", queue::set_dead(db, job, now(), &reason).await)
        }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
