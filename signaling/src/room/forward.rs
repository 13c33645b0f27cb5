//! Participants that are shown in other rooms, and those of other rooms that are shown here.
//!
//! Here such a participant has everything but a connection: it receives nothing, and nothing that is
//! done to it here changes it where it is. Its tracks stay where they are published; who watches them is
//! subscribed across rooms.

use std::time::Instant;

use livekit_protocol::JobType;
use livekit_protocol::participant_info::State;
use sfu::{SessionId, TrackId};
use tokio::sync::watch;

use super::leave::Departure;
use super::orders::OrderError;
use super::{Room, note, unix_micros};
use crate::forwarded::{Showing, Source};
use crate::ids::ParticipantKey;
use crate::join_request::JoinWish;
use crate::participant::{Participant, Start};
use crate::rate::RateLimit;
use crate::speakers::SpeakerChange;
use crate::webhooks::Event;

/// What is new about a participant that is shown.
struct Changes {
    /// It was known before.
    was_here: bool,
    /// Whether it was hidden, if that has changed.
    was_hidden: Option<bool>,
    /// Something has changed that clients are told.
    is_new: bool,
    starts_publishing: bool,
    started: Vec<TrackId>,
    /// Tracks from before, if there are other rules about who may receive them, or another codec to
    /// receive.
    regarded: Vec<TrackId>,
}

impl Room {
    /// Shows a participant of this room to others.
    pub(super) fn show(&mut self, identity: &str) -> Result<watch::Receiver<Showing>, OrderError> {
        let key = self.own_key_of(identity)?;
        let media = self.media;
        let participant = self.participants.get_mut(&key);
        let participant = participant.ok_or(OrderError::NoParticipant)?;
        if let Some(shown) = &participant.shown {
            return Ok(shown.subscribe());
        }
        let (shown, feed) = watch::channel(Showing::of(participant, media));
        participant.shown = Some(shown);
        Ok(feed)
    }

    /// Lets other rooms see what has changed about a participant.
    pub(super) fn show_news(&self, key: ParticipantKey) {
        let participant = self.participants.get(&key);
        if let Some((participant, shown)) = participant.and_then(|p| Some((p, p.shown.as_ref()?))) {
            shown.send_modify(|showing| {
                let level = showing.level;
                *showing = Showing::of(participant, self.media);
                showing.level = level;
            });
        }
    }

    /// Lets other rooms see who speaks.
    pub(super) fn show_levels(&self, changes: &[SpeakerChange]) {
        for (key, level) in changes {
            let participant = self.participants.get(key);
            if let Some(shown) = participant.and_then(|participant| participant.shown.as_ref()) {
                shown.send_modify(|showing| showing.level = *level);
            }
        }
    }

    /// Finds a participant that is in this room and not only shown here.
    pub(super) fn own_key_of(&self, identity: &str) -> Result<ParticipantKey, OrderError> {
        let key = self.key_of(identity)?;
        let is_shown = |participant: &Participant| participant.source.is_some();
        if self.participants.get(&key).is_some_and(is_shown) {
            return Err(OrderError::Forwarded);
        }
        Ok(key)
    }

    /// Takes in a participant of another room, in place of its namesake. A second time changes nothing.
    pub(super) async fn take_shown(
        &mut self,
        mut feed: watch::Receiver<Showing>,
    ) -> Result<(), OrderError> {
        let is_same = |participant: &Participant| {
            let source = participant.source.as_ref();
            source.is_some_and(|source| source.feed.same_channel(&feed))
        };
        if self.find(is_same).is_some() {
            return Ok(());
        }
        if feed.has_changed().is_err() {
            return Err(OrderError::NoParticipant);
        }
        let showing = feed.borrow_and_update().clone();
        if !self.has_place_for(&showing.claims) {
            return Err(OrderError::Full);
        }
        let namesake = self.find(|other| other.identity == showing.claims.identity);
        if let Some(namesake) = namesake {
            self.remove(namesake, Departure::DuplicateIdentity).await;
        }
        let mut participant = self.shown_participant(&showing);
        let key = participant.key;
        participant.source = Some(Source::follow(feed, self.media, key, self.mailbox.clone()));
        self.welcome(participant);
        self.take_over(key, showing).await;
        Ok(())
    }

    fn shown_participant(&mut self, showing: &Showing) -> Participant {
        let key = ParticipantKey(self.next_key);
        self.next_key += 1;
        let start = Start {
            key,
            claims: showing.claims.clone(),
            receiving: None,
            outbox: None,
            updates: RateLimit::new(self.shared.config.limit.participant_updates_per_second),
            packets: RateLimit::new(0),
            data_track_packets: RateLimit::new(0),
            now: Instant::now(),
            unix_ms: unix_micros() / 1000,
        };
        Participant::new(start, &JoinWish::of_nobody(showing.client.clone()))
    }

