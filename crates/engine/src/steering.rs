//! Acts on what [`bandwidth`](crate::bandwidth) decides: holds layers back, pauses and resumes pictures,
//! sends padding.
//!
//! A session without a limit costs nothing here; one with a limit is looked at ten times a second, and
//! when its client tells something.

use std::time::Instant;

use forwarding::{Descriptor, LayerLimit};

use crate::bandwidth::{Finding, Wanted, allocate};
use crate::demux::SessionIndex;
use crate::session::{Session, Subscription};
use crate::track::Track;
use crate::{Engine, Event, MediaKind, SessionId, Target, TrackId};

/// What [`LinkQuality::layers_missing`](crate::LinkQuality::layers_missing) says of a paused picture.
const LAYERS_OF_PAUSED: u8 = 3;

impl Engine {
    /// Sets how important a track is to a subscriber; higher goes first when not all fits. 0 before.
    pub fn set_priority(&mut self, session: SessionId, track: TrackId, priority: u8) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        if let Some(subscription) = self.sessions[index].subscription_of_track(track) {
            subscription.priority = priority;
        }
    }

    /// Takes it that a subscriber's way in carries no more than `bits_per_second`; `None` ends that.
    pub fn set_bandwidth_cap(
        &mut self,
        now: Instant,
        session: SessionId,
        bits_per_second: Option<u64>,
    ) {
        if let Some(index) = self.session_ids.get(&session).copied() {
            self.sessions[index]
                .egress
                .bandwidth
                .set_cap(bits_per_second);
            self.steer(now, index);
        }
    }

    /// Acts on what a client's feedback has told.
    pub(crate) fn handle_finding(&mut self, now: Instant, index: SessionIndex, finding: Finding) {
        self.note_finding(finding);
        if finding != Finding::Nothing {
            self.steer(now, index);
        }
    }

    fn note_finding(&mut self, finding: Finding) {
        match finding {
            Finding::Nothing => {}
            Finding::Congested(bits_per_second) => self.counters.note_limit(bits_per_second),
            Finding::Probed { is_proved: true } => self.counters.probes_proved += 1,
            Finding::Probed { is_proved: false } => self.counters.probes_failed += 1,
            Finding::Unheard => self.counters.probes_unheard += 1,
        }
    }

    /// Divides what a session's way carries, and tries for more if something is missing.
    pub(crate) fn steer(&mut self, now: Instant, index: SessionIndex) {
        let egress = &mut self.sessions[index].egress;
        egress.look_at_way(now);
        let finding = egress.bandwidth.conclude_probe(now);
        self.note_finding(finding);
        if !self.sessions[index].egress.bandwidth.is_probing() {
            let missing = self.divide(now, index);
            let egress = &mut self.sessions[index].egress;
            let can_pad = egress.can_pad();
            let has_changed = egress.bandwidth.advance(now, missing, can_pad);
            if has_changed {
                self.divide(now, index);
            }
        }
        let session = &mut self.sessions[index];
        let due = session.egress.bandwidth.padding_due(now);
        if due > 0 {
            let packets = session.egress.send_padding(now, due, &mut self.transmit);
            self.counters.packets_padding += packets as u64;
        }
        let bandwidth = &mut session.egress.bandwidth;
        if let Some(at) = bandwidth.next_at(now) {
            self.bandwidth_timers.set(index, &mut bandwidth.timer, at);
        }
    }

    /// Grants each picture its layers. Gives the budget with which one of them would get more.
    fn divide(&mut self, now: Instant, index: SessionIndex) -> Option<u64> {
        let session = &self.sessions[index];
        let budget = session.egress.bandwidth.budget();
        if budget.is_none() && !session.egress.bandwidth.is_steered {
            return None;
        }
        let tracks = &self.tracks;
        let (mut sounds, mut positions, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (position, subscription) in session.subscriptions.iter().enumerate() {
            let Some(track) = tracks.get(subscription.track) else {
                continue;
            };
            let costs = track.rates.costs(now);
            let Some(top) = top_of(subscription, track) else {
                continue;
            };
            match subscription.wish.kind {
                MediaKind::Audio => sounds.extend(costs[0]),
                MediaKind::Video => {
                    positions.push(position);
                    wanted.push(Wanted {
                        costs,
                        top,
                        priority: subscription.priority,
                        present: subscription.granted,
                    });
                }
            }
        }
        let Some(budget) = budget else {
            for position in 0..self.sessions[index].subscriptions.len() {
                self.grant(index, position, LayerLimit::None);
            }
            self.note_steered(index, false);
            return None;
        };
        let sound = loudest(sounds, self.config.voices_max);
        let plan = allocate(&wanted, sound, budget);
        self.note_steered(index, true);
        for ((position, granted), wanted) in positions.into_iter().zip(plan.grants).zip(wanted) {
            // Of what does not flow nothing is known.
            if wanted.costs.iter().any(Option::is_some) {
                self.grant(index, position, granted);
            }
        }
        plan.missing
    }

    /// Lets a subscription have so much of what it wants.
    fn grant(&mut self, index: SessionIndex, position: usize, granted: LayerLimit) {
        let session = &mut self.sessions[index];
        let (room, id) = (session.room, session.id);
        let Some(subscription) = session.subscriptions.get_mut(position) else {
            return;
        };
        // A track may be of another room than who watches it.
        let home = self.tracks.get(subscription.track).map(|track| track.room);
        let before = std::mem::replace(&mut subscription.granted, granted);
        if before == granted {
            return;
        }
        let track = subscription.wish.track;
        if let Some(((key, _), home)) = subscription.sending.zip(home) {
            self.rooms[home].media.set_limit(key, granted);
            self.touch_room(home);
        }
        let is_paused = granted == LayerLimit::Nothing;
        if is_paused != (before == LayerLimit::Nothing) {
            self.counters.pauses += u64::from(is_paused);
            let event = Event::StreamState {
                session: id,
                track,
                is_paused,
            };
            self.emit(room, event);
        }
        tracing::debug!(session = ?id, ?track, ?granted, "bandwidth was divided anew");
    }

    fn note_steered(&mut self, index: SessionIndex, is_steered: bool) {
        let bandwidth = &mut self.sessions[index].egress.bandwidth;
        let before = std::mem::replace(&mut bandwidth.is_steered, is_steered);
        match (before, is_steered) {
            (false, true) => self.counters.sessions_limited += 1,
            (true, false) => self.counters.sessions_limited -= 1,
            (true, true) | (false, false) => {}
        }
    }

    /// Handles the timers of limited sessions.
    pub(crate) fn handle_bandwidth_timeout(&mut self, now: Instant) {
        while let Some(entry) = self.bandwidth_timers.pop_due(now) {
            let Some(session) = self.sessions.get_mut(entry.1) else {
                continue;
            };
            let timer = &mut session.egress.bandwidth.timer;
            if self.bandwidth_timers.is_due(entry, timer, now) {
                self.steer(now, entry.1);
            }
        }
    }

    /// By how many layers the worst picture of a session is smaller than asked for.
    pub(crate) fn layers_missing(&self, now: Instant, session: &Session) -> u8 {
        if !session.egress.bandwidth.is_steered {
            return 0;
        }
        let missing = session.subscriptions.iter().map(|subscription| {
            let track = self.tracks.get(subscription.track);
            match (subscription.granted, track) {
                (LayerLimit::None, _) | (_, None) => 0,
                (LayerLimit::Nothing, Some(_)) => LAYERS_OF_PAUSED,
                (LayerLimit::UpTo(granted), Some(track)) => {
                    let costs = track.rates.costs(now);
                    let best = costs.iter().rposition(Option::is_some).unwrap_or(0);
                    let best = u8::try_from(best).unwrap_or(u8::MAX);
                    let top = top_of(subscription, track).unwrap_or(0);
                    best.min(top).saturating_sub(granted)
                }
            }
        });
        missing.max().unwrap_or(0)
    }
}

/// What sound costs of which only so many tracks are passed on at a time; 0: all.
fn loudest(mut sounds: Vec<u64>, voices_max: usize) -> u64 {
    sounds.sort_unstable_by_key(|cost| std::cmp::Reverse(*cost));
    let most = if voices_max == 0 {
        sounds.len()
    } else {
        voices_max
    };
    sounds.into_iter().take(most).sum()
}

/// The highest layer that is asked for, of what may flow.
fn top_of(subscription: &Subscription, track: &Track) -> Option<u8> {
    match subscription.wish.target {
        Target::Layers { spatial, .. } if !track.is_muted && subscription.sending.is_some() => {
            Some(spatial)
        }
        Target::Layers { .. } | Target::Paused => None,
    }
}

/// The spatial layer that a packet belongs to, of a scalable encoding.
pub(crate) fn spatial_of(descriptor: &Descriptor) -> u8 {
    match descriptor {
        Descriptor::Vp9(vp9) => vp9.spatial(),
        Descriptor::Av1(av1) => av1.layer.spatial,
        Descriptor::Audio | Descriptor::Vp8(_) | Descriptor::H264(_) | Descriptor::Unreadable => 0,
    }
}
