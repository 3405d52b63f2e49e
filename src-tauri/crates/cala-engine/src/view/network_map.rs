//! The whole picture of the networks at one moment.

use cala_spec::{ContainerStatus, PortMapping};
use serde::{Deserialize, Serialize};

use super::NetworkSummary;

/// All networks and all containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkMap {
    /// The networks by name.
    pub networks: Vec<MapNetwork>,
    /// The containers, the oldest first.
    pub containers: Vec<MapContainer>,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MapNetwork {
    /// What is recorded of it.
    #[serde(flatten)]
    #[cfg_attr(feature = "ts", ts(flatten))]
    pub network: NetworkSummary,
    /// Host pid of its holder; 0 when it has none or it is not known.
    pub holder_pid: i32,
    /// Its way out.
    pub uplink: MapUplink,
}

/// The way out of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum MapUplink {
    /// Nothing of the network runs: no container is in it now.
    Idle,
    /// None by intention.
    Internal,
    /// It is on its way.
    Starting,
    /// It is there.
    Ready {
        /// `pasta` or `slirp4netns`.
        program: String,
    },
    /// There should be one.
    Down {
        /// Why there is none and what to do about it.
        reason: String,
    },
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MapContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub state: ContainerStatus,
    /// Where its network comes from: `bridge`, `none`, `host`, `container:ID`, `ns:PATH`.
    pub network_mode: String,
    /// Its places in networks, in the order of its interfaces.
    pub endpoints: Vec<MapEndpoint>,
    /// Its published ports; they are open while it runs.
    pub ports: Vec<MapPort>,
}

/// A place in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct MapEndpoint {
    /// The network's id.
    pub network: String,
    /// Names by which others in this network find the container; empty where the network answers none.
    pub names: Vec<String>,
    /// What it has there while it runs; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<MapLive>,
}

/// What a running container has in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MapLive {
    /// Name of the interface in the container.
    pub interface: String,
    /// Its hardware address.
    pub mac_address: String,
    /// `address/length`, IPv4 first.
    pub addresses: Vec<String>,
    /// The gateways by which there is a way out.
    pub gateways: Vec<String>,
    /// Connections that are open through its published ports; 0 in networks that do not publish them.
    pub connections: u32,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct MapPort {
    /// The port.
    #[serde(flatten)]
    #[cfg_attr(feature = "ts", ts(flatten))]
    pub port: PortMapping,
    /// Id of the network that it is published through now; absent when it is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}
