//! A container in three stages of certainty: the wish ([`ContainerSpec`]), what is stored ([`ContainerConfig`]), and
//! how it is doing ([`ContainerState`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::mount::{DeviceMapping, Mount, MountSource};
use crate::namespaces::Namespaces;
use crate::network::{NetworkAttachment, NetworkStatus};
use crate::port::PortMapping;
use crate::process::ProcessOptions;
use crate::restart::RestartPolicy;
use crate::secret::SecretUse;
use crate::{ByteSize, ContainerId, ContainerName, ContainerStatus, Digest, Platform};

/// What a person asks for: the input of `create` and `run`, from the command line, the window and later the API.
///
/// `None` and empty mean "as the image says, else the default".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ContainerSpec {
    /// Image reference, short name, id or unique id prefix.
    pub image: String,
    /// When to pull.
    pub pull: PullPolicy,
    /// The platform wanted; the host's by default.
    pub platform: Option<Platform>,
    /// The container's name; an adjective and a noun by default.
    pub name: Option<ContainerName>,
    /// Arguments; replace the image's CMD.
    pub command: Vec<String>,
    /// Replaces the image's ENTRYPOINT; `Some([])` or `Some([""])` clears it.
    pub entrypoint: Option<Vec<String>>,
    /// Environment as `(name, value)`, added to the image's, the last of a name wins.
    pub env: Vec<(String, String)>,
    /// Bind mounts, named volumes and tmpfs.
    pub mounts: Vec<Mount>,
    /// Containers whose volumes and folders it gets too, as `CONTAINER[:ro|rw]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<String>>"))]
    pub volumes_from: Vec<String>,
    /// Secrets that it gets, as files or variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<SecretUse>>"))]
    pub secrets: Vec<SecretUse>,
    /// Working directory inside.
    pub workdir: Option<String>,
    /// `user[:group]`, names or numbers.
    pub user: Option<String>,
    /// Host name; the short id by default.
    pub hostname: Option<String>,
    /// Labels of the container.
    pub labels: BTreeMap<String, String>,
    /// A terminal for the container (`-t`).
    pub tty: bool,
    /// Keep standard input open (`-i`).
    pub interactive: bool,
    /// When it is started again after it has ended.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<RestartPolicy>"))]
    pub restart: RestartPolicy,
    /// Seconds after which it is killed (`--timeout`); 0 is never.
    #[serde(skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<u32>"))]
    pub timeout: u32,
    /// Remove the container when it ends (`--rm`).
    pub remove: bool,
    /// A small init as pid 1 that reaps and forwards signals (`--init`).
    pub init: bool,
    /// Read-only root file system.
    pub read_only: bool,
    /// All capabilities and devices that the user has, no seccomp, no masks.
    pub privileged: bool,
    /// Capabilities to add; `ALL` for all.
    pub cap_add: Vec<String>,
    /// Capabilities to drop; `ALL` for all.
    pub cap_drop: Vec<String>,
    /// Security options: `no-new-privileges`, `seccomp=unconfined|PATH`, `mask=PATH`, `unmask=ALL|PATH`, …
    pub security_opt: Vec<String>,
    /// Resource limits of processes.
    pub ulimits: Vec<Ulimit>,
    /// Devices of the host.
    pub devices: Vec<DeviceMapping>,
    /// Limits by cgroup v2.
    pub resources: Resources,
    /// Signal of `stop`; as the image says, else SIGTERM.
    pub stop_signal: Option<String>,
    /// Seconds between the stop signal and SIGKILL; 10 by default.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<u32>"))]
    pub stop_timeout: Option<u64>,
    /// Where its network comes from.
    pub network: NetworkMode,
    /// The networks to be in, the first one first; empty is the default network. With [`NetworkMode::Bridge`] only.
    pub networks: Vec<NetworkAttachment>,
    /// Ports to publish; host port 0 is a free one.
    pub ports: Vec<PortMapping>,
    /// Publish every port that the image exposes, on free ports of the host.
    pub publish_all: bool,
    /// Name servers in place of the networks' own.
    #[cfg_attr(feature = "ts", ts(type = "string[]"))]
    pub dns: Vec<std::net::IpAddr>,
    /// Search domains in place of the networks' own; `.` is none.
    pub dns_search: Vec<String>,
    /// Options of the resolver (resolv.conf(5)).
    pub dns_options: Vec<String>,
    /// Lines for /etc/hosts as `NAME[;NAME…]:ADDRESS`; the address `host-gateway` is the host's.
    pub add_hosts: Vec<String>,
    /// Leave the image's /etc/hosts as it is.
    pub no_hosts: bool,
    /// Leave the image's /etc/hostname as it is (`--no-hostname`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub no_hostname: bool,
    /// Nothing but what is mounted by name is writable with a read-only root (`--read-only-tmpfs=false`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<bool>"))]
    pub read_only_everywhere: bool,
    /// Ports to be exposed besides the image's, `80/tcp` (`--expose`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<String>>"))]
    pub expose: Vec<String>,
    /// Which namespaces are the container's own.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Namespaces>"))]
    pub namespaces: Namespaces,
    /// What its process is given.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<ProcessOptions>"))]
    pub process: ProcessOptions,
    /// The file that its pid is written to at each start (`--pidfile`), absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub pid_file: Option<std::path::PathBuf>,
    /// Size of /dev/shm in bytes.
    pub shm_size: Option<ByteSize>,
    /// Size of a log file before it is rotated.
    pub log_max_size: Option<ByteSize>,
    /// How many log files are kept, 1 or more.
    pub log_max_files: Option<u32>,
    /// The file that the id was written to (`--cidfile`), absolute; it goes with the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub cidfile: Option<std::path::PathBuf>,
}

