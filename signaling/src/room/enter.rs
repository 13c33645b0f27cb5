//! Joining and resuming.

use std::time::Instant;

use auth::Claims;
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    JobType, JoinResponse, ReconnectResponse, SessionDescription, SyncState, VideoQuality,
};
use sfu::{Codec, SessionConfig, SessionId, SessionKind};

use super::leave::Departure;
use super::subscribe::TRACKS_PER_MESSAGE_MAX;
use super::{EnterError, Entry, Room, note, unix_micros};
use crate::answers;
use crate::codecs;
use crate::ids::ParticipantKey;
use crate::join_request::{JoinWish, Mode};
use crate::participant::{Participant, Simulated, Start};
use crate::permissions::Permissions;
use crate::quality::TrackSettings;
use crate::quirks::Quirks;
use crate::rate::RateLimit;

/// Clients ping this often, and give up after so long without an answer.
pub(crate) const PING_INTERVAL_SECONDS: i32 = 5;
pub(crate) const PING_TIMEOUT_SECONDS: i32 = 15;

impl Room {
    /// Lets a client in.
    pub(super) async fn enter(&mut self, entry: Entry) -> Result<ParticipantKey, EnterError> {
        match entry.wish.resume.clone() {
            Some(sid) => self.resume(&sid, entry).await,
            None => self.join(entry).await,
        }
    }

    /// Asks whether there is a place. Somebody who is here already takes none, nor do agents and
    /// recorders.
    pub(super) fn has_place_for(&self, claims: &Claims) -> bool {
        let places = usize::try_from(self.info.max_participants).unwrap_or(usize::MAX);
        let is_here = |participant: &Participant| participant.identity == claims.identity;
        let guests = || {
            let all = self.participants.values();
            all.filter(|p| !p.permissions.is_dependent()).count()
        };
        places == 0
            || Permissions::of(claims).is_dependent()
            || self.find(is_here).is_some()
            || guests() < places
    }

    async fn join(&mut self, entry: Entry) -> Result<ParticipantKey, EnterError> {
        let Entry {
            claims,
            mut wish,
            outbox,
        } = entry;
        if !self.has_place_for(&claims) {
            return Err(EnterError::Full);
        }
        self.check_size(&wish)?;
        // Whatever can fail comes before anything that others notice.
        let receiving = Some(self.open_receiving_session(&wish).await?);
        let key = ParticipantKey(self.next_key);
        self.next_key += 1;
        let limit = &self.shared.config.limit;
        let start = Start {
            key,
            updates: RateLimit::new(limit.participant_updates_per_second),
            packets: RateLimit::new(limit.data_packets_per_second),
            data_track_packets: RateLimit::new(limit.data_track_packets_per_second),
            claims,
            receiving,
            outbox: Some(outbox),
            now: Instant::now(),
            unix_ms: unix_micros() / 1000,
        };
        let participant = Participant::new(start, &wish);
        let namesake = self.find(|other| other.identity == participant.identity);
        if let Some(namesake) = namesake {
            self.remove(namesake, Departure::DuplicateIdentity).await;
        }
        self.welcome(participant);
        for request in wish.add_tracks.drain(..) {
            self.add_track(key, request).await;
        }
        if let Some(offer) = wish.publisher_offer.take() {
            self.handle_offer(key, offer).await;
        }
        self.reconcile_subscriber(key).await;
        Ok(key)
    }

    fn check_size(&self, wish: &JoinWish) -> Result<(), EnterError> {
        let limit = &self.shared.config.limit;
        let attributes = wish.attributes.iter();
        let attributes_bytes: usize = attributes.map(|(key, value)| key.len() + value.len()).sum();
        if wish.metadata.len() > limit.metadata_bytes_max {
            return Err(EnterError::TooLarge("metadata size exceeds limits"));
        }
        if attributes_bytes > limit.attributes_bytes_max {
            return Err(EnterError::TooLarge("attribute size exceeds limits"));
        }
        Ok(())
    }

