//! A headless participant: speaks the signalling protocol, publishes, watches, resumes, leaves.
//!
//! It is driven by its media thread and never blocks: messages of the server, datagrams and time go
//! in; requests go into its outbox, which is bounded: a peer whose outbox is full has failed.

mod link;
mod publication;
mod reception;
mod requests;
pub(crate) mod session;
mod signals;
pub(crate) mod socket;
mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::{LeaveRequest, SyncState};
use mio::{Registry, Token};
use tokio::sync::mpsc;

use crate::measure::{Counter, Timing, Totals};
use crate::scene::{PeerPlan, Plan, Tile};

use link::{Link, LinkError, LinkEvent};
use publication::Publication;
pub(crate) use signals::identity;
use socket::{Buffers, Kit};

/// Requests that wait for a peer's socket.
pub(crate) const OUTBOX_MAX: usize = 256;

/// How long a peer may take until its media is up.
const JOIN_MAX: Duration = Duration::from_secs(20);

/// How long a resumption may take.
const RESUME_MAX: Duration = Duration::from_secs(20);

/// Other tracks that are remembered; more than any plan has in a room.
const TRACKS_MAX: usize = 40_000;

/// The connection that sends.
const PUBLISHER: usize = 0;

/// The connection that receives, where there are two.
const SUBSCRIBER: usize = 1;

/// What a peer wants of its signalling connection.
#[derive(Debug)]
pub(crate) enum Outbound {
    /// Send this.
    Send(Box<Request>),
    /// Break the connection and open another one for the same participant.
    Resume(String),
    /// Close it.
    Close,
}

/// What holds for all peers of a run.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Who does what.
    pub(crate) plan: Plan,
    /// For new connections.
    pub(crate) kit: Kit,
    /// Layers that nobody watches are not sent.
    pub(crate) dynacast: bool,
    /// One connection does both.
    pub(crate) is_single: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Joining,
    Active,
    Resuming(Instant),
    Over,
}

/// A track of somebody else.
#[derive(Debug)]
struct OtherTrack {
    publisher: u32,
    seat: usize,
    is_video: bool,
    /// The server offers it.
    is_offered: bool,
    /// What the server was told.
    tile: Option<Tile>,
}

/// A participant.
pub(crate) struct Peer {
    setting: Arc<Setting>,
    index: usize,
    outbox: mpsc::Sender<Outbound>,
    stage: Stage,
    started: Instant,
    sid: String,
    links: [Option<Box<Link>>; 2],
    publications: Vec<Publication>,
    /// By the server's id of the track; bounded by [`TRACKS_MAX`].
    others: HashMap<String, OtherTrack>,
    /// The last descriptions that were sent, for resuming.
    last_answer: String,
    last_offer: String,
    /// What the server offered last.
    last_offered: String,
    /// Sections for audio and video that the server wants, beside those that are there (single).
    wanted: (u32, u32),
    next_view: Duration,
    /// Is cleared when it has happened.
    resume_at: Option<Duration>,
}

impl Peer {
    /// Makes the peer of `plan.peers[index]`, which connects now.
    pub(crate) fn new(
        setting: Arc<Setting>,
        index: usize,
        outbox: mpsc::Sender<Outbound>,
        now: Instant,
    ) -> Self {
        let plan = &setting.plan.peers[index];
        let publications = (0..)
            .zip(&plan.tracks)
            .map(|(track, source)| Publication::new(plan.number, track, source, setting.plan.seed));
        Self {
            publications: publications.collect(),
            resume_at: plan.resume_at,
            setting,
            index,
            outbox,
            stage: Stage::Joining,
            started: now,
            sid: String::new(),
            links: [None, None],
            others: HashMap::new(),
            last_answer: String::new(),
            last_offer: String::new(),
            last_offered: String::new(),
            wanted: (0, 0),
            next_view: Duration::ZERO,
        }
    }

    fn plan(&self) -> &PeerPlan {
        &self.setting.plan.peers[self.index]
    }

