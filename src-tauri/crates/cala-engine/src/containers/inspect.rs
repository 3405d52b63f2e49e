//! Everything known of one container, in Podman's form.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cala_spec::mount::{Mount, MountSource};
use cala_spec::secret::SecretForm;
use cala_spec::{ByteSize, ContainerConfig, ContainerId, ContainerState, ContainerStatus, Signal};
use cala_store::{Container, Store};

use super::inspect_network::{bindings, exposed_ports, network_mode, network_settings};
use super::plan;
use crate::oci::{CPU_PERIOD, OCI_VERSION, capabilities, cpu_quota, mounts, rlimits};
use crate::view::{
    ContainerInspect, GraphDriver, HostConfig, InspectConfig, InspectDevice, InspectMount, InspectSecret,
    InspectState, InspectUlimit, LogConfig, RestartPolicy,
};
use crate::{Engine, Result, command_line, time};

impl Engine {
    /// Everything known of a container.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn inspect_container(&self, name: &str) -> Result<ContainerInspect> {
        let store = self.store()?;
        let id = store.resolve_container(name)?;
        let container = store.container(&id)?;
        // Gone with its image: a container keeps its layers all the same.
        let digest = store.image(&container.config.image_id).map(|image| image.record.manifest.to_string());
        let exec_ids = if container.alive { self.exec_ids(&id) } else { Vec::new() };
        Ok(ContainerInspect { exec_ids, ..inspect(store, &container, digest.unwrap_or_default()) })
    }

    /// Sessions of `exec` that run; none when the monitor has just ended.
    fn exec_ids(&self, id: &ContainerId) -> Vec<String> {
        let monitor = self.monitor(id).ok().flatten();
        monitor.and_then(|mut monitor| monitor.status().ok()).map_or_else(Vec::new, |status| status.exec_ids)
    }
}

fn inspect(store: &Store, container: &Container, image_digest: String) -> ContainerInspect {
    let Container { config, state, .. } = container;
    let dir = store.container_dir(&config.id);
    let path = |file: &str| dir.join(file).to_string_lossy().into_owned();
    let caps = capabilities::merge(&config.spec).unwrap_or_default();
    let (program, arguments) =
        config.args.split_first().map_or((String::new(), Vec::new()), |(p, a)| (p.clone(), a.to_vec()));
    ContainerInspect {
        id: config.id.to_string(),
        created: time::rfc3339(config.created_ns),
        path: program,
        args: arguments,
        state: state_of(&dir, state),
        image: config.image_id.hex().to_owned(),
        image_digest,
        image_name: config.image.clone(),
        rootfs: String::new(),
        pod: String::new(),
        resolv_conf_path: path("resolv.conf"),
        hostname_path: path("hostname"),
        hosts_path: path("hosts"),
        static_dir: dir.to_string_lossy().into_owned(),
        log_path: path(plan::LOG_FILE),
        oci_runtime: "cala".to_owned(),
        name: config.name.to_string(),
        restart_count: state.restart_count,
        driver: "overlay".to_owned(),
        mount_label: String::new(),
        process_label: String::new(),
        app_armor_profile: String::new(),
        effective_caps: caps.clone(),
        bounding_caps: caps,
        exec_ids: Vec::new(),
        graph_driver: graph_driver(store, config),
        mounts: config.spec.mounts.iter().filter_map(|mount| mount_of(store, mount)).collect(),
        dependencies: Vec::new(),
        network_settings: network_settings(store, config, state),
        namespace: String::new(),
        is_infra: false,
        config: config_of(store, config),
        host_config: host_config(store, config),
        oci_config_path: path(plan::PLAN_FILE),
        conmon_pid_file: String::new(),
        pid_file: file_name(config.spec.pid_file.as_deref()),
        kube_exit_code_propagation: "invalid".to_owned(),
        lock_number: 0,
        is_service: false,
        use_image_hosts: config.spec.no_hosts,
        use_image_hostname: config.spec.no_hostname,
    }
}

fn state_of(dir: &Path, state: &ContainerState) -> InspectState {
    InspectState {
        oci_version: OCI_VERSION.to_owned(),
        status: state.status.to_string(),
        running: matches!(state.status, ContainerStatus::Running | ContainerStatus::Stopping),
        paused: state.status == ContainerStatus::Paused,
        restarting: state.status == ContainerStatus::Restarting,
        oom_killed: state.oom_killed,
        checkpointed_at: time::rfc3339(0),
        restored_at: time::rfc3339(0),
        dead: false,
        pid: state.pid,
        conmon_pid: if state.status.is_alive() { state.monitor_pid } else { 0 },
        exit_code: state.exit_code,
        error: state.error.clone(),
        started_at: time::rfc3339(state.started_ns),
        finished_at: time::rfc3339(state.finished_ns),
        cgroup_path: if state.status.is_alive() {
            cgroup_of(dir).and_then(|group| below_mount(&group)).unwrap_or_default()
        } else {
            String::new()
        },
    }
}

/// A group's path below /sys/fs/cgroup.
fn below_mount(group: &Path) -> Option<String> {
    Some(format!("/{}", group.strip_prefix("/sys/fs/cgroup").ok()?.display()))
}

