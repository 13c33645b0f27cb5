//! What happens because time passes.

use std::time::{Duration, Instant};

use livekit_protocol::signal_response::Message;
use livekit_protocol::{ConnectionQualityUpdate, RoomUpdate};
use sfu::TrackId;

use super::Room;
use super::leave::Departure;
use crate::ids::ParticipantKey;
use crate::participant::Participant;
use crate::scores::quality_info;

/// Counts are told this much after the first change, so that a class that joins at once makes one
/// message.
const COUNTS_DELAY: Duration = Duration::from_millis(500);

/// How often connection qualities are told, if they have changed.
const QUALITY_INTERVAL: Duration = Duration::from_secs(3);

/// How long a client that has closed its peer connection may take to say why.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(3);

/// Half of a token's lifetime.
const TOKEN_INTERVAL: Duration = Duration::from_mins(5);

impl Room {
    /// Does what is due.
    pub(super) async fn handle_tick(&mut self, now: Instant) {
        self.remove_overdue(now).await;
        let keys: Vec<ParticipantKey> = self.participants.keys().copied().collect();
        for key in keys {
            self.tell_news(key);
        }
        self.ask_for_backups(now);
        self.lower_demand(now);
        self.end_simulated_speakers(now);
        self.rpcs.handle_timeout(now);
        self.remove_leaving(now).await;
        self.offer_again(now);
        if is_due(self.counts_changed_at, now, COUNTS_DELAY) {
            self.counts_changed_at = None;
            let room = Some(self.room_info());
            self.broadcast(Message::RoomUpdate(RoomUpdate { room }));
        }
        if now.saturating_duration_since(self.quality_told_at) >= QUALITY_INTERVAL {
            self.quality_told_at = now;
            self.tell_qualities();
        }
        self.refresh_tokens(now);
        self.close_if_empty(now);
    }

    async fn remove_overdue(&mut self, now: Instant) {
        let resume_window = Duration::from_secs(u64::from(self.shared.config.room.resume_window));
        let arrival_timeout = self.shared.config.limit.whip_connect_timeout_ms;
        let arrival_timeout = Duration::from_millis(arrival_timeout);
        let overdue = |participant: &Participant| {
            if is_due(participant.media_ended_at, now, FAREWELL_TIMEOUT) {
                Some((participant.key, Departure::PeerClosed))
            } else if participant.is_absent(now, arrival_timeout) {
                Some((participant.key, Departure::NeverConnected))
            } else if is_due(participant.detached_at, now, resume_window) {
                Some((participant.key, Departure::SignalLost))
            } else {
                None
            }
        };
        let overdue: Vec<(ParticipantKey, Departure)> =
            self.participants.values().filter_map(overdue).collect();
        for (key, departure) in overdue {
            self.remove(key, departure).await;
        }
    }

    fn lower_demand(&mut self, now: Instant) {
        let mut lowered: Vec<(ParticipantKey, TrackId)> = Vec::new();
        for participant in self.participants.values_mut() {
            for publication in &mut participant.published {
                if publication.lower_demand(now) {
                    lowered.push((participant.key, publication.id));
                }
            }
        }
        for (key, track) in lowered {
            self.tell_demand(key, track);
        }
    }

    /// Tells each participant how well it is connected, and those that it receives from.
    fn tell_qualities(&mut self) {
        let mut news = Vec::new();
        for participant in self.participants.values() {
            let receives_from = |other: &&Participant| {
                let mut tracks = other.published.iter();
                other.key == participant.key
                    || tracks.any(|track| participant.subscriptions.is_active(track.id))
            };
            let concerned = self.participants.values().filter(receives_from);
            let measured = concerned.filter(|other| !other.links.is_empty());
            let updates: Vec<_> = measured
                .map(|other| quality_info(&other.sid, other.link()))
                .collect();
            if updates != participant.told_quality {
                news.push((participant.key, updates));
            }
        }
        for (key, updates) in news {
            if let Some(participant) = self.participants.get_mut(&key) {
                participant.told_quality.clone_from(&updates);
                participant.tell(Message::ConnectionQuality(ConnectionQualityUpdate {
                    updates,
                }));
            }
        }
    }

    fn refresh_tokens(&mut self, now: Instant) {
        let is_old = |participant: &&Participant| {
            is_due(Some(participant.token_sent_at), now, TOKEN_INTERVAL)
        };
        let old = self.participants.values().filter(is_old);
        let keys: Vec<ParticipantKey> = old.map(|participant| participant.key).collect();
        for key in keys {
            self.refresh_token(key);
        }
    }

    fn close_if_empty(&mut self, now: Instant) {
        let timeout = if self.had_guests {
            self.info.departure_timeout
        } else {
            self.info.empty_timeout
        };
        let timeout = Duration::from_secs(u64::from(timeout));
        if is_due(self.empty_since, now, timeout) {
            self.dismiss(Departure::RoomClosed);
        }
    }
}

fn is_due(since: Option<Instant>, now: Instant, delay: Duration) -> bool {
    since.is_some_and(|since| now.saturating_duration_since(since) >= delay)
}
