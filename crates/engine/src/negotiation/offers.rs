//! Our own offers, and asking a client for one.

use str0m::change::SdpPendingOffer;
use str0m::media::{Direction as PeerDirection, MediaKind as PeerKind, Mid};

use super::exchange::{Exchange, PendingOffer};
use super::sent_formats;
use crate::demux::SessionIndex;
use crate::sdp::Description;
use crate::session::{Session, channel_configs, guard};
use crate::{Engine, Event, MediaKind};

impl Engine {
    pub(super) fn ask_for_offer(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        let missing = |kind: MediaKind| {
            let waiting = session
                .subscriptions
                .iter()
                .filter(|subscription| {
                    subscription.section.is_none() && subscription.wish.kind == kind
                })
                .count();
            let used = |mid: Mid| {
                session
                    .subscriptions
                    .iter()
                    .any(|other| other.section == Some(mid))
            };
            let free = session
                .sendable
                .iter()
                .filter(|(mid, section_kind)| {
                    *section_kind == kind && !used(*mid) && session.sections.may_carry(*mid)
                })
                .count();
            u32::try_from(waiting.saturating_sub(free)).unwrap_or(u32::MAX)
        };
        let event = Event::SectionsNeeded {
            session: session.id,
            audios: missing(MediaKind::Audio),
            videos: missing(MediaKind::Video),
        };
        session.negotiation.exchange = Exchange::AwaitsOffer;
        let room = session.room;
        self.emit(room, event);
    }

    /// Makes an offer that says what has changed since the last.
    pub(super) fn make_offer(&mut self, index: SessionIndex) {
        let made = {
            let session = &mut self.sessions[index];
            guard(|| prepare_offer(session))
        };
        let made = match made {
            Ok(made) => made,
            Err(reason) => return self.end_session(index, Some(reason)),
        };
        let Some(prepared) = made else {
            return;
        };
        if let Some(ufrag) = &prepared.ufrag {
            self.learn_ufrag_of(index, ufrag);
        }
        let Some(mut description) = Description::parse(&prepared.text) else {
            return;
        };
        let receives = self.sessions[index].receives;
        sent_formats::write(&mut description, &[], receives, receives);
        self.name_sections(index, &mut description);
        let offer = Event::Offer {
            session: self.sessions[index].id,
            id: self.sessions[index].negotiation.offers + 1,
            sdp: description.to_string(),
            mid_to_track: self.mid_to_track(index),
        };
        let session = &mut self.sessions[index];
        session.negotiation.offers += 1;
        session.negotiation.exchange = Exchange::AwaitsAnswer(PendingOffer {
            offer: prepared.offer,
            added: prepared.added,
            sections: description.outline(),
            event: offer.clone(),
        });
        let room = session.room;
        self.emit(room, offer);
    }

    /// Sends the offer that waits for its answer once more, for a client that may have missed it.
    pub(super) fn repeat_offer(&mut self, index: SessionIndex) {
        let session = &self.sessions[index];
        if let Exchange::AwaitsAnswer(pending) = &session.negotiation.exchange {
            let (room, offer) = (session.room, pending.event.clone());
            self.emit(room, offer);
        }
    }
}

impl Engine {
    /// Lets a player's free sections carry the tracks that wait, in the order of subscription. Nothing
    /// needs to be agreed on for that.
    pub(super) fn fill_sections(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        take_free_sections(session);
        for subscription in &mut session.subscriptions {
            subscription.is_negotiated |= subscription.section.is_some();
        }
        self.start_sending(index);
        self.touch(index);
    }
}

/// An offer as str0m made it.
struct Prepared {
    text: String,
    offer: SdpPendingOffer,
    added: Vec<(Mid, MediaKind)>,
    /// The new ufrag, if ICE restarts.
    ufrag: Option<String>,
}

fn prepare_offer(session: &mut Session) -> Option<Prepared> {
    take_free_sections(session);
    let wants_channels = !session.negotiation.has_channels;
    let wants_restart = std::mem::take(&mut session.negotiation.wants_ice_restart);
    let mut added = Vec::new();
    let used: Vec<Mid> = session
        .subscriptions
        .iter()
        .filter_map(|subscription| subscription.section)
        .collect();
    let mut api = session.rtc.sdp_api();
    if wants_channels {
        for config in channel_configs() {
            api.add_channel_with_config(config);
        }
    }
    for (mid, _) in &session.sendable {
        let direction = if used.contains(mid) {
            PeerDirection::SendOnly
        } else {
            PeerDirection::Inactive
        };
        api.set_direction(*mid, direction);
    }
    let mut placed = Vec::new();
    for (position, subscription) in session.subscriptions.iter().enumerate() {
        if subscription.section.is_none() {
            let wish = &subscription.wish;
            let names = (Some(wish.stream.clone()), Some(wish.name.clone()));
            let kind = peer_kind(wish.kind);
            let mid = api.add_media(kind, PeerDirection::SendOnly, names.0, names.1, None);
            placed.push((position, mid));
            added.push((mid, wish.kind));
        }
    }
    let ufrag = wants_restart.then(|| api.ice_restart(true).ufrag);
    let applied = api.apply();
    for (position, mid) in placed {
        session.assign_section(position, Some(mid));
    }
    let (offer, pending) = applied?;
    session.negotiation.has_channels = true;
    Some(Prepared {
        text: offer.to_sdp_string(),
        offer: pending,
        added,
        ufrag,
    })
}

/// Sections that carry nothing any more take the tracks that wait.
fn take_free_sections(session: &mut Session) {
    for position in 0..session.subscriptions.len() {
        let subscription = &session.subscriptions[position];
        if subscription.section.is_none()
            && let Some(mid) = session.free_section(subscription.wish.kind)
        {
            session.assign_section(position, Some(mid));
        }
    }
}

fn peer_kind(kind: MediaKind) -> PeerKind {
    match kind {
        MediaKind::Audio => PeerKind::Audio,
        MediaKind::Video => PeerKind::Video,
    }
}
