//! Data packets from one participant to others.

use std::time::Instant;

use livekit_protocol::DataChannelReceiveState;
use prost::bytes::Bytes;
use sfu::{DataChannel, SessionId};

use super::{Room, note};
use crate::ids::ParticipantKey;
use crate::packet::{Packet, Sender};
use crate::replay::Had;

/// Senders that a client may name; as many as a large room has.
const SENDERS_MAX: usize = 1000;

impl Room {
    /// Passes a packet on, if its sender may send.
    pub(super) async fn handle_data(
        &mut self,
        session: SessionId,
        channel: DataChannel,
        data: &Bytes,
    ) {
        let Some(key) = self.by_session.get(&session).copied() else {
            return;
        };
        if channel == DataChannel::DataTrack {
            self.forward_data_track(key, data).await;
            return;
        }
        let Some(packet) = self.accept_packet(key, channel, data) else {
            return;
        };
        if channel == DataChannel::Reliable && self.take_rpc_answer(key, &packet.bytes) {
            return;
        }
        let receivers: Vec<SessionId> = self
            .participants
            .values()
            .filter(|receiver| receiver.key != key)
            .filter(|receiver| packet.is_for(&receiver.sid, &receiver.identity))
            .filter(|receiver| !packet.is_metrics || receiver.permissions.may_subscribe_metrics())
            .filter_map(|receiver| receiver.receiving)
            .collect();
        self.shared.metrics.data_packets.inc();
        let mut packet = packet;
        let bytes = Bytes::from(std::mem::take(&mut packet.bytes));
        if channel == DataChannel::Reliable
            && !packet.is_metrics
            && let Some(sender) = self.participants.get(&key)
        {
            let now = Instant::now();
            self.replay.keep(now, &sender.sid, packet, bytes.clone());
        }
        for receiver in receivers {
            let sent = self
                .shared
                .sfu
                .send_data(receiver, channel, bytes.clone())
                .await;
            note(sent, "send data");
        }
    }

    /// Sends a client that is back what it has missed of reliable packets.
    pub(super) async fn replay_data(
        &mut self,
        key: ParticipantKey,
        states: &[DataChannelReceiveState],
    ) {
        let Some(participant) = self.participants.get(&key) else {
            return;
        };
        let Some(session) = participant.receiving else {
            return;
        };
        if !participant.quirks.numbered_data {
            return; // It would take what it has had for new.
        }
        let states = states.iter().take(SENDERS_MAX);
        let had = Had {
            sid: &participant.sid,
            identity: &participant.identity,
            joined_at: participant.joined_at,
            last: states
                .map(|state| (state.publisher_sid.clone(), u64::from(state.last_seq)))
                .collect(),
        };
        let missed = self.replay.missed(Instant::now(), &had);
        self.shared
            .metrics
            .data_replayed
            .inc_by(missed.len() as u64);
        for bytes in missed {
            let channel = DataChannel::Reliable;
            let sent = self.shared.sfu.send_data(session, channel, bytes).await;
            note(sent, "send data again");
        }
    }

    /// Checks and rewrites a packet. A reliable one that was received before, as clients repeat some
    /// after a resume, is passed on once.
    fn accept_packet(
        &mut self,
        key: ParticipantKey,
        channel: DataChannel,
        data: &[u8],
    ) -> Option<Packet> {
        let metrics = &self.shared.metrics;
        let participant = self.participants.get_mut(&key)?;
        if !participant.permissions.may_publish_data() {
            metrics.refuse("data-permission");
            return None;
        }
        if !participant.packets.try_take(Instant::now()) {
            metrics.refuse("data-rate");
            return None;
        }
        if data.len() > self.shared.config.limit.data_packet_bytes_max {
            metrics.refuse("data-size");
            return None;
        }
        let sender = if participant.permissions.is_hidden() {
            Sender::SERVER
        } else {
            Sender {
                sid: &participant.sid,
                identity: &participant.identity,
            }
        };
        let packet = Packet::rewrite(data, sender, channel)
            .inspect_err(
                |error| tracing::debug!(participant.id = %sender.sid, %error, "dropped data"),
            )
            .inspect_err(|_| metrics.refuse("data-packet"))
            .ok()?;
        if channel == DataChannel::Reliable && packet.sequence > 0 {
            if packet.sequence <= participant.last_sequence {
                metrics.refuse("data-repeated");
                return None;
            }
            participant.last_sequence = packet.sequence;
        }
        Some(packet)
    }
}
