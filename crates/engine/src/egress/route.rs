//! Where the packets of a session go.
//!
//! As a full ICE agent, where str0m sends. Under ICE-lite the client alone decides (RFC 8445, section
//! 8.1.1): the newest request that nominates and that str0m has found authentic says where it is. str0m
//! holds on to an address until that has been silent for 15 s; here 1 s is enough, so that a client whose
//! NAT gave it a new port is reached again with its next check. Where str0m decides, it says so late: after an
//! ICE restart its [`Checks`] tell at once.
//!
//! Invariants:
//! - only a request that str0m has answered with success moves the route, so a forged source gets nothing;
//! - a request moves it once: recorded and sent again from elsewhere, it has no effect.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::checks::Checks;
use crate::stun::{self, TransactionId};

/// How long the present address has to be silent before another takes its place.
const SILENCE: Duration = Duration::from_secs(1);

/// Requests that are remembered, so that they have no effect a second time: half a minute of them.
const REMEMBERED_MAX: usize = 32;

/// How long it may take after an ICE restart until a way is known to be valid; then the old one is.
const UNSETTLED_MAX: Duration = Duration::from_secs(10);

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
    /// The restart that no valid way is known of yet, and when that was first asked for.
    restart: Option<(Checks, Option<Instant>)>,
    /// When the way began, or was found to be valid after a restart.
    since: Option<Instant>,
    /// A nomination that str0m has not answered yet, and whether it is of after the restart.
    asked: Option<(TransactionId, Path, bool)>,
    answered: VecDeque<TransactionId>,
}

/// What feedback on the packets of a session is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Whose way it is.
    pub(crate) address: Option<IpAddr>,
    /// Packets that left before say nothing of the way.
    pub(crate) since: Option<Instant>,
    /// Whether the way is known to be valid; not while ICE restarts.
    pub(crate) is_settled: bool,
}

impl Route {
    pub(crate) fn new(ice_lite: bool) -> Self {
        Self {
            follows_client: ice_lite,
            path: None,
            heard_at: None,
            is_restarted: false,
            restart: None,
            since: None,
            asked: None,
            answered: VecDeque::new(),
        }
    }

    /// Where to send, once that is known.
    pub(crate) fn path(&self) -> Option<Path> {
        self.path
    }

    /// Says since when the way is valid. A restart that leads nowhere does not count for ever.
    pub(crate) fn standing(&mut self, now: Instant) -> Standing {
        if let Some((_, asked_at)) = &mut self.restart {
            let since = *asked_at.get_or_insert(now);
            if now.saturating_duration_since(since) > UNSETTLED_MAX {
                self.settle(now);
            }
        }
        Standing {
            address: self.path.map(|path| path.destination.ip()),
            since: self.since,
            is_settled: self.restart.is_none(),
        }
    }

    /// Looks at a datagram of the client that str0m accepts, before str0m handles it.
    pub(crate) fn handle_received(&mut self, now: Instant, from: Path, contents: &[u8]) {
        if self.follows_client {
            if let Some(check) = stun::read_check(contents)
                && check.nominates
                && !self.answered.contains(&check.id)
            {
                let restart = self.restart.as_ref();
                let is_new = restart.is_some_and(|(checks, _)| checks.is_ours(check.receiver));
                self.asked = Some((check.id, from, is_new));
            }
        } else if let Some((checks, _)) = &mut self.restart
            && checks.handle_received(from, contents)
        {
            self.settle(now);
            self.go_by(now, from);
        }
    }

    /// Takes note of a packet from the client that was authentic.
    pub(crate) fn handle_authentic(&mut self, now: Instant, from: Path) {
        if self.path == Some(from) {
            self.heard_at = Some(now);
        }
    }

    /// Takes note of new credentials: the next address is believed at once.
    pub(crate) fn handle_restart(&mut self, ufrag: &str) {
        self.is_restarted = true;
        self.restart = Some((Checks::new(ufrag), None));
    }

    /// Looks at a datagram of str0m's; gives the way that it takes.
    pub(crate) fn handle_sent(&mut self, now: Instant, by: Path, contents: &[u8]) -> Path {
        let is_stun = contents.first().is_some_and(|first| *first < 4);
        if is_stun {
            if self.follows_client {
                self.handle_answer(now, by, contents);
            } else if let Some((checks, _)) = &mut self.restart {
                checks.handle_sent(by, contents);
            }
            return by;
        }
        match self.path {
            Some(path) if self.follows_client => path,
            Some(_) | None => {
                self.go_by(now, by);
                by
            }
        }
    }

