//! Which subnets are free: none that a route of the host or another network touches. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cala_spec::Network;
use cala_spec::network::Subnet;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks get 10.89.0.0/24 and what follows, up to 10.255.255.0/24, as Podman's do; where the host has a route to all
/// of that (a VPN that takes 10.0.0.0/8, say) one of the other private ranges.
const POOLS: [(Ipv4Addr, Ipv4Addr); 3] = [
    (Ipv4Addr::new(10, 89, 0, 0), Ipv4Addr::new(10, 255, 255, 255)),
    (Ipv4Addr::new(172, 16, 0, 0), Ipv4Addr::new(172, 31, 255, 255)),
    (Ipv4Addr::new(192, 168, 0, 0), Ipv4Addr::new(192, 168, 255, 255)),
];

/// Prefix length in bits of the subnets of the pools.
const POOL_PREFIX: u8 = 24;

/// Prefix length in bits below which a route is a way out and no subnet: `0.0.0.0/0`, or the two halves by which VPNs
/// replace it.
const WAY_OUT: u8 = 1;

/// Draws of a random IPv6 subnet before giving up; one is enough in practice.
const DRAWS: usize = 64;

/// A range of addresses that belongs to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The range.
    pub subnet: IpNet,
    /// By whom, for a person: ``network `web` ``, ``a route of the host by `eth0` ``.
    pub by: String,
}

impl Taken {
    /// The ranges of a network.
    pub fn of_network(network: &Network) -> impl Iterator<Item = Self> {
        let by = format!("network `{}`", network.name);
        network.subnets.iter().map(move |subnet| Self { subnet: subnet.subnet, by: by.clone() })
    }

    /// The range behind an interface of the host; `None` when it is a way out to everywhere.
    #[must_use]
    pub fn of_host(subnet: IpNet, interface: &str) -> Option<Self> {
        let by = match interface {
            "" => "a route of the host".to_owned(),
            name => format!("a route of the host by `{name}`"),
        };
        (subnet.prefix_len() > WAY_OUT).then(|| Self { subnet: subnet.trunc(), by })
    }
}