/// When `run` and `create` ask the registry (`--pull`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum PullPolicy {
    /// Always; an unreachable registry is an error.
    Always,
    /// When the image is not here.
    #[default]
    Missing,
    /// Never.
    Never,
    /// When the registry has a newer one; an unreachable registry is no error.
    Newer,
}

/// Where a container's network comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum NetworkMode {
    /// The networks of [`ContainerSpec::networks`]; the default network when it names none.
    #[default]
    Bridge,
    /// Loopback only.
    None,
    /// The host's own network.
    Host,
    /// That of another container, by name or id in a wish, by id as stored.
    Container(String),
    /// An existing network namespace, by the path of its file.
    Ns(String),
    /// A network of its own with pasta(1) as its way out, with these options.
    Pasta(Vec<String>),
    /// A network of its own with slirp4netns(1) as its way out, with these options.
    Slirp4netns(Vec<String>),
}

impl NetworkMode {
    /// The word of `--network` and of `inspect`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::None => "none",
            Self::Host => "host",
            Self::Container(_) => "container",
            Self::Ns(_) => "ns",
            Self::Pasta(_) => "pasta",
            Self::Slirp4netns(_) => "slirp4netns",
        }
    }

    /// Whether the container has a network namespace of its own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Bridge | Self::None) || self.is_private()
    }

    /// Whether it is a network that no other container can be in.
    #[must_use]
    pub fn is_private(&self) -> bool {
        matches!(self, Self::Pasta(_) | Self::Slirp4netns(_))
    }
}

/// As `--network` takes it: `bridge`, `none`, `host`, `container:ID`, `ns:PATH`, `pasta:OPTION,…`.
impl std::fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Container(which) | Self::Ns(which) => write!(f, "{}:{which}", self.as_str()),
            Self::Pasta(options) | Self::Slirp4netns(options) if !options.is_empty() => {
                write!(f, "{}:{}", self.as_str(), options.join(","))
            }
            _ => f.pad(self.as_str()),
        }
    }
}

/// A limit of setrlimit(2) as `--ulimit name=soft[:hard]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Ulimit {
    /// `nofile`, `nproc`, … without `RLIMIT_`, lower case.
    pub name: String,
    /// Soft limit; -1 is unlimited.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub soft: i64,
    /// Hard limit; -1 is unlimited.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub hard: i64,
}

/// Limits by cgroup v2.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct Resources {
    /// Memory in bytes (`memory.max`).
    pub memory: Option<ByteSize>,
    /// CPUs as a decimal, 1.5 is one and a half (`cpu.max`).
    pub cpus: Option<f64>,
    /// Processes and threads (`pids.max`); -1 is unlimited.
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<i32>"))]
    pub pids_limit: Option<i64>,
}

