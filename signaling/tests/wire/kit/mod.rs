//! A whole server on loopback, and clients that speak the wire protocol by hand.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod sdp;
pub(crate) mod viewer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth::{ApiKeys, Claims};
use prometheus::Registry;
use service::Config;
use sfu::{Running, SfuConfig};
use signaling::{AllowAll, RoomPolicy, Signaling};
use tokio::net::TcpListener;

pub(crate) use client::Client;
pub(crate) use http::{Ask, Reply};

pub(crate) const KEY: &str = "key";
pub(crate) const SECRET: &str = "secret-that-is-long-enough-for-hs256";

/// Whatever takes longer has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) signaling: Signaling,
    pub(crate) registry: Registry,
    running: Option<Running>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server with a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_policy(change, Arc::new(AllowAll)).await
    }

    pub(crate) async fn with_policy(
        change: impl FnOnce(&mut Config),
        policy: Arc<dyn RoomPolicy>,
    ) -> Self {
        let mut config = Config {
            keys: ApiKeys::from_iter([(KEY, SECRET)]),
            ..Config::default()
        };
        change(&mut config);
        let registry = Registry::new();
        let media = SfuConfig {
            shards: 1,
            udp_port: 0,
            bind_ip: [127, 0, 0, 1].into(),
            node_ips: vec![[127, 0, 0, 1].into()],
            ..SfuConfig::default()
        };
        let (sfu, running) = sfu::start(&media, &registry).unwrap();
        let signaling = Signaling::new(sfu, Arc::new(config), policy, &registry).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = signaling
            .router()
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self {
            address,
            signaling,
            registry,
            running: Some(running),
        }
    }

    /// Waits for a counter or gauge, which the media server sets now and then.
    pub(crate) async fn until_metric(&self, name: &str, value: f64) {
        let waiting = async {
            while (self.metric(name) - value).abs() > f64::EPSILON {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let last = || format!("{name} is {}, not {value}", self.metric(name));
        let in_time = tokio::time::timeout(DEADLINE, waiting).await.is_ok();
        assert!(in_time, "{}", last());
    }

    /// Reads a counter or gauge as a whole number.
    pub(crate) fn count(&self, name: &str) -> usize {
        (0..1000)
            .find(|count| (self.metric(name) - f64::from(*count)).abs() < 0.5)
            .map(|count: u16| usize::from(count))
            .expect("a small number")
    }

    /// Reads how often something was refused for `reason`.
    pub(crate) fn refused(&self, reason: &str) -> f64 {
        let families = self.registry.gather();
        let mut families = families.iter();
        let family = families.find(|family| family.name() == "clapt_signal_refused_total");
        let metrics = family
            .into_iter()
            .flat_map(prometheus::proto::MetricFamily::get_metric);
        let is_meant = |metric: &&prometheus::proto::Metric| {
            metric
                .get_label()
                .iter()
                .any(|label| label.value() == reason)
        };
        let counts = metrics.filter(is_meant);
        counts.map(|metric| metric.get_counter().get_value()).sum()
    }

    /// Waits until something was refused for `reason`.
    pub(crate) async fn until_refused(&self, reason: &str) {
        let refused = async {
            while self.refused(reason) < 1.0 {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(DEADLINE, refused).await;
        in_time.unwrap_or_else(|_| panic!("nothing was refused for {reason}"));
    }

    /// Reads a counter or gauge; several with labels are added.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family
            .map(prometheus::proto::MetricFamily::get_metric)
            .unwrap_or_default();
        let value = |metric: &prometheus::proto::Metric| {
            metric.get_counter().get_value() + metric.get_gauge().get_value()
        };
        metrics.iter().map(value).sum()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.shutdown();
        }
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

pub(crate) fn claims(identity: &str, room: &str) -> Claims {
    Claims::for_room(identity, room, now() + 600)
}

pub(crate) fn sign(claims: &Claims) -> String {
    auth::sign(claims, KEY, SECRET)
}
