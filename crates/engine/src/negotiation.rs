//! Offers and answers: which track travels in which media section.
//!
//! In dual mode the client offers what it publishes, and we offer what it receives. In single mode the
//! client offers both; we can only ask it to offer again. str0m makes and reads the descriptions; what
//! it does otherwise than clients expect is put right in their text, here and in `sdp`:
//!
//! - sections in which we have nothing to send are answered `inactive`, else a client would see tracks
//!   that aren't there;
//! - the names of what we send (`a=msid`) are ours, not str0m's random ones;
//! - sections are used again for later tracks, each time with a new SSRC, since a client that keeps the
//!   old one shows a frozen picture;
//! - the wanted codec comes first, because browsers encode with the first.

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction as PeerDirection, MediaKind as PeerKind, Mid};
use thiserror::Error;

use crate::demux::SessionIndex;
use crate::peer::{codec_named, encoding_name, send_payload_type};
use crate::sdp::{Description, Direction};
use crate::session::{Exchange, PendingOffer, Session, channel_configs, guard};
use crate::{
    Answer, BoundTrack, CloseReason, Engine, Event, MediaKind, Offer, PendingTrack, SessionId,
    SessionKind, TrackId,
};

/// Candidates that one client may name. Beyond, they only cost memory.
const CANDIDATES_MAX: usize = 64;

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

/// What an offer changes, found before anything is changed.
struct OfferPlan {
    published: Vec<(Mid, PendingTrack, u8)>,
    /// What clients want to read back for their encoders.
    hints: Vec<(Mid, Vec<(String, String)>)>,
    unpublished: Vec<(Mid, TrackId)>,
    sendable: Vec<(Mid, MediaKind)>,
    /// Which subscription each receiving section carries: index of the subscription, section.
    carried: Vec<(usize, Mid)>,
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
        let mut description = self.read_description(index, &offer.sdp)?;
        let plan = self.plan_offer(index, &mut description, &offer.pending);
        let text = description.to_string();
        let parsed = SdpOffer::from_sdp_string(&text)
            .map_err(|error| OfferError::Malformed(error.to_string()))?;
        give_sections_back(&mut self.sessions[index]);
        let rtc = &mut self.sessions[index].rtc;
        let accepted = guard(|| rtc.sdp_api().accept_offer(parsed));
        let answer = self.unwrap_accepted(index, accepted)?;
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
        let description = self.read_description(index, sdp)?;
        let answer = SdpAnswer::from_sdp_string(&description.to_string())
            .map_err(|error| OfferError::Malformed(error.to_string()))?;
        let negotiation = &mut self.sessions[index].negotiation;
        if id != 0 && id != negotiation.offers {
            return Ok(());
        }
        let Some(pending) = negotiation.take_pending() else {
            return Ok(());
        };
        let rtc = &mut self.sessions[index].rtc;
        let accepted = guard(|| rtc.sdp_api().accept_answer(pending.offer, answer));
        self.unwrap_accepted(index, accepted)?;

