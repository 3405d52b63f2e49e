//! Networks: what is stored of one, how a container joins it, and what it got there.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// The network that a container is in when nothing is said; `bridge` means it too.
pub const DEFAULT_NETWORK: &str = "podman";

/// The domain of the names of containers, the search domain in them.
pub const DNS_DOMAIN: &str = "dns.podman";

/// A network: `D/networks/<id>/network.json`. Never changed but by replacing the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Network {
    /// Its id: 64 lower-case hex digits.
    pub id: String,
    /// Its name; the grammar is that of containers' names.
    pub name: String,
    /// Always `bridge`.
    pub driver: String,
    /// When it was made, in nanoseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created_ns: i64,
    /// At most one of IPv4 and one of IPv6; at least one.
    pub subnets: Vec<Subnet>,
    /// No way out: no uplink, no published ports.
    #[serde(default)]
    pub internal: bool,
    /// Names of containers are answered (false for the default network, as in Podman; it still forwards).
    #[serde(default)]
    pub dns_enabled: bool,
    /// Resolvers asked instead of the host's; empty is the host's.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(type = "string[]"))]
    pub dns_servers: Vec<IpAddr>,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Options of the driver: `mtu`, `isolate`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// A subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Subnet {
    /// Address and prefix length, host bits zero.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub subnet: IpNet,
    /// The network's own address in it: the containers' gateway and name server.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub gateway: IpAddr,
    /// The first and the last address that containers get by themselves; the whole subnet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(as = "Option<(String, String)>"))]
    pub lease_range: Option<(IpAddr, IpAddr)>,
}

/// Reads a MAC address: six hex pairs with colons or hyphens, of one machine and not of a group. Written back in lower case
/// with colons.
///
/// # Errors
/// What is wrong with it.
pub fn parse_mac(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| {
        InvalidValue::new("invalid_mac", format!("invalid MAC address {text:?}: {why}"))
            .allowing("six hex pairs with colons, such as 02:42:0a:59:00:05")
    };
    let pair = |pair: &str| (pair.len() == 2).then(|| u8::from_str_radix(pair, 16).ok()).flatten();
    let bytes: Option<Vec<u8>> = text.split([':', '-']).map(pair).collect();
    let bytes = bytes.filter(|bytes| bytes.len() == 6).ok_or_else(|| wrong("it is not six hex pairs"))?;
    if bytes.first().is_some_and(|first| first & 1 == 1) {
        return Err(wrong("it is the address of a group"));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}

/// How a container joins a network: `--network NET:ip=…,ip6=…,mac=…,alias=…,interface_name=…`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct NetworkAttachment {
    /// In a wish the name, id or id prefix; as stored the id.
    pub network: String,
    /// More names of the container in this network.
    pub aliases: Vec<String>,
    /// A fixed IPv4 address.
    #[cfg_attr(feature = "ts", ts(as = "Option<String>"))]
    pub ip: Option<Ipv4Addr>,
    /// A fixed IPv6 address.
    #[cfg_attr(feature = "ts", ts(as = "Option<String>"))]
    pub ip6: Option<Ipv6Addr>,
    /// A fixed MAC address, six hex pairs with colons.
    pub mac: Option<String>,
    /// Name of the interface in the container; `eth0`, `eth1`, … by default.
    pub interface_name: Option<String>,
}

/// What a running container has in a network; part of its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkStatus {
    /// The network's id.
    pub network: String,
    /// Name of the interface in the container.
    pub interface: String,
    /// MAC address, six hex pairs with colons.
    pub mac: String,
    /// Its addresses with the subnets' prefix lengths; IPv4 first.
    #[cfg_attr(feature = "ts", ts(type = "string[]"))]
    pub addresses: Vec<IpNet>,
    /// The gateway of each subnet that has a way out; IPv4 first.
    #[cfg_attr(feature = "ts", ts(type = "string[]"))]
    pub gateways: Vec<IpAddr>,
    /// Where names are asked; empty when the network answers none.
    #[cfg_attr(feature = "ts", ts(type = "string[]"))]
    pub dns: Vec<IpAddr>,
    /// Names of the container in this network: its aliases and its short id.
    pub aliases: Vec<String>,
}

/// What a person asks for when a network is made: the input of `network create`, from the command line and the window.
/// Subnets, gateways and ranges belong together by their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-network-create(1)")]
pub struct NetworkSpec {
    /// Its name; `podman1`, `podman2`, … by default.
    pub name: Option<String>,
    /// The driver: `bridge`, which is what empty means too.
    pub driver: String,
    /// Subnets as `address/length`; a free one by default.
    pub subnets: Vec<String>,
    /// The gateway of each subnet; its first address by default.
    pub gateways: Vec<String>,
    /// Where containers get addresses by themselves, in each subnet: `address/length` or `first-last`.
    pub ip_ranges: Vec<String>,
    /// An IPv6 subnet too.
    pub ipv6: bool,
    /// No way out.
    pub internal: bool,
    /// Names of containers are not answered.
    pub disable_dns: bool,
    /// Resolvers that are asked instead of the host's.
    pub dns_servers: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Options of the driver: `mtu`, `isolate`.
    pub options: BTreeMap<String, String>,
    /// How addresses are chosen: `host-local`, which is what empty means too.
    pub ipam_driver: String,
    /// A network of this name that is there already is the answer.
    pub ignore: bool,
}
