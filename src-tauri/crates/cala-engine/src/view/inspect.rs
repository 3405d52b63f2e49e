//! A container as `inspect` shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inspect_host::HostConfig;
use super::inspect_network::NetworkSettings;

/// Everything known of a container; the fields of `podman container inspect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ContainerInspect {
    /// All 64 digits of the id.
    pub id: String,
    /// When it was created, RFC 3339.
    pub created: String,
    /// The program.
    pub path: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// How it is doing.
    pub state: InspectState,
    /// The image id without `sha256:`.
    pub image: String,
    /// Digest of the image's manifest; empty when the image is gone.
    pub image_digest: String,
    /// The image as named when the container was made.
    pub image_name: String,
    /// Always empty: roots are layers.
    pub rootfs: String,
    /// Always empty until pods are there.
    pub pod: String,
    /// The file shown as /etc/resolv.conf.
    pub resolv_conf_path: String,
    /// The file shown as /etc/hostname.
    pub hostname_path: String,
    /// The file shown as /etc/hosts.
    pub hosts_path: String,
    /// The container's directory.
    pub static_dir: String,
    /// The log file.
    pub log_path: String,
    /// `cala`.
    #[serde(rename = "OCIRuntime")]
    pub oci_runtime: String,
    /// The name.
    pub name: String,
    /// How often it was restarted.
    pub restart_count: u32,
    /// `overlay`.
    pub driver: String,
    /// SELinux label of mounts; always empty.
    pub mount_label: String,
    /// SELinux label of the process; always empty.
    pub process_label: String,
    /// AppArmor profile; always empty.
    pub app_armor_profile: String,
    /// Capabilities in force.
    pub effective_caps: Vec<String>,
    /// Capabilities it can ever have.
    pub bounding_caps: Vec<String>,
    /// Ids of commands run in it by `exec`.
    #[serde(rename = "ExecIDs")]
    pub exec_ids: Vec<String>,
    /// Where its root file system is.
    pub graph_driver: GraphDriver,
    /// Bind mounts and volumes.
    pub mounts: Vec<InspectMount>,
    /// Containers it depends on; none yet.
    pub dependencies: Vec<String>,
    /// Addresses and ports.
    pub network_settings: NetworkSettings,
    /// Always empty.
    pub namespace: String,
    /// Always false.
    pub is_infra: bool,
    /// What runs, in Docker's form.
    pub config: InspectConfig,
    /// How it runs, in Docker's form.
    pub host_config: HostConfig,
    /// The file from which its monitor starts it.
    #[serde(rename = "OCIConfigPath")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub oci_config_path: String,
    /// Always empty: no file tells a pid, a lock does.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub conmon_pid_file: String,
    /// Always empty: no file tells a pid, a lock does.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub pid_file: String,
    /// Always `invalid`: it is of no pod.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub kube_exit_code_propagation: String,
    /// Always 0: locks have no numbers.
    #[serde(rename = "lockNumber")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub lock_number: i64,
    /// Always false.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub is_service: bool,
    /// Whether the image's /etc/hosts is left as it is.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub use_image_hosts: bool,
    /// Always false.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub use_image_hostname: bool,
}

/// How a container is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[expect(clippy::struct_excessive_bools, reason = "Podman's and Docker's form")]
pub struct InspectState {
    /// Version of the runtime specification.
    pub oci_version: String,
    /// The status in one word.
    pub status: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it is frozen.
    pub paused: bool,
    /// Always false until restart policies are there.
    pub restarting: bool,
    /// Whether the kernel ended it for want of memory.
    #[serde(rename = "OOMKilled")]
    pub oom_killed: bool,
    /// Whether its files are damaged.
    pub dead: bool,
    /// Host pid, 0 when it does not run.
    pub pid: i32,
    /// Host pid of its monitor, 0 when it does not run; Podman's word for it.
    pub conmon_pid: i32,
    /// Exit code of the last end.
    pub exit_code: i32,
    /// Why it could not start.
    pub error: String,
    /// Last start, RFC 3339; Go's zero time when never.
    pub started_at: String,
    /// Last end, RFC 3339; Go's zero time when never.
    pub finished_at: String,
    /// Its cgroup below /sys/fs/cgroup; empty when it has none of its own.
    pub cgroup_path: String,
    /// Go's zero time: never.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub checkpointed_at: String,
    /// Go's zero time: never.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub restored_at: String,
}

/// Where a root file system is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct GraphDriver {
    /// `overlay`.
    pub name: String,
    /// `LowerDir`, `UpperDir`, `WorkDir`, `MergedDir`.
    pub data: BTreeMap<String, String>,
}

/// A bind mount or volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct InspectMount {
    /// `bind` or `volume`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// The volume's name.
    #[serde(rename = "Name", skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Path on the host.
    #[serde(rename = "Source")]
    pub source: String,
    /// Path in the container.
    #[serde(rename = "Destination")]
    pub destination: String,
    /// `local` for volumes.
    #[serde(rename = "Driver")]
    pub driver: String,
    /// Always empty.
    #[serde(rename = "Mode")]
    pub mode: String,
    /// Options in mount(8)'s words.
    #[serde(rename = "Options")]
    pub options: Vec<String>,
    /// Whether it can be written.
    #[serde(rename = "RW")]
    pub rw: bool,
    /// Propagation.
    #[serde(rename = "Propagation")]
    pub propagation: String,
}

/// What runs in a container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[expect(clippy::struct_excessive_bools, reason = "Podman's and Docker's form")]
pub struct InspectConfig {
    /// Host name.
    pub hostname: String,
    /// Always empty.
    pub domainname: String,
    /// The user as asked for.
    pub user: String,
    /// Always false, as in Podman.
    pub attach_stdin: bool,
    /// Always false, as in Podman.
    pub attach_stdout: bool,
    /// Always false, as in Podman.
    pub attach_stderr: bool,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether standard input is kept open.
    pub open_stdin: bool,
    /// Always false, as in Podman.
    pub stdin_once: bool,
    /// Environment as `NAME=value`.
    pub env: Vec<String>,
    /// The command without the entrypoint.
    pub cmd: Vec<String>,
    /// The image as named when the container was made.
    pub image: String,
    /// Working directory.
    pub working_dir: String,
    /// The entrypoint; null when none.
    pub entrypoint: Option<Vec<String>>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The signal of `stop`, by name.
    pub stop_signal: String,
    /// Seconds between that signal and SIGKILL.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub stop_timeout: u64,
    /// The equal command line.
    pub create_command: Vec<String>,
    /// Secrets that it has as files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub secrets: Vec<super::InspectSecret>,
    /// The file mode mask of the process.
    pub umask: String,
    /// Places of anonymous volumes, those of the image's `VOLUME` included, each with an empty object.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// Ports that the image exposes and those that are published, each with an empty object; left out when there is none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    /// Always null.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub on_build: Option<String>,
    /// None: annotations of an image choose nothing.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub annotations: BTreeMap<String, String>,
    /// Always `none`.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub healthcheck_on_failure_action: String,
    /// Always `local`.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub health_log_destination: String,
    /// Podman's default.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub healthcheck_max_log_count: i64,
    /// Podman's default.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub healthcheck_max_log_size: i64,
    /// Seconds after which it is ended; 0 is never.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub timeout: i64,
    /// Always true, as in Podman.
    #[cfg_attr(feature = "ts", ts(skip))]
    pub passwd: bool,
    /// Always `container`, as in Podman.
    #[serde(rename = "sdNotifyMode")]
    #[cfg_attr(feature = "ts", ts(skip))]
    pub sd_notify_mode: String,
}
