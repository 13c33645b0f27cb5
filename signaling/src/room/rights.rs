//! Permissions that change while their holder is in the room.

use livekit_protocol::signal_response::Message;
use livekit_protocol::{MuteTrackRequest, ParticipantPermission, TrackUnpublishedResponse};
use sfu::TrackId;

use super::{Room, note, unix_seconds};
use crate::answers;
use crate::ids::ParticipantKey;
use crate::revocations::Verdict;

impl Room {
    /// Gives and takes rights: what may no longer be published ends, what may no longer be received
    /// stops, and the client gets a token that says so.
    pub(super) async fn change_permission(
        &mut self,
        key: ParticipantKey,
        permission: &ParticipantPermission,
    ) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let was_hidden = participant.permissions.is_hidden();
        if !participant.permissions.replace(permission) {
            return;
        }
        tracing::info!(participant.id = %participant.sid, "changed the permission");
        let grant = participant.permissions.grant().clone();
        participant.claims.video = Some(grant.clone());
        let verdict = Verdict::regrant(grant, unix_seconds());
        let revocations = &self.shared.revocations;
        revocations.add(&self.info.name, &participant.claims, verdict);
        if !participant.permissions.may_publish_anything() {
            participant.is_publisher = false;
        }
        self.end_forbidden_tracks(key).await;
        self.show_or_hide(key, was_hidden).await;
        self.reconcile_subscriber(key).await;
        self.announce(key);
        self.refresh_token(key);
        self.counts_changed();
    }

    async fn end_forbidden_tracks(&mut self, key: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let permissions = &participant.permissions;
        let by_track = &mut self.by_track;
        participant.pending.retain(|track| {
            let is_allowed = permissions.may_publish(track.info.source());
            if !is_allowed {
                by_track.remove(&track.id);
            }
            is_allowed
        });
        let forbidden: Vec<TrackId> = participant
            .published
            .iter()
            .filter(|track| !permissions.may_publish(track.info.source()))
            .map(|track| track.id)
            .collect();
        for track in forbidden {
            self.unpublish(key, track).await;
        }
        self.tell_speakers();
        let participant = self.participants.get_mut(&key);
        let lost_data = participant.filter(|p| !p.permissions.may_publish_data());
        if let Some(ended) = lost_data.map(|participant| participant.data_tracks.take_all()) {
            self.end_data_tracks(key, ended);
        }
    }

    /// Ends a track on the server's side and asks its client to stop sending it.
    pub(super) async fn unpublish(&mut self, key: ParticipantKey, track: TrackId) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let Some(publication) = participant.publication(track) else {
            return;
        };
        let sid = publication.info.sid.clone();
        // Those who don't know the message at least stop sending.
        participant.tell(if participant.quirks.unpublish {
            Message::TrackUnpublished(TrackUnpublishedResponse { track_sid: sid })
        } else {
            Message::Mute(MuteTrackRequest { sid, muted: true })
        });
        for track in publication.tracks() {
            note(self.shared.sfu.unpublish(track).await, "unpublish");
        }
        self.end_track(key, track);
    }

    /// Lets the others learn of somebody who is hidden no more, or lose sight of somebody who is.
    pub(super) async fn show_or_hide(&mut self, key: ParticipantKey, was_hidden: bool) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let is_hidden = participant.permissions.is_hidden();
        if is_hidden == was_hidden {
            return;
        }
        if is_hidden {
            let message = answers::update(participant.vanished());
            for other in self.participants.values().filter(|other| other.key != key) {
                other.tell(message.clone());
            }
        }
        let published = self.participants.get(&key).map(|p| &p.published);
        let tracks: Vec<TrackId> = published
            .into_iter()
            .flatten()
            .map(|publication| publication.id)
            .collect();
        for track in tracks {
            self.reconcile_track(track).await;
        }
        self.reconcile_data_publisher(key);
    }
}
