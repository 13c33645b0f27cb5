//! Announcing tracks and changing them.

use std::time::{Duration, Instant};

use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, MuteTrackRequest, TrackPublishedResponse, UpdateLocalAudioTrack,
    UpdateLocalVideoTrack,
};

use sfu::MediaKind;

use super::{Room, note, unix_micros};
use crate::ids::ParticipantKey;
use crate::publication::Publication;

/// SDKs give up on an announcement after 10 s; this leaves room for slow encoders to start.
pub(super) const ANNOUNCEMENT_LIFETIME: Duration = Duration::from_mins(1);

impl Room {
    /// Takes an announcement and gives the track its id.
    pub(super) async fn add_track(&mut self, key: ParticipantKey, request: AddTrackRequest) {
        match self.try_add_track(key, &request).await {
            Some(Ok(response)) => {
                if let Some(participant) = self.participants.get(&key) {
                    participant.tell(Message::TrackPublished(response));
                }
            }
            Some(Err((reason, message))) => {
                self.shared.metrics.refuse("add-track");
                self.respond(key, 0, reason, message, Some(Request::AddTrack(request)));
            }
            None => {}
        }
    }

    async fn try_add_track(
        &mut self,
        key: ParticipantKey,
        request: &AddTrackRequest,
    ) -> Option<Result<TrackPublishedResponse, (Reason, &'static str)>> {
        let participant = self.participants.get(&key)?;
        if !participant.permissions.may_publish(request.source()) {
            return Some(Err((
                Reason::NotAllowed,
                "does not have permission to publish",
            )));
        }
        if !request.sid.is_empty() {
            return self.add_backup(key, request).await;
        }
        if let Some(known) = participant
            .pending
            .iter()
            .find(|track| track.cid == request.cid)
        {
            return Some(Ok(response(known)));
        }
        self.drop_stale_announcements(key, Instant::now());
        let pending_max = self.shared.config.limit.pending_tracks_max;
        if self.participants.get(&key)?.pending.len() >= pending_max {
            return Some(Err((
                Reason::LimitExceeded,
                "too many tracks are being published",
            )));
        }
        let enabled = self.publish_codecs(self.participants.get(&key)?.quirks);
        let session = self.sending_session(key).await?;
        let id = self.shared.sfu.new_track_id(session);
        let announced = Publication::announce(id, request, &enabled, Instant::now(), unix_micros());
        let Some(publication) = announced else {
            return Some(Err((
                Reason::InvalidRequest,
                "the track can't be published",
            )));
        };
        let response = response(&publication);
        self.by_track.insert(id, key);
        self.participants.get_mut(&key)?.pending.push(publication);
        Some(Ok(response))
    }

    /// Mutes or unmutes a track of the client's own.
    pub(super) async fn mute(&mut self, key: ParticipantKey, request: &MuteTrackRequest) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let Some(publication) = participant.track_by_sid(&request.sid) else {
            return;
        };
        if publication.info.muted == request.muted {
            return;
        }
        publication.info.muted = request.muted;
        let track = publication.id;
        let tracks = publication.tracks();
        if participant.publication(track).is_none() {
            return; // Told when it is published.
        }
        for track in tracks {
            note(
                self.shared.sfu.set_muted(track, request.muted).await,
                "mute",
            );
        }
        self.announce(key);
    }

    pub(super) fn update_audio_track(
        &mut self,
        key: ParticipantKey,
        update: &UpdateLocalAudioTrack,
    ) {
        self.change_track(key, &update.track_sid, |publication| {
            if publication.kind == MediaKind::Audio {
                publication.set_audio_features(&update.features);
            }
        });
    }

    pub(super) fn update_video_track(
        &mut self,
        key: ParticipantKey,
        update: &UpdateLocalVideoTrack,
    ) {
        self.change_track(key, &update.track_sid, |publication| {
            if publication.kind == MediaKind::Video {
                publication.info.width = update.width;
                publication.info.height = update.height;
            }
        });
    }

    fn change_track(
        &mut self,
        key: ParticipantKey,
        sid: &str,
        change: impl FnOnce(&mut Publication),
    ) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let Some(publication) = participant.track_by_sid(sid) else {
            return;
        };
        let before = publication.info.clone();
        change(publication);
        if publication.info != before {
            self.announce(key);
        }
    }
}

fn response(publication: &Publication) -> TrackPublishedResponse {
    TrackPublishedResponse {
        cid: publication.cid.clone(),
        track: Some(publication.info.clone()),
    }
}
