//! Ids that clients see, and the keys that rooms use inside.

use livekit_protocol::{TrackSource, TrackType};
use rand::Rng;
use rand::distr::Alphanumeric;

/// 62^14 possibilities: two ids of one server don't collide, and none can be guessed.
const RANDOM_CHARS: usize = 14;

/// Names one connection of one identity inside its room. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ParticipantKey(pub(crate) u64);

/// Names one WebSocket of a participant, so that the end of an old one does not touch a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionKey(pub(crate) u64);

/// Makes the id of a room.
pub(crate) fn room_sid() -> String {
    with_prefix("RM_")
}

/// Makes the id of a participant.
pub(crate) fn participant_sid() -> String {
    with_prefix("PA_")
}

/// Makes the id of an RPC of the server, which is also the identity of its caller.
pub(crate) fn rpc_id() -> String {
    with_prefix("RPC_")
}

/// Makes the id of a data track.
pub(crate) fn data_track_sid() -> String {
    with_prefix("DTR_")
}

/// Makes the name of this process among the nodes.
pub(crate) fn node_id() -> String {
    with_prefix("ND_")
}

/// Makes the id of a track. Kind and source are part of it, which helps people who read logs.
pub(crate) fn track_sid(kind: TrackType, source: TrackSource) -> String {
    let kind = match kind {
        TrackType::Audio => 'A',
        TrackType::Video => 'V',
        TrackType::Data => 'D',
    };
    let source = match source {
        TrackSource::Unknown => 'U',
        TrackSource::Camera => 'C',
        TrackSource::Microphone => 'M',
        TrackSource::ScreenShare => 'S',
        TrackSource::ScreenShareAudio => 'A',
    };
    with_prefix(&format!("TR_{kind}{source}"))
}

/// Makes the id of a WHIP or WHEP session.
pub(crate) fn http_session() -> String {
    with_prefix("HS_")
}

fn with_prefix(prefix: &str) -> String {
    let random = rand::rng().sample_iter(Alphanumeric).take(RANDOM_CHARS);
    prefix.chars().chain(random.map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_prefixes_that_clients_look_for() {
        assert!(room_sid().starts_with("RM_"));
        assert!(participant_sid().starts_with("PA_"));
        assert!(track_sid(TrackType::Video, TrackSource::Camera).starts_with("TR_VC"));
        assert!(track_sid(TrackType::Audio, TrackSource::ScreenShareAudio).starts_with("TR_AA"));
    }

    #[test]
    fn two_ids_differ() {
        assert_ne!(participant_sid(), participant_sid());
    }
}