        let session = &mut self.sessions[index];
        session.sendable.extend(pending.added);
        for subscription in &mut session.subscriptions {
            subscription.is_negotiated |= subscription.section.is_some();
        }
        session.refresh_negotiated();
        self.start_sending(index);
        self.touch(index);
        Ok(())
    }

    /// Adds a candidate of the client, as in `a=candidate` or without `a=`. What can't be read is ignored
    /// (RFC 8839, section 5.1), and in ICE-lite all are: the client's checks tell its addresses.
    pub fn handle_candidate(&mut self, session: SessionId, candidate: &str) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        let session = &mut self.sessions[index];
        if session.ice_lite || session.candidates >= CANDIDATES_MAX {
            return;
        }
        let line = candidate.trim().trim_start_matches("a=");
        if let Ok(candidate) = str0m::Candidate::from_sdp_string(line) {
            session.candidates += 1;
            session.rtc.add_remote_candidate(candidate);
            self.touch(index);
        }
    }

    /// Offers again with new ICE credentials (subscriber sessions).
    pub fn restart_ice(&mut self, session: SessionId) {
        let Some(index) = self.session_ids.get(&session).copied() else {
            return;
        };
        if self.sessions[index].kind != SessionKind::Subscriber {
            return;
        }
        self.drop_pending_offer(index);
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
                SessionKind::Publisher => {}
            }
        }
    }

    fn index(&self, session: SessionId) -> Result<SessionIndex, OfferError> {
        let index = self.session_ids.get(&session).copied();
        index.ok_or(OfferError::NoSession)
    }

    /// Parses a text within its limits. In ICE-lite the client's candidates are left out.
    fn read_description(&self, index: SessionIndex, sdp: &str) -> Result<Description, OfferError> {
        if sdp.len() > self.config.sdp_bytes_max {
            return Err(OfferError::TooLong {
                actual_bytes: sdp.len(),
                max_bytes: self.config.sdp_bytes_max,
            });
        }
        let mut description = Description::parse(sdp)
            .ok_or_else(|| OfferError::Malformed("no media section, or too many".to_owned()))?;
        if self.sessions[index].ice_lite {
            description.remove_everywhere("a=candidate:");
        }
        Ok(description)
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

    /// Finds what an offer changes, and rewrites the directions in it so that str0m accepts just that.
    fn plan_offer(
        &self,
        index: SessionIndex,
        description: &mut Description,
        pending: &[PendingTrack],
    ) -> OfferPlan {
        let session = &self.sessions[index];
        let mut pending: Vec<&PendingTrack> = pending.iter().collect();
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
                .then(|| take_pending(&mut pending, kind, named.as_deref(), bound.is_some()))
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
            let mut receives = false;
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

    fn apply_unpublished(&mut self, index: SessionIndex, plan: &OfferPlan) -> Vec<TrackId> {
        for (mid, track) in &plan.unpublished {
            let session = &mut self.sessions[index];
            session.received.retain(|(section, _)| section != mid);
            session.ingress.retain(|_, stream| stream.mid != *mid);
            session.gate.forget_section(*mid);
            if let Some(track) = self.track_ids.get(track).copied() {
                self.end_track(track);
            }
        }
        plan.unpublished.iter().map(|(_, track)| *track).collect()
    }

    fn apply_carried(&mut self, index: SessionIndex, plan: &OfferPlan) {
        let session = &mut self.sessions[index];
        if session.kind != SessionKind::Single {
            return;
        }
        session.sendable.clone_from(&plan.sendable);
        session.negotiation.exchange = Exchange::Idle;
        for (position, subscription) in session.subscriptions.iter_mut().enumerate() {
            subscription.section = plan
                .carried
                .iter()
                .find(|(carried, _)| *carried == position)
                .map(|(_, mid)| *mid);
            subscription.is_negotiated = subscription.section.is_some();
        }
        let is_waiting = session
            .subscriptions
            .iter()
            .any(|subscription| subscription.section.is_none());
        if is_waiting {
            self.mark_dirty(index);
        }
    }

    fn apply_published(
        &mut self,
        index: SessionIndex,
        plan: &OfferPlan,
        answer: &mut Description,
    ) -> Vec<BoundTrack> {
        let mut published = Vec::new();
        for (mid, track, layers) in &plan.published {
            let section = answer
                .sections
                .iter_mut()
                .find(|section| section.mid() == Some(*mid));
            let Some(section) = section else { continue };
            if let Some(codec) = track.codec {
                section.prefer_encoding(encoding_name(codec));
            }
            if track.stereo {
                section.add_parameter("opus", "stereo=1");
            }
            if track.dtx {
                section.add_parameter("opus", "usedtx=1");
            }
            let codec = section
                .payload_types()
                .find_map(|payload_type| codec_named(section.encoding(payload_type)?));
            let Some(codec) = codec else { continue };
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
    fn name_sections(&self, index: SessionIndex, description: &mut Description) {
        let session = &self.sessions[index];
        for section in &mut description.sections {
            let (Some(_), Some(mid)) = (section.kind(), section.mid()) else {
                continue;
            };
            let carried = session
                .subscriptions
                .iter()
                .find(|subscription| subscription.section == Some(mid))
                .filter(|_| section.direction().sends())
                .map(|subscription| &subscription.wish);
            section.set_track(carried.map(|wish| (wish.stream.as_str(), wish.name.as_str())));
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
            let (Some(mid), true, None) = (
                subscription.section,
                subscription.is_negotiated,
                subscription.sending,
            ) else {
                continue;
            };
            let codec = self.tracks[subscription.track].codec;
            let is_sending = session
                .rtc
                .media(mid)
                .is_some_and(|media| media.direction().is_sending());
            let payload_type = send_payload_type(&session.rtc, mid, codec).filter(|_| is_sending);
            let stream = session
                .rtc
                .direct_api()
                .stream_tx_by_mid(mid, None)
                .map(|stream| (stream.ssrc(), stream.rtx().is_some()));
            match (payload_type, stream) {
                (Some(payload_type), Some((ssrc, nackable))) => {
                    let stream = crate::egress::SendStream {
                        ssrc,
                        payload_type,
                        nackable,
                    };
                    self.start_stream(index, position, stream);
                }
                _ => refused.push(subscription.wish.track),
            }
        }
        for track in refused {
            self.refuse(index, track);
        }
    }

    fn refuse(&mut self, index: SessionIndex, track: TrackId) {
        let (room, session) = (self.sessions[index].room, self.sessions[index].id);
        self.unsubscribe(session, track);
        self.emit(room, Event::CodecRefused { session, track });
    }

    fn ask_for_offer(&mut self, index: SessionIndex) {
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
    fn make_offer(&mut self, index: SessionIndex) {
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
    fn drop_pending_offer(&mut self, index: SessionIndex) {
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

/// Repeats what the client wrote for its own encoder: it reads that in our answer.
fn give_hints_back(plan: &OfferPlan, answer: &mut Description) {
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
    let next = waiting
        .iter()
        .position(|position| session.subscriptions[*position].wish.kind == kind)?;
    Some(waiting.remove(next))
}

/// Takes the announced track that a sending section starts: the one it names, else, in a section that
/// is new, the first of its kind.
fn take_pending<'a>(
    pending: &mut Vec<&'a PendingTrack>,
    kind: MediaKind,
    named: Option<&str>,
    is_bound: bool,
) -> Option<&'a PendingTrack> {
    let by_name = pending
        .iter()
        .position(|track| track.kind == kind && Some(track.cid.as_str()) == named);
    let by_kind = || pending.iter().position(|track| track.kind == kind);
    let found = if is_bound {
        by_name
    } else {
        by_name.or_else(by_kind)
    };
    found.map(|position| pending.remove(position))
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
fn give_sections_back(session: &mut Session) {
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