/// The control group of the last start; absolute.
pub(crate) fn cgroup_of(dir: &Path) -> Option<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Plan {
        cgroup: Option<PathBuf>,
    }
    let text = std::fs::read(dir.join(plan::PLAN_FILE)).ok()?;
    serde_json::from_slice::<Plan>(&text).ok()?.cgroup
}

fn graph_driver(store: &Store, config: &ContainerConfig) -> GraphDriver {
    let dir = store.container_dir(&config.id);
    let lower: Vec<String> =
        config.layers.iter().rev().map(|key| store.layer_diff(key).to_string_lossy().into_owned()).collect();
    let mut data = BTreeMap::from([("LowerDir".to_owned(), lower.join(":"))]);
    for (word, name) in [("UpperDir", "upper"), ("WorkDir", "work"), ("MergedDir", "merged")] {
        data.insert(word.to_owned(), dir.join(name).to_string_lossy().into_owned());
    }
    GraphDriver { name: "overlay".to_owned(), data }
}

fn mount_of(store: &Store, mount: &Mount) -> Option<InspectMount> {
    let (kind, name, source, driver) = match &mount.source {
        MountSource::Bind { path, .. } => ("bind", None, path.clone(), ""),
        MountSource::Volume { name } => {
            let name = name.clone().unwrap_or_default();
            let data = mounts::volume_data(&store.data().join("volumes"), &name);
            ("volume", Some(name), data.to_string_lossy().into_owned(), "local")
        }
        MountSource::Image { image, .. } => ("image", None, image.clone(), ""),
        // Podman tells of these in HostConfig only.
        MountSource::Tmpfs | MountSource::Glob { .. } | MountSource::Devpts => return None,
    };
    let options = mounts::options(mount);
    let propagation =
        options.iter().copied().find(|option| mounts::PROPAGATION.contains(option)).unwrap_or_default();
    Some(InspectMount {
        kind: kind.to_owned(),
        name,
        source,
        destination: mount.target.clone(),
        driver: driver.to_owned(),
        mode: String::new(),
        options: options
            .iter()
            .filter(|option| !matches!(**option, "rw" | "ro") && **option != propagation)
            .map(|&option| option.to_owned())
            .collect(),
        rw: !options.contains(&"ro"),
        propagation: propagation.to_owned(),
    })
}

fn config_of(store: &Store, config: &ContainerConfig) -> InspectConfig {
    let (entrypoint, command) = config.args.split_at(config.entrypoint_len.min(config.args.len()));
    InspectConfig {
        hostname: config.hostname.clone(),
        domainname: String::new(),
        user: config.user.clone(),
        attach_stdin: false,
        attach_stdout: false,
        attach_stderr: false,
        tty: config.spec.tty,
        open_stdin: config.spec.interactive,
        stdin_once: false,
        env: config.env.clone(),
        cmd: command.to_vec(),
        image: config.image.clone(),
        working_dir: config.workdir.clone(),
        entrypoint: (!entrypoint.is_empty()).then(|| entrypoint.to_vec()),
        labels: config.labels.clone(),
        stop_signal: Signal(config.stop_signal).name(),
        stop_timeout: config.stop_timeout,
        create_command: command_line::create(&config.spec),
        umask: format!("{:04o}", config.spec.process.umask.unwrap_or(0o022)),
        secrets: secrets(config),
        volumes: anonymous_places(store, config),
        exposed_ports: exposed_ports(config),
        on_build: None,
        annotations: config.spec.process.annotations.clone(),
        healthcheck_on_failure_action: "none".to_owned(),
        health_log_destination: "local".to_owned(),
        healthcheck_max_log_count: 5,
        healthcheck_max_log_size: 500,
        timeout: config.spec.timeout.into(),
        passwd: !config.spec.process.no_passwd,
        sd_notify_mode: "container".to_owned(),
    }
}

/// Those that are files, as Podman shows them.
fn secrets(config: &ContainerConfig) -> Vec<InspectSecret> {
    let all = config.spec.secrets.iter().filter_map(|secret| match secret.as_what {
        SecretForm::Mount { uid, gid, mode, .. } => Some(InspectSecret {
            name: secret.source.clone(),
            id: secret.id.clone().unwrap_or_default(),
            uid,
            gid,
            mode,
        }),
        SecretForm::Env { .. } => None,
    });
    all.collect()
}

/// The places of the volumes that were made without a name: those of the image, in Docker's form.
fn anonymous_places(store: &Store, config: &ContainerConfig) -> BTreeMap<String, serde_json::Value> {
    let anonymous = |name: &String| store.volume(name).is_ok_and(|volume| volume.anonymous);
    let place = |mount: &Mount| match &mount.source {
        MountSource::Volume { name: Some(name) } if anonymous(name) => {
            Some((mount.target.clone(), serde_json::Value::Object(serde_json::Map::new())))
        }
        _ => None,
    };
    config.spec.mounts.iter().filter_map(place).collect()
}

