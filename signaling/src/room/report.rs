//! What the application's backend is told of a room, by webhooks.

use livekit_protocol::participant_info::State;
use livekit_protocol::{DisconnectReason, ParticipantInfo, TrackInfo};

use super::Room;
use crate::participant::Participant;
use crate::webhooks::Event;

impl Room {
    /// Reports something about the room itself.
    pub(super) fn report_room(&self, event: Event) {
        if !self.shared.webhooks.is_empty() {
            let room = self.room_info();
            self.shared.webhooks.tell(event, room, None, None);
        }
    }

    /// Reports that a participant is here.
    pub(super) fn report_joined(&self, participant: &Participant) {
        self.report_participant(Event::ParticipantJoined, || participant.info());
    }

    /// Reports that a participant has left, and its tracks with it.
    pub(super) fn report_left(&self, participant: &Participant, reason: DisconnectReason) {
        for publication in &participant.published {
            self.report_track(Event::TrackUnpublished, participant, &publication.info);
        }
        let event = if participant.state == State::Active {
            Event::ParticipantLeft
        } else {
            Event::ParticipantConnectionAborted
        };
        self.report_participant(event, || ParticipantInfo {
            state: State::Disconnected.into(),
            disconnect_reason: reason.into(),
            tracks: Vec::new(),
            ..participant.info()
        });
    }

    /// Reports a track, with no more about its owner than who that is.
    pub(super) fn report_track(&self, event: Event, owner: &Participant, track: &TrackInfo) {
        if self.shared.webhooks.is_empty() {
            return;
        }
        let owner = ParticipantInfo {
            sid: owner.sid.clone(),
            identity: owner.identity.clone(),
            ..ParticipantInfo::default()
        };
        let (room, track) = (self.room_info(), track.clone());
        let webhooks = &self.shared.webhooks;
        webhooks.tell(event, room, Some(owner), Some(track));
    }

    fn report_participant(&self, event: Event, info: impl FnOnce() -> ParticipantInfo) {
        if !self.shared.webhooks.is_empty() {
            let room = self.room_info();
            self.shared.webhooks.tell(event, room, Some(info()), None);
        }
    }
}
