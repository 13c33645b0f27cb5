//! Who receives which track, and how much of it.

use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    SubscriptionError, SubscriptionPermission, SubscriptionPermissionUpdate, SubscriptionResponse,
    UpdateSubscription, UpdateTrackSettings, VideoQuality,
};
use sfu::{MediaKind, SessionId, Subscribe, Target, TrackId};

use super::{Room, note};
use crate::backup;
use crate::forwarded;
use crate::ids::ParticipantKey;
use crate::join_request::Mode;
use crate::participant::Participant;
use crate::publication::Publication;
use crate::quality::TrackSettings;
use crate::subscriptions::Change;

/// Tracks that one message may be about; clients send one message for a few.
pub(super) const TRACKS_PER_MESSAGE_MAX: usize = 1000;

impl Room {
    /// Finds a published track by the id that clients use.
    pub(super) fn track_of_sid(&self, sid: &str) -> Option<(ParticipantKey, TrackId)> {
        let track = *self.by_track_sid.get(sid)?;
        Some((*self.by_track.get(&track)?, track))
    }

    /// Brings one track in line for everybody.
    pub(super) async fn reconcile_track(&mut self, track: TrackId) {
        let keys: Vec<ParticipantKey> = self.participants.keys().copied().collect();
        for key in keys {
            self.reconcile(key, track).await;
        }
    }

    /// Brings all tracks in line for one participant.
    pub(super) async fn reconcile_subscriber(&mut self, key: ParticipantKey) {
        let published = self
            .participants
            .values()
            .flat_map(|other| &other.published);
        let tracks: Vec<TrackId> = published.map(|publication| publication.id).collect();
        for track in tracks {
            self.reconcile(key, track).await;
        }
        self.reconcile_data_subscriber(key);
    }

    /// Starts, changes or ends the subscription of `key` to `track`, if it is not as it should be.
    pub(super) async fn reconcile(&mut self, key: ParticipantKey, track: TrackId) {
        let Some(owner_key) = self
            .by_track
            .get(&track)
            .copied()
            .filter(|owner| *owner != key)
        else {
            return;
        };
        let (Some(owner), Some(subscriber)) = (
            self.participants.get(&owner_key),
            self.participants.get(&key),
        ) else {
            return;
        };
        let Some(publication) = owner.publication(track) else {
            return;
        };
        let is_allowed = may_receive(subscriber, owner, &publication.info.sid);
        let told = SubscriptionPermissionUpdate {
            participant_sid: owner.sid.clone(),
            track_sid: publication.info.sid.clone(),
            allowed: is_allowed,
        };
        let priority = settings_of(subscriber, publication).priority(publication.info.source());
        let track = publication.id;
        let source = publication.source(subscriber.subscriptions.refused(track));
        let source = source.filter(|_| is_allowed);
        let wish = |source| subscription(subscriber, owner, publication, source, self.sync_streams);
        let subscribe = source.map(wish);
        let Some(session) = subscriber.receiving else {
            return;
        };
        let across = owner.source.as_ref().map(forwarded::Source::media);
        let Some(subscriber) = self.participants.get_mut(&key) else {
            return;
        };
        // It is the publisher's rules that are told; of its own rights a client learns by its info.
        if subscriber.permissions.may_subscribe()
            && subscriber.subscriptions.is_wanted(track)
            && subscriber.told_permissions.tell(track, is_allowed)
        {
            subscriber.tell(Message::SubscriptionPermissionUpdate(told));
        }
        let change = subscriber.subscriptions.reconcile(track, source);
        let sfu = &self.shared.sfu;
        match (change, subscribe) {
            (Some(Change::Subscribe(track)), Some(subscribe)) => {
                let result = match across {
                    Some(room) => sfu.subscribe_across(session, room, subscribe).await,
                    None => sfu.subscribe(session, subscribe).await,
                };
                note(result, "subscribe");
                if priority > 0 {
                    self.send_priority(session, track, priority).await;
                }
            }
            (Some(Change::Switch { from, .. }), Some(subscribe)) => {
                note(sfu.switch(session, from, subscribe).await, "switch");
            }
            (Some(Change::Unsubscribe(track)), _) => {
                note(sfu.unsubscribe(session, track).await, "unsubscribe");
            }
            (Some(Change::Subscribe(_) | Change::Switch { .. }), None) | (None, _) => {}
        }
    }

    /// Takes a client's choice of tracks.
    pub(super) async fn update_subscription(
        &mut self,
        key: ParticipantKey,
        update: UpdateSubscription,
    ) {
        let by_participant = update.participant_tracks.into_iter();
        let mut sids = update.track_sids;
        sids.extend(by_participant.flat_map(|tracks| tracks.track_sids));
        sids.sort_unstable();
        sids.dedup();
        for sid in sids.into_iter().take(TRACKS_PER_MESSAGE_MAX) {
            match self.track_of_sid(&sid) {
                Some((owner, track)) if owner != key => {
                    if let Some(participant) = self.participants.get_mut(&key) {
                        participant.subscriptions.choose(track, update.subscribe);
                        participant.told_permissions.forget(track);
                    }
                    self.reconcile(key, track).await;
                }
                None if update.subscribe => {
                    self.refuse_subscription(key, sid, SubscriptionError::SeTrackNotfound);
                }
                Some(_) | None => {}
            }
        }
    }

