//! Offers and answers: which track travels in which media section.
//!
//! In dual mode the client offers what it publishes, and we offer what it receives. In single mode the
//! client offers both; we can only ask it to offer again. str0m makes and reads the descriptions; what
//! it does otherwise than clients expect is put right in their text, here and in `sdp`:
//!
//! - sections in which we have nothing to send are answered `inactive`, else a client would see tracks
//!   that aren't there;
//! - the names and SSRCs of what we send (`a=msid`, `a=ssrc`) are ours, and str0m's are taken out, as it
//!   sends no media;
//! - sections are used again for later tracks, each time with a new SSRC, since a client that keeps the
//!   old one shows a frozen picture;
//! - the wanted codec comes first, because browsers encode with the first, and those that are not allowed
//!   are left out.

mod exchange;
mod offers;
mod plan;
mod sent_formats;

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::Mid;
use thiserror::Error;

use self::exchange::Exchange;
pub(crate) use self::exchange::Negotiation;
use self::plan::{OfferPlan, give_hints_back};
pub(crate) use self::sent_formats::SentFormat;
use crate::demux::SessionIndex;
use crate::egress::{ExtensionIds, MidBytes, StreamConfig};
use crate::peer::send_payload_types;
use crate::sdp::{Description, Formats, SentTrack};
use crate::session::{Session, guard};
use crate::{Answer, BoundTrack, CloseReason, Engine, Offer, SessionId, SessionKind, TrackId};

/// The media stream of all that a player receives (RFC 8830).
const PLAYED_STREAM: &str = "room";

/// Why a description was not accepted. The session stays as it was.
#[derive(Debug, Error)]
pub enum OfferError {
    /// The session is not there.
    #[error("the session has ended")]
    NoSession,
    /// The text is longer than `limit.sdp_bytes`.
    #[error("the description has {actual_bytes} bytes, {max_bytes} are allowed")]
    TooLong {
        /// Length of the text.
        actual_bytes: usize,
        /// Longest that is read.
        max_bytes: usize,
    },
    /// The text is no session description.
    #[error("the text is not a session description: {0}")]
    Malformed(String),
    /// A kind of session that makes no such description.
    #[error("this connection doesn't take such a description")]
    WrongRole,
    /// The description contradicts what was agreed on before.
    #[error("the description was refused: {0}")]
    Refused(String),
}

impl Engine {
    /// Handles a client's offer.
    ///
    /// # Errors
    ///
    /// [`OfferError`]; the session is as it was before.
    pub fn handle_offer(
        &mut self,
        session: SessionId,
        offer: &Offer,
    ) -> Result<Answer, OfferError> {
        let index = self.index(session)?;
        if self.sessions[index].kind == SessionKind::Subscriber {
            return Err(OfferError::WrongRole);
        }
        let mut description = self.read_description(&offer.sdp)?;
        let formats = self.read_formats(index, &description)?;
        let plan = self.plan_offer(index, &mut description, &offer.pending);
        let text = description.to_string();
        let parsed = SdpOffer::from_sdp_string(&text)
            .map_err(|error| OfferError::Malformed(readable(&error.to_string())))?;
        let rtc = &mut self.sessions[index].rtc;
        let accepted = guard(|| rtc.sdp_api().accept_offer(parsed));
        let answer = self.unwrap_accepted(index, accepted)?;
        self.sessions[index].negotiation.formats = formats;
        take_over_streams(&mut self.sessions[index], &description);
        let mut description = Description::parse(&answer.to_sdp_string())
            .ok_or_else(|| OfferError::Malformed("no media section".to_owned()))?;

        self.learn_ufrag(index);
        let unpublished = self.apply_unpublished(index, &plan);
        self.apply_carried(index, &plan);
        let published = self.apply_published(index, &plan, &mut description);
        self.name_sections(index, &mut description);
        give_hints_back(&plan, &mut description);
        self.sessions[index].refresh_negotiated();
        self.start_sending(index);
        self.touch(index);
        Ok(Answer {
            sdp: description.to_string(),
            mid_to_track: self.mid_to_track(index),
            published,
            unpublished,
        })
    }

