//! The machine and this program, as `info` and `version` show them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What `cala info` shows; the fields of `podman info --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Info {
    /// The machine.
    pub host: HostInfo,
    /// Where things are kept.
    pub store: StoreInfo,
    /// Registries of registries.conf by name; `search` lists those tried for short names.
    #[cfg_attr(feature = "ts", ts(type = "Record<string, unknown>"))]
    pub registries: BTreeMap<String, serde_json::Value>,
    /// This program.
    pub version: VersionDetail,
    /// What is missing on this machine and what it costs, each with its remedy; empty when all is well.
    pub warnings: Vec<String>,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct HostInfo {
    /// Architecture in Go's words.
    pub arch: String,
    /// `cgroupfs`: Cala writes to a delegated subtree.
    pub cgroup_manager: String,
    /// `v2`, or `v1` on a machine without the unified hierarchy.
    pub cgroup_version: String,
    /// Controllers that Cala may use.
    pub cgroup_controllers: Vec<String>,
    /// Processors online.
    pub cpus: usize,
    /// The system.
    pub distribution: UnderlyingDistribution,
    /// `file`.
    pub event_logger: String,
    /// The host name.
    pub hostname: String,
    /// The ids that containers get.
    pub id_mappings: IdMappings,
    /// Release of the kernel.
    pub kernel: String,
    /// `k8s-file`.
    pub log_driver: String,
    /// Free memory in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub mem_free: u64,
    /// Memory in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub mem_total: u64,
    /// `cala`.
    pub network_backend: String,
    /// Interfaces of the host with their addresses.
    pub network_interfaces: Vec<NetworkInterface>,
    /// pasta(1), as it is installed.
    pub pasta: UplinkInfo,
    /// What new networks have as their way out: `pasta`, `slirp4netns`, or empty when neither is installed.
    pub rootless_network_cmd: String,
    /// slirp4netns(1), as it is installed.
    pub slirp4netns: UplinkInfo,
    /// The runtime.
    pub oci_runtime: OciRuntimeInfo,
    /// `linux`.
    pub os: String,
    /// Security facts.
    pub security: SecurityInfo,
    /// Free swap in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub swap_free: u64,
    /// Swap in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub swap_total: u64,
    /// Time since boot, for people.
    pub uptime: String,
}

/// The system the machine runs (os-release(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct UnderlyingDistribution {
    /// `ID`.
    pub distribution: String,
    /// `VERSION_ID`.
    pub version: String,
    /// `VERSION_CODENAME`.
    pub codename: String,
}

/// The ids that containers get.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct IdMappings {
    /// Group ids.
    pub gidmap: Vec<IdMapping>,
    /// User ids.
    pub uidmap: Vec<IdMapping>,
}

/// A range of ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct IdMapping {
    /// First id inside.
    pub container_id: u32,
    /// First id on the host.
    pub host_id: u32,
    /// How many.
    pub size: u32,
}

/// An interface of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkInterface {
    /// Its name.
    pub name: String,
    /// `address/prefix` of each of its addresses.
    pub addresses: Vec<String>,
}

/// A program that gives networks a way out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct UplinkInfo {
    /// Its path; empty when it is not installed.
    pub executable: String,
}

/// The runtime that starts containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct OciRuntimeInfo {
    /// `cala`.
    pub name: String,
    /// Path of `cala-oci`.
    pub path: String,
    /// Its version.
    pub version: String,
}

/// Security facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SecurityInfo {
    /// Whether AppArmor is on.
    pub apparmor_enabled: bool,
    /// Default capabilities, joined by commas.
    pub capabilities: String,
    /// Whether Cala runs without privileges.
    pub rootless: bool,
    /// Whether the kernel filters system calls.
    pub seccomp_enabled: bool,
    /// Always empty: the profile is built in.
    pub seccomp_profile_path: String,
    /// Whether SELinux is on.
    pub selinux_enabled: bool,
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StoreInfo {
    /// How many containers there are.
    pub container_store: ContainerCounts,
    /// `overlay`.
    pub graph_driver_name: String,
    /// The data root.
    pub graph_root: String,
    /// Size of its file system in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub graph_root_allocated: u64,
    /// Used bytes of its file system.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub graph_root_used: u64,
    /// Facts of the overlay file system, in Podman's words.
    pub graph_status: BTreeMap<String, String>,
    /// How many images there are.
    pub image_store: ImageCounts,
    /// The run root.
    pub run_root: String,
    /// Where volumes are.
    pub volume_path: String,
}

/// How many containers there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ContainerCounts {
    /// All.
    pub number: usize,
    /// Frozen.
    pub paused: usize,
    /// Running.
    pub running: usize,
    /// The rest.
    pub stopped: usize,
}

/// How many images there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImageCounts {
    /// All.
    pub number: usize,
}

/// What `cala version` shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Version {
    /// This program; there is no server.
    pub client: VersionDetail,
}

/// A version, in the fields of `podman version --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct VersionDetail {
    /// The version of Podman's API that the names and forms follow.
    #[serde(rename = "APIVersion")]
    pub api_version: String,
    /// Cala's version.
    pub version: String,
    /// The minimal Rust version it is written for.
    pub rust_version: String,
    /// `linux/amd64`.
    pub os_arch: String,
    /// `linux`.
    pub os: String,
}
