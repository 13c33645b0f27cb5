//! What everybody in the room is told.

use std::time::Instant;

use livekit_protocol::signal_response::Message;
use livekit_protocol::{ParticipantInfo, ParticipantUpdate, Room as RoomInfo, RoomUpdate};

use super::Room;
use crate::answers;
use crate::ids::ParticipantKey;
use crate::outbox::encode;

impl Room {
    /// Tells everybody.
    pub(super) fn broadcast(&self, message: Message) {
        let message = encode(message);
        for participant in self.participants.values() {
            participant.tell_encoded(&message);
        }
    }

    /// Tells everybody who may know that something about a participant has changed; at once, unless
    /// it changes all the time.
    pub(super) fn announce(&mut self, key: ParticipantKey) {
        if let Some(participant) = self.participants.get_mut(&key) {
            participant.touch();
            participant.has_news = true;
            if participant.updates.try_take(Instant::now()) {
                self.tell_news(key);
            } else {
                self.shared.metrics.refuse("update-rate");
            }
        }
    }

    /// Tells what is new about a participant, if anything.
    pub(super) fn tell_news(&mut self, key: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(&key).filter(|p| p.has_news) else {
            return;
        };
        participant.has_news = false;
        self.show_news(key);
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let message = answers::update(participant.info());
        if participant.permissions.is_hidden() {
            participant.tell(message);
        } else {
            self.broadcast(message);
        }
    }

    /// Lists the others as `key` may know them.
    pub(super) fn others(&self, key: ParticipantKey) -> Vec<ParticipantInfo> {
        let others = self.participants.values().filter(|other| other.key != key);
        let visible = others.filter(|other| !other.permissions.is_hidden());
        visible.map(super::Participant::info).collect()
    }

    /// Tells one participant of all, itself included.
    pub(super) fn tell_everything(&self, key: ParticipantKey) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let mut participants = vec![participant.info()];
        participants.extend(self.others(key));
        participant.tell(Message::Update(ParticipantUpdate { participants }));
        participant.tell(Message::RoomUpdate(RoomUpdate {
            room: Some(self.room_info()),
        }));
        let handles = participant.data_subscriptions.handles();
        if !handles.sub_handles.is_empty() {
            participant.tell(Message::DataTrackSubscriberHandles(handles));
        }
    }

    /// Describes the room as of now.
    pub(super) fn room_info(&self) -> RoomInfo {
        let visible = || {
            self.participants
                .values()
                .filter(|p| !p.permissions.is_hidden())
        };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        RoomInfo {
            num_participants: count(visible().count()),
            num_publishers: count(visible().filter(|p| p.is_publisher).count()),
            active_recording: self
                .participants
                .values()
                .any(|p| p.permissions.is_recorder()),
            ..self.info.clone()
        }
    }

    /// Notes that the counts of the room have changed; they are told a little later.
    pub(super) fn counts_changed(&mut self) {
        self.counts_changed_at.get_or_insert_with(Instant::now);
    }
}
