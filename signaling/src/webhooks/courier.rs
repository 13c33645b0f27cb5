//! Delivers notices to one URL.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth::Claims;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, StatusCode, Url};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};

use super::lanes::Lanes;
use crate::metrics::Metrics;

/// How long the token of a notice is good.
const TOKEN_LIFETIME_SECONDS: u64 = 5 * 60;

/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What is sent: the same bytes to all URLs.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub(super) event: &'static str,
    pub(super) body: Bytes,
}

/// How notices are sent.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) key: String,
    pub(super) secret: auth::Secret,
    pub(super) attempts_max: u32,
    pub(super) retry_delay: Duration,
}

/// The queue to one URL, which rooms fill and [`run`](Self::run) empties.
#[derive(Debug)]
pub(super) struct Courier {
    lanes: Mutex<Lanes<Notice>>,
    changed: Notify,
    metrics: Arc<Metrics>,
    /// Notices that are under way at a time.
    parallel_max: usize,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Delivered,
    Failed,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Done,
    Again,
    Never,
}

impl Courier {
    pub(super) fn new(waiting_max: usize, parallel_max: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            lanes: Mutex::new(Lanes::new(waiting_max)),
            changed: Notify::new(),
            metrics,
            parallel_max,
        }
    }

    /// Queues a notice, or drops and counts it. Never waits.
    pub(super) fn push(&self, room: &str, notice: Notice) {
        let event = notice.event;
        if self.lanes().push(room, notice) {
            self.changed.notify_one();
        } else {
            tracing::debug!(event, "dropped a webhook, as too many are waiting");
            self.count("dropped");
        }
    }

    /// Counts what has not arrived yet.
    pub(super) fn len(&self) -> usize {
        self.lanes().len()
    }

    /// Delivers until the task is ended.
    pub(super) async fn run(self: Arc<Self>, delivery: Delivery) {
        let mut under_way = JoinSet::new();
        let mut rooms: HashMap<Id, String> = HashMap::new();
        loop {
            while under_way.len() < self.parallel_max {
                let Some((room, notice)) = self.lanes().next() else {
                    break;
                };
                let task = under_way.spawn(deliver(delivery.clone(), notice));
                rooms.insert(task.id(), room);
            }
            tokio::select! {
                () = self.changed.notified() => {}
                Some(ended) = under_way.join_next_with_id() => {
                    let (id, outcome) = match ended {
                        Ok((id, outcome)) => (id, outcome),
                        Err(error) => (error.id(), Outcome::Failed),
                    };
                    if let Some(room) = rooms.remove(&id) {
                        self.lanes().done(&room);
                    }
                    self.count(match outcome {
                        Outcome::Delivered => "delivered",
                        Outcome::Failed => "failed",
                    });
                }
            }
        }
    }

    fn count(&self, result: &str) {
        let events = &self.metrics.webhook_events;
        events.with_label_values(&[result]).inc();
    }

    /// The lanes stay whole when a thread panics, since nothing is called while they are changed.
    fn lanes(&self) -> MutexGuard<'_, Lanes<Notice>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn deliver(delivery: Delivery, notice: Notice) -> Outcome {
    let host = delivery.url.host_str().unwrap_or_default().to_owned();
    for attempt in 1..=delivery.attempts_max {
        let verdict = match delivery.post(&notice).await {
            Ok(status) => judge(status),
            Err(error) => {
                // Without the URL, which may carry a secret of its own.
                let error = error.without_url();
                tracing::debug!(%host, event = notice.event, attempt, %error, "a webhook failed");
                Verdict::Again
            }
        };
        match verdict {
            Verdict::Done => return Outcome::Delivered,
            Verdict::Never => break,
            Verdict::Again if attempt < delivery.attempts_max => {
                tokio::time::sleep(pause(attempt, delivery.retry_delay)).await;
            }
            Verdict::Again => {}
        }
    }
    tracing::warn!(%host, event = notice.event, "a webhook was not delivered");
    Outcome::Failed
}

impl Delivery {
    async fn post(&self, notice: &Notice) -> reqwest::Result<StatusCode> {
        let request = self
            .client
            .post(self.url.clone())
            .header(AUTHORIZATION, self.token(&notice.body))
            .header(CONTENT_TYPE, "application/webhook+json")
            .body(notice.body.clone());
        Ok(request.send().await?.status())
    }

    /// Vouches for the body, in the way in which the receivers of LiveKit's SDKs check it.
    fn token(&self, body: &[u8]) -> String {
        let now = super::unix_seconds();
        let claims = Claims {
            nbf: now,
            exp: now + TOKEN_LIFETIME_SECONDS,
            sha256: STANDARD.encode(Sha256::digest(body)),
            ..Claims::default()
        };
        auth::sign(&claims, &self.key, self.secret.expose())
    }
}

/// A receiver that is overloaded or broken may get better; one that refuses does not.
fn judge(status: StatusCode) -> Verdict {
    let may_get_better = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    if status.is_success() {
        Verdict::Done
    } else if status.is_server_error() || may_get_better.contains(&status) {
        Verdict::Again
    } else {
        Verdict::Never
    }
}

/// Waits twice as long after each attempt.
fn pause(attempt: u32, first: Duration) -> Duration {
    let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_get_better_is_tried_again() {
        for (status, verdict) in [
            (200, Verdict::Done),
            (204, Verdict::Done),
            (301, Verdict::Never),
            (401, Verdict::Never),
            (404, Verdict::Never),
            (408, Verdict::Again),
            (429, Verdict::Again),
            (500, Verdict::Again),
            (503, Verdict::Again),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(judge(status), verdict, "{status}");
        }
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let first = Duration::from_millis(500);
        let pauses = (1..=8).map(|attempt| pause(attempt, first).as_millis());

        let expected = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000];
        assert_eq!(pauses.collect::<Vec<_>>(), expected);
        assert_eq!(pause(u32::MAX, first), PAUSE_MAX);
    }
}
