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

    /// Tells everybody who may know that something about a participant has changed.
    pub(super) fn announce(&mut self, key: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        participant.touch();
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
            ..self.info.clone()
        }
    }

    /// Notes that the counts of the room have changed; they are told a little later.
    pub(super) fn counts_changed(&mut self) {
        self.counts_changed_at.get_or_insert_with(Instant::now);
    }
}