/// Whether two ranges share an address.
#[must_use]
pub fn overlap(a: IpNet, b: IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Who has an address of this range.
#[must_use]
pub fn holder(subnet: IpNet, taken: &[Taken]) -> Option<&Taken> {
    taken.iter().find(|other| overlap(subnet, other.subnet))
}

/// The lowest free IPv4 subnet of the pools.
#[must_use]
pub fn free_v4(taken: &[Taken]) -> Option<Ipv4Net> {
    POOLS.iter().find_map(|(first, last)| free_in_pool(*first, *last, taken))
}

fn free_in_pool(first: Ipv4Addr, last: Ipv4Addr, taken: &[Taken]) -> Option<Ipv4Net> {
    let mut next = u64::from(u32::from(first));
    while next < u64::from(u32::from(last)) {
        let candidate = Ipv4Net::new(u32::try_from(next).ok()?.into(), POOL_PREFIX).ok()?;
        match holder(candidate.into(), taken).map(|other| other.subnet) {
            None => return Some(candidate),
            // Behind whichever of the two ends later, in whole steps.
            Some(IpNet::V4(other)) => {
                let end =
                    candidate.broadcast().max(Ipv4Net::new(other.broadcast(), POOL_PREFIX).ok()?.broadcast());
                next = u64::from(u32::from(end)) + 1;
            }
            Some(IpNet::V6(_)) => return None,
        }
    }
    None
}

/// A free IPv6 subnet of the local range (RFC 4193): `fd`, 56 random bits, /64.
#[must_use]
pub fn free_v6(taken: &[Taken], mut random: impl FnMut() -> u64) -> Option<Ipv6Net> {
    (0..DRAWS).find_map(|_| {
        let high = (random() & 0x00ff_ffff_ffff_ffff) | 0xfd00_0000_0000_0000;
        let subnet = Ipv6Net::new(Ipv6Addr::from(u128::from(high) << 64), 64).ok()?;
        holder(subnet.into(), taken).is_none().then_some(subnet)
    })
}

/// A subnet with its first address as the gateway.
#[must_use]
pub fn with_first_gateway(subnet: IpNet) -> Subnet {
    Subnet { subnet, gateway: first(subnet), lease_range: None }
}

/// The address behind the network's own; the only one of a range that has one.
#[must_use]
pub fn first(subnet: IpNet) -> IpAddr {
    if subnet.prefix_len() == subnet.max_prefix_len() {
        return subnet.network();
    }
    match subnet.network() {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address).saturating_add(1)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address).saturating_add(1)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("a subnet")
    }

    fn taken(nets: &[&str]) -> Vec<Taken> {
        nets.iter().filter_map(|text| Taken::of_host(net(text), "eth0")).collect()
    }

    fn free(nets: &[&str]) -> Option<String> {
        free_v4(&taken(nets)).map(|subnet| subnet.to_string())
    }

    #[test]
    fn the_lowest_free_subnet_is_taken() {
        for (nets, expected) in [
            (&[][..], "10.89.0.0/24"),
            (&["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"], "10.89.0.0/24"),
            (&["10.89.0.0/24"], "10.89.1.0/24"),
            (&["10.89.1.0/24", "10.89.0.0/24"], "10.89.2.0/24"),
            (&["10.89.0.128/25"], "10.89.1.0/24"),
            (&["10.89.0.7/32", "fd00::/8"], "10.89.1.0/24"),
            (&["10.88.0.0/15"], "10.90.0.0/24"),
            (&["10.0.0.0/8"], "172.16.0.0/24"),
            (&["10.0.0.0/8", "172.16.0.0/12"], "192.168.0.0/24"),
            (&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/23"], "192.168.2.0/24"),
        ] {
            assert_eq!(free(nets).as_deref(), Some(expected), "{nets:?}");
        }
        assert_eq!(free(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]), None);
        assert_eq!(free(&["128.0.0.0/2", "0.0.0.0/2"]).as_deref(), Some("192.168.0.0/24"));
    }

    #[test]
    fn a_whole_pool_is_used_up_without_a_gap() {
        let mut all = Vec::new();
        for _ in 0..500 {
            let subnet = free_v4(&all).expect("there are thousands");
            all.push(Taken { subnet: subnet.into(), by: String::new() });
        }
        assert_eq!(all.last().map(|last| last.subnet.to_string()).as_deref(), Some("10.90.243.0/24"));
    }

    #[test]
    fn ranges_overlap_when_they_share_an_address() {
        for (a, b, expected) in [
            ("10.0.0.0/8", "10.89.0.0/24", true),
            ("10.89.0.0/25", "10.89.0.128/25", false),
            ("fd00::/8", "fd12::/64", true),
            ("::/0", "10.0.0.0/8", false),
        ] {
            assert_eq!(overlap(net(a), net(b)), expected, "{a} {b}");
            assert_eq!(overlap(net(b), net(a)), expected, "{b} {a}");
        }
    }

    #[test]
    fn local_subnets_of_ipv6_are_drawn_until_one_is_free() {
        let mut draws = [0x1122_3344_5566_7788, 0xff00_0000_0000_0001].into_iter();
        let found = free_v6(&taken(&["fd22:3344::/32"]), || draws.next().expect("two draws are enough"));
        assert_eq!(found.map(|subnet| subnet.to_string()).as_deref(), Some("fd00:0:0:1::/64"));
        assert_eq!(free_v6(&taken(&["fd00::/8"]), || 7), None);
    }

    #[test]
    fn the_first_address_is_the_gateway() {
        for (subnet, expected) in [
            ("10.89.0.0/24", "10.89.0.1"),
            ("10.1.0.0/32", "10.1.0.0"),
            ("10.1.0.2/31", "10.1.0.3"),
            ("fd00:1::/64", "fd00:1::1"),
        ] {
            assert_eq!(with_first_gateway(net(subnet)).gateway.to_string(), expected);
        }
    }
}
