//! WHIP and WHEP sessions: participants who come by one request and have no socket.
//!
//! Whatever can fail comes before anything that others notice; a session that was refused leaves
//! nothing behind.

use std::time::{Duration, Instant};

use livekit_protocol::ClientInfo;
use livekit_protocol::participant_info::State;
use sfu::{Answer, Codec, Offer, SessionId, SessionKind, SfuError};
use thiserror::Error;
use tokio::sync::oneshot;

use super::leave::Departure;
use super::{EnterError, Room, note, unix_micros};
use crate::codecs;
use crate::ids::ParticipantKey;
use crate::join_request::{JoinWish, add_browser};
use crate::participant::{Participant, Start};
use crate::permissions::Permissions;
use crate::publication::Publication;
use crate::quirks::Quirks;
use crate::rate::RateLimit;
use crate::whip::Role;
use crate::whip::fragment::{self, Fragment};
use crate::whip::session::{HttpSession, Opening, Patch, PatchError};

/// What requests ask of a room. A receiver that is gone gave up.
#[derive(Debug)]
pub(crate) enum ResourceCommand {
    /// Begin a session.
    Open {
        opening: Box<Opening>,
        reply: oneshot::Sender<Result<Opened, OpenError>>,
    },
    /// Say whose session this is, if there is one.
    Find {
        id: String,
        reply: oneshot::Sender<Option<SessionFacts>>,
    },
    /// Take candidates or restart ICE. The answer is `None` if there is no such session.
    Patch {
        id: String,
        fragment: Fragment,
        if_match: Option<String>,
        reply: oneshot::Sender<Option<Result<Patched, PatchError>>>,
    },
    /// End a session, and say whether there was one.
    Close {
        id: String,
        reply: oneshot::Sender<bool>,
    },
}

/// A session that has begun.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The SDP answer.
    pub(crate) answer: String,
    pub(crate) entity_tag: String,
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionFacts {
    pub(crate) role: Role,
    pub(crate) identity: String,
    /// In seconds since 1970.
    pub(crate) started_at: u64,
}

/// What came of a `PATCH`.
#[derive(Debug)]
pub(crate) enum Patched {
    /// The candidates were taken.
    Trickled,
    /// ICE begins anew, as the fragment says.
    Restarted {
        fragment: String,
        entity_tag: String,
    },
}

/// Why a session did not begin.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// The token does not allow it.
    #[error("the token does not allow to publish or to watch this")]
    NotAllowed,
    /// Client and server, or the room, have no codec in common.
    #[error("a section of the offer has no codec that this room takes")]
    NoCodec,
    /// The names of the tracks are endless.
    #[error("the names in the offer are too long")]
    Names,
    /// No place, or no media session.
    #[error(transparent)]
    Enter(#[from] EnterError),
}

impl From<SfuError> for OpenError {
    fn from(error: SfuError) -> Self {
        Self::Enter(error.into())
    }
}

impl Room {
    pub(super) async fn handle_resource(&mut self, command: ResourceCommand) {
        match command {
            ResourceCommand::Open { opening, reply } => {
                let id = opening.id.clone();
                let result = self.open_resource(*opening).await;
                if reply.send(result).is_err() {
                    self.close_resource(&id).await;
                }
            }
            ResourceCommand::Find { id, reply } => {
                let _ = reply.send(self.resource_facts(&id));
            }
            ResourceCommand::Patch {
                id,
                fragment,
                if_match,
                reply,
            } => {
                let if_match = if_match.as_deref();
                let result = self.patch_resource(&id, fragment, if_match).await;
                let _ = reply.send(result);
            }
            ResourceCommand::Close { id, reply } => {
                let _ = reply.send(self.close_resource(&id).await);
            }
        }
    }

    fn resource(&self, id: &str) -> Option<(&Participant, &HttpSession)> {
        self.participants.values().find_map(|participant| {
            let http = participant.http.as_deref()?;
            (http.id == id).then_some((participant, http))
        })
    }

    fn resource_facts(&self, id: &str) -> Option<SessionFacts> {
        let (participant, http) = self.resource(id)?;
        Some(SessionFacts {
            role: http.role,
            identity: participant.identity.clone(),
            started_at: http.started_at,
        })
    }

    async fn open_resource(&mut self, opening: Opening) -> Result<Opened, OpenError> {
        if !self.has_place_for(&opening.claims) {
            return Err(EnterError::Full.into());
        }
        let wish = wish(&opening);
        let kind = match opening.role {
            Role::Publish => SessionKind::Publisher,
            Role::Play => SessionKind::Player,
        };
        let config = self.session_config(kind, Quirks::of(&wish.client, false));
        let session = self.shared.sfu.create_session(self.media, config, None);
        let session = session.await?;
        let negotiated = self.negotiate(session, &opening).await;
        let http = negotiated.and_then(|(pending, answer)| {
            let http = HttpSession::begin(&opening, &answer.sdp).ok_or(OpenError::Names)?;
            Ok((pending, answer, http))
        });
        match http {
            Ok((pending, answer, http)) => {
                let opened = Opened {
                    answer: answer.sdp.clone(),
                    entity_tag: http.entity_tag(),
                };
                let participant = self.resource_participant(opening, &wish, session, http);
                self.take_in(participant, pending, answer).await;
                Ok(opened)
            }
            Err(error) => {
                note(self.shared.sfu.close_session(session).await, "close");
                Err(error)
            }
        }
    }