    /// Tells a client that it will not get a track.
    pub(super) fn refuse_subscription(
        &self,
        key: ParticipantKey,
        track_sid: String,
        error: SubscriptionError,
    ) {
        if let Some(participant) = self.participants.get(&key)
            && participant.quirks.unknown_messages
        {
            participant.tell(Message::SubscriptionResponse(SubscriptionResponse {
                track_sid,
                err: error.into(),
            }));
        }
    }

    /// Takes a publisher's list of who may receive its tracks.
    pub(super) async fn update_subscription_rules(
        &mut self,
        key: ParticipantKey,
        rules: SubscriptionPermission,
    ) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        participant.rules.replace(rules);
        self.show_news(key);
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let published = participant.published.iter();
        let tracks: Vec<TrackId> = published.map(|publication| publication.id).collect();
        for track in tracks {
            self.reconcile_track(track).await;
        }
        self.reconcile_data_publisher(key);
    }

    /// Takes what a client wants to see of tracks.
    pub(super) async fn update_track_settings(
        &mut self,
        key: ParticipantKey,
        update: &UpdateTrackSettings,
    ) {
        let settings = TrackSettings::of(update);
        for sid in update.track_sids.iter().take(TRACKS_PER_MESSAGE_MAX) {
            let Some((owner, track)) = self.track_of_sid(sid) else {
                continue;
            };
            let Some(participant) = self.participants.get_mut(&key).filter(|_| owner != key) else {
                continue;
            };
            if participant.subscriptions.settings(track) != Some(settings) {
                participant.subscriptions.set(track, settings);
                self.send_target(key, track).await;
            }
        }
    }

    /// Tells the media server what a subscriber wants of a track.
    pub(super) async fn send_target(&mut self, key: ParticipantKey, track: TrackId) {
        let Some(subscriber) = self.participants.get(&key) else {
            return;
        };
        let owner = self
            .by_track
            .get(&track)
            .and_then(|owner| self.participants.get(owner));
        let Some(publication) = owner.and_then(|owner| owner.publication(track)) else {
            return;
        };
        if let Some(session) = subscriber.receiving
            && let Some(source) = subscriber.subscriptions.source(publication.id)
        {
            let target = target(subscriber, publication, source.track);
            let priority = settings_of(subscriber, publication).priority(publication.info.source());
            self.send_priority(session, source.track, priority).await;
            let sfu = &self.shared.sfu;
            note(
                sfu.set_target(session, source.track, target).await,
                "set a target",
            );
        }
    }

    async fn send_priority(&self, session: SessionId, track: TrackId, priority: u8) {
        let set = self.shared.sfu.set_priority(session, track, priority).await;
        note(set, "set a priority");
    }

    /// Forgets a track that has ended, for all subscribers. The media server ends their
    /// subscriptions by itself.
    pub(super) fn forget_track(&mut self, track: TrackId) {
        self.by_track_sid.retain(|_, id| *id != track);
        for participant in self.participants.values_mut() {
            participant.subscriptions.forget(track);
            participant.told_permissions.forget(track);
        }
    }
}

/// Asks whether the subscriber may receive a track, by its token and by the publisher's wish. Tracks
/// of hidden participants reach nobody, as nobody knows whose they would be.
pub(super) fn may_receive(subscriber: &Participant, owner: &Participant, sid: &str) -> bool {
    subscriber.permissions.may_subscribe()
        && subscriber.may_watch(owner)
        && !owner.permissions.is_hidden()
        && (subscriber.permissions.is_recorder()
            || owner
                .rules
                .may_receive(&subscriber.sid, &subscriber.identity, sid))
}

/// What the client wants of a track, or what it starts with. A client with adaptive stream starts
/// with the smallest layer, and says within a moment how large the picture is.
pub(super) fn settings_of(subscriber: &Participant, publication: &Publication) -> TrackSettings {
    let starts_small = subscriber.adaptive_stream && publication.kind == MediaKind::Video;
    let settings = subscriber.subscriptions.settings(publication.id);
    settings.unwrap_or_else(|| {
        let quality = if starts_small {
            VideoQuality::Low
        } else {
            VideoQuality::High
        };
        TrackSettings::of_quality(quality)
    })
}

/// What the client gets of one of a publication's tracks.
fn target(subscriber: &Participant, publication: &Publication, track: TrackId) -> Target {
    settings_of(subscriber, publication).target(publication.kind, publication.layers(track))
}

/// The subscription for the media server. In single mode the stream pairs sound and pictures, and the
/// section is known by `mid_to_track_id`. In dual mode the stream names the track, as the name of the track itself
/// is bound to a media section for ever in libwebrtc and chosen by the browser in Firefox: with the
/// stream a reused section still says what it carries.
fn subscription(
    subscriber: &Participant,
    owner: &Participant,
    publication: &Publication,
    source: backup::Source,
    sync_streams: bool,
) -> Subscribe {
    let sid = &publication.info.sid;
    // A section of a dual connection is known by its stream only.
    let may_be_paired = subscriber.mode == Mode::Single && subscriber.quirks.stream_names;
    let paired = publication
        .stream_name()
        .filter(|_| sync_streams && may_be_paired);
    let stream = paired.unwrap_or(sid);
    Subscribe {
        track: source.track,
        kind: publication.kind,
        codec: source.codec,
        stream: format!("{}|{stream}", owner.sid),
        name: sid.clone(),
        target: target(subscriber, publication, source.track),
        cuts_trailer: publication.has_trailer() && !subscriber.quirks.packet_trailer,
        hears_all: subscriber.permissions.hears_all() || !publication.is_voice(),
        stereo: publication.is_stereo(),
    }
}
