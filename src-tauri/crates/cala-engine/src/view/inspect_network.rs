//! The part of `inspect` that tells of addresses and ports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Addresses and ports. Empty addresses until the container is in a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkSettings {
    /// IPv4 gateway.
    pub gateway: String,
    /// IPv4 address.
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    /// Its prefix length.
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: u8,
    /// IPv6 gateway.
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    /// IPv6 address.
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    /// Its prefix length.
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: u8,
    /// Hardware address.
    pub mac_address: String,
    /// Published ports.
    #[cfg_attr(feature = "ts", ts(type = "Record<string, unknown>"))]
    pub ports: BTreeMap<String, serde_json::Value>,
    /// Path of its network namespace; empty.
    pub sandbox_key: String,
    /// Its networks by name.
    pub networks: BTreeMap<String, NetworkEndpoint>,
    /// Always empty.
    #[serde(rename = "EndpointID")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub endpoint_id: String,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub link_local_i_pv6_address: String,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub link_local_i_pv6_prefix_len: i64,
    /// Always empty: the bridge is in a namespace of its own.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub bridge: String,
    /// Always empty.
    #[serde(rename = "SandboxID")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub sandbox_id: String,
    /// Always false.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub hairpin_mode: bool,
}

/// A container's place in one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkEndpoint {
    /// IPv4 gateway.
    pub gateway: String,
    /// IPv4 address.
    #[serde(rename = "IPAddress")]
    pub ip_address: String,
    /// Its prefix length.
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: u8,
    /// IPv6 gateway.
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: String,
    /// IPv6 address.
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: String,
    /// Its prefix length.
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: u8,
    /// Hardware address.
    pub mac_address: String,
    /// The network.
    #[serde(rename = "NetworkID")]
    pub network_id: String,
    /// Its names here besides its own.
    pub aliases: Vec<String>,
    /// Always empty.
    #[serde(rename = "EndpointID")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub endpoint_id: String,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub driver_opts: Option<Vec<String>>,
    /// Always null.
    #[serde(rename = "IPAMConfig")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub ipam_config: Option<Vec<String>>,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub links: Option<Vec<String>>,
}
