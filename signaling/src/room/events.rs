//! Events of the media server.

use std::time::Instant;

use livekit_protocol::participant_info::State;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{MediaSectionsRequirement, SpeakersChanged, TrackSubscribed};
use sfu::{CloseReason, Event, PictureSize, SessionId, TrackId};

use super::Room;
use super::leave::Departure;
use crate::answers;
use crate::dynacast::Demand;
use crate::ids::ParticipantKey;
use crate::speakers::{SpeakerChange, speaker_info};

impl Room {
    /// Handles one event.
    pub(super) async fn handle_event(&mut self, event: Event) {
        match event {
            Event::Connected { session } => self.handle_connected(session),
            Event::Closed { session, reason } => self.handle_closed(session, reason).await,
            Event::Offer {
                session,
                id,
                sdp,
                mid_to_track,
            } => self.tell_offer(session, id, sdp, mid_to_track),
            Event::SectionsNeeded {
                session,
                audios,
                videos,
            } => self.handle_sections_needed(session, audios, videos),
            Event::Data {
                session,
                channel,
                data,
            } => self.handle_data(session, channel, &data).await,
            Event::EncodingStarted {
                track,
                encoding,
                ssrc,
            } => self.handle_encoding_started(track, encoding, ssrc).await,
            Event::PictureSize {
                track,
                encoding,
                size,
            } => self.handle_picture_size(track, encoding, size).await,
            Event::Subscribed { session: _, track } => self.tell_subscribed(track),
            Event::CodecRefused { session, track } => {
                self.handle_codec_refused(session, track).await;
            }
            Event::StreamState {
                session,
                track,
                is_paused,
            } => self.handle_stream_state(session, track, is_paused),
            Event::LayerDemand { track, spatial } => self.handle_demand(track, spatial),
            Event::Speakers { shard, speakers } => {
                let owners = &self.by_track;
                let owner = |track: TrackId| owners.get(&track).copied();
                let changes = self.speakers.handle_heard(shard, speakers, owner);
                self.tell_speaker_changes(&changes);
            }
            Event::Quality { session, quality } => {
                if let Some(participant) = self.participant_of(session) {
                    participant.links.insert(session, quality);
                }
            }
            // Messages wait in the media server until the channel is open.
            Event::DataChannelOpen { .. } => {}
        }
    }

    fn participant_of(
        &mut self,
        session: SessionId,
    ) -> Option<&mut crate::participant::Participant> {
        let key = self.by_session.get(&session)?;
        self.participants.get_mut(key)
    }

    fn handle_connected(&mut self, session: SessionId) {
        if let Some(participant) = self.participant_of(session)
            && participant.receiving == Some(session)
            && participant.state != State::Active
        {
            participant.state = State::Active;
            let key = participant.key;
            if let Some(participant) = self.participants.get(&key) {
                self.report_joined(participant);
            }
            self.announce(key);
        }
    }

    /// A session that has ended can't be resumed. Whoever closed it in order to leave says so in a
    /// moment; everybody else has to join anew.
    async fn handle_closed(&mut self, session: SessionId, reason: CloseReason) {
        let Some(participant) = self.participant_of(session) else {
            return;
        };
        let key = participant.key;
        let was_active = participant.state == State::Active;
        tracing::debug!(participant.id = %participant.sid, ?reason, "a media session has ended");
        let departure = match reason {
            CloseReason::PeerClosed if participant.outbox.is_some() => {
                participant.media_ended_at.get_or_insert_with(Instant::now);
                return;
            }
            CloseReason::HandshakeTimeout if !was_active => Departure::NeverConnected,
            CloseReason::PeerClosed
            | CloseReason::HandshakeTimeout
            | CloseReason::IceTimeout
            | CloseReason::SlowReader
            | CloseReason::Protocol
            | CloseReason::Panic => Departure::MediaLost(reason),
        };
        self.remove(key, departure).await;
    }

    fn tell_offer(
        &mut self,
        session: SessionId,
        id: u32,
        sdp: String,
        mid_to_track: Vec<(String, TrackId)>,
    ) {
        let mid_to_track_id = self.track_sids(mid_to_track);
        if let Some(participant) = self.participant_of(session) {
            let offer = answers::description("offer", sdp, id, mid_to_track_id);
            participant.tell(Message::Offer(offer));
        }
    }

