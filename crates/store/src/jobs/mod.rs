//! Work that is done later: mail, push, webhooks, thumbnails, reminders.
//!
//! A job is a row that is written in the transaction of its cause ([`enqueue`]), so that there is never one
//! without the other. A [`Runner`] leases what is due, runs it, and notes the end under the lease; a job
//! whose runner dies is leased again when its lease has ended. What fails is tried again, later each time,
//! and given up after its last attempt; then it stays as dead, for somebody to look at.
//!
//! Invariants:
//! - a job is leased by one runner at a time, and runs for less than its lease lasts;
//! - only the lease that a job has now can end it;
//! - what was put in under a key is never put in again while it is kept.
//!
//! So a job that ends is done once. One whose process dies between its effect and its end runs twice:
//! effects outside of the database should be safe to repeat, for instance by the job's id.

mod queue;
mod runner;
mod verdict;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

pub use queue::{DeadJob, dead, enqueue, revive};
pub use runner::{JobsConfig, Runner};
pub use verdict::JobError;

/// The attempts that a job has unless it says otherwise. With the pauses between them they span some hours.
const ATTEMPTS_MAX_DEFAULT: u32 = 12;

/// A job to be put in.
#[derive(Debug, Clone)]
pub struct NewJob {
    kind: &'static str,
    payload: Value,
    key: Option<String>,
    due_at: Option<Timestamp>,
    attempts_max: u32,
}

impl NewJob {
    /// Makes a job that is due at once. `payload` is what the handler of `kind` needs.
    #[must_use]
    pub fn new(kind: &'static str, payload: Value) -> Self {
        Self {
            kind,
            payload,
            key: None,
            due_at: None,
            attempts_max: ATTEMPTS_MAX_DEFAULT,
        }
    }

    /// Gives it a key, such as `reminder:BOOKING:24h`: what has this key already is not put in again,
    /// whether it waits, has been done or was given up.
    #[must_use]
    pub fn once(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Lets it wait until then.
    #[must_use]
    pub fn due_at(mut self, at: Timestamp) -> Self {
        self.due_at = Some(at);
        self
    }

    /// Lets it have so many attempts, at least one.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = attempts.max(1);
        self
    }
}

/// A job that is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The same for all attempts.
    pub id: Uuid,
    /// What kind of work.
    pub kind: String,
    /// What [`NewJob::new`] was given.
    pub payload: Value,
    /// Which attempt this is; 1 for the first.
    pub attempt: u32,
    /// How many there may be.
    pub attempts_max: u32,
    /// When it was put in.
    pub created_at: Timestamp,
    /// The lease that it is held by.
    lease: Uuid,
    /// Whether it has a key, so that its row is kept.
    has_key: bool,
}
