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
    /// Somebody with the same identity has joined.
    DuplicateIdentity,
    /// The socket ended and nobody came back in time.
    SignalLost,
    /// Media never came up.
    NeverConnected,
    /// Media ended; a new join can bring it back.
    MediaLost(CloseReason),
    /// Media ended because the client closed it, but for nothing else.
    PeerClosed,
    /// The server is going down.
    Shutdown,
    /// A developer plays a full reconnect.
    SimulatedReconnect,
    /// A developer plays a server that asks to leave.
    SimulatedLeave,
    /// A developer plays a node that dies without a word.
    SimulatedCrash,
}

impl Departure {
    /// What the others are told.
    fn reason(self) -> DisconnectReason {
        match self {
            Self::Client => DisconnectReason::ClientInitiated,
            Self::DuplicateIdentity => DisconnectReason::DuplicateIdentity,
            Self::SignalLost => DisconnectReason::SignalClose,
            Self::NeverConnected => DisconnectReason::JoinFailure,
            Self::MediaLost(reason) => match reason {
                CloseReason::IceTimeout | CloseReason::HandshakeTimeout => {
                    DisconnectReason::ConnectionTimeout
                }
                CloseReason::PeerClosed
                | CloseReason::SlowReader
                | CloseReason::Protocol
                | CloseReason::Panic => DisconnectReason::MediaFailure,
            },
            Self::PeerClosed => DisconnectReason::MediaFailure,
            Self::Shutdown | Self::SimulatedLeave | Self::SimulatedCrash => {
                DisconnectReason::ServerShutdown
            }
            Self::SimulatedReconnect => DisconnectReason::Migration,
        }
    }

    /// What the client is asked to do; `None`: it is not even told.
    fn action(self) -> Option<Action> {
        match self {
            Self::Client
            | Self::DuplicateIdentity
            | Self::SignalLost
            | Self::NeverConnected
            | Self::SimulatedLeave => Some(Action::Disconnect),
            // A restarted server, or another one, takes the client back without anybody's help.
            Self::Shutdown | Self::MediaLost(_) | Self::PeerClosed | Self::SimulatedReconnect => {
                Some(Action::Reconnect)
            }
            Self::SimulatedCrash => None,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::DuplicateIdentity => "duplicate-identity",
            Self::SignalLost => "signal-lost",
            Self::NeverConnected => "never-connected",
            Self::MediaLost(reason) => match reason {
                CloseReason::IceTimeout => "ice-timeout",
                CloseReason::PeerClosed => "peer-closed",
                CloseReason::HandshakeTimeout => "handshake-timeout",
                CloseReason::SlowReader => "slow-reader",
                CloseReason::Protocol => "protocol",
                CloseReason::Panic => "panic",
            },
            Self::PeerClosed => "peer-closed",
            Self::Shutdown => "shutdown",
            Self::SimulatedReconnect | Self::SimulatedLeave | Self::SimulatedCrash => "simulated",
        }
    }
}

impl Room {
    /// Ends a participant: tells it and the others, and gives back all that it held.
    pub(super) async fn remove(&mut self, key: ParticipantKey, departure: Departure) {
        let Some(mut participant) = self.forget(key) else {
            return;
        };
        let reason = departure.reason();
        tracing::info!(
            room.id = %self.info.sid,
            participant.id = %participant.sid,
            participant.identity = %participant.identity,
            reason = departure.label(),
            "left"
        );
        self.shared
            .metrics
            .departures
            .with_label_values(&[departure.label()])
            .inc();
        if let Some(action) = departure.action() {
            participant.tell(answers::leave(participant.quirks, reason, action));
        }
        for session in participant.sessions() {
            note(
                self.shared.sfu.close_session(session).await,
                "close a session",
            );
        }
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
            self.by_track.remove(&publication.id);
            self.forget_track(publication.id);
        }
        self.simulated_speakers
            .retain(|(speaker, _)| *speaker != key);
        if self.participants.is_empty() {
            self.empty_since = Some(Instant::now());
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

    /// Asks everybody to come back later, and closes.
    pub(super) fn shut_down(&mut self) {
        let departure = Departure::Shutdown;
        for participant in self.participants.values() {
            let action = departure.action().unwrap_or(Action::Disconnect);
            participant.tell(answers::leave(
                participant.quirks,
                departure.reason(),
                action,
            ));
        }
        self.is_closing = true;
    }
}