    /// The connection that receives.
    fn receiver(&self) -> usize {
        if self.setting.is_single {
            PUBLISHER
        } else {
            SUBSCRIBER
        }
    }

    fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.setting.kit.epoch)
    }

    /// Tells whether nothing is to be done for it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// When [`Self::handle_timeout`] has to be called.
    pub(crate) fn due(&self) -> Instant {
        let epoch = self.setting.kit.epoch;
        let links = self.links.iter().flatten().map(|link| link.due());
        let sending = self.links[PUBLISHER]
            .as_ref()
            .is_some_and(|link| link.is_connected());
        let tracks = self.publications.iter().filter(|_| sending);
        let tracks = tracks.filter_map(Publication::due);
        let plan = self.plan();
        let planned = [self.resume_at, plan.leave.map(|leave| leave.at)];
        let planned = planned.into_iter().flatten().chain([self.next_view]);
        let limit = match self.stage {
            Stage::Joining => Some(self.started + JOIN_MAX),
            Stage::Resuming(since) => Some(since + RESUME_MAX),
            Stage::Active | Stage::Over => None,
        };
        let all = links.chain(tracks.chain(planned).map(|at| epoch + at));
        let due = all.chain(limit).min();
        due.unwrap_or(self.started + JOIN_MAX)
    }

    /// Reads what came for one of its connections. Gives whether more may be there.
    pub(crate) fn receive(
        &mut self,
        number: usize,
        buffers: &mut Buffers,
        registry: &Registry,
        totals: &mut Totals,
    ) -> bool {
        let Some(link) = self.links.get_mut(number).and_then(Option::as_deref_mut) else {
            return false;
        };
        let outcome = link.receive(buffers, totals);
        let now = Instant::now();
        self.after_media(now, totals);
        match outcome {
            Ok(is_more) => is_more,
            Err(error) => {
                self.fail(now, &error, registry, totals);
                false
            }
        }
    }

    /// Sends what is due and lets time pass.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        registry: &Registry,
        totals: &mut Totals,
    ) {
        if self.is_over() {
            return;
        }
        self.publish(now, totals);
        for number in [PUBLISHER, SUBSCRIBER] {
            let Some(link) = &mut self.links[number] else {
                continue;
            };
            if link.due() <= now
                && let Err(error) = link.handle_timeout(now, totals)
            {
                return self.fail(now, &error, registry, totals);
            }
        }
        self.after_media(now, totals);
        let is_late = match self.stage {
            Stage::Joining => now >= self.started + JOIN_MAX,
            Stage::Resuming(since) => now >= since + RESUME_MAX,
            Stage::Active | Stage::Over => false,
        };
        if is_late || self.links.iter().flatten().any(|link| link.is_over()) {
            return self.lose(now, registry, totals);
        }
        self.follow_plan(now, registry, totals);
    }

    fn follow_plan(&mut self, now: Instant, registry: &Registry, totals: &mut Totals) {
        let at = self.at(now);
        if at >= self.next_view {
            self.next_view = Plan::next_turn(at);
            self.look(at);
        }
        if self.plan().leave.is_some_and(|leave| at >= leave.at) {
            return self.leave(now, registry, totals);
        }
        if self.resume_at.is_some_and(|resume| at >= resume) && self.stage == Stage::Active {
            self.resume_at = None;
            self.stage = Stage::Resuming(now);
            self.push(Outbound::Resume(self.sid.clone()));
        }
    }

    /// Leaves, politely if the plan says so.
    pub(crate) fn leave(&mut self, now: Instant, registry: &Registry, totals: &mut Totals) {
        match self.stage {
            Stage::Over => return,
            Stage::Joining => totals.count(Counter::JoinFailed),
            Stage::Resuming(_) => totals.count(Counter::ResumeFailed),
            Stage::Active => totals.count(Counter::Left),
        }
        if self.plan().leave.is_none_or(|leave| leave.is_polite) {
            self.say(Request::Leave(LeaveRequest::default()));
        }
        self.end(now, registry, totals);
    }

    /// The server or the network has ended it.
    fn lose(&mut self, now: Instant, registry: &Registry, totals: &mut Totals) {
        match self.stage {
            Stage::Over => return,
            Stage::Joining => totals.count(Counter::JoinFailed),
            Stage::Resuming(_) => totals.count(Counter::ResumeFailed),
            Stage::Active => totals.count(Counter::Disconnected),
        }
        self.end(now, registry, totals);
    }

    fn fail(&mut self, now: Instant, error: &LinkError, registry: &Registry, totals: &mut Totals) {
        crate::complain(&format!("peer {}", self.plan().number), error);
        self.lose(now, registry, totals);
    }

    fn end(&mut self, now: Instant, registry: &Registry, totals: &mut Totals) {
        let setting = Arc::clone(&self.setting);
        let at = self.at(now);
        let has_left = |publisher| setting.plan.has_left(publisher, at);
        for link in self.links.iter_mut().flatten() {
            link.reception().finish(now, has_left, totals);
            link.close(registry);
        }
        self.links = [None, None];
        self.push(Outbound::Close);
        self.stage = Stage::Over;
    }

    fn publish(&mut self, now: Instant, totals: &mut Totals) {
        let at = self.at(now);
        let setting = Arc::clone(&self.setting);
        let plan = &setting.plan.peers[self.index];
        let Some(link) = &mut self.links[PUBLISHER] else {
            return;
        };
        if !link.is_connected() {
            return;
        }
        let is_talking = setting.plan.is_talking(plan, at);
        for publication in &mut self.publications {
            publication.send(now, at, plan.number, is_talking, link, totals);
        }
    }

    /// Takes the events of the connections.
    fn after_media(&mut self, now: Instant, totals: &mut Totals) {
        for link in self.links.iter_mut().flatten() {
            while let Some(event) = link.poll_event() {
                match event {
                    LinkEvent::Connected => {}
                    LinkEvent::KeyframeWanted { track, layer } => {
                        for publication in &mut self.publications {
                            publication.want_keyframe(track, layer);
                        }
                    }
                }
            }
        }
        let is_up = |number: usize| {
            self.links[number]
                .as_ref()
                .is_some_and(|link| link.is_connected())
        };
        let receiver = self.receiver();
        let is_joined = is_up(receiver) && (self.publications.is_empty() || is_up(PUBLISHER));
        if self.stage == Stage::Joining && is_joined {
            self.stage = Stage::Active;
            totals.count(Counter::Joined);
            totals.time(Timing::Join, now.saturating_duration_since(self.started));
        }
        if let Some(link) = &mut self.links[receiver]
            && link.reception().take_first_frame()
        {
            let waited = now.saturating_duration_since(self.started);
            totals.time(Timing::FirstFrame, waited);
        }
    }

    fn link(&mut self, number: usize, now: Instant, registry: &Registry) -> Option<&mut Link> {
        if self.links[number].is_none() {
            let is_sampled = self.plan().is_sampled;
            let token = Token(self.index * 2 + number);
            match Link::new(now, &self.setting.kit, registry, token, is_sampled) {
                Ok(link) => self.links[number] = Some(Box::new(link)),
                Err(error) => crate::complain("a peer", &error),
            }
        }
        self.links[number].as_deref_mut()
    }

    fn say(&mut self, message: Request) {
        self.push(Outbound::Send(Box::new(message)));
    }

    /// A full outbox loses the request; the server or a deadline ends such a peer.
    fn push(&mut self, outbound: Outbound) {
        let _ = self.outbox.try_send(outbound);
    }

    /// What the server wants to know after a resumption.
    fn sync_state(&self) -> SyncState {
        let published = self.publications.iter().filter_map(Publication::response);
        SyncState {
            answer: requests::description("answer", &self.last_answer, 0),
            offer: requests::description("offer", &self.last_offer, 0),
            publish_tracks: published.collect(),
            ..SyncState::default()
        }
    }
}
