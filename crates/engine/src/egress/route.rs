//! Where the packets of a session go.
//!
//! As a full ICE agent, where str0m sends. Under ICE-lite the client alone decides (RFC 8445, section
//! 8.1.1): the newest request that nominates and that str0m has found authentic says where it is. str0m
//! holds on to an address until that has been silent for 15 s; here 1 s is enough, so that a client whose
//! NAT gave it a new port is reached again with its next check.
//!
//! Invariants:
//! - only a request that str0m has answered with success moves the route, so a forged source gets nothing;
//! - a request moves it once: recorded and sent again from elsewhere, it has no effect.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long the present address has to be silent before another takes its place.
const SILENCE: Duration = Duration::from_secs(1);

/// Requests that are remembered, so that they have no effect a second time: half a minute of them.
const REMEMBERED_MAX: usize = 32;

const STUN_HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const USE_CANDIDATE: u16 = 0x0025;

/// What tells one STUN request from another (RFC 8489, section 5).
pub(crate) type TransactionId = [u8; 12];

/// A local and a remote address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// The way that one session's packets take.
#[derive(Debug)]
pub(crate) struct Route {
    follows_client: bool,
    path: Option<Path>,
    heard_at: Option<Instant>,
    /// ICE has restarted: the client means to be somewhere else.
    is_restarted: bool,
    /// A nomination that str0m has not answered yet.
    asked: Option<(TransactionId, Path)>,
    answered: VecDeque<TransactionId>,
}

impl Route {
    pub(crate) fn new(ice_lite: bool) -> Self {
        Self {
            follows_client: ice_lite,
            path: None,
            heard_at: None,
            is_restarted: false,
            asked: None,
            answered: VecDeque::new(),
        }
    }

    /// Where to send, once that is known.
    pub(crate) fn path(&self) -> Option<Path> {
        self.path
    }

    /// Looks at a datagram that the client may have sent, before str0m does.
    pub(crate) fn handle_received(&mut self, from: Path, contents: &[u8]) {
        if let Some(request) = nomination(contents)
            && self.follows_client
            && !self.answered.contains(&request)
        {
            self.asked = Some((request, from));
        }
    }

    /// Takes note of a packet from the client that was authentic.
    pub(crate) fn handle_authentic(&mut self, now: Instant, from: Path) {
        if self.path == Some(from) {
            self.heard_at = Some(now);
        }
    }

    /// Takes note of new credentials: the next address is believed at once.
    pub(crate) fn handle_restart(&mut self) {
        self.is_restarted = true;
    }

    /// Looks at a datagram of str0m's; gives the way that it takes.
    pub(crate) fn handle_sent(&mut self, now: Instant, by: Path, contents: &[u8]) -> Path {
        let is_stun = contents.first().is_some_and(|first| *first < 4);
        if is_stun {
            self.handle_answer(now, by, contents);
            return by;
        }
        if self.follows_client {
            *self.path.get_or_insert(by)
        } else {
            self.path = Some(by);
            by
        }
    }

    /// Takes what str0m, as a full agent, tells of the pair that it has chosen.
    pub(crate) fn handle_selected(&mut self, path: Path) {
        if !self.follows_client {
            self.path = Some(path);
        }
    }

    fn handle_answer(&mut self, now: Instant, by: Path, contents: &[u8]) {
        let Some((request, from)) = self.asked else {
            return;
        };
        let is_answer = contents.starts_with(&BINDING_SUCCESS)
            && transaction_id(contents) == Some(request)
            && by.destination == from.destination;
        if !is_answer {
            return;
        }
        self.asked = None;
        if self.answered.len() == REMEMBERED_MAX {
            self.answered.pop_front();
        }
        self.answered.push_back(request);
        let is_silent = self
            .heard_at
            .is_none_or(|at| now.saturating_duration_since(at) > SILENCE);
        if self.path == Some(from) {
            self.heard_at = Some(now);
        } else if self.path.is_none() || is_silent || self.is_restarted {
            self.path = Some(from);
            self.heard_at = Some(now);
            self.is_restarted = false;
        }
    }
}