    async fn open_receiving_session(&self, wish: &JoinWish) -> Result<SessionId, EnterError> {
        let kind = match wish.mode {
            Mode::Dual => SessionKind::Subscriber,
            Mode::Single => SessionKind::Single,
        };
        let quirks = Quirks::of(&wish.client, wish.disable_ice_lite);
        let config = self.session_config(kind, quirks);
        Ok(self
            .shared
            .sfu
            .create_session(self.media, config, None)
            .await?)
    }

    /// Takes a participant in and makes it known, to itself first.
    pub(super) fn welcome(&mut self, participant: Participant) {
        let key = participant.key;
        tracing::info!(
            room.id = %self.info.sid,
            participant.id = %participant.sid,
            participant.identity = %participant.identity,
            client.sdk = ?participant.client.sdk(),
            client.version = %participant.client.version,
            "joined"
        );
        for session in participant.sessions() {
            self.by_session.insert(session, key);
        }
        let response = self.join_response(&participant);
        participant.tell(Message::Join(response));
        if !participant.permissions.is_dependent() {
            self.empty_since = None;
            self.had_guests = true;
        }
        self.participants.insert(key, participant);
        self.shared.metrics.participants.inc();
        self.refresh_token(key);
        if let Some(participant) = self.participants.get_mut(&key) {
            participant.state = State::Joined;
        }
        self.announce(key);
        self.counts_changed();
        self.offer_for(key, JobType::JtParticipant);
    }

    fn join_response(&self, participant: &Participant) -> JoinResponse {
        let server_info = answers::server_info(&self.shared.node_id);
        JoinResponse {
            room: Some(self.room_info()),
            participant: Some(participant.info()),
            other_participants: self.others(participant.key),
            server_version: server_info.version.clone(),
            server_info: Some(server_info),
            subscriber_primary: participant.mode == Mode::Dual,
            ice_servers: answers::ice_servers(&self.shared.config.rtc.ice_servers),
            ping_interval: PING_INTERVAL_SECONDS,
            ping_timeout: PING_TIMEOUT_SECONDS,
            sif_trailer: self.shared.sif_trailer.clone(),
            enabled_publish_codecs: answers::codecs(&self.publish_codecs(participant.quirks)),
            fast_publish: true,
            ..JoinResponse::default()
        }
    }

    /// Lists what a client may publish: what the room enables, without what this client can't do.
    pub(super) fn publish_codecs(&self, quirks: Quirks) -> Vec<Codec> {
        let mut enabled = self.enabled_codecs();
        enabled.retain(|codec| !quirks.unsendable.contains(codec));
        enabled
    }

    fn enabled_codecs(&self) -> Vec<Codec> {
        let enabled = self.info.enabled_codecs.iter();
        codecs::enabled(enabled.map(|codec| codec.mime.as_str()))
    }

    /// How a media session of a client is set up.
    pub(super) fn session_config(&self, kind: SessionKind, quirks: Quirks) -> SessionConfig {
        let enabled = self.enabled_codecs().into_iter();
        SessionConfig {
            kind,
            ice_lite: quirks.ice_lite,
            publishes: self.publish_codecs(quirks).into_iter().collect(),
            receives: enabled
                .filter(|codec| !quirks.unplayable.contains(codec))
                .collect(),
            reuse_sections: quirks.reuse_sections,
        }
    }

    async fn resume(&mut self, sid: &str, entry: Entry) -> Result<ParticipantKey, EnterError> {
        let is_meant = |p: &Participant| {
            p.sid == sid && p.identity == entry.claims.identity && p.source.is_none()
        };
        let key = self.find(is_meant).ok_or(EnterError::NothingToResume)?;
        let last_sequence = {
            let participant = self
                .participants
                .get_mut(&key)
                .ok_or(EnterError::NothingToResume)?;
            if participant.media_ended_at.is_some() {
                // Its peer connections are gone; only a new join brings new ones.
                return Err(EnterError::NothingToResume);
            }
            let simulated = std::mem::take(&mut participant.simulated);
            if simulated == Simulated::CutBeforeResume {
                return Ok(key); // Drops the new socket's queue, which closes it.
            }
            participant.outbox = Some(entry.outbox);
            participant.detached_at = None;
            if simulated == Simulated::CutAfterResume {
                participant.simulated = Simulated::CutAfterResume;
            }
            u32::try_from(participant.last_sequence).unwrap_or(0)
        };
        tracing::info!(room.id = %self.info.sid, participant.id = %sid, "resumed");
        self.tell_resumed(key, last_sequence);
        self.renew_media(key).await;
        if let Some(sync) = entry.wish.sync_state {
            self.sync(key, sync).await;
        }
        if let Some(offer) = entry.wish.publisher_offer {
            self.handle_offer(key, offer).await;
        }
        self.cut_if_simulated(key);
        Ok(key)
    }

