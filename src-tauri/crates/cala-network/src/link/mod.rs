//! Links, addresses, routes and rules of a network's namespace, by netlink.
//!
//! A network is a namespace N with a bridge [`BRIDGE`]; a container is a veth pair whose far end is in the container's
//! namespace. [`set_up_network`] may be called again: what is there already stays, and [`adopt`] takes over a container's link (a new
//! holder has the namespace of a dead one). Everything here is synchronous: one socket, one thread, the kernel answers at once.
//!
//! Functions that take a [`Link`] act on the namespace in which it was opened, but the files below /proc/sys/net are those
//! of the calling *thread's* namespace: call them on a thread of the holder that is in N.
//!
//! Deliberately absent: any act on the host's own network namespace.

mod address;
mod error;
mod leave;
mod network;
mod nft;
mod route;
mod socket;
mod sysctl;
#[cfg(test)]
pub(crate) mod testbed;
#[cfg(test)]
mod tests;
mod veth;

use std::net::{IpAddr, Ipv4Addr};

use cala_spec::network::Network;
use ipnet::IpNet;

pub use error::LinkError;
pub use leave::{dismiss, leave};
pub use network::{SetUp, set_up_network};
pub use route::{add_default_routes, remove_default_routes};
pub use socket::Link;
pub use veth::{adopt, join};

use netlink_packet_route::link::LinkAttribute;

/// Name of the bridge in a network's namespace.
pub const BRIDGE: &str = "br0";

/// Name of the uplink's interface in a network's namespace.
pub const UPLINK: &str = "up";

/// The mark of packets that belong to a transparent socket of the holder, and the table that brings them to it.
pub const TRANSPARENT_MARK: u32 = 1;

/// The routing table in which everything is local.
pub const TRANSPARENT_TABLE: u32 = 100;

/// Bytes of the largest packet if the network does not say: what the uplinks of user mode take, so that a packet in a
/// container is as large as one system call of theirs.
pub const DEFAULT_MTU: u32 = 65_520;

/// Bytes of the largest piece of a TCP stream over IPv4 that goes through bridge and links at once (BIG TCP, Linux 6.3;
/// ip-link(8), `gso_ipv4_max_size`); older kernels ignore it. What leaves by the uplink is cut to its packets.
const BIGGEST: u32 = 200_000;

/// Single requests, for the uplink's tap.
pub(crate) mod requests {
    pub(crate) use super::address::{add_address, set_up};
    pub(crate) use super::leave::link_events;
    pub(crate) use super::route::{add_default, remove_default};
    pub(crate) use super::socket::NO_BUFFER;
}

/// How a container joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// Name of the near end in N, at most 15 bytes: [`host_side`].
    pub host_side: String,
    /// Name of the interface in the container, at most 15 bytes.
    pub interface: String,
    /// Its MAC address: [`mac_of`] or a fixed one.
    pub mac: [u8; 6],
    /// Its addresses with the subnets' prefix lengths. What is sent from others is dropped.
    pub addresses: Vec<IpNet>,
    /// Gateways of the default routes to make, at most one of each family; empty for none.
    pub gateways: Vec<IpAddr>,
    /// Bytes of the largest packet: [`mtu_of`].
    pub mtu: u32,
}

impl Join {
    /// Whether the container gets IPv6 on this interface: only with an address of it.
    #[must_use]
    pub fn has_ipv6(&self) -> bool {
        self.addresses.iter().any(|address| matches!(address, IpNet::V6(_)))
    }
}

/// See [`BIGGEST`].
fn biggest() -> [LinkAttribute; 2] {
    [LinkAttribute::GsoIpv4MaxSize(BIGGEST), LinkAttribute::GroIpv4MaxSize(BIGGEST)]
}

/// Name of the near end of a container's link: `v`, ten digits of its id, and which of its links in this network it is.
#[must_use]
pub fn host_side(container: &str, index: u8) -> String {
    let short: String = container.chars().take(10).collect();
    format!("v{short}{index}")
}

/// The MAC address that goes with an IPv4 address: locally administered, and the same whenever the address is.
#[must_use]
pub fn mac_of(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x42, a, b, c, d]
}

/// Bytes of the largest packet in this network: its option `mtu`, else [`DEFAULT_MTU`].
#[must_use]
pub fn mtu_of(network: &Network) -> u32 {
    let asked = network.options.get("mtu").and_then(|text| text.parse().ok());
    asked.filter(|mtu| *mtu != 0).unwrap_or(DEFAULT_MTU)
}
