//! What a client's offer changes, found before anything is changed.

use str0m::media::Mid;

use crate::sdp::{Description, Direction};
use crate::session::Session;
use crate::{Engine, MediaKind, PendingTrack, SessionKind, TrackId};

/// What an offer changes, found before anything is changed.
pub(super) struct OfferPlan {
    pub(super) published: Vec<(Mid, PendingTrack, u8)>,
    /// What clients want to read back for their encoders.
    pub(super) hints: Vec<(Mid, Vec<(String, String)>)>,
    pub(super) unpublished: Vec<(Mid, TrackId)>,
    pub(super) sendable: Vec<(Mid, MediaKind)>,
    /// Which subscription each receiving section carries: index of the subscription, section.
    pub(super) carried: Vec<(usize, Mid)>,
}

impl Engine {
    /// Finds what an offer changes, and rewrites the directions in it so that str0m accepts just that.
    pub(super) fn plan_offer(
        &self,
        index: crate::demux::SessionIndex,
        description: &mut Description,
        pending: &[PendingTrack],
    ) -> OfferPlan {
        let session = &self.sessions[index];
        let mut pending: Vec<&PendingTrack> = pending.iter().collect();
        // A section that has ended goes on naming its track, and a later one may carry it under another name.
        let sections = description.sections.iter();
        let all_offered: Vec<String> = sections
            .filter(|section| !section.is_stopped() && section.direction().sends())
            .filter_map(|section| section.track_name().map(str::to_owned))
            .collect();
        let mut waiting: Vec<usize> = waiting_subscriptions(session, description);
        let mut plan = OfferPlan {
            published: Vec::new(),
            hints: Vec::new(),
            unpublished: Vec::new(),
            sendable: Vec::new(),
            carried: Vec::new(),
        };
        for section in &mut description.sections {
            let (Some(kind), Some(mid)) = (section.kind(), section.mid()) else {
                continue;
            };
            let direction = if section.is_stopped() {
                Direction::Inactive
            } else {
                section.direction()
            };
            let bound = session
                .track_in_section(mid)
                .map(|track| self.tracks[track].id);
            let named = section.track_name().map(str::to_owned);
            let fresh = direction
                .sends()
                .then(|| {
                    take_pending(
                        &mut pending,
                        kind,
                        named.as_deref(),
                        bound.is_some(),
                        &all_offered,
                    )
                })
                .flatten();
            let is_ended = bound.is_some() && (!direction.sends() || fresh.is_some());
            if let Some(track) = bound.filter(|_| is_ended) {
                plan.unpublished.push((mid, track));
            }
            let sends = fresh.is_some() || (bound.is_some() && !is_ended);
            if sends {
                plan.hints.push((mid, section.encoder_hints()));
            }
            if let Some(track) = fresh {
                let layers = u8::try_from(section.sent_layers()).unwrap_or(u8::MAX);
                plan.published.push((mid, track.clone(), layers));
            }
            let mut receives = session.kind == SessionKind::Player && direction.receives();
            if receives {
                plan.sendable.push((mid, kind));
            }
            if session.kind == SessionKind::Single && direction.receives() {
                plan.sendable.push((mid, kind));
                if let Some(carried) = carried_in(session, mid, kind, &mut waiting) {
                    plan.carried.push((carried, mid));
                    receives = true;
                }
            }
            if !section.is_stopped() {
                section.set_direction(Direction::new(sends, receives));
            }
        }
        plan
    }
}

/// Repeats what the client wrote for its own encoder: it reads that in our answer.
pub(super) fn give_hints_back(plan: &OfferPlan, answer: &mut Description) {
    for section in &mut answer.sections {
        let hints = plan
            .hints
            .iter()
            .find(|(mid, _)| section.mid() == Some(*mid));
        for (payload_type, parameter) in hints.map_or(&[][..], |(_, hints)| hints) {
            section.add_format_parameter(payload_type, parameter);
        }
    }
}

/// Subscriptions that no receiving section of the offer carries yet.
fn waiting_subscriptions(session: &Session, offer: &Description) -> Vec<usize> {
    let is_offered = |mid: Mid| {
        offer.sections.iter().any(|section| {
            section.mid() == Some(mid) && !section.is_stopped() && section.direction().receives()
        })
    };
    session
        .subscriptions
        .iter()
        .enumerate()
        .filter(|(_, subscription)| !subscription.section.is_some_and(is_offered))
        .map(|(position, _)| position)
        .collect()
}

/// The subscription that a receiving section carries: the one it carried, else the first that waits.
fn carried_in(
    session: &Session,
    mid: Mid,
    kind: MediaKind,
    waiting: &mut Vec<usize>,
) -> Option<usize> {
    let kept = session
        .subscriptions
        .iter()
        .position(|subscription| subscription.section == Some(mid));
    if kept.is_some() {
        return kept;
    }
    // A section that has just lost its track rests for one exchange: clients see a new track only where
    // nothing was sent before (JSEP, RFC 9429, section 5.10).
    let media = session.rtc.media(mid);
    if media.is_some_and(|media| media.direction().is_sending()) {
        return None;
    }
    if !session.sections.may_carry(mid) {
        return None;
    }
    let next = waiting
        .iter()
        .position(|position| session.subscriptions[*position].wish.kind == kind)?;
    Some(waiting.remove(next))
}

/// Takes the announced track that a sending section starts: the one it names, else, in a section that
/// is new, the first of its kind that no sending section of the offer names.
fn take_pending<'a>(
    pending: &mut Vec<&'a PendingTrack>,
    kind: MediaKind,
    named: Option<&str>,
    is_bound: bool,
    all_offered: &[String],
) -> Option<&'a PendingTrack> {
    let by_name = pending
        .iter()
        .position(|track| track.kind == kind && Some(track.cid.as_str()) == named);
    let by_kind = || {
        let is_free =
            |track: &&PendingTrack| track.kind == kind && !all_offered.contains(&track.cid);
        pending.iter().position(is_free)
    };
    let found = if is_bound {
        by_name
    } else {
        by_name.or_else(by_kind)
    };
    found.map(|position| pending.remove(position))
}
