//! One participant: a connection of one identity, with what it publishes and receives.
//!
//! Invariant: [`Participant::info`] carries a version that rises with every change that clients
//! are told of, so that they can drop what arrives late.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use auth::Claims;
use livekit_protocol::participant_info::{KindDetail, State};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    ClientInfo, ConnectionQualityInfo, DisconnectReason, ParticipantInfo, TrackInfo,
};
use prost::bytes::Bytes;
use sfu::{LinkQuality, SessionId, TrackId};
use tokio::sync::watch;

use crate::data_blobs::DataBlobs;
use crate::data_tracks::{DataSubscriptions, DataTracks};
use crate::forwarded::{Showing, Source, Waiting};
use crate::ids::{self, ParticipantKey};
use crate::join_request::{JoinWish, Mode};
use crate::outbox::{Outbox, encode};
use crate::permissions::Permissions;
use crate::publication::Publication;
use crate::quirks::Quirks;
use crate::rate::RateLimit;
use crate::subscriptions::{SubscriptionRules, Subscriptions, ToldPermissions};
use crate::whip::session::HttpSession;

/// What is known of a participant.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) key: ParticipantKey,
    pub(crate) sid: String,
    pub(crate) identity: String,
    pub(crate) name: String,
    pub(crate) metadata: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// What the token said, for the tokens that replace it.
    pub(crate) claims: Claims,
    pub(crate) permissions: Permissions,
    pub(crate) client: ClientInfo,
    pub(crate) quirks: Quirks,
    pub(crate) mode: Mode,
    pub(crate) adaptive_stream: bool,
    pub(crate) state: State,
    pub(crate) joined_at: Instant,
    pub(crate) joined_at_ms: i64,
    /// The socket; `None` while the client may resume.
    pub(crate) outbox: Option<Outbox>,
    /// What stands for the socket where there never was one (WHIP, WHEP).
    pub(crate) http: Option<Box<HttpSession>>,
    /// Where it is, if that is another room and it is only shown in this one.
    pub(crate) source: Option<Source>,
    /// What other rooms see that it is shown in.
    pub(crate) shown: Option<watch::Sender<Showing>>,
    /// Second codecs that viewers in those rooms wait for.
    pub(crate) waiting: Waiting,
    /// Since when there is no socket.
    pub(crate) detached_at: Option<Instant>,
    /// When the participant has to go, as its media has ended.
    pub(crate) media_ended_at: Option<Instant>,
    pub(crate) token_sent_at: Instant,
    /// The session that the client publishes on; in dual mode it is created when it is needed.
    pub(crate) sending: Option<SessionId>,
    /// The session that the client receives on; `None` for one who is only shown here.
    pub(crate) receiving: Option<SessionId>,
    /// Sections that a client in single mode was asked for and has not offered yet.
    pub(crate) sections_needed: Option<(u32, u32)>,
    pub(crate) pending: Vec<Publication>,
    pub(crate) published: Vec<Publication>,
    pub(crate) is_publisher: bool,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) data_tracks: DataTracks,
    pub(crate) data_subscriptions: DataSubscriptions,
    pub(crate) data_blobs: DataBlobs,
    pub(crate) rules: SubscriptionRules,
    pub(crate) told_permissions: ToldPermissions,
    pub(crate) links: HashMap<SessionId, LinkQuality>,
    pub(crate) told_quality: Vec<ConnectionQualityInfo>,
    /// Number of the last reliable packet of this sender.
    pub(crate) last_sequence: u64,
    pub(crate) simulated: Simulated,
    /// How often the others are told of changes, and of data.
    pub(crate) updates: RateLimit,
    pub(crate) packets: RateLimit,
    pub(crate) data_track_packets: RateLimit,
    /// There is something to tell that the limit has held back.
    pub(crate) has_news: bool,
    version: u32,
}

/// Faults that a developer has asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Simulated {
    /// None.
    #[default]
    Nothing,
    /// The next resume ends after its messages were sent.
    CutAfterResume,
    /// The next resume ends before anything was sent.
    CutBeforeResume,
}

/// What a participant starts with, beside the wishes of its client.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) key: ParticipantKey,
    pub(crate) claims: Claims,
    pub(crate) receiving: Option<SessionId>,
    pub(crate) outbox: Option<Outbox>,
    pub(crate) updates: RateLimit,
    pub(crate) packets: RateLimit,
    pub(crate) data_track_packets: RateLimit,
    pub(crate) now: Instant,
    pub(crate) unix_ms: i64,
}

