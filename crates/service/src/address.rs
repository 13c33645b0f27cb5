//! The addresses at which clients reach the media ports.

use std::net::IpAddr;

use crate::config::RtcConfig;

/// Returns the addresses to tell clients as candidates, best first.
///
/// These are `rtc.node_ips`, or else the addresses of the network interfaces that media sockets
/// are bound to. Loopback addresses are among them with `dev`, or if there is nothing else.
/// Link-local ones are left out: they mean nothing without a zone.
#[must_use]
pub fn advertised_addresses(rtc: &RtcConfig, dev: bool) -> Vec<IpAddr> {
    if !rtc.node_ips.is_empty() {
        return rtc.node_ips.clone();
    }
    if !rtc.bind_address.is_unspecified() {
        return vec![rtc.bind_address];
    }
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "network interfaces can't be listed; set rtc.node_ips");
        Vec::new()
    });
    choose(
        found.iter().map(if_addrs::Interface::ip),
        rtc.bind_address.is_ipv4(),
        dev,
    )
}

fn choose(found: impl Iterator<Item = IpAddr>, only_v4: bool, dev: bool) -> Vec<IpAddr> {
    let mut usable: Vec<IpAddr> = found
        .filter(|ip| ip.is_ipv4() || !only_v4)
        .filter(|ip| !is_link_local(*ip) && !ip.is_unspecified())
        .collect();
    let has_other = usable.iter().any(|ip| !ip.is_loopback());
    usable.retain(|ip| dev || !has_other || !ip.is_loopback());
    usable.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    usable.dedup();
    usable
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn chosen(found: &[&str], only_v4: bool, dev: bool) -> Vec<IpAddr> {
        choose(addresses(found).into_iter(), only_v4, dev)
    }

    #[test]
    fn the_loopback_is_told_in_development_or_when_there_is_nothing_else() {
        let found = ["127.0.0.1", "192.0.2.7"];

        assert_eq!(chosen(&found, true, false), addresses(&["192.0.2.7"]));
        assert_eq!(
            chosen(&found, true, true),
            addresses(&["192.0.2.7", "127.0.0.1"])
        );
        assert_eq!(
            chosen(&["127.0.0.1"], true, false),
            addresses(&["127.0.0.1"])
        );
    }

    #[test]
    fn link_local_addresses_and_those_of_the_other_family_are_left_out() {
        let found = ["169.254.3.4", "fe80::1", "2001:db8::1", "192.0.2.7"];

        assert_eq!(chosen(&found, true, false), addresses(&["192.0.2.7"]));
        assert_eq!(
            chosen(&found, false, false),
            addresses(&["192.0.2.7", "2001:db8::1"])
        );
    }

    #[test]
    fn configured_addresses_are_told_as_they_are() {
        let node_ips = addresses(&["198.51.100.9"]);
        let rtc = RtcConfig {
            node_ips: node_ips.clone(),
            ..RtcConfig::default()
        };

        assert_eq!(advertised_addresses(&rtc, true), node_ips);
    }
}