    /// Takes what str0m, as a full agent, tells of the pair that it has chosen.
    pub(crate) fn handle_selected(&mut self, now: Instant, path: Path) {
        if !self.follows_client {
            self.go_by(now, path);
        }
    }

    fn go_by(&mut self, now: Instant, path: Path) {
        if self.path.replace(path) != Some(path) {
            self.since = Some(now);
        }
    }

    /// The restart is over.
    fn settle(&mut self, now: Instant) {
        self.restart = None;
        self.since = Some(now);
    }

    fn handle_answer(&mut self, now: Instant, by: Path, contents: &[u8]) {
        let Some((request, from, is_new)) = self.asked else {
            return;
        };
        if stun::read_success(contents) != Some(request) || by.destination != from.destination {
            return;
        }
        self.asked = None;
        if is_new {
            self.settle(now);
        }
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
            self.go_by(now, from);
            self.heard_at = Some(now);
            self.is_restarted = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stun::testing::{check, success};
    use crate::test_time::start;

    fn path(port: u16) -> Path {
        Path {
            source: SocketAddr::from(([127, 0, 0, 1], 7882)),
            destination: SocketAddr::from(([10, 0, 0, 1], port)),
        }
    }

    fn nominate(route: &mut Route, now: Instant, port: u16, id: u8) {
        nominate_as(route, now, port, (id, "ours"));
    }

    fn nominate_as(route: &mut Route, now: Instant, port: u16, (id, ufrag): (u8, &str)) {
        let request = check(id, (ufrag, "theirs"), true, true);
        route.handle_received(now, path(port), &request);
        route.handle_sent(now, path(port), &success(id));
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

        let request = check(2, ("ours", "theirs"), true, true);
        route.handle_received(later, path(2), &request);
        route.handle_sent(later, path(2), &success(9));
        route.handle_sent(later, path(3), &success(2));

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

        route.handle_restart("ours");
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

    #[test]
    fn a_full_agent_goes_by_the_pair_that_a_check_after_the_restart_has_found() {
        let (start, mut route) = (start(), Route::new(false));
        route.handle_sent(start, path(1), &[23, 1]);
        let before = route.standing(start);
        route.handle_restart("new");
        let second = start + SILENCE;

        route.handle_sent(second, path(1), &check(1, ("theirs", "old"), true, true));
        route.handle_received(second, path(1), &success(1));
        let during = route.standing(second);
        route.handle_sent(second, path(2), &check(2, ("theirs", "new"), false, true));
        route.handle_received(second, path(2), &success(2));
        let after = route.standing(second);

        assert_eq!((before.since, before.is_settled), (Some(start), true));
        assert_eq!((during.since, during.is_settled), (Some(start), false));
        assert_eq!((after.since, after.is_settled), (Some(second), true));
        assert_eq!(route.path(), Some(path(2)));
    }

    #[test]
    fn a_restart_is_over_with_a_nomination_by_the_new_name() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);
        route.handle_restart("new");

        nominate_as(&mut route, start + SILENCE, 1, (2, "ours"));
        let during = route.standing(start + SILENCE);
        nominate_as(&mut route, start + 2 * SILENCE, 1, (3, "new"));
        let after = route.standing(start + 2 * SILENCE);

        assert_eq!((during.since, during.is_settled), (Some(start), false));
        let valid = Some(start + 2 * SILENCE);
        assert_eq!((after.since, after.is_settled), (valid, true));
    }

    #[test]
    fn a_restart_that_leads_nowhere_is_given_up() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);
        route.handle_restart("new");

        assert!(!route.standing(start).is_settled);
        assert!(!route.standing(start + UNSETTLED_MAX).is_settled);
        assert!(route.standing(start + UNSETTLED_MAX + SILENCE).is_settled);
    }

    #[test]
    fn a_way_begins_where_the_address_changes() {
        let (start, mut route) = (start(), Route::new(true));
        nominate(&mut route, start, 1, 1);
        let later = start + 2 * SILENCE;

        nominate(&mut route, later, 1, 2);
        assert_eq!(route.standing(later).since, Some(start));
        nominate(&mut route, later + 2 * SILENCE, 2, 3);

        let since = route.standing(later + 2 * SILENCE).since;
        assert_eq!(since, Some(later + 2 * SILENCE));
    }
}
