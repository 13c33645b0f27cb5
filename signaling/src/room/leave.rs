//! Leaving: by wish, by fault, or with the server.

use std::time::Instant;

use livekit_protocol::DisconnectReason;
use livekit_protocol::leave_request::Action;
use sfu::CloseReason;

use super::{Room, note};
use crate::answers;
use crate::ids::{ConnectionKey, ParticipantKey};
use crate::participant::Participant;

/// Why somebody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Departure {
    /// The client said so.
    Client,
    /// It was only shown here, and has left the room that it was in.
    SourceLeft,
    /// Somebody with the same identity has joined.
    DuplicateIdentity,
    /// The server API removed it.
    Removed,
    /// The server API sent it to another room.
    Moved,
    /// The server API deleted the room.
    RoomDeleted,
    /// The room has been empty for long, but for agents and recorders.
    RoomClosed,
    /// The client believes in tracks that the server does not know.
    StateMismatch,
    /// The socket ended and nobody came back in time.
    SignalLost,
    /// Media never came up.
    NeverConnected,
    /// Media ended; a new join can bring it back.
    MediaLost(CloseReason),
    /// Media ended because the client closed it, but for nothing else.
    PeerClosed,
    /// A bug ended the room; the next join opens it anew.
    RoomLost,
    /// The server is going down.
    Shutdown,
    /// A developer plays a server that asks for a new join.
    SimulatedReconnect,
    /// A developer plays a server that asks to leave.
    SimulatedLeave,
    /// A developer plays a node that dies without a word.
    SimulatedCrash,
    /// A developer plays a move to another node.
    SimulatedMigration,
}

/// What a departure looks like.
struct Look {
    /// What all are told.
    reason: DisconnectReason,
    /// What the client is asked to do; `None`: it is not even told.
    action: Option<Action>,
    /// For metrics and logs.
    label: &'static str,
}

impl Departure {
    #[rustfmt::skip]
    fn look(self) -> Look {
        use Action::{Disconnect, Reconnect};
        use DisconnectReason as R;
        let (reason, action, label) = match self {
            Self::Client => (R::ClientInitiated, Some(Disconnect), "client"),
            Self::SourceLeft => (R::ClientInitiated, None, "source-left"),
            Self::DuplicateIdentity => (R::DuplicateIdentity, Some(Disconnect), "duplicate-identity"),
            Self::Removed => (R::ParticipantRemoved, Some(Disconnect), "removed"),
            Self::Moved => (R::Migration, Some(Reconnect), "moved"),
            Self::RoomDeleted => (R::RoomDeleted, Some(Disconnect), "room-deleted"),
            Self::RoomClosed => (R::RoomClosed, Some(Disconnect), "room-closed"),
            Self::StateMismatch => (R::StateMismatch, Some(Reconnect), "state-mismatch"),
            Self::SignalLost => (R::SignalClose, Some(Disconnect), "signal-lost"),
            Self::NeverConnected => (R::JoinFailure, Some(Disconnect), "never-connected"),
            Self::PeerClosed => (R::ConnectionTimeout, Some(Reconnect), "peer-closed"),
            Self::RoomLost => (R::StateMismatch, Some(Reconnect), "room-lost"),
            // A restarted server, or another one, takes the client back without anybody's help.
            Self::Shutdown => (R::ServerShutdown, Some(Reconnect), "shutdown"),
            Self::MediaLost(reason) => match reason {
                CloseReason::IceTimeout => (R::ConnectionTimeout, Some(Reconnect), "ice-timeout"),
                CloseReason::PeerClosed => (R::ConnectionTimeout, Some(Reconnect), "peer-closed"),
                CloseReason::HandshakeTimeout => (R::ConnectionTimeout, Some(Reconnect), "handshake-timeout"),
                CloseReason::SlowReader => (R::StateMismatch, Some(Reconnect), "slow-reader"),
                CloseReason::Protocol => (R::StateMismatch, Some(Reconnect), "protocol"),
                CloseReason::Panic => (R::MediaFailure, Some(Reconnect), "panic"),
            },
            Self::SimulatedReconnect => (R::ClientInitiated, Some(Reconnect), "simulated"),
            Self::SimulatedLeave => (R::ServerShutdown, Some(Disconnect), "simulated"),
            Self::SimulatedCrash => (R::ServerShutdown, None, "simulated"),
            Self::SimulatedMigration => (R::Migration, None, "simulated"),
        };
        Look { reason, action, label }
    }
}