    /// Lets the media server answer the offer; all of it or nothing is accepted.
    async fn negotiate(
        &self,
        session: SessionId,
        opening: &Opening,
    ) -> Result<(Vec<Publication>, Answer), OpenError> {
        let permissions = Permissions::of(&opening.claims);
        let mut publications = Vec::new();
        match opening.role {
            Role::Publish => {
                for section in &opening.sections {
                    if !permissions.may_publish(section.source()) {
                        return Err(OpenError::NotAllowed);
                    }
                    let codec = section.codec(|codec| self.is_enabled(codec));
                    let codec = codec.ok_or(OpenError::NoCodec)?;
                    let announcement = section.announcement(codec);
                    let id = self.shared.sfu.new_track_id(session);
                    let now = Instant::now();
                    let announced =
                        Publication::announce(id, &announcement, &[codec], now, unix_micros());
                    publications.push(announced.ok_or(OpenError::Names)?);
                }
            }
            Role::Play if !permissions.may_subscribe() => return Err(OpenError::NotAllowed),
            Role::Play => {}
        }
        let offer = Offer {
            sdp: opening.offer.clone(),
            pending: publications.iter().map(Publication::pending).collect(),
        };
        let answer = self.shared.sfu.handle_offer(session, offer).await?;
        let published = answer.published.iter();
        let are_all_taken = published.len() == publications.len()
            && published.clone().all(|bound| self.is_enabled(bound.codec));
        if are_all_taken {
            Ok((publications, answer))
        } else {
            Err(OpenError::NoCodec)
        }
    }

    /// Asks whether the room takes a codec.
    fn is_enabled(&self, codec: Codec) -> bool {
        let mime_type = codecs::mime_type(codec);
        let mut enabled = self.info.enabled_codecs.iter();
        self.info.enabled_codecs.is_empty()
            || enabled.any(|enabled| enabled.mime.eq_ignore_ascii_case(mime_type))
    }

    fn resource_participant(
        &mut self,
        opening: Opening,
        wish: &JoinWish,
        session: SessionId,
        http: HttpSession,
    ) -> Participant {
        let key = ParticipantKey(self.next_key);
        self.next_key += 1;
        let limit = &self.shared.config.limit;
        let start = Start {
            key,
            claims: opening.claims,
            receiving: Some(session),
            outbox: None,
            updates: RateLimit::new(limit.participant_updates_per_second),
            packets: RateLimit::new(limit.data_packets_per_second),
            data_track_packets: RateLimit::new(limit.data_track_packets_per_second),
            now: Instant::now(),
            unix_ms: unix_micros() / 1000,
        };
        let mut participant = Participant::new(start, wish);
        participant.http = Some(Box::new(http));
        participant
    }

    /// Makes a participant known with all that it publishes, in place of its namesake.
    async fn take_in(
        &mut self,
        mut participant: Participant,
        pending: Vec<Publication>,
        answer: Answer,
    ) {
        let key = participant.key;
        let namesake = self.find(|other| other.identity == participant.identity);
        if let Some(namesake) = namesake {
            self.remove(namesake, Departure::DuplicateIdentity).await;
        }
        for publication in &pending {
            self.by_track.insert(publication.id, key);
        }
        participant.pending = pending;
        self.welcome(participant);
        self.handle_negotiated(key, 0, answer).await;
        self.reconcile_subscriber(key).await;
    }

    async fn patch_resource(
        &mut self,
        id: &str,
        fragment: Fragment,
        if_match: Option<&str>,
    ) -> Option<Result<Patched, PatchError>> {
        let (participant, http) = self.resource(id)?;
        let (key, session) = (participant.key, participant.receiving?);
        let patch = match http.judge(fragment, if_match) {
            Ok(patch) => patch,
            Err(error) => return Some(Err(error)),
        };
        match patch {
            Patch::Trickle(candidates) => {
                for candidate in candidates {
                    let added = self.shared.sfu.add_candidate(session, candidate).await;
                    note(added, "add a candidate");
                }
                Some(Ok(Patched::Trickled))
            }
            Patch::Restart { offer } => Some(self.restart_resource(key, session, offer).await),
        }
    }

    async fn restart_resource(
        &mut self,
        key: ParticipantKey,
        session: SessionId,
        sdp: String,
    ) -> Result<Patched, PatchError> {
        let pending = Vec::new();
        let offer = Offer {
            sdp: sdp.clone(),
            pending,
        };
        let result = self.shared.sfu.handle_offer(session, offer).await;
        let answer = note(result, "restart ICE").ok_or(PatchError::NoRestart)?;
        let participant = self.participants.get_mut(&key);
        let http = participant.and_then(|participant| participant.http.as_mut());
        let http = http.ok_or(PatchError::NoRestart)?;
        http.restarted(sdp, &answer.sdp);
        Ok(Patched::Restarted {
            fragment: fragment::write(&answer.sdp),
            entity_tag: http.entity_tag(),
        })
    }

    async fn close_resource(&mut self, id: &str) -> bool {
        let key = self.resource(id).map(|(participant, _)| participant.key);
        if let Some(key) = key {
            self.remove(key, Departure::Client).await;
        }
        key.is_some()
    }
}

impl Participant {
    /// Tells whether the client took too long from its request to its first packets. Those who have a
    /// socket are known to be there.
    pub(super) fn is_absent(&self, now: Instant, timeout: Duration) -> bool {
        let http = self.http.as_ref().filter(|_| self.state != State::Active);
        http.is_some_and(|http| now.saturating_duration_since(http.opened_at) >= timeout)
    }
}

fn wish(opening: &Opening) -> JoinWish {
    let mut client = ClientInfo::default();
    add_browser(&mut client, &opening.user_agent);
    JoinWish {
        auto_subscribe: opening.role == Role::Play,
        ..JoinWish::of_nobody(client)
    }
}
