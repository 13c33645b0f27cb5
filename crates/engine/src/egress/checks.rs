//! Which way a full ICE agent can send by after ICE has restarted.
//!
//! str0m tells the pair that it has chosen only with its statistics, or when it sends something itself, which
//! towards a client that only receives it hardly ever does. Its checks tell at once: a pair is valid when a
//! check on it was answered, and may be used when we decide, or the client has nominated it (RFC 8445,
//! section 7.2.5.3).
//!
//! Bounds: [`ASKED_MAX`] checks and [`PATHS_MAX`] pairs, the oldest go first.

use std::collections::VecDeque;

use super::route::Path;
use crate::stun::{self, TransactionId};

/// Covers a second of checks with eight addresses.
const ASKED_MAX: usize = 32;
const PATHS_MAX: usize = 8;

/// The checks since a restart.
#[derive(Debug)]
pub(super) struct Checks {
    /// What the restarted side calls itself; checks of before name it otherwise.
    ufrag: String,
    is_controlling: bool,
    asked: VecDeque<(TransactionId, Path)>,
    valid: VecDeque<Path>,
    nominated: VecDeque<Path>,
}

impl Checks {
    /// `ufrag` is ours from now on.
    pub(super) fn new(ufrag: &str) -> Self {
        Self {
            ufrag: ufrag.to_owned(),
            is_controlling: false,
            asked: VecDeque::new(),
            valid: VecDeque::new(),
            nominated: VecDeque::new(),
        }
    }

    /// Whether a check that names us so is of after the restart.
    pub(super) fn is_ours(&self, ufrag: &str) -> bool {
        self.ufrag == ufrag
    }

    /// Looks at what we send.
    pub(super) fn handle_sent(&mut self, by: Path, contents: &[u8]) {
        if let Some(check) = stun::read_check(contents)
            && self.is_ours(check.sender)
        {
            self.is_controlling = check.is_controlling;
            keep(&mut self.asked, (check.id, by), ASKED_MAX);
        }
    }

    /// Looks at what the client sends, as far as str0m has found it authentic. Says whether it may be sent to
    /// there from now on.
    pub(super) fn handle_received(&mut self, from: Path, contents: &[u8]) -> bool {
        if let Some(check) = stun::read_check(contents) {
            if !check.nominates || !self.is_ours(check.receiver) {
                return false;
            }
            keep(&mut self.nominated, from, PATHS_MAX);
        } else if let Some(answered) = stun::read_success(contents)
            && self.asked.contains(&(answered, from))
        {
            keep(&mut self.valid, from, PATHS_MAX);
        } else {
            return false;
        }
        self.valid.contains(&from) && (self.is_controlling || self.nominated.contains(&from))
    }
}

fn keep<T: PartialEq>(among: &mut VecDeque<T>, one: T, most: usize) {
    if among.contains(&one) {
        return;
    }
    if among.len() == most {
        among.pop_front();
    }
    among.push_back(one);
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::stun::testing::{check, success};

    const OUT: (&str, &str) = ("theirs", "ours");
    const IN: (&str, &str) = ("ours", "theirs");

    fn path(port: u16) -> Path {
        Path {
            source: SocketAddr::from(([127, 0, 0, 1], 7882)),
            destination: SocketAddr::from(([10, 0, 0, 1], port)),
        }
    }

    #[test]
    fn who_decides_sends_where_a_check_was_answered() {
        let mut checks = Checks::new("ours");

        checks.handle_sent(path(1), &check(1, OUT, false, true));

        assert!(!checks.handle_received(path(1), &success(2)), "of no check");
        assert!(
            !checks.handle_received(path(2), &success(1)),
            "from elsewhere"
        );
        assert!(checks.handle_received(path(1), &success(1)));
    }

    #[test]
    fn who_does_not_decide_waits_for_the_nomination_too() {
        for is_nominated_first in [true, false] {
            let mut checks = Checks::new("ours");
            checks.handle_sent(path(1), &check(1, OUT, false, false));
            let nomination = check(7, IN, true, true);
            let both = if is_nominated_first {
                [nomination, success(1)]
            } else {
                [success(1), nomination]
            };

            assert!(!checks.handle_received(path(1), &check(6, IN, false, true)));
            assert!(!checks.handle_received(path(1), &both[0]));
            assert!(checks.handle_received(path(1), &both[1]));
        }
    }

    #[test]
    fn checks_of_before_the_restart_say_nothing() {
        let mut checks = Checks::new("new");

        checks.handle_sent(path(1), &check(1, OUT, true, true));

        assert!(!checks.handle_received(path(1), &success(1)));
        assert!(!checks.handle_received(path(1), &check(2, IN, true, false)));
    }

    #[test]
    fn no_more_is_remembered_than_allowed() {
        let mut checks = Checks::new("ours");
        for port in 0..100 {
            let id = u8::try_from(port).unwrap();
            checks.handle_sent(path(port), &check(id, OUT, false, true));
            checks.handle_received(path(port), &success(id));
            checks.handle_received(path(port), &check(id, IN, true, false));
        }

        assert_eq!(checks.asked.len(), ASKED_MAX);
        assert_eq!(
            (checks.valid.len(), checks.nominated.len()),
            (PATHS_MAX, PATHS_MAX)
        );
    }
}
