//! Webhooks: what happens in rooms, told to the application's backend over HTTP.
//!
//! The events, their JSON, and the token that vouches for the body are those of LiveKit's server, so
//! that the receivers of its SDKs take them.
//!
//! Invariants:
//! - a room never waits for a receiver;
//! - at each URL the events of a room arrive in order; one that can't be delivered is given up after
//!   some attempts, and the next one follows;
//! - what waits for a URL has a bound; what does not fit is dropped and counted.

mod courier;
mod lanes;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use livekit_protocol::{ParticipantInfo, Room, TrackInfo, WebhookEvent};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use service::Config;
use tokio::task::JoinSet;

use self::courier::{Courier, Delivery, Notice};
use crate::api::json;
use crate::ids;
use crate::metrics::Metrics;

/// How often it is looked whether all has arrived, when the server goes down.
const DRAIN_INTERVAL: Duration = Duration::from_millis(20);

/// An event, as receivers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    RoomStarted,
    RoomFinished,
    /// Its media connection stands.
    ParticipantJoined,
    ParticipantLeft,
    /// It left before its media connection stood.
    ParticipantConnectionAborted,
    TrackPublished,
    TrackUnpublished,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::RoomStarted => "room_started",
            Self::RoomFinished => "room_finished",
            Self::ParticipantJoined => "participant_joined",
            Self::ParticipantLeft => "participant_left",
            Self::ParticipantConnectionAborted => "participant_connection_aborted",
            Self::TrackPublished => "track_published",
            Self::TrackUnpublished => "track_unpublished",
        }
    }
}

/// All receivers.
pub(crate) struct Webhooks {
    couriers: Vec<Arc<Courier>>,
    /// Ends the deliveries when this is dropped.
    _tasks: JoinSet<()>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

impl Webhooks {
    /// Starts a task for each URL. Without URLs there is nothing to do, and nothing is done.
    pub(crate) fn start(config: &Config, metrics: &Arc<Metrics>) -> Self {
        let mut tasks = JoinSet::new();
        let couriers = deliveries(config).into_iter().map(|delivery| {
            let webhook = &config.webhook;
            let courier = Arc::new(Courier::new(
                webhook.queue_events_max,
                webhook.parallel_max,
                Arc::clone(metrics),
            ));
            tasks.spawn(Arc::clone(&courier).run(delivery));
            courier
        });
        Self {
            couriers: couriers.collect(),
            _tasks: tasks,
        }
    }

    /// Tells whether nobody wants to hear anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.couriers.is_empty()
    }

    /// Tells all receivers of an event. Never waits.
    pub(crate) fn tell(
        &self,
        event: Event,
        room: Room,
        participant: Option<ParticipantInfo>,
        track: Option<TrackInfo>,
    ) {
        let name = room.name.clone();
        let body = json::write_sparse(WebhookEvent {
            event: event.name().to_owned(),
            room: Some(room),
            participant,
            track,
            id: ids::event_id(),
            created_at: i64::try_from(unix_seconds()).unwrap_or(i64::MAX),
            ..WebhookEvent::default()
        });
        let body = Bytes::from(body);
        for courier in &self.couriers {
            let notice = Notice {
                event: event.name(),
                body: body.clone(),
            };
            courier.push(&name, notice);
        }
    }

    /// Waits until everything has arrived or was given up.
    pub(crate) async fn drained(&self) {
        while self.couriers.iter().any(|courier| courier.len() > 0) {
            tokio::time::sleep(DRAIN_INTERVAL).await;
        }
    }
}

/// Prepares the deliveries. The configuration was checked when it was loaded; what is wrong with it
/// nevertheless, as in tests, is left out.
fn deliveries(config: &Config) -> Vec<Delivery> {
    let webhook = &config.webhook;
    let Some(secret) = config.keys.secret(&webhook.api_key) else {
        return Vec::new();
    };
    let builder = Client::builder()
        .timeout(Duration::from_millis(webhook.timeout_ms))
        .redirect(Policy::none())
        .user_agent("clapt");
    let client = match builder.build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "webhooks can't be sent");
            return Vec::new();
        }
    };
    let urls = webhook.urls.iter().filter_map(|url| Url::parse(url).ok());
    urls.map(|url| Delivery {
        client: client.clone(),
        url,
        key: webhook.api_key.clone(),
        secret: secret.clone(),
        attempts_max: webhook.attempts_max,
        retry_delay: Duration::from_millis(webhook.retry_delay_ms),
    })
    .collect()
}

fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
