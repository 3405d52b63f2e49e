//! What a monitor is told about its container: `containers/<id>/plan.json`, written by the engine at each start.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cala_spec::restart::RestartPolicy;
use cala_spec::{ContainerId, PortMapping};
use oci_spec::runtime::Spec;
use serde::{Deserialize, Serialize};

/// Everything that a start needs; the monitor parses no image, no template and no user file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunPlan {
    /// The container's id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// `D/containers/<id>`: state, log, overlay directories (`upper`, `work`, `merged`), lock.
    pub container_dir: PathBuf,
    /// `R/containers/<id>`: the monitor's socket. Made by the monitor if absent.
    pub run_dir: PathBuf,
    /// `D/names/containers/<name>`, removed with the container on `--rm`.
    pub name_file: PathBuf,
    /// `D/events`.
    pub events_dir: PathBuf,
    /// The layers' `diff` directories, lowest first.
    pub lower_dirs: Vec<PathBuf>,
    /// The complete runtime specification (no hooks).
    pub spec: Spec,
    /// Which seccomp filter applies.
    #[serde(default)]
    pub seccomp: SeccompPlan,
    /// Absolute directory below /sys/fs/cgroup to make or join; `None` leaves cgroups alone.
    #[serde(default)]
    pub cgroup: Option<PathBuf>,
    /// `D/volumes/<name>` of its anonymous volumes: on `--rm` they go with it, unless another container has them too.
    #[serde(default)]
    pub anonymous_volumes: Vec<PathBuf>,
    /// The file that says the container's id (`--cidfile`): on `--rm` it goes with it.
    #[serde(default)]
    pub id_file: Option<PathBuf>,
    /// Secrets that are files.
    #[serde(default)]
    pub secrets: Vec<SecretPlan>,
    /// Secrets that are variables: their names, and the files that their values are read from.
    #[serde(default)]
    pub secret_env: Vec<(String, PathBuf)>,
    /// Directories of mounts that the container writes over, each made anew with `upper`, `work` and `merged` in it.
    #[serde(default)]
    pub overlays: Vec<PathBuf>,
    /// Volumes, and other sources that are to belong to the container's user.
    #[serde(default)]
    pub volumes: Vec<VolumePlan>,
    /// Name a user that is only a number in the container's /etc/passwd.
    #[serde(default)]
    pub name_user: bool,
    /// Groups of the container that its process is in too, names or numbers.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The file that gets the host pid of the container's first process.
    #[serde(default)]
    pub pid_file: Option<PathBuf>,
    /// Seconds after which it is killed; 0 is never.
    #[serde(default)]
    pub timeout_s: u32,
    /// When it is started again after it has ended; never with `rm`.
    #[serde(default)]
    pub restart: RestartPolicy,
    /// Remove the container when it ends.
    #[serde(default)]
    pub rm: bool,
    /// A small init as pid 1.
    #[serde(default)]
    pub init: bool,
    /// The working directory must be there: a person named it, not the image.
    #[serde(default)]
    pub workdir_must_exist: bool,
    /// Keep standard input open.
    #[serde(default)]
    pub stdin_open: bool,
    /// A terminal.
    #[serde(default)]
    pub tty: bool,
    /// Rows and columns of the terminal at the start.
    #[serde(default)]
    pub console_size: Option<(u16, u16)>,
    /// The signal of `stop`, by number.
    pub stop_signal: i32,
    /// Seconds between the stop signal and SIGKILL.
    pub stop_timeout_s: u64,
    /// Whether state survives a power cut (fsync); false for `--rm`.
    #[serde(default)]
    pub durable: bool,
    /// The log.
    pub log: LogPlan,
    /// Networks and published ports.
    #[serde(default)]
    pub network: NetworkPlan,
    /// The image's name, for events.
    pub image: String,
    /// Labels, for events.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl RunPlan {
    /// `D/tmp`, where a removed container goes before its files are unlinked; `None` if the directory has no
    /// grandparent.
    #[must_use]
    pub fn tmp_dir(&self) -> Option<PathBuf> {
        Some(self.container_dir.parent()?.parent()?.join("tmp"))
    }
}

/// A directory that is bound into the container, and what is done about it before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePlan {
    /// The directory.
    pub data: PathBuf,
    /// Its place in the container.
    pub destination: PathBuf,
    /// `D/volumes/<name>/volume.json` of a volume: as long as it says `fresh` the volume gets what the image has there.
    #[serde(default)]
    pub record: Option<PathBuf>,
    /// Copy the content too, not only owner and mode.
    #[serde(default)]
    pub copy: bool,
    /// Give all that is in it to the container's user.
    #[serde(default)]
    pub chown: bool,
    /// Who a fresh one is given to, whatever the image has there.
    #[serde(default)]
    pub uid: Option<u32>,
    /// The group that a fresh one is given to.
    #[serde(default)]
    pub gid: Option<u32>,
}

/// A secret that is a file of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretPlan {
    /// The file in the container's directory that its bytes are read from.
    pub source: PathBuf,
    /// Its absolute path in the container.
    pub destination: PathBuf,
    /// Its owner in the container.
    pub uid: u32,
    /// Its group in the container.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
}

/// Networks and published ports of a container; empty without a network of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkPlan {
    /// `R`, where the holders' sockets are.
    pub run_root: PathBuf,
    /// The program `cala-netns`.
    pub program: PathBuf,
    /// The networks, the first one first.
    pub memberships: Vec<Membership>,
    /// The ports; none has host port 0.
    pub ports: Vec<PortMapping>,
    /// The file shown as /etc/hosts, which gets the container's own addresses; `None` leaves it alone.
    pub hosts: Option<PathBuf>,
    /// The file shown as /etc/resolv.conf, which gets the networks' name servers; `None` leaves it alone.
    pub resolv: Option<PathBuf>,
    /// By which names the container knows itself in /etc/hosts.
    pub own_names: Vec<String>,
    /// Another's network namespace, to be joined in place of all that.
    pub join: Option<PathBuf>,
}

/// The container's place in one network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Membership {
    /// `D/networks/<id>`.
    pub network_dir: PathBuf,
    /// Name of the interface; the first free of `eth0`, `eth1`, … if `None`.
    pub interface: Option<String>,
    /// Aliases and the short id.
    pub aliases: Vec<String>,
    /// Fixed addresses.
    pub addresses: Vec<IpAddr>,
    /// Fixed MAC address.
    pub mac: Option<String>,
    /// The network has no way out: no default route, no published ports.
    pub internal: bool,
}

impl Membership {
    /// The network's id.
    #[must_use]
    pub fn network(&self) -> &str {
        self.network_dir.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// The log of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPlan {
    /// `D/containers/<id>/ctr.log`; older ones are `ctr.log.1`, `ctr.log.2`, …
    pub path: PathBuf,
    /// Bytes after which the file is rotated; 0 is never.
    pub max_size: u64,
    /// How many files are kept, the current one included; at least 1.
    pub max_files: u32,
}

impl LogPlan {
    /// The default of `--log-opt`: four files of 64 MiB.
    #[must_use]
    pub fn with_defaults(path: &Path) -> Self {
        Self { path: path.to_owned(), max_size: 64 << 20, max_files: 4 }
    }
}

/// Which seccomp filter applies to the container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeccompPlan {
    /// Cala's default profile for the container's capabilities.
    #[default]
    Default,
    /// None.
    Unconfined,
    /// `linux.seccomp` of the specification.
    Spec,
}
