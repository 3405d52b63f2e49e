//! The part of `inspect` that Docker calls `HostConfig`: how a container is run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a container is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[expect(clippy::struct_excessive_bools, reason = "Podman's and Docker's form")]
pub struct HostConfig {
    /// `source:target:options` of each bind mount and volume.
    pub binds: Vec<String>,
    /// `cgroupfs`.
    pub cgroup_manager: String,
    /// `private`.
    pub cgroup_mode: String,
    /// Always empty.
    #[serde(rename = "ContainerIDFile")]
    pub container_id_file: String,
    /// Where the output goes.
    pub log_config: LogConfig,
    /// `none` or `host`.
    pub network_mode: String,
    /// Published ports.
    #[cfg_attr(feature = "ts", ts(type = "Record<string, unknown>"))]
    pub port_bindings: BTreeMap<String, serde_json::Value>,
    /// What happens when it ends.
    pub restart_policy: RestartPolicy,
    /// Whether it is removed when it ends.
    pub auto_remove: bool,
    /// Whether a small init is pid 1.
    pub init: bool,
    /// Capabilities added to the default ones.
    pub cap_add: Vec<String>,
    /// Default capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Name servers; none of its own.
    pub dns: Vec<String>,
    /// Resolver options; none of its own.
    pub dns_options: Vec<String>,
    /// Search domains; none of its own.
    pub dns_search: Vec<String>,
    /// Added lines of /etc/hosts; none.
    pub extra_hosts: Vec<String>,
    /// Added groups; none.
    pub group_add: Vec<String>,
    /// `private`.
    pub ipc_mode: String,
    /// `default`.
    pub cgroups: String,
    /// Adjustment of the out-of-memory score.
    pub oom_score_adj: i32,
    /// `private`.
    pub pid_mode: String,
    /// All powers the user has.
    pub privileged: bool,
    /// Read-only root file system.
    pub readonly_rootfs: bool,
    /// Security options as given.
    pub security_opt: Vec<String>,
    /// Options of each tmpfs by its target.
    pub tmpfs: BTreeMap<String, String>,
    /// `private`.
    #[serde(rename = "UTSMode")]
    pub uts_mode: String,
    /// Empty: the default mapping.
    pub userns_mode: String,
    /// Size of /dev/shm in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub shm_size: u64,
    /// `oci`.
    pub runtime: String,
    /// Memory limit in bytes, 0 for none.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub memory: u64,
    /// Memory and swap limit in bytes, 0 for none.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub memory_swap: u64,
    /// CPU limit in billionths of a CPU, 0 for none.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub nano_cpus: u64,
    /// Period of the CPU limit in µs, 0 for none.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub cpu_period: u64,
    /// Quota of the CPU limit in µs, 0 for none.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub cpu_quota: i64,
    /// Process limit, 0 for none.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub pids_limit: i64,
    /// Devices of the host.
    pub devices: Vec<InspectDevice>,
    /// Resource limits of processes.
    pub ulimits: Vec<InspectUlimit>,
    /// Always false.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub auto_remove_image: bool,
    /// None: annotations of an image choose nothing.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub annotations: BTreeMap<String, String>,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub volume_driver: String,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub volumes_from: Option<Vec<String>>,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub hosts_file: String,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cgroup: String,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub links: Option<Vec<String>>,
    /// Whether every exposed port was published.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub publish_all_ports: bool,
    /// Always zeros.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub console_size: [i64; 2],
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub isolation: String,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpu_shares: i64,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cgroup_parent: String,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub blkio_weight: i64,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub blkio_weight_device: Option<Vec<String>>,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub blkio_device_read_bps: Option<Vec<String>>,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub blkio_device_write_bps: Option<Vec<String>>,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub blkio_device_read_i_ops: Option<Vec<String>>,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub blkio_device_write_i_ops: Option<Vec<String>>,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpu_realtime_period: i64,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpu_realtime_runtime: i64,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpuset_cpus: String,
    /// Always empty.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpuset_mems: String,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub disk_quota: i64,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub kernel_memory: i64,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub memory_reservation: i64,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub memory_swappiness: i64,
    /// Always false.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub oom_kill_disable: bool,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpu_count: i64,
    /// Always 0.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cpu_percent: i64,
    /// Always 0.
    #[serde(rename = "IOMaximumIOps")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub io_maximum_i_ops: i64,
    /// Always 0.
    #[serde(rename = "IOMaximumBandwidth")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub io_maximum_bandwidth: i64,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cgroup_conf: Option<Vec<String>>,
}

/// Where the output goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LogConfig {
    /// `k8s-file`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// `max-size` and `max-file`.
    pub config: BTreeMap<String, String>,
    /// The log file.
    pub path: String,
    /// Always empty.
    pub tag: String,
    /// Size of a file before it is rotated, for people.
    pub size: String,
}

/// What happens when a container ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[cfg_attr(feature = "ts", ts(rename = "InspectRestartPolicy"))]
pub struct RestartPolicy {
    /// `no`.
    pub name: String,
    /// 0.
    pub maximum_retry_count: u32,
}

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct InspectDevice {
    /// Path on the host.
    pub path_on_host: String,
    /// Path in the container.
    pub path_in_container: String,
    /// `r`, `w`, `m`.
    pub cgroup_permissions: String,
}

/// A resource limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct InspectUlimit {
    /// `RLIMIT_NOFILE`, ….
    pub name: String,
    /// Soft limit, -1 is unlimited.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub soft: i64,
    /// Hard limit, -1 is unlimited.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub hard: i64,
}
