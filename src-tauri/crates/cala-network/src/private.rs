//! A network of one container's own: `--network pasta[:OPTIONS]` and `--network slirp4netns[:OPTIONS]` (podman-run(1)).
//!
//! It is a network like the others — a holder, names, ports with the client's address — that nobody else can be in, with the
//! named program as its way out. Options that mean something for it are honoured, the others refused by name. Pure.

mod pasta;
mod slirp;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cala_spec::container::NetworkMode;
use cala_spec::network::{NetworkAttachment, Subnet};
use cala_spec::{InvalidValue, Network};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::NetworkError;
use crate::options::{HOST_LOOPBACK, MTU, UPLINK};

/// Where the container and its gateway are when nothing is said, as slirp4netns(1) has it.
const IPV4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 2, 0), 24);

/// The same of IPv6: a unique local range (RFC 4193) that was drawn once; every such network is alone in its namespace.
const IPV6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0xfd5b, 0x91c2, 0x3ad7, 0, 0, 0, 0, 0), 64);

/// Places of the gateway and of the container in a subnet.
const GATEWAY: u32 = 2;
const CONTAINER: u32 = 100;

/// What the options come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Private {
    program: &'static str,
    ends: Vec<Ends>,
    mtu: Option<i64>,
    /// The host's 127.0.0.1 is reached by the name of the host.
    pub host_loopback: bool,
    interface: Option<String>,
    mac: Option<String>,
}

/// The container and its gateway in one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    address: IpNet,
    gateway: IpAddr,
}

impl Ends {
    /// The usual places in a subnet.
    fn of(subnet: IpNet) -> Option<Self> {
        let address = nth(subnet, CONTAINER)?;
        Some(Self { address: IpNet::new(address, subnet.prefix_len()).ok()?, gateway: nth(subnet, GATEWAY)? })
    }
}

/// An address of a subnet that is neither its first nor its last.
fn nth(subnet: IpNet, place: u32) -> Option<IpAddr> {
    let address = match subnet.network() {
        IpAddr::V4(first) => IpAddr::from(Ipv4Addr::from_bits(first.to_bits().checked_add(place)?)),
        IpAddr::V6(first) => {
            IpAddr::from(Ipv6Addr::from_bits(first.to_bits().checked_add(u128::from(place))?))
        }
    };
    (subnet.contains(&address) && address != subnet.broadcast()).then_some(address)
}

impl Private {
    /// What this way to a network asks for; `None` when it is no network of the container's own.
    ///
    /// # Errors
    /// [`NetworkError::NotSupported`] for an option that cannot be honoured; a value that does not fit.
    pub fn of(mode: &NetworkMode) -> Result<Option<Self>, NetworkError> {
        match mode {
            NetworkMode::Pasta(options) => pasta::read(options).map(Some),
            NetworkMode::Slirp4netns(options) => slirp::read(options).map(Some),
            _ => Ok(None),
        }
    }

    /// The network's record. Its id is its container's.
    #[must_use]
    pub fn network(&self, id: &str, name: &str, created_ns: i64) -> Network {
        let mut options = [(UPLINK.to_owned(), self.program.to_owned())]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>();
        options.extend(self.mtu.map(|mtu| (MTU.to_owned(), mtu.to_string())));
        options.extend(self.host_loopback.then(|| (HOST_LOOPBACK.to_owned(), "true".to_owned())));
        let subnet =
            |ends: &Ends| Subnet { subnet: ends.address.trunc(), gateway: ends.gateway, lease_range: None };
        Network {
            id: id.to_owned(),
            name: name.to_owned(),
            driver: "bridge".to_owned(),
            created_ns,
            subnets: self.ends.iter().map(subnet).collect(),
            internal: false,
            dns_enabled: false,
            dns_servers: Vec::new(),
            labels: Default::default(),
            options,
        }
    }

    /// The container's place in it.
    #[must_use]
    pub fn attachment(&self, id: &str) -> NetworkAttachment {
        let address = |v4: bool| {
            self.ends.iter().map(|ends| ends.address.addr()).find(|address| address.is_ipv4() == v4)
        };
        NetworkAttachment {
            network: id.to_owned(),
            aliases: Vec::new(),
            ip: address(true).and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None }),
            ip6: address(false).and_then(|ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None }),
            mac: self.mac.clone(),
            interface_name: self.interface.clone(),
        }
    }
}

fn refused(program: &str, option: &str, instead: &str) -> NetworkError {
    NetworkError::NotSupported {
        what: format!("the option {option} of {program}"),
        instead: instead.to_owned(),
    }
}

fn invalid(text: String, allowed: &str) -> InvalidValue {
    InvalidValue::new("invalid_network", text).allowing(allowed.to_owned())
}

#[cfg(test)]
mod tests;
