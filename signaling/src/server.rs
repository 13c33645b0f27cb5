//! The handle by which the binary runs signalling.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use prometheus::Registry;
use service::Config;
use sfu::Sfu;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::addresses::Sockets;
use crate::metrics::Metrics;
use crate::policy::RoomPolicy;
use crate::room::Command;
use crate::routes::{Door, router};
use crate::shared::Shared;

/// Rooms have to take note of a shutdown, and sockets to write their last messages, in this time.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// Signalling: the client protocol in front of the media server. Cheap to clone.
#[derive(Clone)]
pub struct Signaling {
    shared: Arc<Shared>,
    sockets: Arc<Sockets>,
}

impl fmt::Debug for Signaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signaling").finish_non_exhaustive()
    }
}

impl Signaling {
    /// Puts signalling in front of `sfu`. Nothing runs until the [`router`](Self::router) is served.
    ///
    /// # Errors
    ///
    /// An error of `prometheus` if its metrics are in `registry` already.
    pub fn new(
        sfu: Sfu,
        config: Arc<Config>,
        policy: Arc<dyn RoomPolicy>,
        registry: &Registry,
    ) -> Result<Self, prometheus::Error> {
        let limit = &config.limit;
        let sockets = Sockets::new(limit.sockets_per_address_max, limit.sessions_max);
        let metrics = Metrics::new(registry)?;
        Ok(Self {
            shared: Arc::new(Shared::new(sfu, config, policy, metrics)),
            sockets: Arc::new(sockets),
        })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Makes the routes `/rtc`, `/rtc/v1`, `/rtc/…/validate`, `/twirp/…` and `/agent`.
    ///
    /// Serve them with `into_make_service_with_connect_info::<SocketAddr>()`, as sockets are
    /// limited by address.
    pub fn router(&self) -> Router {
        router(Door {
            shared: Arc::clone(&self.shared),
            sockets: Arc::clone(&self.sockets),
        })
    }

    /// Lets a room meet a bug, for tests; false if there is no such room.
    #[cfg(feature = "testing")]
    pub async fn panic_room(&self, name: &str) -> bool {
        match self.shared.rooms.find(name) {
            Some(room) => room.send(Command::Panic).await.is_ok(),
            None => false,
        }
    }

    /// Stops: new sockets are answered 503, everybody in a room is asked to come back later, and
    /// all rooms are closed. Returns when all sockets are closed, or after some seconds.
    pub async fn shutdown(&self) {
        self.shared.is_draining.store(true, Ordering::Relaxed);
        let closing = async {
            for room in self.shared.rooms.all() {
                let (done, waiting) = oneshot::channel();
                if room.send(Command::Shutdown { done }).await.is_ok() {
                    let _ = waiting.await; // An error means that the room has closed by itself.
                }
            }
            self.shared.agents.close();
            self.sockets.all_closed().await;
            self.shared.webhooks.drained().await;
        };
        if timeout(SHUTDOWN_TIMEOUT, closing).await.is_err() {
            tracing::warn!("some signalling sockets were still open at the end");
        }
    }
}
