//! Second codecs: asking publishers for them, and moving viewers between the two.

use std::time::Instant;

use livekit_protocol::request_response::Reason;
use livekit_protocol::{AddTrackRequest, SubscriptionError, TrackPublishedResponse};
use sfu::{BoundTrack, SessionId, Target, TrackId};

use super::subscribe::settings_of;
use super::{Room, note};
use crate::backup::{Backup, BackupError};
use crate::dynacast::Demand;
use crate::ids::ParticipantKey;
use crate::publication::Publication;

impl Room {
    /// Takes the announcement of the second codec of a track that is published.
    pub(super) async fn add_backup(
        &mut self,
        key: ParticipantKey,
        request: &AddTrackRequest,
    ) -> Option<Result<TrackPublishedResponse, (Reason, &'static str)>> {
        let session = self.sending_session(key).await?;
        let id = self.shared.sfu.new_track_id(session);
        let participant = self.participants.get_mut(&key)?;
        let mut published = participant.published.iter_mut();
        let publication = published.find(|publication| publication.info.sid == request.sid);
        let Some(publication) = publication else {
            return Some(Err((Reason::NotFound, "there is no such track")));
        };
        match publication.announce_backup(request, id, Instant::now()) {
            Ok(announced) => {
                if let Some(track) = announced {
                    self.by_track.insert(track, key);
                }
                Some(Ok(TrackPublishedResponse {
                    cid: request.cid.clone(),
                    track: Some(publication.info.clone()),
                }))
            }
            Err(BackupError::NotPromised) => Some(Err((
                Reason::UnsupportedType,
                "the track was not announced with this codec",
            ))),
            Err(BackupError::BadName) => Some(Err((
                Reason::InvalidRequest,
                "the track can't be published",
            ))),
        }
    }

    /// Notes that an offer carries the second codec of a track.
    pub(super) async fn start_backup(&mut self, key: ParticipantKey, bound: &BoundTrack) {
        let participant = self.participants.get_mut(&key);
        let publication = participant.and_then(|owner| owner.publication_mut(bound.track));
        let Some(publication) = publication else {
            return;
        };
        publication.bind_backup(bound);
        // Until the media server says that somebody watches it, nobody does.
        publication.handle_demand(bound.track, Instant::now(), None);
        tracing::info!(
            track.id = %publication.info.sid,
            codec = ?bound.codec,
            "published in a second codec"
        );
        if publication.info.muted {
            note(self.shared.sfu.set_muted(bound.track, true).await, "mute");
        }
    }

    /// Notes that packets of a second codec have come: everybody may have to go over to it.
    pub(super) async fn begin_backup(&mut self, key: ParticipantKey, track: TrackId) {
        let participants = self.participants.len();
        let participant = self.participants.get_mut(&key);
        let publication = participant.and_then(|owner| owner.publication_mut(track));
        if publication.is_some_and(|publication| publication.begin_backup(participants)) {
            tracing::info!(?track, "all go over to the second codec");
            self.show_news(key);
            self.reconcile_track(track).await;
        }
    }

    /// Forgets the second codec of a track that goes on in its first. The media server has ended the
    /// subscriptions to it.
    pub(super) async fn end_backup(&mut self, key: ParticipantKey, track: TrackId) {
        let participant = self.participants.get_mut(&key);
        let publication = participant.and_then(|owner| owner.publication_mut(track));
        let Some(publication) = publication else {
            return;
        };
        publication.end_backup();
        let first = publication.id;
        self.by_track.remove(&track);
        for participant in self.participants.values_mut() {
            participant.subscriptions.lose(first, track);
        }
        self.reconcile_track(first).await;
    }

