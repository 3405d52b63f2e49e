//! A network as `network ls` and `network inspect` show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A network; the fields of `podman network ls --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct NetworkSummary {
    /// Its name.
    pub name: String,
    /// Its id: 64 hex digits.
    pub id: String,
    /// `bridge`; empty when the record is damaged.
    pub driver: String,
    /// Name of the bridge; it is in the network's own namespace and not among the host's interfaces.
    pub network_interface: String,
    /// When it was made, RFC 3339 in UTC.
    pub created: String,
    /// Its subnets, at most one of IPv4 and one of IPv6.
    pub subnets: Vec<NetworkSubnet>,
    /// Whether it has an IPv6 subnet.
    pub ipv6_enabled: bool,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether names of containers are answered.
    pub dns_enabled: bool,
    /// Resolvers that are asked instead of the host's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_dns_servers: Vec<String>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Options of the driver.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// How addresses are chosen: `driver` is `host-local`.
    pub ipam_options: BTreeMap<String, String>,
    /// Why nothing else is known of it, when its record is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

/// A subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct NetworkSubnet {
    /// `address/length`.
    pub subnet: String,
    /// The network's own address in it.
    pub gateway: String,
    /// Where containers get addresses by themselves; the whole subnet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_range: Option<LeaseRange>,
}

/// From an address to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LeaseRange {
    /// The first.
    pub start_ip: String,
    /// The last.
    pub end_ip: String,
}

/// A network and the containers that run in it; the fields of `podman network inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct NetworkInspect {
    /// The network.
    #[serde(flatten)]
    #[cfg_attr(feature = "ts", ts(flatten))]
    pub network: NetworkSummary,
    /// Its way out while it is in use: `pasta`, `slirp4netns`, or `none: ` and why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink: Option<String>,
    /// Containers that run in it, by id.
    pub containers: BTreeMap<String, NetworkContainer>,
}

/// A container in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkContainer {
    /// Its name.
    pub name: String,
    /// Its interfaces in this network by their names in the container.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub interfaces: BTreeMap<String, NetworkEndpointAddresses>,
}

/// An interface of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkEndpointAddresses {
    /// Its addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<NetworkAddress>,
    /// Its hardware address.
    pub mac_address: String,
}

/// An address in a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct NetworkAddress {
    /// `address/length`.
    pub ipnet: String,
    /// The way out, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
}
