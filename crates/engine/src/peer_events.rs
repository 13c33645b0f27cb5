//! What peer connections tell, and who is to hear it.

use std::time::{Duration, Instant};

use str0m::IceConnectionState;

use crate::counters::Drop;
use crate::demux::SessionIndex;
use crate::egress::Path;
use crate::flow;
use crate::track::Demand;
use crate::{CloseReason, DataChannel, Engine, Event, LinkQuality, MediaFlow};

/// How long a client may be silent before its session ends. Long enough to walk out of one network
/// and into the next.
const ICE_TIMEOUT: Duration = Duration::from_secs(15);

impl Engine {
    pub(crate) fn handle_peer_events(&mut self, now: Instant) {
        while let Some((index, id, event)) = self.peer_events.pop_front() {
            if self.session_ids.get(&id) == Some(&index) {
                self.handle_peer_event(now, index, event);
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "str0m's events may grow")]
    fn handle_peer_event(&mut self, now: Instant, index: SessionIndex, event: str0m::Event) {
        use str0m::Event as Peer;
        match event {
            Peer::RtpPacket(packet) => self.handle_rtp(now, index, packet),
            Peer::SenderFeedback(feedback) => self.handle_sender_feedback(now, index, &feedback),
            Peer::Connected => self.handle_connected(index),
            Peer::IceConnectionStateChange(state) => self.handle_ice_state(now, index, state),
            Peer::ChannelOpen(id, label) => self.handle_channel_open(index, id, &label),
            Peer::ChannelClose(id) => self.sessions[index].channels.handle_close(id),
            Peer::ChannelData(data) => self.handle_channel_data(index, data),
            Peer::ChannelBufferedAmountLow(_) => self.touch(index),
            Peer::PeerStats(stats) => self.handle_stats(now, index, &stats),
            Peer::MediaIngressStats(stats) => {
                let progress = &mut self.sessions[index].nacks_out;
                self.counters.nacks_out += progress.advance(stats.mid, stats.rid, stats.nacks);
            }
            Peer::Closed => self.end_session(index, Some(CloseReason::PeerClosed)),
            _ => {}
        }
    }

    fn handle_connected(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        if let Some(keys) = session.keys.take() {
            session.egress.set_keys(&keys);
        }
        session.is_connected = true;
        session.deadline = None;
        let (room, id) = (session.room, session.id);
        self.emit(room, Event::Connected { session: id });
        self.start_sending(index);
        self.touch(index);
    }

    fn handle_ice_state(&mut self, now: Instant, index: SessionIndex, state: IceConnectionState) {
        let session = &mut self.sessions[index];
        match state {
            IceConnectionState::Disconnected => {
                session.deadline = Some((now + ICE_TIMEOUT, CloseReason::IceTimeout));
                self.touch(index);
            }
            IceConnectionState::New | IceConnectionState::Checking => {}
            IceConnectionState::Connected | IceConnectionState::Completed => {
                if session.is_connected {
                    session.deadline = None;
                }
            }
        }
    }

    fn handle_channel_open(
        &mut self,
        index: SessionIndex,
        id: str0m::channel::ChannelId,
        label: &str,
    ) {
        let session = &mut self.sessions[index];
        if !session.channels.count_open() {
            self.counters.drop(Drop::DataChannels);
            self.end_session(index, Some(CloseReason::Protocol));
            return;
        }
        let Some(channel) = DataChannel::from_label(label) else {
            return;
        };
        session.channels.handle_open(channel, id);
        let (room, id) = (session.room, session.id);
        self.emit(
            room,
            Event::DataChannelOpen {
                session: id,
                channel,
            },
        );
        self.touch(index);
    }

    fn handle_channel_data(&mut self, index: SessionIndex, data: str0m::channel::ChannelData) {
        let session = &self.sessions[index];
        let Some(channel) = session.channels.find(data.id) else {
            return;
        };
        let event = Event::Data {
            session: session.id,
            channel,
            data: data.data.into(),
        };
        self.emit(session.room, event);
    }

    fn handle_stats(&mut self, now: Instant, index: SessionIndex, stats: &str0m::stats::PeerStats) {
        let flow = self.look_at_flow(now, index);
        let session = &mut self.sessions[index];
        if let Some(pair) = &stats.selected_candidate_pair {
            let path = Path {
                source: pair.local.addr,
                destination: pair.remote.addr,
            };
            session.egress.route.handle_selected(now, path);
        }
        let reported = std::mem::take(&mut session.link);
        let rtt = stats.rtt.or(reported.rtt);
        let quality = LinkQuality {
            rtt_ms: rtt.map(|rtt| rtt.as_secs_f32() * 1000.0),
            loss_up: stats.ingress_loss_fraction,
            loss_down: stats.egress_loss_fraction.or(reported.loss),
            layers_missing: self.layers_missing(now, &self.sessions[index]),
            flow,
        };
        let session = &self.sessions[index];
        let (room, session) = (session.room, session.id);
        self.emit(room, Event::Quality { session, quality });
    }

    /// Looks at all that the session publishes, once per interval.
    fn look_at_flow(&mut self, now: Instant, index: SessionIndex) -> MediaFlow {
        let session = &mut self.sessions[index];
        let mut is_in_use = session.egress.has_flowed();
        let mut is_dry = false;
        for (_, track) in &session.received {
            let track = &mut self.tracks[*track];
            let is_watched = track.told_demand != Demand::Nothing;
            let is_expected = is_watched && !track.is_muted;
            is_in_use |= is_expected && track.flow.has_begun();
            is_dry |= track.flow.look(is_expected);
        }
        let silent_for = session.heard_at.map(|at| now.saturating_duration_since(at));
        flow::judge(silent_for.unwrap_or_default(), is_in_use, is_dry)
    }
}