    /// Follows the second codecs of a participant that is shown here, as the room that it is in shows its
    /// `tracks` now. Returns those of which viewers may get another codec.
    pub(super) fn follow_backups(
        &mut self,
        key: ParticipantKey,
        tracks: &[Publication],
    ) -> Vec<TrackId> {
        let participant = self.participants.get(&key);
        let known = participant.into_iter().flat_map(|owner| &owner.published);
        let changed = known.filter_map(|known| {
            let now = tracks.iter().find(|track| track.id == known.id)?;
            let before = known.backup.as_ref().and_then(Backup::live);
            let is_same =
                known.backup.as_ref().map(Backup::stage) == now.backup.as_ref().map(Backup::stage);
            let ended = before.filter(|track| !now.carries(*track));
            (!is_same).then_some((known.id, ended))
        });
        let changed: Vec<(TrackId, Option<TrackId>)> = changed.collect();
        for (first, ended) in &changed {
            if let Some(ended) = ended {
                self.by_track.remove(ended);
                for participant in self.participants.values_mut() {
                    participant.subscriptions.lose(*first, *ended);
                }
            }
        }
        changed.into_iter().map(|(first, _)| first).collect()
    }

    /// Gives another codec to a client that can't decode what it would be sent, lets it wait for one,
    /// or tells it that there is none.
    pub(super) async fn handle_codec_refused(&mut self, session: SessionId, track: TrackId) {
        let Some(key) = self.by_session.get(&session).copied() else {
            return;
        };
        let owner = self.by_track.get(&track).copied();
        let owner = owner.and_then(|owner| self.participants.get(&owner));
        let publication = owner.and_then(|owner| owner.publication(track));
        let Some((first, sid)) = publication.map(|p| (p.id, p.info.sid.clone())) else {
            return;
        };
        let subscriber = self.participants.get_mut(&key);
        if !subscriber.is_some_and(|subscriber| subscriber.subscriptions.refuse(first, track)) {
            return;
        }
        self.reconcile(key, first).await;
        let subscriber = self.participants.get(&key);
        if subscriber.is_some_and(|subscriber| subscriber.subscriptions.source(first).is_none()) {
            tracing::info!(track.id = %sid, "a subscriber can't decode the codec");
            self.refuse_subscription(key, sid, SubscriptionError::SeCodecUnsupported);
        }
        self.ask_for_backups(Instant::now());
    }

    /// Asks publishers for second codecs that somebody waits for, and no longer for those that nobody
    /// does.
    pub(super) fn ask_for_backups(&mut self, now: Instant) {
        let published = self
            .participants
            .values()
            .flat_map(|owner| owner.published.iter().map(move |track| (owner, track)));
        let mut waited: Vec<(ParticipantKey, TrackId, Demand)> = Vec::new();
        for (owner, publication) in published.filter(|(_, track)| track.backup.is_some()) {
            let demand = self.waiting_demand(publication);
            if let Some(source) = &owner.source {
                // Whoever is only shown here is asked in its own room.
                source.wait_for(publication.id, demand);
            } else {
                let demand = demand.max(owner.waiting.highest(publication.id));
                waited.push((owner.key, publication.id, demand));
            }
        }
        for (key, track, demand) in waited {
            let owner = self.participants.get_mut(&key);
            let publication = owner.and_then(|owner| owner.publication_mut(track));
            let backup = publication.and_then(|publication| publication.backup.as_mut());
            let is_news = backup.and_then(|backup| backup.handle_waiting(now, demand));
            if is_news.is_some() {
                self.tell_demand(key, track);
            }
        }
    }

    /// The highest layer that those want who wait for the second codec of a publication.
    fn waiting_demand(&self, publication: &Publication) -> Demand {
        let layers = publication.backup_layers();
        let waiting = self.participants.values().filter(|subscriber| {
            let source = subscriber.subscriptions.source(publication.id);
            source.is_some_and(|source| source.is_waiting)
        });
        let spatial = |target| match target {
            Target::Paused => None,
            Target::Layers { spatial, .. } => Some(spatial),
        };
        waiting
            .map(|subscriber| settings_of(subscriber, publication))
            .filter_map(|settings| spatial(settings.target(publication.kind, layers)))
            .max()
    }
}