    /// Handles the client's answer to our offer. An `id` of 0 is taken for the last offer's; an answer
    /// to an earlier offer is ignored.
    ///
    /// # Errors
    ///
    /// [`OfferError`]; the offer still waits for an answer.
    pub fn handle_answer(
        &mut self,
        session: SessionId,
        id: u32,
        sdp: &str,
    ) -> Result<(), OfferError> {
        let index = self.index(session)?;
        if self.sessions[index].kind != SessionKind::Subscriber {
            return Err(OfferError::WrongRole);
        }
        let description = self.read_description(sdp)?;
        let formats = self.read_formats(index, &description)?;
        let answer = SdpAnswer::from_sdp_string(&description.to_string())
            .map_err(|error| OfferError::Malformed(readable(&error.to_string())))?;
        let negotiation = &mut self.sessions[index].negotiation;
        if id != 0 && id != negotiation.offers {
            return Ok(());
        }
        if !negotiation.awaits_answer_with(&description.outline()) {
            let reason = "it doesn't answer the sections of the offer";
            return Err(OfferError::Refused(reason.to_owned()));
        }
        let Some(pending) = negotiation.take_pending() else {
            return Ok(());
        };
        let rtc = &mut self.sessions[index].rtc;
        let accepted = guard(|| rtc.sdp_api().accept_answer(pending.offer, answer));
        self.unwrap_accepted(index, accepted)?;

        let session = &mut self.sessions[index];
        session.negotiation.formats = formats;
        take_over_streams(session, &description);
        session.sendable.extend(pending.added);
        for subscription in &mut session.subscriptions {
            subscription.is_negotiated |= subscription.section.is_some();
        }
        session.refresh_negotiated();
        self.start_sending(index);
        self.touch(index);
        Ok(())
    }

    /// Hears of a candidate of the client, and does nothing with it: its checks tell from where it can
    /// reach us. A server that checked whatever a client names would be a port scanner, so we speak to
    /// no address that has not shown that it knows the session's password.
    pub fn handle_candidate(&self, session: SessionId, candidate: &str) {
        tracing::trace!(?session, candidate, "a candidate of the client");
    }

