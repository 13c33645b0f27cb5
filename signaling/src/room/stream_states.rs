//! Pictures that the media server pauses because a client's way in does not carry them.

use livekit_protocol::signal_response::Message;
use livekit_protocol::{StreamState, StreamStateInfo, StreamStateUpdate};
use sfu::{SessionId, TrackId};

use super::Room;
use crate::ids::ParticipantKey;

impl Room {
    /// Tells a subscriber that a track is paused or goes on.
    pub(super) fn handle_stream_state(
        &mut self,
        session: SessionId,
        track: TrackId,
        is_paused: bool,
    ) {
        let Some(key) = self.by_session.get(&session).copied() else {
            return;
        };
        let owner = self.by_track.get(&track);
        let owner = owner.and_then(|owner| self.participants.get(owner));
        // The track may be that of a second codec.
        let Some(track) = owner
            .and_then(|owner| owner.publication(track))
            .map(|publication| publication.id)
        else {
            return;
        };
        if let Some(participant) = self.participants.get_mut(&key) {
            participant.subscriptions.set_paused(track, is_paused);
        }
        self.tell_stream_states(key, [(track, is_paused)]);
    }

    /// Repeats for a client that has lost messages which tracks are paused, and which no longer.
    pub(super) fn retell_stream_states(&self, key: ParticipantKey) {
        if let Some(participant) = self.participants.get(&key) {
            self.tell_stream_states(key, participant.subscriptions.paused());
        }
    }

    fn tell_stream_states(
        &self,
        key: ParticipantKey,
        states: impl IntoIterator<Item = (TrackId, bool)>,
    ) {
        let stream_states: Vec<_> = states
            .into_iter()
            .filter_map(|(track, is_paused)| {
                let owner = self.participants.get(self.by_track.get(&track)?)?;
                let state = if is_paused {
                    StreamState::Paused
                } else {
                    StreamState::Active
                };
                Some(StreamStateInfo {
                    participant_sid: owner.sid.clone(),
                    track_sid: owner.publication(track)?.info.sid.clone(),
                    state: state.into(),
                })
            })
            .collect();
        if let Some(participant) = self.participants.get(&key)
            && !stream_states.is_empty()
        {
            participant.tell(Message::StreamStateUpdate(StreamStateUpdate {
                stream_states,
            }));
        }
    }
}
