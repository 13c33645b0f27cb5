//! Our own offers, and asking a client for one.

use str0m::media::{Direction as PeerDirection, MediaKind as PeerKind, Mid};

use crate::demux::SessionIndex;
use crate::sdp::Description;
use crate::session::{Exchange, PendingOffer, Session, channel_configs, guard};
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
                .filter(|(mid, section_kind)| *section_kind == kind && !used(*mid))
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
        let Some((text, pending, ufrag)) = made else {
            return;
        };
        if let Some(ufrag) = ufrag {
            self.demux.learn_ufrag(index, &ufrag);
        }
        let Some(mut description) = Description::parse(&text) else {
            return;
        };
        self.name_sections(index, &mut description);
        let mid_to_track = self.mid_to_track(index);
        let session = &mut self.sessions[index];
        session.negotiation.exchange = Exchange::AwaitsAnswer(pending);
        session.negotiation.offers += 1;
        let event = Event::Offer {
            session: session.id,
            id: session.negotiation.offers,
            sdp: description.to_string(),
            mid_to_track,
        };
        let room = session.room;
        self.emit(room, event);
    }

    /// Gives up an offer whose answer will not come; what it added is added again later.
    pub(super) fn drop_pending_offer(&mut self, index: SessionIndex) {
        let session = &mut self.sessions[index];
        let Some(pending) = session.negotiation.take_pending() else {
            return;
        };
        for subscription in &mut session.subscriptions {
            let is_lost = pending
                .added
                .iter()
                .any(|(mid, _)| subscription.section == Some(*mid));
            if is_lost {
                subscription.section = None;
            }
        }
        if !session.is_connected {
            session.negotiation.has_channels = false;
        }
    }
}

type PreparedOffer = Option<(String, PendingOffer, Option<String>)>;

fn prepare_offer(session: &mut Session) -> PreparedOffer {
    give_sections_back(session);
    let reused = take_free_sections(session);
    for (mid, kind) in reused.iter().copied() {
        declare_stream(session, mid, kind);
    }
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
    for subscription in &mut session.subscriptions {
        if subscription.section.is_none() {
            let wish = &subscription.wish;
            let names = (Some(wish.stream.clone()), Some(wish.name.clone()));
            let kind = peer_kind(wish.kind);
            let mid = api.add_media(kind, PeerDirection::SendOnly, names.0, names.1, None);
            subscription.section = Some(mid);
            subscription.is_negotiated = false;
            added.push((mid, wish.kind));
        }
    }
    let ufrag = wants_restart.then(|| api.ice_restart(true).ufrag);
    let (offer, pending) = api.apply()?;
    session.negotiation.has_channels = true;
    let pending = PendingOffer {
        offer: pending,
        added,
    };
    Some((offer.to_sdp_string(), pending, ufrag))
}

/// Sections that carried a track which is gone lose their stream, so that the next has a new SSRC.
pub(super) fn give_sections_back(session: &mut Session) {
    let free: Vec<Mid> = session
        .sendable
        .iter()
        .map(|(mid, _)| *mid)
        .filter(|mid| {
            session
                .subscriptions
                .iter()
                .all(|other| other.section != Some(*mid))
        })
        .collect();
    let mut direct = session.rtc.direct_api();
    for mid in free {
        let ssrc = direct
            .stream_tx_by_mid(mid, None)
            .map(|stream| stream.ssrc());
        if let Some(ssrc) = ssrc {
            direct.remove_stream_tx(ssrc);
        }
    }
}

fn take_free_sections(session: &mut Session) -> Vec<(Mid, MediaKind)> {
    let mut taken = Vec::new();
    for position in 0..session.subscriptions.len() {
        let subscription = &session.subscriptions[position];
        if subscription.section.is_some() {
            continue;
        }
        let kind = subscription.wish.kind;
        if let Some(mid) = session.free_section(kind) {
            session.subscriptions[position].section = Some(mid);
            session.subscriptions[position].is_negotiated = false;
            taken.push((mid, kind));
        }
    }
    taken
}

fn declare_stream(session: &mut Session, mid: Mid, kind: MediaKind) {
    let mut direct = session.rtc.direct_api();
    let ssrc = direct.new_ssrc();
    let repair = (kind == MediaKind::Video).then(|| direct.new_ssrc());
    let stream = direct.declare_stream_tx(ssrc, repair, mid, None);
    stream.set_rtx_cache(
        crate::peer::RETRANSMISSION_PACKETS,
        crate::peer::RETRANSMISSION_AGE,
        Some(crate::peer::RETRANSMISSION_SHARE_MAX),
    );
}

fn peer_kind(kind: MediaKind) -> PeerKind {
    match kind {
        MediaKind::Audio => PeerKind::Audio,
        MediaKind::Video => PeerKind::Video,
    }
}
