//! A stage for tests: a media server, a room and real clients over loopback.

pub(crate) mod client;
pub(crate) mod peer;
pub(crate) mod source;

use std::collections::HashMap;
use std::time::Duration;

use engine::{
    Codec, Event, MediaKind, Offer, PendingTrack, RoomId, SessionConfig, SessionId, SessionKind,
    Subscribe, Target, TrackId,
};
use prometheus::Registry;
use sfu::{Running, Sfu, SfuConfig};
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::client::{Published, Report};
use self::peer::Peer;
use self::source::Shape;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A media server with one room.
pub(crate) struct Stage {
    pub(crate) sfu: Sfu,
    pub(crate) running: Running,
    pub(crate) registry: Registry,
    pub(crate) room: RoomId,
    events: mpsc::Receiver<Event>,
    peers: HashMap<SessionId, Peer>,
}

/// A published track.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) kind: MediaKind,
    pub(crate) codec: Codec,
}

impl Stage {
    pub(crate) async fn new(mut config: SfuConfig) -> Self {
        config.udp_port = 0;
        let registry = Registry::new();
        let (sfu, running) = sfu::start(&config, &registry).unwrap();
        let (room, events) = sfu.open_room().await.unwrap();
        Self {
            sfu,
            running,
            registry,
            room,
            events,
            peers: HashMap::new(),
        }
    }

    async fn session(&mut self, kind: SessionKind) -> SessionId {
        let config = SessionConfig::new(kind);
        let session = self
            .sfu
            .create_session(self.room, config, None)
            .await
            .unwrap();
        self.peers.insert(session, Peer::start());
        session
    }

    /// Joins a client that sends a camera and a microphone, and waits until it is connected.
    pub(crate) async fn publisher(&mut self) -> (SessionId, Track, Track) {
        let session = self.session(SessionKind::Publisher).await;
        let tracks = [
            ("camera", Shape::camera()),
            ("microphone", Shape::microphone()),
        ]
        .map(|(cid, shape)| Published { cid, shape });
        let pending = tracks.iter().map(|track| PendingTrack {
            track: self.sfu.new_track_id(session),
            cid: track.cid.to_owned(),
            kind: if track.shape.is_video {
                MediaKind::Video
            } else {
                MediaKind::Audio
            },
            codec: None,
            stereo: false,
            dtx: false,
        });
        let pending = pending.collect();
        let peer = &self.peers[&session];
        let sdp = peer
            .call(move |client| client.offer(std::time::Instant::now(), &tracks))
            .await;
        let offer = Offer { sdp, pending };
        let answer = self.sfu.handle_offer(session, offer).await.unwrap();
        peer.call(move |client| client.accept_answer(&answer.sdp))
            .await;
        let [camera, microphone] = answer.published.as_slice() else {
            panic!("two tracks are published, not {:?}", answer.published);
        };
        let (camera, microphone) = (
            Track {
                id: camera.track,
                kind: MediaKind::Video,
                codec: camera.codec,
            },
            Track {
                id: microphone.track,
                kind: MediaKind::Audio,
                codec: microphone.codec,
            },
        );
        self.received(session, "the publisher connects", |report| {
            report.is_connected
        })
        .await;
        (session, camera, microphone)
    }

    /// Joins a client that receives `tracks`, and waits until it is connected.
    pub(crate) async fn subscriber(&mut self, tracks: &[Track]) -> SessionId {
        let session = self.session(SessionKind::Subscriber).await;
        for &track in tracks {
            self.subscribe(session, track).await;
        }
        self.received(session, "the subscriber connects", |report| {
            report.is_connected
        })
        .await;
        session
    }

    pub(crate) async fn subscribe(&self, session: SessionId, track: Track) {
        let subscribe = Subscribe {
            track: track.id,
            kind: track.kind,
            codec: track.codec,
            stream: "PA_publisher".to_owned(),
            name: format!("TR_{:?}", track.kind),
            target: Target::ALL,
            cuts_trailer: false,
            hears_all: false,
            stereo: false,
        };
        self.sfu.subscribe(session, subscribe).await.unwrap();
    }

    /// Waits until what a client tells satisfies `condition`.
    pub(crate) async fn received(
        &mut self,
        session: SessionId,
        what: &str,
        mut condition: impl FnMut(&Report) -> bool,
    ) -> Report {
        let mut report = self.peers[&session].report.clone();
        let waiting = async {
            loop {
                tokio::select! {
                    found = report.wait_for(|report| condition(report)) => {
                        return found.expect("the peer runs").clone();
                    }
                    event = self.events.recv() => self.handle(event.expect("the room is open")).await,
                }
            }
        };
        let found = timeout(DEADLINE, waiting).await;
        found.unwrap_or_else(|_| panic!("{what}: {:?}", self.peers[&session].report.borrow()))
    }

    /// Waits for an event that satisfies `condition`.
    pub(crate) async fn event(&mut self, what: &str, condition: impl Fn(&Event) -> bool) -> Event {
        let waiting = async {
            loop {
                let event = self.events.recv().await.expect("the room is open");
                if condition(&event) {
                    return event;
                }
                self.handle(event).await;
            }
        };
        let event = timeout(DEADLINE, waiting).await;
        event.unwrap_or_else(|_| panic!("{what} did not happen"))
    }

    /// Waits until a metric satisfies `condition`. Metrics are published once a second.
    pub(crate) async fn metric(&mut self, name: &str, condition: impl Fn(f64) -> bool) -> f64 {
        let waiting = async {
            let mut tick = tokio::time::interval(Duration::from_millis(20));
            loop {
                tokio::select! {
                    Some(event) = self.events.recv() => self.handle(event).await,
                    _ = tick.tick() => {}
                }
                let value = metric(&self.registry, name);
                if condition(value) {
                    return value;
                }
            }
        };
        let value = timeout(DEADLINE, waiting).await;
        value.unwrap_or_else(|_| panic!("{name} is {}", metric(&self.registry, name)))
    }

    /// Does what a client does on an event that a test has waited for.
    pub(crate) async fn answer(&self, event: Event) {
        self.handle(event).await;
    }

    async fn handle(&self, event: Event) {
        if let Event::Offer {
            session, id, sdp, ..
        } = event
        {
            let Some(peer) = self.peers.get(&session) else {
                return;
            };
            let answer = peer.call(move |client| client.accept_offer(&sdp)).await;
            self.sfu.handle_answer(session, id, answer).await.unwrap();
        }
    }
}

/// Sums up a metric over its labels.
pub(crate) fn metric(registry: &Registry, name: &str) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    family.map_or(0.0, |family| {
        let values = family.get_metric().iter();
        values
            .map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value())
            .sum()
    })
}