    fn handle_sections_needed(&mut self, session: SessionId, audios: u32, videos: u32) {
        if let Some(participant) = self.participant_of(session) {
            participant.sections_needed = Some((audios, videos));
            let key = participant.key;
            self.tell_sections(key);
        }
    }

    /// Asks a client for a new offer, if one is owed.
    pub(super) fn tell_sections(&self, key: ParticipantKey) {
        if let Some(participant) = self.participants.get(&key)
            && let Some((num_audios, num_videos)) = participant.sections_needed
        {
            participant.tell(Message::MediaSectionsRequirement(
                MediaSectionsRequirement {
                    num_audios,
                    num_videos,
                },
            ));
        }
    }

    async fn handle_encoding_started(&mut self, track: TrackId, encoding: u8, ssrc: u32) {
        let Some(key) = self.by_track.get(&track).copied() else {
            return;
        };
        let participant = self.participants.get_mut(&key);
        let Some(publication) = participant.and_then(|owner| owner.publication_mut(track)) else {
            return;
        };
        let is_first = publication.id == track;
        if publication.start_encoding(track, encoding, ssrc) {
            self.announce(key);
        }
        if !is_first {
            self.begin_backup(key, track).await;
        }
    }

    /// Whoever comes by WHIP has announced no sizes; of all others their own word counts.
    async fn handle_picture_size(&mut self, track: TrackId, encoding: u8, size: PictureSize) {
        let Some(key) = self.by_track.get(&track).copied() else {
            return;
        };
        let owner = self.participants.get_mut(&key);
        let Some(owner) = owner.filter(|owner| owner.http.is_some()) else {
            return;
        };
        let publication = owner.publication_mut(track);
        if !publication.is_some_and(|publication| publication.grow(encoding, size)) {
            return;
        }
        self.announce(key);
        // Which layer fills a picture on somebody's screen has become known.
        let viewers: Vec<ParticipantKey> = self.participants.keys().copied().collect();
        for viewer in viewers {
            self.send_target(viewer, track).await;
        }
    }

    fn tell_subscribed(&self, track: TrackId) {
        let owner = self
            .by_track
            .get(&track)
            .and_then(|owner| self.participants.get(owner));
        if let Some(owner) = owner
            && owner.quirks.unknown_messages
            && let Some(publication) = owner.publication(track)
        {
            owner.tell(Message::TrackSubscribed(TrackSubscribed {
                track_sid: publication.info.sid.clone(),
            }));
        }
    }

    fn handle_demand(&mut self, track: TrackId, demand: Demand) {
        let Some(key) = self.by_track.get(&track).copied() else {
            return;
        };
        let participant = self.participants.get_mut(&key);
        let publication = participant.and_then(|participant| participant.publication_mut(track));
        let is_news = publication
            .is_some_and(|publication| publication.handle_demand(track, Instant::now(), demand));
        if is_news {
            self.tell_demand(key, track);
        }
    }

    /// Tells a publisher which layers of which codec somebody watches.
    pub(super) fn tell_demand(&self, key: ParticipantKey, track: TrackId) {
        if let Some(owner) = self.participants.get(&key)
            && let Some(publication) = owner.publication(track)
            && let Some(update) = publication.quality_update()
        {
            owner.tell(Message::SubscribedQualityUpdate(update));
        }
    }

    /// Repeats for a client that has lost messages which of its layers are watched.
    pub(super) fn retell_demand(&self, key: ParticipantKey) {
        let Some(owner) = self.participants.get(&key) else {
            return;
        };
        for publication in &owner.published {
            self.tell_demand(key, publication.id);
        }
    }

    /// Tells who fell silent because tracks or participants went away.
    pub(super) fn tell_speakers(&mut self) {
        let owners = &self.by_track;
        let changes = self.speakers.changes(|track| owners.get(&track).copied());
        self.tell_speaker_changes(&changes);
    }

    pub(super) fn tell_speaker_changes(&self, changes: &[SpeakerChange]) {
        self.show_levels(changes);
        let visible = |key: &ParticipantKey| {
            let participant = self.participants.get(key)?;
            (!participant.permissions.is_hidden()).then_some(&participant.sid)
        };
        let speakers: Vec<_> = changes
            .iter()
            .filter_map(|(key, level)| Some(speaker_info(visible(key)?, *level)))
            .collect();
        if !speakers.is_empty() {
            self.broadcast(Message::SpeakersChanged(SpeakersChanged { speakers }));
        }
    }
}