impl Participant {
    /// Makes a participant that nobody has heard of yet.
    pub(crate) fn new(start: Start, wish: &JoinWish) -> Self {
        let claims = start.claims;
        let metadata = if wish.metadata.is_empty() {
            claims.metadata.clone()
        } else {
            wish.metadata.clone()
        };
        let mut attributes = claims.attributes.clone();
        attributes.extend(wish.attributes.clone());
        Self {
            key: start.key,
            sid: ids::participant_sid(),
            identity: claims.identity.clone(),
            name: claims.name.clone(),
            metadata,
            attributes,
            permissions: Permissions::of(&claims),
            claims,
            client: wish.client.clone(),
            quirks: Quirks::of(&wish.client, wish.disable_ice_lite),
            mode: wish.mode,
            adaptive_stream: wish.adaptive_stream,
            state: State::Joining,
            joined_at: start.now,
            joined_at_ms: start.unix_ms,
            outbox: start.outbox,
            http: None,
            source: None,
            shown: None,
            waiting: Waiting::default(),
            detached_at: None,
            media_ended_at: None,
            token_sent_at: start.now,
            sending: match wish.mode {
                Mode::Dual => None,
                Mode::Single => start.receiving,
            },
            receiving: start.receiving,
            sections_needed: None,
            pending: Vec::new(),
            published: Vec::new(),
            is_publisher: false,
            subscriptions: Subscriptions::new(wish.auto_subscribe),
            data_tracks: DataTracks::default(),
            data_subscriptions: DataSubscriptions::new(wish.auto_subscribe_data),
            data_blobs: DataBlobs::default(),
            rules: SubscriptionRules::default(),
            told_permissions: ToldPermissions::default(),
            links: HashMap::new(),
            told_quality: Vec::new(),
            last_sequence: 0,
            simulated: Simulated::default(),
            updates: start.updates,
            packets: start.packets,
            data_track_packets: start.data_track_packets,
            has_news: false,
            version: 0,
        }
    }

    /// Notes that something has changed which [`info`](Self::info) shows.
    pub(crate) fn touch(&mut self) {
        self.version = self.version.saturating_add(1);
    }

    /// Writes what others may know.
    pub(crate) fn info(&self) -> ParticipantInfo {
        ParticipantInfo {
            sid: self.sid.clone(),
            identity: self.identity.clone(),
            state: self.state.into(),
            tracks: self.track_infos(),
            metadata: self.metadata.clone(),
            joined_at: self.joined_at_ms / 1000,
            joined_at_ms: self.joined_at_ms,
            name: self.name.clone(),
            version: self.version,
            data_tracks: self.data_tracks.infos().to_vec(),
            permission: Some(self.permissions.to_wire()),
            is_publisher: self.is_publisher,
            kind: self.permissions.kind().into(),
            kind_details: self.kind_details(),
            attributes: self.attributes.clone().into_iter().collect(),
            client_protocol: self.client.client_protocol,
            capabilities: self.client.capabilities.clone(),
            ..ParticipantInfo::default()
        }
    }

    /// Writes the farewell.
    pub(crate) fn farewell(&mut self, reason: DisconnectReason) -> ParticipantInfo {
        self.state = State::Disconnected;
        self.published.clear();
        self.touch();
        ParticipantInfo {
            disconnect_reason: reason.into(),
            ..self.info()
        }
    }

    /// Writes what those are told who must no longer know of it.
    pub(crate) fn vanished(&self) -> ParticipantInfo {
        ParticipantInfo {
            state: State::Disconnected.into(),
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            version: self.version.saturating_add(1),
            ..self.info()
        }
    }

    fn kind_details(&self) -> Vec<i32> {
        let is_shown = self.source.is_some();
        is_shown
            .then_some(KindDetail::Forwarded.into())
            .into_iter()
            .collect()
    }

    fn track_infos(&self) -> Vec<TrackInfo> {
        let infos = self.published.iter().map(|publication| &publication.info);
        infos.cloned().collect()
    }

    /// Sends a message, if there is a socket.
    pub(crate) fn tell(&self, message: Message) {
        if let Some(outbox) = &self.outbox {
            outbox.send(encode(message));
        }
    }

    /// Sends an encoded message, if there is a socket.
    pub(crate) fn tell_encoded(&self, message: &Bytes) {
        if let Some(outbox) = &self.outbox {
            outbox.send(message.clone());
        }
    }

    /// Finds a published track, by that of any of its codecs.
    pub(crate) fn publication(&self, track: TrackId) -> Option<&Publication> {
        self.published
            .iter()
            .find(|publication| publication.carries(track))
    }

    /// Finds a published track, by that of any of its codecs.
    pub(crate) fn publication_mut(&mut self, track: TrackId) -> Option<&mut Publication> {
        self.published
            .iter_mut()
            .find(|publication| publication.carries(track))
    }

    /// Finds a track, published or announced, by the id that clients use.
    pub(crate) fn track_by_sid(&mut self, sid: &str) -> Option<&mut Publication> {
        let all = self.published.iter_mut().chain(&mut self.pending);
        all.into_iter()
            .find(|publication| publication.info.sid == sid)
    }

    /// All its media sessions.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        let sending = self.sending.filter(|_| self.sending != self.receiving);
        self.receiving.into_iter().chain(sending)
    }

    /// Asks whether tracks of `other` are wanted at all: a player may be about one participant.
    pub(crate) fn may_watch(&self, other: &Self) -> bool {
        let watched = self.http.as_ref().and_then(|http| http.watched.as_ref());
        watched.is_none_or(|watched| *watched == other.identity)
    }

    /// How well packets travel on the worse of its sessions.
    pub(crate) fn link(&self) -> LinkQuality {
        let worse = |a: Option<f32>, b: Option<f32>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.links
            .values()
            .fold(LinkQuality::default(), |sum, link| LinkQuality {
                rtt_ms: worse(sum.rtt_ms, link.rtt_ms),
                loss_up: worse(sum.loss_up, link.loss_up),
                loss_down: worse(sum.loss_down, link.loss_down),
                layers_missing: sum.layers_missing.max(link.layers_missing),
                flow: sum.flow.max(link.flow),
            })
    }
}
