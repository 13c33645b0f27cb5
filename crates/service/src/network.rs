//! Networks of addresses, and the client behind proxies.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Proxies on the way that are looked at; longer lists are made up.
const HOPS_MAX: usize = 16;

/// A range of addresses, written `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text names no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a network is an address such as 192.0.2.7, or a range such as 10.0.0.0/8")]
pub struct NetworkError;

impl Network {
    /// Asks whether an address is in this network. IPv4 addresses inside IPv6 count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                is_same_prefix(own.to_bits(), other.to_bits(), u32::BITS, self.prefix)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                is_same_prefix(own.to_bits(), other.to_bits(), u128::BITS, self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn is_same_prefix<T: Into<u128>>(own: T, other: T, bits: u32, prefix: u8) -> bool {
    let differing = own.into() ^ other.into();
    differing.checked_shr(bits - u32::from(prefix)).unwrap_or(0) == 0
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').unzip();
        let address: IpAddr = address.unwrap_or(text).parse().map_err(|_| NetworkError)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix
            .map_or(Ok(bits), str::parse)
            .map_err(|_| NetworkError)?;
        (prefix <= bits)
            .then_some(Self { address, prefix })
            .ok_or(NetworkError)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

/// Finds the client's address of a request that came from `peer`.
///
/// What a trusted proxy has appended to `X-Forwarded-For` is believed, and what another trusted
/// proxy appended before it; the first address that is none of theirs is the client's. Without
/// trusted proxies it is `peer`, whatever the request says.
#[must_use]
pub fn client_address(peer: SocketAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.ip().to_canonical();
    let values: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in values.into_iter().rev().take(HOPS_MAX) {
        if !is_trusted(address) {
            break;
        }
        let Ok(before) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        address = before.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| network(text)).collect();
        let peer = SocketAddr::new(address(peer), 4000);
        client_address(peer, &headers, &trusted).to_string()
    }

    #[test]
    fn a_network_contains_what_shares_its_prefix() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
        ] {
            assert!(network(text).contains(address(inside)), "{text} {inside}");
            assert!(
                !network(text).contains(address(outside)),
                "{text} {outside}"
            );
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "ten",
            "10.0.0.0/",
            "10.0.0.0/-1",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NetworkError), "{text}");
        }
        assert_eq!(network("10.0.0.0/8").to_string(), "10.0.0.0/8");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxy = &["10.0.0.0/8"];

        assert_eq!(client("203.0.113.9", &["1.1.1.1"], proxy), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1"], proxy), "1.1.1.1");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 1.1.1.1"], proxy),
            "1.1.1.1",
            "made up"
        );
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 10.0.0.2"], proxy), "1.1.1.1");
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1", "10.0.0.2"], proxy),
            "1.1.1.1"
        );
        assert_eq!(client("10.0.0.1", &["nonsense"], proxy), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[], proxy), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1"], &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["2001:db8::7"], proxy), "2001:db8::7");
    }

    proptest! {
        #[test]
        fn no_header_makes_an_untrusted_peer_somebody_else(text in "[0-9a-f:., ]{0,80}") {
            prop_assert_eq!(client("203.0.113.9", &[&text], &["10.0.0.0/8"]), "203.0.113.9");
        }
    }
}