    fn tell_resumed(&mut self, key: ParticipantKey, last_message_seq: u32) {
        if let Some(participant) = self.participants.get(&key)
            && participant.quirks.reconnect_response
        {
            participant.tell(Message::Reconnect(ReconnectResponse {
                server_info: Some(answers::server_info(&self.shared.node_id)),
                last_message_seq,
                ice_servers: answers::ice_servers(&self.shared.config.rtc.ice_servers),
                ..ReconnectResponse::default()
            }));
        }
        self.tell_everything(key);
        self.refresh_token(key);
        self.retell_demand(key);
        self.retell_stream_states(key);
    }

    /// Offers again where the server offers, and repeats what got lost with the old socket.
    async fn renew_media(&mut self, key: ParticipantKey) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        match participant.mode {
            Mode::Dual => {
                if let Some(session) = participant.receiving {
                    let restarted = self.shared.sfu.restart_ice(session).await;
                    note(restarted, "restart ICE");
                }
            }
            Mode::Single => self.tell_sections(key),
        }
    }

    fn cut_if_simulated(&mut self, key: ParticipantKey) {
        if let Some(participant) = self.participants.get_mut(&key)
            && participant.simulated == Simulated::CutAfterResume
        {
            participant.simulated = Simulated::Nothing;
            participant.outbox = None;
            participant.detached_at = Some(Instant::now());
        }
    }

    /// Takes over what the client believes to be subscribed; the rest is known here already. One
    /// that believes to publish what nobody receives has to join anew.
    pub(super) async fn sync(&mut self, key: ParticipantKey, sync: SyncState) {
        if !self.knows_tracks_of(key, &sync) {
            self.remove(key, Departure::StateMismatch).await;
            return;
        }
        self.replay_data(key, &sync.datachannel_receive_states)
            .await;
        for sid in sync.track_sids_disabled.iter().take(TRACKS_PER_MESSAGE_MAX) {
            if let Some((owner, track)) = self.track_of_sid(sid)
                && owner != key
                && let Some(participant) = self.participants.get_mut(&key)
            {
                let settings = TrackSettings::disabled_with(VideoQuality::High);
                participant.subscriptions.set(track, settings);
                self.send_target(key, track).await;
            }
        }
        if let Some(subscription) = sync.subscription {
            self.update_subscription(key, subscription).await;
        }
        if let Some(subscription) = sync.data_subscription {
            self.update_data_subscription(key, &subscription);
        }
    }
}

impl Room {
    fn knows_tracks_of(&mut self, key: ParticipantKey, sync: &SyncState) -> bool {
        let Some(participant) = self.participants.get_mut(&key) else {
            return true;
        };
        let believed = sync.publish_tracks.iter().take(TRACKS_PER_MESSAGE_MAX);
        let mut sids = believed.map(|published| published.track.as_ref().map(|track| &track.sid));
        let mut data = sync.publish_data_tracks.iter().take(TRACKS_PER_MESSAGE_MAX);
        sids.all(|sid| sid.is_some_and(|sid| participant.track_by_sid(sid).is_some()))
            && data.all(|published| {
                let info = published.info.as_ref();
                info.is_some_and(|info| participant.data_tracks.has(&info.sid))
            })
    }
}

/// The session description of an offer, if it is one.
pub(super) fn is_offer(description: &SessionDescription) -> bool {
    description.r#type == "offer" || description.r#type.is_empty()
}