impl Resources {
    /// Whether any limit is asked for.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.memory.is_some() || self.cpus.is_some() || self.pids_limit.is_some_and(|n| n >= 0)
    }
}

/// What is stored of a container when it is created: `containers/<id>/container.json`. Never changed afterwards
/// except by replacing the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ContainerConfig {
    /// The id.
    pub id: ContainerId,
    /// The name.
    pub name: ContainerName,
    /// When it was created, in nanoseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created_ns: i64,
    /// The image as the person wrote it, made full: `docker.io/library/alpine:latest`.
    pub image: String,
    /// The image id (digest of its configuration).
    pub image_id: Digest,
    /// Keys of the layer directories, lowest first, as the store names them.
    pub layers: Vec<String>,
    /// The process: entrypoint and command joined, at least one word.
    pub args: Vec<String>,
    /// How many of `args` come from the entrypoint.
    pub entrypoint_len: usize,
    /// The whole environment as `NAME=value`.
    pub env: Vec<String>,
    /// Working directory inside, absolute.
    pub workdir: String,
    /// The user as asked for (spec, else image, else empty).
    pub user: String,
    /// The host name.
    pub hostname: String,
    /// Labels: the image's and the container's, the latter win.
    pub labels: BTreeMap<String, String>,
    /// The signal of `stop`, by number.
    pub stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub stop_timeout: u64,
    /// The networks it is in, by id, in the order of its interfaces; empty for `none` and `host`.
    #[serde(default)]
    pub networks: Vec<NetworkAttachment>,
    /// Its published ports; none has host port 0.
    #[serde(default)]
    pub ports: Vec<PortMapping>,
    /// The ports that its image exposes, `80/tcp`; sorted, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub exposed_ports: Vec<String>,
    /// The wish this was made from; source of everything that is not above.
    pub spec: ContainerSpec,
}

impl ContainerConfig {
    /// The ids of the images that it needs: the one it was made from and those that it mounts.
    pub fn images(&self) -> impl Iterator<Item = &Digest> {
        let mounted = self.spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Image { id, .. } => id.as_ref(),
            _ => None,
        });
        std::iter::once(&self.image_id).chain(mounted)
    }

    /// Keys of all layer directories that it needs.
    pub fn all_layers(&self) -> impl Iterator<Item = &String> {
        let mounted = self.spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Image { layers, .. } => Some(layers),
            _ => None,
        });
        self.layers.iter().chain(mounted.flatten())
    }
}

/// How a container is doing: `containers/<id>/state.json`, written by its monitor (and by whoever settles the state of
/// a container whose monitor is gone).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ContainerState {
    /// The status as of the last write; `running` is only true while the monitor's lock is held.
    pub status: ContainerStatus,
    /// Host pid of the container's first process, 0 when none.
    #[serde(default)]
    pub pid: i32,
    /// Start time of that process in clock ticks since boot (proc_pid_stat(5), field 22), so that a reused pid is
    /// never touched.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub pid_start_time: u64,
    /// Host pid of the monitor.
    #[serde(default)]
    pub monitor_pid: i32,
    /// The boot these pids belong to (/proc/sys/kernel/random/boot_id).
    #[serde(default)]
    pub boot_id: String,
    /// Last start, nanoseconds since the Unix epoch; 0 when never.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub started_ns: i64,
    /// Last end, nanoseconds since the Unix epoch; 0 when never.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub finished_ns: i64,
    /// Exit code of the last end; 128 and the signal when it was killed.
    #[serde(default)]
    pub exit_code: i32,
    /// Whether the kernel ended it for want of memory.
    #[serde(default)]
    pub oom_killed: bool,
    /// How often it was started again since a person started it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub restart_count: u32,
    /// Why it could not start, or `supervisor lost`; empty otherwise.
    #[serde(default)]
    pub error: String,
    /// What it has in its networks while it is alive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkStatus>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Default for ContainerState {
    fn default() -> Self {
        Self {
            status: ContainerStatus::Created,
            pid: 0,
            pid_start_time: 0,
            monitor_pid: 0,
            boot_id: String::new(),
            started_ns: 0,
            finished_ns: 0,
            exit_code: 0,
            oom_killed: false,
            restart_count: 0,
            error: String::new(),
            networks: Vec::new(),
        }
    }
}
