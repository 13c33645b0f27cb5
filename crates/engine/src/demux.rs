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

/// Covers a client with eight interfaces that tries each with four addresses of ours.
const ADDRESSES_MAX: usize = 32;

/// Covers a restart that is under way beside the credentials in use.
const UFRAGS_MAX: usize = 4;

const STUN_HEADER_BYTES: usize = 20;
const STUN_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const STUN_USERNAME: u16 = 0x0006;

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
        if let Some(ufrag) = stun_local_ufrag(contents) {
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

/// Tells whether a datagram is STUN (RFC 7983, section 7 and the magic cookie of RFC 8489).
pub(crate) fn is_stun(contents: &[u8]) -> bool {
    contents.len() >= STUN_HEADER_BYTES && contents[0] < 4 && contents[4..8] == STUN_COOKIE
}

/// Reads the receiver's half of a STUN request's USERNAME (RFC 8489, section 14.3; RFC 8445, section
/// 7.2.2). Any bytes are allowed.
fn stun_local_ufrag(contents: &[u8]) -> Option<&str> {
    if !is_stun(contents) {
        return None;
    }
    let mut rest = &contents[STUN_HEADER_BYTES..];
    while let Some((header, tail)) = rest.split_at_checked(4) {
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let value = tail.get(..length)?;
        if kind == STUN_USERNAME {
            let name = std::str::from_utf8(value).ok()?;
            return name.split(':').next();
        }
        rest = tail.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stun_request(username: &str) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        bytes.extend(STUN_COOKIE);
        bytes.extend([7; 12]);
        // An attribute of 5 bytes comes first, so that padding is walked over.
        bytes.extend([0x80, 0x22, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0]);
        bytes.extend(STUN_USERNAME.to_be_bytes());
        bytes.extend(u16::try_from(username.len()).unwrap().to_be_bytes());
        bytes.extend(username.as_bytes());
        bytes
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_request_is_found_by_ufrag_and_later_packets_by_address() {
        let mut demux = Demux::default();
        demux.learn_ufrag(3, "abcd");

        let request = stun_request("abcd:theirs");
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

        let found = demux.find(address(1), address(2), &stun_request("new:x"));

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
            let mut stun = bytes.clone();
            if stun.len() >= STUN_HEADER_BYTES {
                stun[0] = 0;
                stun[4..8].copy_from_slice(&STUN_COOKIE);
            }
            let demux = Demux::default();
            prop_assert_eq!(demux.find(address(1), address(2), &bytes), None);
            prop_assert_eq!(demux.find(address(1), address(2), &stun), None);
        }
    }
}
