//! Which of the advertised addresses a datagram came to, and which one it leaves from.

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Removes the IPv4-in-IPv6 form that a dual-stack socket gives to IPv4 addresses.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Tells whether the host has this address. One behind a NAT has not the one that it advertises.
fn is_of_host(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// Maps between the advertised addresses of a shard and those of its socket.
#[derive(Debug)]
pub(crate) struct Addresses {
    candidates: Vec<SocketAddr>,
    /// For each candidate whether datagrams may name it as their source.
    local: Vec<bool>,
}

impl Addresses {
    /// `candidates` are advertised (at least one); `may_choose` tells of an address whether the
    /// socket may send from it by choice.
    pub(crate) fn new(candidates: Vec<SocketAddr>, may_choose: impl Fn(IpAddr) -> bool) -> Self {
        assert!(!candidates.is_empty(), "at least one address is advertised");
        let local = candidates.iter().map(|c| may_choose(c.ip())).collect();
        Self { candidates, local }
    }

    /// Makes the map of a socket bound to `bind_ip`.
    pub(crate) fn of_host(candidates: Vec<SocketAddr>, bind_ip: IpAddr) -> Self {
        Self::new(candidates, |ip| bind_ip.is_unspecified() && is_of_host(ip))
    }

    /// Finds the candidate that a datagram to `local_ip` was sent to. Behind a NAT, where clients
    /// know us by another address, it is the first of the family.
    pub(crate) fn candidate(&self, local_ip: Option<IpAddr>) -> SocketAddr {
        let first = self.candidates[0];
        let Some(ip) = local_ip.map(|ip| ip.to_canonical()) else {
            return first;
        };
        let mut candidates = self.candidates.iter();
        let exact = candidates.clone().find(|candidate| candidate.ip() == ip);
        exact
            .or_else(|| candidates.find(|candidate| candidate.is_ipv4() == ip.is_ipv4()))
            .copied()
            .unwrap_or(first)
    }

    /// Gives the source address to ask the kernel for when sending from `candidate`; `None` leaves
    /// it to the routing table.
    pub(crate) fn source_ip(&self, candidate: SocketAddr) -> Option<IpAddr> {
        let index = self.candidates.iter().position(|&c| c == candidate)?;
        self.local[index].then_some(candidate.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(candidates: &[&str], local: &str) -> Addresses {
        let candidates = candidates.iter().map(|text| text.parse().unwrap());
        Addresses::new(candidates.collect(), |ip| ip.to_string() == local)
    }

    #[test]
    fn a_datagram_is_matched_by_address_then_by_family() {
        let candidates = ["203.0.113.7:7882", "10.0.0.1:7882", "[2001:db8::1]:7882"];
        let addresses = addresses(&candidates, "10.0.0.1");
        let of = |text: &str| addresses.candidate(Some(text.parse().unwrap())).to_string();

        assert_eq!(of("10.0.0.1"), "10.0.0.1:7882");
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.1:7882");
        assert_eq!(of("192.168.1.1"), "203.0.113.7:7882");
        assert_eq!(of("2001:db8::2"), "[2001:db8::1]:7882");
        assert_eq!(addresses.candidate(None).to_string(), "203.0.113.7:7882");
    }

    #[test]
    fn a_socket_bound_to_one_address_names_no_source() {
        let loopback: SocketAddr = "127.0.0.1:7882".parse().unwrap();
        let any = Addresses::of_host(vec![loopback], "0.0.0.0".parse().unwrap());
        let one = Addresses::of_host(vec![loopback], loopback.ip());

        assert_eq!(any.source_ip(loopback), Some(loopback.ip()));
        assert_eq!(one.source_ip(loopback), None);
    }

    #[test]
    fn only_addresses_of_the_host_are_named_as_source() {
        let addresses = addresses(&["203.0.113.7:7882", "10.0.0.1:7882"], "10.0.0.1");
        let [outer, inner] = [0, 1].map(|index| addresses.candidates[index]);

        assert_eq!(addresses.source_ip(outer), None);
        assert_eq!(addresses.source_ip(inner), Some(inner.ip()));
    }
}