    /// Follows what has changed in the room that a participant is in.
    pub(super) async fn handle_shown(&mut self, key: ParticipantKey) {
        let participant = self.participants.get_mut(&key);
        let Some(source) = participant.and_then(|participant| participant.source.as_mut()) else {
            return;
        };
        if source.has_ended() {
            self.remove(key, Departure::SourceLeft).await;
            return;
        }
        let showing = source.feed.borrow_and_update().clone();
        self.take_over(key, showing).await;
    }

    /// Takes over what the room shows that the participant is in: first it is told, then received.
    async fn take_over(&mut self, key: ParticipantKey, showing: Showing) {
        let level = showing.level;
        let Some(changes) = self.replace(key, showing) else {
            return;
        };
        self.report_started(key, changes.was_here, &changes.started);
        if changes.is_new {
            self.announce(key);
            self.counts_changed();
        }
        if let Some(was_hidden) = changes.was_hidden {
            self.show_or_hide(key, was_hidden).await;
        }
        if changes.starts_publishing {
            self.offer_for(key, JobType::JtPublisher);
        }
        for track in changes.regarded.iter().chain(&changes.started) {
            self.reconcile_track(*track).await;
        }
        self.tell_level(key, level);
    }

    fn replace(&mut self, key: ParticipantKey, showing: Showing) -> Option<Changes> {
        let participant = self.participants.get(&key)?;
        let before = participant.info();
        let known: Vec<TrackId> = participant.published.iter().map(|track| track.id).collect();
        let goes_on = |track: &TrackId| showing.tracks.iter().any(|new| new.id == *track);
        let ended: Vec<TrackId> = known.iter().copied().filter(|id| !goes_on(id)).collect();
        for track in ended {
            self.end_track(key, track);
        }
        let moved = self.follow_backups(key, &showing.tracks);
        for track in &showing.tracks {
            for id in track.tracks() {
                self.by_track.insert(id, key);
            }
            self.by_track_sid.insert(track.info.sid.clone(), track.id);
        }
        let new = showing.tracks.iter().map(|track| track.id);
        let started = new.filter(|track| !known.contains(track)).collect();
        let participant = self.participants.get_mut(&key)?;
        let was_hidden = participant.permissions.is_hidden();
        let was_here = std::mem::replace(&mut participant.state, State::Active) == State::Active;
        let regarded = if participant.rules == showing.rules {
            moved
        } else {
            known
        };
        let starts_publishing = showing.is_publisher && !participant.is_publisher;
        participant.name = showing.name;
        participant.metadata = showing.metadata;
        participant.attributes = showing.attributes;
        participant.permissions = showing.permissions;
        participant.is_publisher = showing.is_publisher;
        participant.published = showing.tracks;
        participant.rules = showing.rules;
        let is_hidden = participant.permissions.is_hidden();
        Some(Changes {
            was_here,
            was_hidden: (was_hidden != is_hidden).then_some(was_hidden),
            is_new: participant.info() != before,
            starts_publishing,
            started,
            regarded,
        })
    }

    fn report_started(&self, key: ParticipantKey, was_here: bool, started: &[TrackId]) {
        if let Some(participant) = self.participants.get(&key) {
            if !was_here {
                self.report_joined(participant);
            }
            for publication in started
                .iter()
                .filter_map(|track| participant.publication(*track))
            {
                self.report_track(Event::TrackPublished, participant, &publication.info);
            }
        }
    }

    fn tell_level(&mut self, key: ParticipantKey, level: f32) {
        let participant = self.participants.get_mut(&key);
        let Some(source) = participant.and_then(|participant| participant.source.as_mut()) else {
            return;
        };
        if source.level.total_cmp(&level).is_ne() {
            source.level = level;
            self.tell_speaker_changes(&[(key, level)]);
        }
    }

    /// Ends what is received here of a participant that is shown, since its tracks go on elsewhere.
    pub(super) async fn end_shown(&mut self, key: ParticipantKey) {
        self.tell_level(key, 0.0);
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        if participant.source.is_none() {
            return;
        }
        let tracks = participant.published.iter().map(|track| track.id);
        let watched: Vec<(SessionId, TrackId)> = tracks
            .flat_map(|track| {
                let watchers = self.participants.values();
                watchers.filter_map(move |other| {
                    let source = other.subscriptions.source(track)?;
                    Some((other.receiving?, source.track))
                })
            })
            .collect();
        for (session, track) in watched {
            let ended = self.shared.sfu.unsubscribe(session, track).await;
            note(ended, "unsubscribe");
        }
    }
}