    /// Offers again with new ICE credentials (subscriber sessions). An offer that still waits for its
    /// answer is repeated first.
    pub fn restart_ice(&mut self, session: SessionId) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        if self.sessions[index].kind != SessionKind::Subscriber {
            return;
        }
        // A client that has the offer already could not take another one in its place.
        self.repeat_offer(index);
        self.sessions[index].negotiation.wants_ice_restart = true;
        self.mark_dirty(index);
    }

    /// Notes that a session has to negotiate at the next flush.
    pub(crate) fn mark_dirty(&mut self, index: SessionIndex) {
        let negotiation = &mut self.sessions[index].negotiation;
        if !negotiation.is_dirty {
            negotiation.is_dirty = true;
            self.dirty.push(index);
        }
    }

    /// Lets each session that has to, make its offer or ask for one.
    pub(crate) fn negotiate_dirty(&mut self) {
        for index in std::mem::take(&mut self.dirty) {
            let Some(session) = self.sessions.get_mut(index) else {
                continue;
            };
            if !session.negotiation.is_idle() {
                self.dirty.push(index);
                continue;
            }
            session.negotiation.is_dirty = false;
            match session.kind {
                SessionKind::Subscriber => self.make_offer(index),
                SessionKind::Single => self.ask_for_offer(index),
                SessionKind::Player => self.fill_sections(index),
                SessionKind::Publisher => {}
            }
        }
    }

    fn index(&self, session: SessionId) -> Result<SessionIndex, OfferError> {
        let index = self.session_ids.get(&session).copied();
        index.ok_or(OfferError::NoSession)
    }

    /// Parses a text within its limits, without the client's candidates.
    fn read_description(&self, sdp: &str) -> Result<Description, OfferError> {
        if sdp.len() > self.config.sdp_bytes_max {
            return Err(OfferError::TooLong {
                actual_bytes: sdp.len(),
                max_bytes: self.config.sdp_bytes_max,
            });
        }
        let mut description = Description::parse(sdp)
            .ok_or_else(|| OfferError::Malformed("no media section, or too many".to_owned()))?;
        description.remove_everywhere("a=candidate:");
        match description.fault() {
            Some(missing) => Err(OfferError::Malformed(missing.to_owned())),
            None => Ok(description),
        }
    }

    fn read_formats(
        &self,
        index: SessionIndex,
        description: &Description,
    ) -> Result<Formats, OfferError> {
        let known = &self.sessions[index].negotiation.formats;
        known.with(description).map_err(|payload_type| {
            OfferError::Refused(format!("payload type {payload_type} means two things"))
        })
    }

    fn unwrap_accepted<T>(
        &mut self,
        index: SessionIndex,
        accepted: Result<Result<T, str0m::RtcError>, CloseReason>,
    ) -> Result<T, OfferError> {
        match accepted {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(OfferError::Refused(error.to_string())),
            Err(reason) => {
                self.end_session(index, Some(reason));
                Err(OfferError::NoSession)
            }
        }
    }

    fn apply_unpublished(&mut self, index: SessionIndex, plan: &OfferPlan) -> Vec<TrackId> {
        for (mid, track) in &plan.unpublished {
            let session = &mut self.sessions[index];
            session.received.retain(|(section, _)| section != mid);
            session.ingress.retain(|_, stream| stream.mid != *mid);
            session.gate.forget_section(*mid);
            session.forget_format(*mid);
            if let Some(track) = self.track_ids.get(track).copied() {
                self.end_track(track);
            }
        }
        plan.unpublished.iter().map(|(_, track)| *track).collect()
    }

    fn apply_carried(&mut self, index: SessionIndex, plan: &OfferPlan) {
        let session = &mut self.sessions[index];
        match session.kind {
            SessionKind::Single => {}
            SessionKind::Player => {
                session.sendable.clone_from(&plan.sendable);
                return self.fill_sections(index);
            }
            SessionKind::Publisher | SessionKind::Subscriber => return,
        }
        session.sendable.clone_from(&plan.sendable);
        session.negotiation.exchange = Exchange::Idle;
        for position in 0..self.sessions[index].subscriptions.len() {
            let section = plan
                .carried
                .iter()
                .find(|(carried, _)| *carried == position)
                .map(|(_, mid)| *mid);
            self.carry_in(index, position, section);
        }
        let is_waiting = self.sessions[index]
            .subscriptions
            .iter()
            .any(|subscription| subscription.section.is_none());
        if is_waiting {
            self.mark_dirty(index);
        }
    }

    /// Lets a subscription be carried in a section, or in none. In another section than before its stream
    /// is another one.
    fn carry_in(&mut self, index: SessionIndex, position: usize, section: Option<Mid>) {
        let session = &mut self.sessions[index];
        if session.subscriptions[position].section != section {
            let track = session.subscriptions[position].track;
            let sending = session.subscriptions[position].sending.take();
            session.assign_section(position, section);
            if let Some(sending) = sending {
                self.end_stream(index, track, sending, None);
            }
        }
        self.sessions[index].subscriptions[position].is_negotiated = section.is_some();
    }

    fn apply_published(
        &mut self,
        index: SessionIndex,
        plan: &OfferPlan,
        answer: &mut Description,
    ) -> Vec<BoundTrack> {
        let session = &mut self.sessions[index];
        let allowed = session.publishes;
        let announced = plan.published.iter();
        let announced = announced.map(|(mid, track, _)| (*mid, SentFormat::of(track)));
        session.sent_formats.extend(announced);
        sent_formats::write(answer, &session.sent_formats, allowed, session.receives);
        let mut published = Vec::new();
        for (mid, track, layers) in &plan.published {
            let mut sections = answer.sections.iter();
            let section = sections.find(|section| section.mid() == Some(*mid));
            let codec = section.and_then(|section| sent_formats::first_codec(section, allowed));
            let Some(codec) = codec else {
                self.sessions[index].forget_format(*mid);
                continue;
            };
            self.sessions[index].keep_codec(*mid, codec);
            self.publish(index, *mid, track.track, codec, *layers);
            published.push(BoundTrack {
                track: track.track,
                mid: mid.to_string(),
                codec,
            });
        }
        published
    }

    /// Writes the names of what we send into a description of ours.
    fn name_sections(&mut self, index: SessionIndex, description: &mut Description) {
        let session = &mut self.sessions[index];
        for section in &mut description.sections {
            let (Some(kind), Some(mid)) = (section.kind(), section.mid()) else {
                continue;
            };
            if session.kind == SessionKind::Player {
                // The same names for whatever the section will carry; one stream plays in sync.
                let name = mid.to_string();
                let is_sent = section.direction().sends();
                let track = is_sent.then(|| {
                    let ssrcs = session.ssrcs_for(mid, kind);
                    SentTrack {
                        stream: PLAYED_STREAM,
                        name: &name,
                        ssrc: ssrcs.media,
                        repair: ssrcs.repair,
                    }
                });
                section.set_track(track.as_ref());
                continue;
            }
            let carried = session
                .subscriptions
                .iter()
                .find(|subscription| subscription.section == Some(mid))
                .filter(|_| section.direction().sends())
                .and_then(|subscription| Some((&subscription.wish, subscription.ssrcs?)));
            let track = carried.map(|(wish, ssrcs)| SentTrack {
                stream: &wish.stream,
                name: &wish.name,
                ssrc: ssrcs.media,
                repair: ssrcs.repair,
            });
            section.set_track(track.as_ref());
            if carried.is_some_and(|(wish, _)| wish.stereo) {
                section.add_parameter("opus", "sprop-stereo=1");
            }
        }
    }

    fn mid_to_track(&self, index: SessionIndex) -> Vec<(String, TrackId)> {
        let subscriptions = &self.sessions[index].subscriptions;
        subscriptions
            .iter()
            .filter_map(|subscription| {
                Some((subscription.section?.to_string(), subscription.wish.track))
            })
            .collect()
    }

    /// Starts all streams for which everything is agreed on.
    pub(crate) fn start_sending(&mut self, index: SessionIndex) {
        if !self.sessions[index].is_connected {
            return;
        }
        let mut refused = Vec::new();
        for position in 0..self.sessions[index].subscriptions.len() {
            let session = &mut self.sessions[index];
            let subscription = &session.subscriptions[position];
            let (Some(mid), Some(ssrcs), true, None) = (
                subscription.section,
                subscription.ssrcs,
                subscription.is_negotiated && !subscription.is_refused,
                subscription.sending,
            ) else {
                continue;
            };
            let codec = self.tracks[subscription.track].codec;
            let media = session.rtc.media(mid);
            let media = media.filter(|media| media.direction().is_sending());
            let types = send_payload_types(&session.rtc, mid, codec);
            let (Some(media), Some((payload_type, red_type))) = (media, types) else {
                refused.push(position);
                continue;
            };
            let repairs = session.repairs.iter();
            let repair_type = repairs
                .filter(|(section, of, _)| *section == mid && *of == payload_type)
                .map(|(_, _, repair)| *repair)
                .next();
            let mut ids = ExtensionIds::of(media.remote_extmap());
            if !session.egress.bandwidth.numbers_packets() {
                ids = ids.without_numbers();
            }
            let cuts_trailer = subscription.wish.cuts_trailer;
            let (name, track) = (subscription.wish.stream.as_str().into(), subscription.track);
            self.start_stream(index, position, |subscription| StreamConfig {
                ssrc: ssrcs.media,
                payload_type,
                red_type,
                cuts_trailer,
                repair: ssrcs.repair.zip(repair_type),
                mid: MidBytes::of(mid),
                ids,
                name,
                track,
                clock_rate: codec.clock_rate(),
                subscription,
            });
        }
        for position in refused {
            self.refuse(index, position);
        }
    }
}

/// Takes the streams over that str0m has declared for what was agreed on, and notes how the client, who
/// wrote `remote`, wants packets again.
fn take_over_streams(session: &mut Session, remote: &Description) {
    let sections = || {
        let sections = remote.sections.iter();
        sections.filter_map(|section| Some((section.mid()?, section)))
    };
    session.remove_declared_streams(sections().map(|(mid, _)| mid));
    for (mid, section) in sections() {
        session.layer_names.set(mid, &section.sent_layer_names());
    }
    session.repairs = sections()
        .flat_map(|(mid, section)| section.repairs().map(move |(of, by)| (mid, of, by)))
        .collect();
}

/// The part of str0m's words that helps the writer of a description: the last line. The first names
/// places in our memory.
fn readable(error: &str) -> String {
    let reason = error.lines().last().unwrap_or_default();
    if reason.contains("0x") {
        "it can't be parsed".to_owned()
    } else {
        reason.to_owned()
    }
}