impl Room {
    /// Ends a participant: tells it and the others, and gives back all that it held.
    pub(super) async fn remove(&mut self, key: ParticipantKey, departure: Departure) {
        self.end_shown(key).await;
        let Some(mut participant) = self.forget(key) else {
            return;
        };
        self.end_data_tracks(key, participant.data_tracks.take_all());
        let Look {
            reason,
            action,
            label,
        } = departure.look();
        tracing::info!(
            room.id = %self.info.sid,
            participant.id = %participant.sid,
            participant.identity = %participant.identity,
            reason = label,
            "left"
        );
        self.shared
            .metrics
            .departures
            .with_label_values(&[label])
            .inc();
        if let Some(action) = action {
            participant.tell(answers::leave(participant.quirks, reason, action));
        }
        for session in participant.sessions() {
            note(
                self.shared.sfu.close_session(session).await,
                "close a session",
            );
        }
        self.report_left(&participant, reason);
        self.end_job_of(&participant.identity);
        if !participant.permissions.is_hidden() {
            let farewell = participant.farewell(reason);
            self.broadcast(answers::update(farewell));
        }
        self.tell_speakers();
        self.counts_changed();
    }

    /// Takes a participant out of all maps.
    pub(super) fn forget(&mut self, key: ParticipantKey) -> Option<Participant> {
        let participant = self.participants.remove(&key)?;
        self.shared.metrics.participants.dec();
        for session in participant.sessions() {
            self.by_session.remove(&session);
        }
        for publication in participant.published.iter().chain(&participant.pending) {
            for track in publication.tracks() {
                self.by_track.remove(&track);
            }
            self.forget_track(publication.id);
        }
        self.rpcs.forget(key);
        self.simulated_speakers
            .retain(|(speaker, _)| *speaker != key);
        let mut left = self.participants.values();
        if left.all(|participant| participant.permissions.is_dependent()) {
            self.empty_since.get_or_insert_with(Instant::now);
        }
        Some(participant)
    }

    /// Notes that a socket has ended. Media goes on, and the client may resume for a while.
    pub(super) fn detach(&mut self, key: ParticipantKey, connection: ConnectionKey) {
        if !self.is_current(key, connection) {
            return;
        }
        if let Some(participant) = self.participants.get_mut(&key) {
            tracing::debug!(participant.id = %participant.sid, "the socket has ended");
            participant.outbox = None;
            participant.detached_at = Some(Instant::now());
        }
    }

    /// Sends everybody away and closes.
    pub(super) fn dismiss(&mut self, departure: Departure) {
        let look = departure.look();
        let departures = &self.shared.metrics.departures;
        for participant in self.participants.values() {
            if let Some(action) = look.action {
                participant.tell(answers::leave(participant.quirks, look.reason, action));
            }
            departures.with_label_values(&[look.label]).inc();
            self.report_left(participant, look.reason);
        }
        self.is_closing = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What LiveKit's server says in each case, but for a shutdown: its clients give up then, ours
    /// come back to the server that takes over.
    #[test]
    #[rustfmt::skip]
    fn each_departure_has_the_reason_and_action_that_clients_expect() {
        use Action::{Disconnect, Reconnect};
        use DisconnectReason as R;
        use Departure as D;

        for (departure, reason, action) in [
            (D::Client, R::ClientInitiated, Some(Disconnect)),
            (D::DuplicateIdentity, R::DuplicateIdentity, Some(Disconnect)),
            (D::Removed, R::ParticipantRemoved, Some(Disconnect)),
            (D::Moved, R::Migration, Some(Reconnect)),
            (D::RoomDeleted, R::RoomDeleted, Some(Disconnect)),
            (D::RoomClosed, R::RoomClosed, Some(Disconnect)),
            (D::StateMismatch, R::StateMismatch, Some(Reconnect)),
            (D::SignalLost, R::SignalClose, Some(Disconnect)),
            (D::NeverConnected, R::JoinFailure, Some(Disconnect)),
            (D::PeerClosed, R::ConnectionTimeout, Some(Reconnect)),
            (D::MediaLost(CloseReason::IceTimeout), R::ConnectionTimeout, Some(Reconnect)),
            (D::MediaLost(CloseReason::SlowReader), R::StateMismatch, Some(Reconnect)),
            (D::MediaLost(CloseReason::Protocol), R::StateMismatch, Some(Reconnect)),
            (D::RoomLost, R::StateMismatch, Some(Reconnect)),
            (D::Shutdown, R::ServerShutdown, Some(Reconnect)),
            (D::SimulatedLeave, R::ServerShutdown, Some(Disconnect)),
            (D::SimulatedReconnect, R::ClientInitiated, Some(Reconnect)),
            (D::SimulatedCrash, R::ServerShutdown, None),
            (D::SimulatedMigration, R::Migration, None),
        ] {
            let look = departure.look();
            assert_eq!((look.reason, look.action), (reason, action), "{departure:?}");
        }
    }
}
