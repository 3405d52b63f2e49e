//! From what is stored of a container to the OCI runtime specification that its monitor carries out.
//!
//! Made anew at each start, so that limits of the host, devices and addresses are today's. Pure but for looking at the
//! host's limits, /dev and /sys.

pub(crate) mod capabilities;
pub(crate) mod devices;
pub(crate) mod mounts;
pub(crate) mod rlimits;
pub(crate) mod seccomp_profile;
pub(crate) mod security;

use std::collections::HashMap;
use std::path::PathBuf;

use cala_spec::container::Resources;
use cala_spec::invalid::InvalidValue;
use cala_spec::namespaces::{IpcMode, NamespaceMode};
use cala_spec::{ContainerConfig, ContainerSpec};
use oci_spec::runtime::{
    Linux, LinuxCpu, LinuxMemory, LinuxNamespace, LinuxNamespaceType, LinuxPids, LinuxResources,
    LinuxSeccomp, Process, Root, Spec, User,
};

use mounts::Places;
use security::Security;

/// Version of the runtime specification that is written.
pub(crate) const OCI_VERSION: &str = "1.2.0";

/// Length of the period of a CPU limit in µs.
pub(crate) const CPU_PERIOD: u64 = 100_000;

/// What the specification depends on besides the container's configuration.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    /// Where files are.
    pub(crate) places: Places<'a>,
    /// The highest group id that is mapped inside.
    pub(crate) max_gid: u32,
    /// Limit of processes where nobody asked for one and the controller is there.
    pub(crate) default_pids: Option<i64>,
    /// The filter of `--security-opt seccomp=PROFILE`.
    pub(crate) seccomp: Option<LinuxSeccomp>,
}

/// Writes the specification.
///
/// # Errors
/// When stored options do not parse any more.
pub(crate) fn spec(config: &ContainerConfig, machine: Machine<'_>) -> Result<Spec, InvalidValue> {
    let security = Security::parse(&config.spec.security_opt)?;
    let mut root = Root::default();
    root.set_path(PathBuf::from("rootfs")).set_readonly(Some(config.spec.read_only));
    let mounts = mounts::mounts(config, machine.places);
    let mut spec = Spec::default();
    spec.set_version(OCI_VERSION.to_owned())
        .set_root(Some(root))
        .set_hostname(Some(config.hostname.clone()))
        .set_process(Some(process(config, &security)?))
        .set_mounts(Some(mounts))
        .set_linux(Some(linux(config, &security, machine)))
        .set_annotations((!config.spec.process.annotations.is_empty()).then(|| {
            config.spec.process.annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
        }));
    Ok(spec)
}

fn process(config: &ContainerConfig, security: &Security) -> Result<Process, InvalidValue> {
    let wish = &config.spec;
    let caps = capabilities::merge(wish)?;
    let mut user = User::default();
    user.set_uid(0)
        .set_gid(0)
        .set_umask(Some(wish.process.umask.unwrap_or(0o022)))
        .set_username(Some(config.user.clone()));
    let mut process = Process::default();
    process
        .set_terminal(Some(wish.tty))
        .set_user(user)
        .set_args(Some(config.args.clone()))
        .set_env(Some(config.env.clone()))
        .set_cwd(PathBuf::from(&config.workdir))
        .set_capabilities(Some(capabilities::sets(&caps)))
        .set_rlimits(Some(rlimits::rlimits(&wish.ulimits)))
        .set_oom_score_adj(wish.process.oom_score_adj.map(|score| score.max(own_oom_score())))
        .set_no_new_privileges(Some(security.no_new_privileges));
    Ok(process)
}

fn linux(config: &ContainerConfig, security: &Security, machine: Machine<'_>) -> Linux {
    let wish = &config.spec;
    let mut linux = Linux::default();
    linux
        .set_namespaces(Some(namespaces(wish)))
        .set_masked_paths(Some(security.masked(wish.privileged)))
        .set_readonly_paths(Some(security.read_only(wish.privileged)))
        .set_sysctl(Some(sysctls(wish, machine.max_gid)))
        .set_resources(Some(resources(&wish.resources, machine.default_pids)))
        .set_devices(None)
        .set_seccomp(machine.seccomp);
    linux
}

fn namespaces(wish: &ContainerSpec) -> Vec<LinuxNamespace> {
    let always = [LinuxNamespaceType::User, LinuxNamespaceType::Mount, LinuxNamespaceType::Pid];
    let own = [
        (wish.namespaces.ipc != IpcMode::Host, LinuxNamespaceType::Ipc),
        (wish.namespaces.cgroup == NamespaceMode::Private, LinuxNamespaceType::Cgroup),
        (wish.namespaces.uts == NamespaceMode::Private, LinuxNamespaceType::Uts),
        (wish.network.is_own(), LinuxNamespaceType::Network),
    ];
    let own = own.into_iter().filter_map(|(is_own, typ)| is_own.then_some(typ));
    always
        .into_iter()
        .chain(own)
        .map(|typ| {
            let mut namespace = LinuxNamespace::default();
            namespace.set_typ(typ);
            namespace
        })
        .collect()
}

/// Any user inside may listen on low ports and ping where the network is the container's own; then what was asked for.
fn sysctls(wish: &ContainerSpec, max_gid: u32) -> HashMap<String, String> {
    let mut sysctls = HashMap::new();
    if wish.network.is_own() {
        sysctls.insert("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned());
        sysctls.insert("net.ipv4.ping_group_range".to_owned(), format!("0 {max_gid}"));
    }
    // They are written in no order, so none may stand there in two spellings.
    sysctls.extend(wish.process.sysctls.iter().map(|(key, value)| (dotted(key), value.clone())));
    sysctls
}

/// A parameter's name with dots; one with slashes may have dots in the name of an interface (sysctl(8)).
fn dotted(key: &str) -> String {
    let swap = |c: char| match c {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    match key.find(['.', '/']) {
        Some(at) if key.as_bytes().get(at) == Some(&b'/') => key.chars().map(swap).collect(),
        _ => key.to_owned(),
    }
}

/// Without privileges it can only be raised (proc_pid_oom_score_adj(5)).
fn own_oom_score() -> i32 {
    let text = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    text.trim().parse().unwrap_or(0)
}

fn resources(wish: &Resources, default_pids: Option<i64>) -> LinuxResources {
    let mut resources = LinuxResources::default();
    if let Some(bytes) = wish.memory.and_then(|size| i64::try_from(size.0).ok()) {
        let mut memory = LinuxMemory::default();
        memory.set_limit(Some(bytes));
        resources.set_memory(Some(memory));
    }
    if let Some(quota) = wish.cpus.and_then(cpu_quota) {
        let mut cpu = LinuxCpu::default();
        cpu.set_quota(Some(quota)).set_period(Some(CPU_PERIOD));
        resources.set_cpu(Some(cpu));
    }
    if let Some(limit) = wish.pids_limit.or(default_pids).filter(|limit| *limit > 0) {
        let mut pids = LinuxPids::default();
        pids.set_limit(limit);
        resources.set_pids(Some(pids));
    }
    resources
}

/// µs of CPU time in each period; `None` for a number that is none.
pub(crate) fn cpu_quota(cpus: f64) -> Option<i64> {
    let quota = (cpus * CPU_PERIOD as f64).round();
    #[expect(clippy::cast_possible_truncation, reason = "checked: far below 2^53")]
    (1.0..1e12).contains(&quota).then_some(quota as i64)
}

#[cfg(test)]
mod tests;
