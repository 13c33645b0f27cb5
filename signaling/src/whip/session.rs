//! What is kept of a session to answer a `PATCH`: its offer and its entity-tag.
//!
//! A restart of ICE is made an offer again, the first one with new credentials: everything else that
//! was agreed on still holds (RFC 9725, section 4.3.3).

use std::sync::Arc;
use std::time::Instant;

use auth::Claims;
use prometheus::IntGauge;
use thiserror::Error;

use super::Role;
use super::fragment::{Credentials, Fragment, credentials_of};
use super::offer::OfferedSection;
use crate::addresses::SocketPlace;

/// A session without a socket.
#[derive(Debug)]
pub(crate) struct HttpSession {
    pub(crate) id: String,
    pub(crate) role: Role,
    /// When it began, in seconds since 1970. A token that was good then is good for it.
    pub(crate) started_at: u64,
    pub(crate) opened_at: Instant,
    /// Whom a player watches; `None`: everybody.
    pub(crate) watched: Option<String>,
    /// The offer that holds. As long as `limit.sdp_bytes_max` allows.
    offer: String,
    /// The client's user fragment.
    ufrag: String,
    /// Names the ICE session.
    tag: String,
    _held: Arc<Held>,
}

/// What a session takes up as long as it lives: a place among those of its address, and one in a
/// gauge.
#[derive(Debug)]
pub(crate) struct Held {
    gauge: IntGauge,
    _place: SocketPlace,
}

impl Held {
    pub(crate) fn new(place: SocketPlace, gauge: IntGauge) -> Self {
        gauge.inc();
        Self {
            gauge,
            _place: place,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// A client at the door, its token verified and its offer looked at.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) started_at: u64,
    pub(crate) watched: Option<String>,
    pub(crate) sections: Vec<OfferedSection>,
    pub(crate) offer: String,
    pub(crate) claims: Claims,
    pub(crate) user_agent: String,
    pub(crate) held: Arc<Held>,
}

/// What a `PATCH` wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Patch {
    /// Candidates for the present ICE session.
    Trickle(Vec<String>),
    /// A new ICE session, by this offer.
    Restart {
        /// The offer.
        offer: String,
    },
}

/// Why a `PATCH` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PatchError {
    /// No `If-Match`: 428.
    #[error("If-Match has to name the entity-tag of the ICE session, or * to restart it")]
    NoTag,
    /// The tag is that of an ICE session that is over: 412.
    #[error("the entity-tag is not that of the present ICE session")]
    OtherTag,
    /// The server could not restart: 422. The old ICE session still holds.
    #[error("ICE could not be restarted")]
    NoRestart,
}

impl HttpSession {
    /// Begins a session whose offer was answered by `answer`; `None` if one of them has no ICE
    /// credentials.
    pub(crate) fn begin(opening: &Opening, answer: &str) -> Option<Self> {
        Some(Self {
            id: opening.id.clone(),
            role: opening.role,
            started_at: opening.started_at,
            opened_at: Instant::now(),
            watched: opening.watched.clone(),
            offer: opening.offer.clone(),
            ufrag: credentials_of(&opening.offer)?.ufrag,
            tag: credentials_of(answer)?.ufrag,
            _held: Arc::clone(&opening.held),
        })
    }

    /// The entity-tag as it goes over the wire. It is our user fragment, which changes with each ICE
    /// session and comes never again.
    pub(crate) fn entity_tag(&self) -> String {
        format!("\"{}\"", self.tag)
    }

    /// Decides what a fragment wants, and whether `if_match` allows it (RFC 9725, section 4.3.1).
    ///
    /// # Errors
    ///
    /// [`PatchError`] says why not.
    pub(crate) fn judge(
        &self,
        fragment: Fragment,
        if_match: Option<&str>,
    ) -> Result<Patch, PatchError> {
        let if_match = if_match.ok_or(PatchError::NoTag)?;
        if !matches(if_match, &self.entity_tag()) {
            return Err(PatchError::OtherTag);
        }
        match fragment.credentials {
            Some(credentials) if credentials.ufrag != self.ufrag => Ok(Patch::Restart {
                offer: renewed(&self.offer, &credentials, &fragment.candidates),
            }),
            Some(_) | None => Ok(Patch::Trickle(fragment.candidates)),
        }
    }

    /// Notes that ICE was restarted by `offer`, which was answered by `answer`.
    pub(crate) fn restarted(&mut self, offer: String, answer: &str) {
        if let (Some(theirs), Some(ours)) = (credentials_of(&offer), credentials_of(answer)) {
            self.ufrag = theirs.ufrag;
            self.tag = ours.ufrag;
            self.offer = offer;
        }
    }
}

/// Compares strongly (RFC 9110, section 13.1.1). RFC 9725 writes `*` in quotes in its examples, and so
/// do some clients.
fn matches(if_match: &str, tag: &str) -> bool {
    let mut listed = if_match.split(',').map(str::trim);
    listed.any(|one| one == tag || one == "*" || one == "\"*\"")
}

