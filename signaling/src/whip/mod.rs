//! WHIP and WHEP: publishing into a room, and watching it, by plain HTTP requests.
//!
//! `POST` brings an SDP offer and makes a session, a participant without a socket; `PATCH` brings
//! what ICE needs later, `DELETE` ends it. WHIP is RFC 9725, WHEP its sibling in the works
//! (draft-ietf-wish-whep). The room owns the session like any other participant:
//!
//! | question | module |
//! | --- | --- |
//! | what may be asked, by whom | `routes` |
//! | how a refusal is answered | `problem` |
//! | what an offer carries, and whether it may | `offer` |
//! | what a `PATCH` wants | `fragment`, `session` |
//! | what happens in the room | `room::resources` |
//!
//! Invariants:
//! - a session is found by whoever holds a token of its participant, and by nobody else;
//! - an entity-tag names one ICE session, and never another.

pub(crate) mod fragment;
mod link;
pub(crate) mod offer;
mod problem;
pub(crate) mod routes;
pub(crate) mod session;

/// Which way the media of a session goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The client sends (WHIP).
    Publish,
    /// The client receives (WHEP).
    Play,
}

impl Role {
    /// The first part of the path, and the label in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "whip",
            Self::Play => "whep",
        }
    }
}

/// Reads a text as everything that a client may send, and writes what is made of it.
#[cfg(feature = "testing")]
pub(crate) fn exercise(text: &str) {
    for role in [Role::Publish, Role::Play] {
        let _ = offer::read(text, role);
    }
    let _ = fragment::write(text);
    if let Some(fragment) = fragment::read(text) {
        let candidates = fragment.candidates.iter().map(String::len).sum::<usize>();
        assert!(candidates <= text.len(), "nothing is invented");
    }
}
