//! Rules of nf_tables in a network's namespace, without the program nft(8): a batch for all networks ([`rules`]) and one
//! for each container, written by [`builder`].
//!
//! A batch is done as a whole or not at all, so a table that is there is complete.

mod builder;
mod rules;

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use netlink_sys::protocols::NETLINK_NETFILTER;

use self::builder::{Batch, name16};
use self::rules::{BRIDGED, SOURCES_V4, SOURCES_V6};
use super::address::EXISTS;
use super::socket::{Channel, acknowledged, messages};
use super::{Join, LinkError, SetUp};

/// ENOENT: no such table or set.
const NOTHING_THERE: i32 = 2;
/// EAFNOSUPPORT, EOPNOTSUPP.
const NOT_SUPPORTED: [i32; 3] = [97, 95, NOTHING_THERE];

/// A socket of nf_tables, of the network namespace in which it was opened.
#[derive(Debug)]
pub(super) struct Rules {
    channel: Channel,
}

impl Rules {
    pub(super) fn open() -> io::Result<Self> {
        Channel::open(NETLINK_NETFILTER).map(|channel| Self { channel })
    }

    /// Makes the tables of a network whose gateways have these addresses; those that are there stay.
    pub(super) fn set_up(&mut self, internal: bool, own: &[IpAddr]) -> Result<SetUp, LinkError> {
        let ipv6 = own.iter().any(IpAddr::is_ipv6);
        let mut code = self.run(|batch| rules::inet(batch, internal, own, true))?;
        if NOT_SUPPORTED.contains(&code) {
            // A kernel that always follows: slower, but nothing is missing.
            code = self.run(|batch| rules::inet(batch, internal, own, false))?;
        }
        if !matches!(code, 0 | EXISTS) {
            return Err(refused("add the rules of the uplink", code));
        }
        match self.run(|batch| rules::bridge(batch, ipv6))? {
            0 | EXISTS => Ok(SetUp { source_filter: true }),
            code if NOT_SUPPORTED.contains(&code) => Ok(SetUp { source_filter: false }),
            code => Err(refused("add the filter of sources", code)),
        }
    }

    /// Lets a container send from its addresses.
    pub(super) fn admit(&mut self, join: &Join) -> Result<(), LinkError> {
        self.change(join, true)
    }

    /// Takes that back.
    pub(super) fn dismiss(&mut self, join: &Join) -> Result<(), LinkError> {
        self.change(join, false)
    }

    fn change(&mut self, join: &Join, add: bool) -> Result<(), LinkError> {
        let (v4, v6) = keys(join);
        let code = self.run(|batch| {
            for (set, keys) in [(SOURCES_V4, &v4), (SOURCES_V6, &v6)] {
                if !keys.is_empty() {
                    batch.elements(BRIDGED, set, keys, add);
                }
            }
        })?;
        match code {
            // ENOENT: taken back already, or the kernel has no such filter.
            0 | NOTHING_THERE => Ok(()),
            code => Err(refused("change the filter of sources", code)),
        }
    }

    /// Runs a batch; the number of errno(3) of its first failure, or 0.
    fn run(&mut self, write: impl FnOnce(&mut Batch)) -> Result<i32, LinkError> {
        // More numbers than any batch has messages.
        let mut batch = Batch::new(self.channel.reserve(64));
        write(&mut batch);
        let (bytes, first, count) = batch.finish();
        if count == 0 {
            return Ok(0);
        }
        self.channel.send(&bytes).map_err(LinkError::Socket)?;
        let mut left = count;
        let mut failure = 0;
        while left > 0 && failure == 0 {
            for (sequence, kind, message) in messages(self.channel.receive().map_err(LinkError::Socket)?) {
                if let Some(code) = acknowledged(kind, message)
                    && sequence.wrapping_sub(first) <= count
                {
                    left = left.saturating_sub(1);
                    failure = if failure == 0 { code } else { failure };
                }
            }
        }
        // A failed batch may have more answers, or none for the rest.
        if failure != 0 {
            self.channel.drain();
        }
        Ok(failure)
    }
}

fn refused(act: &str, code: i32) -> LinkError {
    LinkError::Refused { act: act.to_owned(), source: io::Error::from_raw_os_error(code) }
}

/// What a container may send from: keys of the set of IPv4 and of that of IPv6.
fn keys(join: &Join) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let start = || {
        let mut key = name16(&join.host_side).to_vec();
        key.extend(join.mac);
        key.extend([0, 0]);
        key
    };
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in &join.addresses {
        let mut key = start();
        match address {
            IpNet::V4(net) => {
                key.extend(net.addr().octets());
                v4.push(key);
            }
            IpNet::V6(net) => {
                key.extend(net.addr().octets());
                v6.push(key);
            }
        }
    }
    if join.has_ipv6() {
        let mut key = start();
        key.extend(link_local(join.mac).octets());
        v6.push(key);
    }
    (v4, v6)
}

/// The link-local address that goes with a MAC address (RFC 4291, appendix A).
fn link_local([a, b, c, d, e, f]: [u8; 6]) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_local_address_is_that_of_the_kernel() {
        let address = link_local([0x02, 0x42, 0x0a, 0x59, 0x00, 0x02]);
        assert_eq!(address, "fe80::42:aff:fe59:2".parse::<Ipv6Addr>().unwrap());
    }
}
