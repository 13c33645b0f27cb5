//! Who speaks, merged over shards and tracks to one list of participants.
//!
//! Invariants:
//! - only changes are told;
//! - whoever was told to be active is told to be silent before it disappears.

use std::collections::{BTreeMap, HashMap};

use livekit_protocol::SpeakerInfo;
use sfu::{ShardId, TrackId};

use crate::ids::ParticipantKey;

/// Levels are told in eighths, as finer steps would be a message for every packet.
const LEVEL_STEPS: f32 = 8.0;

/// The speakers of one room.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    heard: HashMap<ShardId, Vec<(TrackId, f32)>>,
    told: BTreeMap<ParticipantKey, f32>,
}

/// One change: a participant and its level, 0 for silence.
pub(crate) type SpeakerChange = (ParticipantKey, f32);

impl Speakers {
    /// Takes what `shard` hears, and tells what changed. `owner` finds the participant of a track.
    pub(crate) fn handle_heard(
        &mut self,
        shard: ShardId,
        heard: Vec<(TrackId, f32)>,
        owner: impl Fn(TrackId) -> Option<ParticipantKey>,
    ) -> Vec<SpeakerChange> {
        self.heard.insert(shard, heard);
        self.changes(owner)
    }

    /// Tells what changed because tracks or participants went away.
    pub(crate) fn changes(
        &mut self,
        owner: impl Fn(TrackId) -> Option<ParticipantKey>,
    ) -> Vec<SpeakerChange> {
        let mut levels: BTreeMap<ParticipantKey, f32> = BTreeMap::new();
        for (track, level) in self.heard.values().flatten() {
            let level = (level.clamp(0.0, 1.0) * LEVEL_STEPS).ceil() / LEVEL_STEPS;
            if let Some(participant) = owner(*track).filter(|_| level > 0.0) {
                let loudest = levels.entry(participant).or_default();
                *loudest = loudest.max(level);
            }
        }
        let ended = self.told.keys().filter(|key| !levels.contains_key(key));
        let mut changes: Vec<SpeakerChange> = ended.map(|key| (*key, 0.0)).collect();
        let is_new = |key: &ParticipantKey, level: f32| {
            self.told
                .get(key)
                .is_none_or(|told| told.total_cmp(&level).is_ne())
        };
        changes.extend(
            levels
                .iter()
                .filter(|(key, level)| is_new(key, **level))
                .map(|(key, level)| (*key, *level)),
        );
        self.told = levels;
        changes
    }
}

/// Writes a change for the clients.
pub(crate) fn speaker_info(sid: &str, level: f32) -> SpeakerInfo {
    SpeakerInfo {
        sid: sid.to_owned(),
        level,
        active: level > 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: ParticipantKey = ParticipantKey(1);
    const BOB: ParticipantKey = ParticipantKey(2);

    fn track(shard: u8, number: u64) -> TrackId {
        TrackId::new(ShardId(shard), number)
    }

    fn owner(id: TrackId) -> Option<ParticipantKey> {
        [
            (track(0, 1), ALICE),
            (track(0, 2), ALICE),
            (track(1, 1), BOB),
        ]
        .into_iter()
        .find_map(|(known, key)| (known == id).then_some(key))
    }

    #[test]
    fn the_loudest_track_of_a_participant_counts() {
        let mut speakers = Speakers::default();

        let heard = vec![(track(0, 1), 0.1), (track(0, 2), 0.6)];
        let changes = speakers.handle_heard(ShardId(0), heard, owner);

        assert_eq!(changes, [(ALICE, 0.625)]);
    }

    #[test]
    fn only_changes_are_told() {
        let mut speakers = Speakers::default();
        speakers.handle_heard(ShardId(0), vec![(track(0, 1), 0.5)], owner);

        let same = speakers.handle_heard(ShardId(0), vec![(track(0, 1), 0.49)], owner);
        let louder = speakers.handle_heard(ShardId(0), vec![(track(0, 1), 0.8)], owner);
        let silent = speakers.handle_heard(ShardId(0), vec![], owner);

        assert_eq!(same, []);
        assert_eq!(louder, [(ALICE, 0.875)]);
        assert_eq!(silent, [(ALICE, 0.0)]);
    }

    #[test]
    fn silence_on_one_shard_leaves_the_speakers_of_another_alone() {
        let mut speakers = Speakers::default();
        speakers.handle_heard(ShardId(0), vec![(track(0, 1), 0.5)], owner);
        speakers.handle_heard(ShardId(1), vec![(track(1, 1), 0.5)], owner);

        let changes = speakers.handle_heard(ShardId(0), vec![], owner);

        assert_eq!(changes, [(ALICE, 0.0)]);
    }

    #[test]
    fn a_speaker_who_leaves_is_told_to_be_silent() {
        let mut speakers = Speakers::default();
        speakers.handle_heard(ShardId(0), vec![(track(0, 1), 0.5)], owner);

        assert_eq!(speakers.changes(|_| None), [(ALICE, 0.0)]);
        assert_eq!(speakers.changes(|_| None), []);
    }
}
