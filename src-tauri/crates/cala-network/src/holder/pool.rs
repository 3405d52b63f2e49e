//! Which address a container gets: pure.
//!
//! The next free one after the last that was given, from the start again at the end of the range: an address is used
//! again as late as possible, so that nobody takes a new container for an old one.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cala_spec::network::Subnet;
use ipnet::IpNet;

/// The addresses of one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pool {
    subnet: IpNet,
    gateway: IpAddr,
    /// First and last that may be chosen, both in the subnet.
    range: (u128, u128),
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PoolError {
    /// Not an address for a container of this subnet.
    Unusable,
    /// Somebody has it.
    Taken,
    /// All between these two are given.
    Exhausted(IpAddr, IpAddr),
}

impl Pool {
    pub(super) fn new(subnet: &Subnet) -> Self {
        let (first, last) = usable(subnet.subnet);
        let range = subnet.lease_range.map_or((first, last), |(from, to)| {
            (number(from).clamp(first, last), number(to).clamp(first, last))
        });
        Self { subnet: subnet.subnet, gateway: subnet.gateway, range }
    }

    /// Whether both are IPv4 or both IPv6.
    pub(super) fn is_of(&self, address: IpAddr) -> bool {
        self.gateway.is_ipv4() == address.is_ipv4()
    }

    pub(super) fn subnet(&self) -> IpNet {
        self.subnet
    }

    /// The address with the subnet's prefix length.
    pub(super) fn with_prefix(&self, address: IpAddr) -> IpNet {
        IpNet::new(address, self.subnet.prefix_len()).unwrap_or_else(|_| address.into())
    }

    /// A certain address; the lease range does not bind it.
    pub(super) fn fixed(&self, address: IpAddr, taken: &BTreeSet<IpAddr>) -> Result<IpAddr, PoolError> {
        let (first, last) = usable(self.subnet);
        if !self.is_of(address) || !(first..=last).contains(&number(address)) {
            return Err(PoolError::Unusable);
        }
        if address == self.gateway || taken.contains(&address) {
            return Err(PoolError::Taken);
        }
        Ok(address)
    }

    /// The next free one after `last`.
    pub(super) fn next(&self, last: Option<IpAddr>, taken: &BTreeSet<IpAddr>) -> Result<IpAddr, PoolError> {
        let (from, to) = self.range;
        let before = last.filter(|last| self.is_of(*last)).map(number);
        let start = before.filter(|last| (from..to).contains(last)).map_or(from, |last| last + 1);
        // Each step but the last meets an address that somebody has, so this is soon over in the largest subnet.
        let candidates = (start..=to).chain(from..start).map(|number| self.address(number));
        let free = |address: &IpAddr| *address != self.gateway && !taken.contains(address);
        candidates
            .into_iter()
            .find(free)
            .ok_or_else(|| PoolError::Exhausted(self.address(from), self.address(to)))
    }

    fn address(&self, number: u128) -> IpAddr {
        match self.subnet {
            IpNet::V4(_) => Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX)).into(),
            IpNet::V6(_) => Ipv6Addr::from_bits(number).into(),
        }
    }
}

/// The first and the last address of a subnet that an interface can have: not that of the subnet itself (in IPv6 that of
/// its routers), nor that of all in it.
fn usable(subnet: IpNet) -> (u128, u128) {
    let (first, last) = (number(subnet.network()), number(subnet.broadcast()));
    match subnet {
        IpNet::V4(subnet) if subnet.prefix_len() < 31 => (first + 1, last - 1),
        IpNet::V6(subnet) if subnet.prefix_len() < 127 => (first + 1, last),
        _ => (first, last),
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(subnet: &str, gateway: &str, range: Option<(&str, &str)>) -> Pool {
        Pool::new(&Subnet {
            subnet: subnet.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            lease_range: range.map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap())),
        })
    }

    fn set(addresses: &[&str]) -> BTreeSet<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_after_the_last_and_from_the_start_again() {
        let pool = pool("10.89.0.0/29", "10.89.0.1", None);
        assert_eq!(pool.next(None, &set(&[])), Ok(ip("10.89.0.2")));
        assert_eq!(pool.next(Some(ip("10.89.0.2")), &set(&[])), Ok(ip("10.89.0.3")));
        assert_eq!(pool.next(Some(ip("10.89.0.3")), &set(&["10.89.0.4"])), Ok(ip("10.89.0.5")));
        assert_eq!(pool.next(Some(ip("10.89.0.6")), &set(&["10.89.0.2"])), Ok(ip("10.89.0.3")));
        // A record of another subnet, of before a change.
        assert_eq!(pool.next(Some(ip("192.0.2.9")), &set(&[])), Ok(ip("10.89.0.2")));
        assert_eq!(pool.next(Some(ip("fd00::9")), &set(&[])), Ok(ip("10.89.0.2")));
    }

    #[test]
    fn a_full_pool_says_so_and_names_its_range() {
        let pool = pool("10.89.0.0/29", "10.89.0.1", Some(("10.89.0.3", "10.89.0.4")));
        let taken = set(&["10.89.0.3", "10.89.0.4"]);
        let full = PoolError::Exhausted(ip("10.89.0.3"), ip("10.89.0.4"));
        assert_eq!(pool.next(Some(ip("10.89.0.3")), &taken), Err(full));
        assert_eq!(pool.next(Some(ip("10.89.0.4")), &set(&["10.89.0.3"])), Ok(ip("10.89.0.4")));
    }

    #[test]
    fn a_fixed_address_is_checked() {
        let pool = pool("10.89.0.0/24", "10.89.0.1", Some(("10.89.0.10", "10.89.0.20")));
        assert_eq!(pool.fixed(ip("10.89.0.200"), &set(&[])), Ok(ip("10.89.0.200")));
        for unusable in ["10.89.0.0", "10.89.0.255", "10.89.1.1", "fd00::1"] {
            assert_eq!(pool.fixed(ip(unusable), &set(&[])), Err(PoolError::Unusable), "{unusable}");
        }
        assert_eq!(pool.fixed(ip("10.89.0.1"), &set(&[])), Err(PoolError::Taken));
        assert_eq!(pool.fixed(ip("10.89.0.9"), &set(&["10.89.0.9"])), Err(PoolError::Taken));
    }

    #[test]
    fn ipv6_and_the_smallest_subnets_work() {
        let six = pool("fd00:1::/64", "fd00:1::1", None);
        assert_eq!(six.next(None, &set(&[])), Ok(ip("fd00:1::2")));
        assert_eq!(six.fixed(ip("fd00:1::"), &set(&[])), Err(PoolError::Unusable));
        let all: IpAddr = ip("fd00:1::ffff:ffff:ffff:ffff");
        assert_eq!(six.next(Some(all), &set(&["fd00:1::2"])), Ok(ip("fd00:1::3")));
        let pair = pool("10.0.0.0/31", "10.0.0.0", None);
        assert_eq!(pair.next(None, &set(&[])), Ok(ip("10.0.0.1")));
        let whole = pool("::/0", "::1", None);
        assert_eq!(whole.next(None, &set(&[])), Ok(ip("::2")));
    }
}
