//! A container as `ps` lists it.

use std::collections::BTreeMap;

use cala_spec::ContainerStatus;
use serde::{Deserialize, Serialize};

/// One row of `cala ps`; the fields of `podman ps --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ContainerSummary {
    /// Whether it is removed when it ends.
    pub auto_remove: bool,
    /// Entrypoint and command.
    pub command: Vec<String>,
    /// When it was created, RFC 3339 in UTC. Podman prints an age here, which cannot be computed with.
    pub created_at: String,
    /// Whether it ended.
    pub exited: bool,
    /// When it ended, seconds since the Unix epoch; Go's zero time (-62135596800) when never.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub exited_at: i64,
    /// Exit code of the last end.
    pub exit_code: i32,
    /// All 64 digits of the id.
    pub id: String,
    /// The image as named when the container was made.
    pub image: String,
    /// The image id without `sha256:`.
    #[serde(rename = "ImageID")]
    pub image_id: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Where something is mounted.
    pub mounts: Vec<String>,
    /// The name, as the only element.
    pub names: Vec<String>,
    /// Names of its networks.
    pub networks: Vec<String>,
    /// Host pid, 0 when it does not run.
    pub pid: i32,
    /// Published ports.
    pub ports: Vec<PortMapping>,
    /// Ports that the image exposes: the number to its protocols; left out when there is none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub exposed_ports: BTreeMap<String, Vec<String>>,
    /// How often it was restarted.
    pub restarts: u32,
    /// Sizes, when asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "ts", ts(type = "number | undefined"))]
    pub size: Option<u64>,
    /// When it was started last, seconds since the Unix epoch; Go's zero time when never.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub started_at: i64,
    /// The status in one word.
    pub state: ContainerStatus,
    /// The status for people: `Up 5 minutes`, `Exited (0) 2 hours ago`.
    pub status: String,
    /// When it was created, seconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created: i64,
    /// Why nothing else is known of it, when its files are damaged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub damaged: Option<String>,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(rename = "PortSpan"))]
pub struct PortMapping {
    /// Address of the host, empty for all.
    pub host_ip: String,
    /// First port in the container.
    pub container_port: u16,
    /// First port of the host.
    pub host_port: u16,
    /// How many ports follow one another.
    pub range: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
}