/// Reads the transaction id of a binding request with USE-CANDIDATE (RFC 8445, section 7.1.2). Any bytes
/// are allowed.
fn nomination(contents: &[u8]) -> Option<TransactionId> {
    if !contents.starts_with(&BINDING_REQUEST) {
        return None;
    }
    let mut rest = contents.get(STUN_HEADER_BYTES..)?;
    while let Some((header, tail)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if kind == USE_CANDIDATE {
            return transaction_id(contents);
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn transaction_id(contents: &[u8]) -> Option<TransactionId> {
    contents.get(8..STUN_HEADER_BYTES)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_time::start;

    fn path(port: u16) -> Path {
        Path {
            source: SocketAddr::from(([127, 0, 0, 1], 7882)),
            destination: SocketAddr::from(([10, 0, 0, 1], port)),
        }
    }

    fn message(kind: [u8; 2], id: u8) -> Vec<u8> {
        let mut bytes = kind.to_vec();
        bytes.extend([0, 4, 0x21, 0x12, 0xa4, 0x42]);
        bytes.extend([id; 12]);
        bytes.extend([0, 0x25, 0, 0]);
        bytes
    }

    fn nominate(route: &mut Route, now: Instant, port: u16, id: u8) {
        route.handle_received(path(port), &message(BINDING_REQUEST, id));
        route.handle_sent(now, path(port), &message(BINDING_SUCCESS, id));
    }

    #[test]
    fn a_new_address_takes_over_when_the_old_one_is_silent() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);

        nominate(&mut route, start + SILENCE, 2, 2);
        let at_once = route.path();
        nominate(&mut route, start + SILENCE + Duration::from_millis(1), 2, 3);

        assert_eq!(at_once, Some(path(1)));
        assert_eq!(route.path(), Some(path(2)));
    }

    #[test]
    fn media_of_the_client_keeps_its_address() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);

        route.handle_authentic(start + 2 * SILENCE, path(1));
        nominate(&mut route, start + 2 * SILENCE, 2, 2);

        assert_eq!(route.path(), Some(path(1)));
    }

    #[test]
    fn a_request_that_is_not_answered_moves_nothing() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);
        let later = start + 5 * SILENCE;

        route.handle_received(path(2), &message(BINDING_REQUEST, 2));
        route.handle_sent(later, path(2), &message(BINDING_SUCCESS, 9));
        route.handle_sent(later, path(3), &message(BINDING_SUCCESS, 2));

        assert_eq!(route.path(), Some(path(1)));
    }

    #[test]
    fn a_recorded_request_has_no_effect_again() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);

        nominate(&mut route, start + 5 * SILENCE, 2, 1);

        assert_eq!(route.path(), Some(path(1)));
    }

    #[test]
    fn after_a_restart_a_new_address_takes_over_at_once() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);

        route.handle_restart();
        nominate(&mut route, start, 1, 2);
        nominate(&mut route, start, 2, 3);
        nominate(&mut route, start, 1, 4);

        assert_eq!(route.path(), Some(path(2)));
    }

    #[test]
    fn data_of_str0m_follows_the_client_too() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);
        nominate(&mut route, start + 2 * SILENCE, 2, 2);

        let taken = route.handle_sent(start + 2 * SILENCE, path(1), &[23, 1]);

        assert_eq!(taken, path(2));
    }

    #[test]
    fn before_the_client_says_where_it_is_str0m_knows_best() {
        let (start, mut route) = (start(), Route::new(true));

        route.handle_sent(start, path(1), &[22, 254]);
        let first = route.path();
        nominate(&mut route, start, 2, 1);

        assert_eq!(first, Some(path(1)));
        assert_eq!(route.path(), Some(path(2)));
    }

    #[test]
    fn a_full_agent_goes_where_str0m_goes() {
        let (start, mut route) = (start(), Route::new(false));
        nominate(&mut route, start, 1, 1);
        assert_eq!(route.path(), None);

        route.handle_sent(start, path(3), &[23, 1]);

        assert_eq!(route.path(), Some(path(3)));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in proptest::collection::vec(any::<u8>(), 2..80)) {
            nomination(&bytes);
            bytes[..2].copy_from_slice(&BINDING_REQUEST);
            nomination(&bytes);
        }
    }
}