fn host_config(store: &Store, config: &ContainerConfig) -> HostConfig {
    let spec = &config.spec;
    let quota = spec.resources.cpus.and_then(cpu_quota).unwrap_or(0);
    HostConfig {
        binds: spec.mounts.iter().filter_map(bind).collect(),
        cgroup_manager: "cgroupfs".to_owned(),
        cgroup_mode: spec.namespaces.cgroup.to_string(),
        container_id_file: file_name(spec.cidfile.as_deref()),
        log_config: log_config(store, config),
        network_mode: network_mode(&spec.network),
        port_bindings: bindings(&config.ports),
        restart_policy: RestartPolicy {
            name: spec.restart.name().to_owned(),
            maximum_retry_count: spec.restart.limit(),
        },
        auto_remove: spec.remove,
        init: spec.init,
        cap_add: spec.cap_add.clone(),
        cap_drop: spec.cap_drop.clone(),
        dns: spec.dns.iter().map(ToString::to_string).collect(),
        dns_options: spec.dns_options.clone(),
        dns_search: spec.dns_search.clone(),
        extra_hosts: spec.add_hosts.clone(),
        group_add: spec.process.groups.clone(),
        ipc_mode: spec.namespaces.ipc.to_string(),
        cgroups: "default".to_owned(),
        oom_score_adj: spec.process.oom_score_adj.unwrap_or(0),
        pid_mode: "private".to_owned(),
        privileged: spec.privileged,
        readonly_rootfs: spec.read_only,
        auto_remove_image: false,
        annotations: spec.process.annotations.clone(),
        volume_driver: String::new(),
        volumes_from: (!config.spec.volumes_from.is_empty()).then(|| config.spec.volumes_from.clone()),
        hosts_file: String::new(),
        cgroup: String::new(),
        links: None,
        publish_all_ports: spec.publish_all,
        console_size: [0, 0],
        isolation: String::new(),
        cpu_shares: 0,
        cgroup_parent: String::new(),
        blkio_weight: 0,
        blkio_weight_device: None,
        blkio_device_read_bps: None,
        blkio_device_write_bps: None,
        blkio_device_read_i_ops: None,
        blkio_device_write_i_ops: None,
        cpu_realtime_period: 0,
        cpu_realtime_runtime: 0,
        cpuset_cpus: String::new(),
        cpuset_mems: String::new(),
        disk_quota: 0,
        kernel_memory: 0,
        memory_reservation: 0,
        memory_swappiness: 0,
        oom_kill_disable: false,
        cpu_count: 0,
        cpu_percent: 0,
        io_maximum_i_ops: 0,
        io_maximum_bandwidth: 0,
        cgroup_conf: None,
        security_opt: spec.security_opt.clone(),
        tmpfs: spec.mounts.iter().filter(|m| m.source == MountSource::Tmpfs).map(tmpfs).collect(),
        uts_mode: spec.namespaces.uts.to_string(),
        userns_mode: String::new(),
        shm_size: spec.shm_size.map_or(0, |size| size.0),
        runtime: "oci".to_owned(),
        memory: spec.resources.memory.map_or(0, |size| size.0),
        memory_swap: 0,
        nano_cpus: u64::try_from(quota).unwrap_or(0) * (1_000_000_000 / CPU_PERIOD),
        cpu_period: if quota > 0 { CPU_PERIOD } else { 0 },
        cpu_quota: quota,
        pids_limit: spec.resources.pids_limit.unwrap_or(0),
        devices: spec.devices.iter().map(device).collect(),
        ulimits: spec.ulimits.iter().map(ulimit).collect(),
    }
}

/// The empty text without a file.
fn file_name(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| path.to_string_lossy().into_owned())
}

fn bind(mount: &Mount) -> Option<String> {
    let source = match &mount.source {
        MountSource::Bind { path, .. } => path.as_str(),
        MountSource::Volume { name } => name.as_deref().unwrap_or_default(),
        _ => return None,
    };
    Some(format!("{source}:{}:{}", mount.target, mounts::options(mount).join(",")))
}

fn tmpfs(mount: &Mount) -> (String, String) {
    (mount.target.clone(), mounts::options(mount).join(","))
}

fn log_config(store: &Store, config: &ContainerConfig) -> LogConfig {
    let log = plan::log(config, &store.container_dir(&config.id));
    LogConfig {
        kind: "k8s-file".to_owned(),
        config: BTreeMap::from([
            ("max-size".to_owned(), log.max_size.to_string()),
            ("max-file".to_owned(), log.max_files.to_string()),
        ]),
        path: log.path.to_string_lossy().into_owned(),
        tag: String::new(),
        size: ByteSize(log.max_size).human_compact(4),
    }
}

fn device(device: &cala_spec::mount::DeviceMapping) -> InspectDevice {
    InspectDevice {
        path_on_host: device.host.clone(),
        path_in_container: device.container.clone(),
        cgroup_permissions: device.permissions.clone(),
    }
}

fn ulimit(limit: &cala_spec::container::Ulimit) -> InspectUlimit {
    InspectUlimit { name: rlimits::full_name(&limit.name), soft: limit.soft, hard: limit.hard }
}