/// Writes an offer anew with other credentials, and with just these candidates.
fn renewed(offer: &str, credentials: &Credentials, candidates: &[String]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut sections = 0;
    for line in offer.lines().map(str::trim_end) {
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        if line.starts_with("m=") {
            sections += 1;
            if sections == 2 {
                lines.extend(candidates.iter().map(|candidate| format!("a={candidate}")));
            }
        }
        lines.push(if line.starts_with("a=ice-ufrag:") {
            format!("a=ice-ufrag:{}", credentials.ufrag)
        } else if line.starts_with("a=ice-pwd:") {
            format!("a=ice-pwd:{}", credentials.password)
        } else {
            line.to_owned()
        });
    }
    if sections == 1 {
        lines.extend(candidates.iter().map(|candidate| format!("a={candidate}")));
    }
    lines
        .iter()
        .fold(String::new(), |text, line| text + line + "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::Sockets;
    use crate::whip::fragment;

    const OFFER: &str = "v=0\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\n\
        m=audio 9 x 111\r\na=mid:0\r\na=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\n\
        a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\nm=video 9 x 96\r\na=mid:1\r\n";
    const ANSWER: &str = "a=ice-ufrag:srv1\r\na=ice-pwd:serverpasswordserverpass\r\n";
    const SAME: &str = "a=ice-ufrag:clnt\r\na=ice-pwd:clientpasswordclientpass\r\n\
        a=candidate:2 1 udp 1 192.0.2.2 9 typ host";
    const NEW: &str = "a=ice-ufrag:newu\r\na=ice-pwd:newpasswordnewpasswordnew\r\n\
        a=candidate:3 1 udp 1 192.0.2.3 9 typ host";

    fn held(gauge: IntGauge) -> Held {
        let sockets = Arc::new(Sockets::new(1, 1));
        let place = sockets.take([127, 0, 0, 1].into()).unwrap();
        Held::new(place, gauge)
    }

    fn session() -> HttpSession {
        let gauge = IntGauge::new("sessions", "for a test").unwrap();
        let opening = Opening {
            id: "id".into(),
            role: Role::Publish,
            started_at: 1,
            watched: None,
            sections: Vec::new(),
            offer: OFFER.into(),
            claims: Claims::default(),
            user_agent: String::new(),
            held: Arc::new(held(gauge)),
        };
        HttpSession::begin(&opening, ANSWER).unwrap()
    }

    fn judge(text: &str, if_match: Option<&str>) -> Result<Patch, PatchError> {
        session().judge(fragment::read(text).unwrap(), if_match)
    }

    #[test]
    fn the_same_credentials_bring_candidates_and_new_ones_a_restart() {
        let candidates = vec!["candidate:2 1 udp 1 192.0.2.2 9 typ host".to_owned()];
        assert_eq!(
            judge(SAME, Some("\"srv1\"")),
            Ok(Patch::Trickle(candidates))
        );
        for if_match in ["*", "\"*\"", "\"srv1\"", "\"old\", \"srv1\""] {
            assert!(
                matches!(judge(NEW, Some(if_match)), Ok(Patch::Restart { .. })),
                "{if_match}"
            );
        }
    }

    #[test]
    fn a_missing_tag_and_an_old_one_are_refused() {
        for text in [SAME, NEW] {
            assert_eq!(judge(text, None), Err(PatchError::NoTag));
            for if_match in ["\"old\"", "W/\"srv1\"", "srv1", ""] {
                assert_eq!(judge(text, Some(if_match)), Err(PatchError::OtherTag));
            }
        }
    }

    #[test]
    fn a_restart_offers_the_same_with_other_credentials_and_candidates() {
        let Ok(Patch::Restart { offer }) = judge(NEW, Some("*")) else {
            panic!("a restart");
        };

        let expected = "v=0\r\na=ice-ufrag:newu\r\na=ice-pwd:newpasswordnewpasswordnew\r\n\
            m=audio 9 x 111\r\na=mid:0\r\na=ice-ufrag:newu\r\na=ice-pwd:newpasswordnewpasswordnew\r\n\
            a=candidate:3 1 udp 1 192.0.2.3 9 typ host\r\nm=video 9 x 96\r\na=mid:1\r\n";
        assert_eq!(offer, expected);
    }

    #[test]
    fn a_restart_brings_a_new_tag_and_the_old_one_is_over() {
        let mut session = session();
        let fragment = fragment::read(NEW).unwrap();
        let Ok(Patch::Restart { offer }) = session.judge(fragment.clone(), Some("*")) else {
            panic!("a restart");
        };

        session.restarted(offer, &ANSWER.replace("srv1", "srv2"));

        assert_eq!(session.entity_tag(), "\"srv2\"");
        assert_eq!(
            session.judge(fragment.clone(), Some("\"srv1\"")),
            Err(PatchError::OtherTag)
        );
        let trickle = session.judge(fragment, Some("\"srv2\""));
        assert!(matches!(trickle, Ok(Patch::Trickle(_))));
    }

    #[test]
    fn sessions_are_counted_while_they_last() {
        let gauge = IntGauge::new("sessions", "for a test").unwrap();
        let held = held(gauge.clone());
        assert_eq!(gauge.get(), 1);

        drop(held);

        assert_eq!(gauge.get(), 0);
    }
}
