//! Offers of clients, and what they start and stop.

use std::time::Instant;

use livekit_protocol::signal_response::Message;
use livekit_protocol::{JobType, SessionDescription};
use sfu::{Answer, BoundTrack, Offer, SessionId, SessionKind, TrackId};

use super::enter::is_offer;
use super::{Room, note};
use crate::answers;
use crate::ids::ParticipantKey;
use crate::publication::Publication;
use crate::webhooks::Event;

impl Room {
    /// Takes a client's offer, answers, and tells everybody which tracks began and ended with it.
    pub(super) async fn handle_offer(&mut self, key: ParticipantKey, offer: SessionDescription) {
        if offer.sdp.len() > self.shared.config.limit.sdp_bytes_max {
            self.shared.metrics.refuse("sdp-size");
            return;
        }
        if !is_offer(&offer) {
            self.shared.metrics.refuse("offer");
            return;
        }
        let Some(session) = self.sending_session(key).await else {
            return;
        };
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        participant.sections_needed = None;
        let backups = participant.published.iter();
        let backups = backups.filter_map(Publication::pending_backup);
        let pending = participant.pending.iter().map(Publication::pending);
        let pending = pending.chain(backups).collect();
        let sdp = offer.sdp;
        let result = self
            .shared
            .sfu
            .handle_offer(session, Offer { sdp, pending })
            .await;
        match note(result, "take an offer") {
            Some(answer) => self.handle_negotiated(key, offer.id, answer).await,
            // The client finds out by its own time-out and reconnects; the old state still holds.
            None => self.shared.metrics.refuse("offer"),
        }
    }

    pub(super) async fn handle_negotiated(
        &mut self,
        key: ParticipantKey,
        offer_id: u32,
        answer: Answer,
    ) {
        let Answer {
            sdp,
            mid_to_track,
            published,
            unpublished,
        } = answer;
        let mid_to_track_id = self.track_sids(mid_to_track);
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let description = answers::description("answer", sdp, offer_id, mid_to_track_id);
        participant.tell(Message::Answer(description));
        let was_changed = !published.is_empty() || !unpublished.is_empty();
        self.end_tracks(key, unpublished).await;
        let started: Vec<TrackId> = published.iter().map(|bound| bound.track).collect();
        for bound in published {
            self.start_track(key, &bound).await;
        }
        if was_changed {
            self.announce(key);
            self.tell_speakers();
        }
        for track in started {
            self.reconcile_track(track).await;
        }
    }

    /// Translates tracks for `mid_to_track_id`.
    pub(super) fn track_sids(&self, mid_to_track: Vec<(String, TrackId)>) -> Vec<(String, String)> {
        let sid = |track: TrackId| {
            let owner = self.participants.get(self.by_track.get(&track)?)?;
            Some(owner.publication(track)?.info.sid.clone())
        };
        let pairs = mid_to_track.into_iter();
        pairs
            .filter_map(|(mid, track)| Some((mid, sid(track)?)))
            .collect()
    }

    /// Finds the session that the client publishes on, or makes it. In dual mode that is only
    /// needed once the client has something to publish or to send.
    pub(super) async fn sending_session(&mut self, key: ParticipantKey) -> Option<SessionId> {
        let participant = self.participants.get(&key)?;
        if participant.sending.is_some() {
            return participant.sending;
        }
        let beside = participant.receiving;
        let config = self.session_config(SessionKind::Publisher, participant.quirks);
        let created = self
            .shared
            .sfu
            .create_session(self.media, config, beside)
            .await;
        let session = note(created, "create a publisher session")?;
        self.by_session.insert(session, key);
        self.participants.get_mut(&key)?.sending = Some(session);
        Some(session)
    }

    async fn start_track(&mut self, key: ParticipantKey, bound: &BoundTrack) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let mut pending = participant.pending.iter();
        let Some(index) = pending.position(|track| track.id == bound.track) else {
            return self.start_backup(key, bound).await;
        };
        let mut publication = participant.pending.remove(index);
        publication.bind(bound);
        tracing::info!(
            participant.id = %participant.sid,
            track.id = %publication.info.sid,
            codec = %publication.info.mime_type,
            "published"
        );
        self.by_track_sid
            .insert(publication.info.sid.clone(), publication.id);
        let is_muted = publication.info.muted;
        let info = publication.info.clone();
        participant.published.push(publication);
        let was_publisher = std::mem::replace(&mut participant.is_publisher, true);
        if !was_publisher {
            self.counts_changed();
            self.offer_for(key, JobType::JtPublisher);
        }
        if is_muted {
            note(self.shared.sfu.set_muted(bound.track, true).await, "mute");
        }
        if let Some(participant) = self.participants.get(&key) {
            self.report_track(Event::TrackPublished, participant, &info);
        }
    }

    /// Forgets tracks whose sections have ended. With the first codec the second one ends.
    async fn end_tracks(&mut self, key: ParticipantKey, ended: Vec<TrackId>) {
        for track in &ended {
            let participant = self.participants.get(&key);
            let publication = participant.and_then(|participant| participant.publication(*track));
            let Some(publication) = publication else {
                continue; // It has ended with its first codec.
            };
            let (first, tracks) = (publication.id, publication.tracks());
            if !ended.contains(&first) {
                self.end_backup(key, *track).await;
                continue;
            }
            for left in tracks.filter(|left| !ended.contains(left)) {
                note(self.shared.sfu.unpublish(left).await, "unpublish");
            }
            self.end_track(key, first);
        }
    }

    /// Forgets a track that has ended.
    pub(super) fn end_track(&mut self, key: ParticipantKey, track: TrackId) {
        if let Some(participant) = self.participants.get(&key)
            && let Some(publication) = participant.publication(track)
        {
            self.report_track(Event::TrackUnpublished, participant, &publication.info);
        }
        if let Some(participant) = self.participants.get_mut(&key) {
            tracing::info!(participant.id = %participant.sid, ?track, "unpublished");
            let published = participant.published.iter();
            let index = published
                .clone()
                .position(|publication| publication.id == track);
            let ended = index.map(|index| participant.published.remove(index));
            for track in ended.iter().flat_map(Publication::tracks) {
                self.by_track.remove(&track);
            }
            self.forget_track(track);
        }
    }

    /// Forgets announcements that no offer has carried for long, so that they take no place.
    pub(super) fn drop_stale_announcements(&mut self, key: ParticipantKey, now: Instant) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let by_track = &mut self.by_track;
        participant.pending.retain(|publication| {
            let age = now.saturating_duration_since(publication.announced_at);
            let is_fresh = age < super::publish::ANNOUNCEMENT_LIFETIME;
            if !is_fresh {
                by_track.remove(&publication.id);
            }
            is_fresh
        });
        if let Some(limit) = now.checked_sub(super::publish::ANNOUNCEMENT_LIFETIME) {
            let published = participant.published.iter_mut();
            for track in published.filter_map(|track| track.drop_stale_backup(limit)) {
                by_track.remove(&track);
            }
        }
    }
}
