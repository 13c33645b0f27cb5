//! Which session a datagram belongs to.
//!
//! The pair of addresses decides; a STUN request is found by the ufrag that it names (RFC 8445,
//! section 7.3), which also teaches a new pair. Nothing is searched: both are one look-up.
//!
//! Invariants:
//! - an address is learnt only after the session has authenticated a STUN request from it;
//! - a session has at most [`ADDRESSES_MAX`] addresses and [`UFRAGS_MAX`] ufrags, the oldest go first.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::stun;

/// Covers a client with eight interfaces that tries each with four addresses of ours.
const ADDRESSES_MAX: usize = 32;

/// Covers a restart that is under way beside the credentials in use.
const UFRAGS_MAX: usize = 4;

/// Index of a session in the engine.
pub(crate) type SessionIndex = usize;

/// Finds sessions by address pair or ufrag.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    by_address: HashMap<(SocketAddr, SocketAddr), SessionIndex>,
    by_ufrag: HashMap<String, SessionIndex>,
    known: HashMap<SessionIndex, Known>,
}

#[derive(Debug, Default)]
struct Known {
    addresses: VecDeque<(SocketAddr, SocketAddr)>,
    ufrags: VecDeque<String>,
}

impl Demux {
    /// Finds the session that `contents` from `source` to `destination` is for.
    pub(crate) fn find(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        contents: &[u8],
    ) -> Option<SessionIndex> {
        // A ufrag outranks the address: a client may bring up a new session from an old port.
        if let Some(ufrag) = stun::receiver_ufrag(contents) {
            return self.by_ufrag.get(ufrag).copied();
        }
        self.by_address.get(&(source, destination)).copied()
    }

    /// The session that an address pair leads to.
    pub(crate) fn owner(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Option<SessionIndex> {
        self.by_address.get(&(source, destination)).copied()
    }

    /// Remembers an address pair from which `session` accepted an authenticated request.
    pub(crate) fn learn_address(
        &mut self,
        session: SessionIndex,
        source: SocketAddr,
        destination: SocketAddr,
    ) {
        let pair = (source, destination);
        if self.by_address.get(&pair) == Some(&session) {
            return;
        }
        if let Some(previous) = self.by_address.insert(pair, session)
            && let Some(known) = self.known.get_mut(&previous)
        {
            known.addresses.retain(|address| *address != pair);
        }
        let known = self.known.entry(session).or_default();
        known.addresses.push_back(pair);
        if known.addresses.len() > ADDRESSES_MAX
            && let Some(oldest) = known.addresses.pop_front()
        {
            self.by_address.remove(&oldest);
        }
    }

    /// Remembers a local ufrag of `session`. Says whether it is new.
    pub(crate) fn learn_ufrag(&mut self, session: SessionIndex, ufrag: &str) -> bool {
        if self.by_ufrag.get(ufrag) == Some(&session) {
            return false;
        }
        self.by_ufrag.insert(ufrag.to_owned(), session);
        let known = self.known.entry(session).or_default();
        known.ufrags.push_back(ufrag.to_owned());
        if known.ufrags.len() > UFRAGS_MAX
            && let Some(oldest) = known.ufrags.pop_front()
        {
            self.by_ufrag.remove(&oldest);
        }
        true
    }

    /// Forgets all that leads to `session`.
    pub(crate) fn forget(&mut self, session: SessionIndex) {
        let Some(known) = self.known.remove(&session) else {
            return;
        };
        for address in known.addresses {
            self.by_address.remove(&address);
        }
        for ufrag in known.ufrags {
            self.by_ufrag.remove(&ufrag);
        }
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn len(&self) -> usize {
        self.by_address.len() + self.by_ufrag.len() + self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_request_is_found_by_ufrag_and_later_packets_by_address() {
        let mut demux = Demux::default();
        demux.learn_ufrag(3, "abcd");

        let request = stun::testing::check(1, ("abcd", "theirs"), false, true);
        let first = demux.find(address(1), address(2), &request);
        let before = demux.find(address(1), address(2), &[128, 0]);
        demux.learn_address(3, address(1), address(2));
        let after = demux.find(address(1), address(2), &[128, 0]);

        assert_eq!((first, before, after), (Some(3), None, Some(3)));
    }

    #[test]
    fn a_ufrag_outranks_the_address_of_an_older_session() {
        let mut demux = Demux::default();
        demux.learn_ufrag(1, "old");
        demux.learn_address(1, address(1), address(2));
        demux.learn_ufrag(2, "new");

        let found = demux.find(
            address(1),
            address(2),
            &stun::testing::check(1, ("new", "x"), false, true),
        );

        assert_eq!(found, Some(2));
    }

    #[test]
    fn forgetting_a_session_leaves_nothing_behind() {
        let mut demux = Demux::default();
        for port in 0..100 {
            demux.learn_address(1, address(port), address(2));
            demux.learn_ufrag(1, &port.to_string());
        }
        demux.learn_address(2, address(99), address(2));
        assert!(demux.len() <= 2 + ADDRESSES_MAX + UFRAGS_MAX);

        demux.forget(1);
        demux.forget(2);

        assert_eq!(demux.len(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let demux = Demux::default();
            prop_assert_eq!(demux.find(address(1), address(2), &bytes), None);
        }
    }
}
