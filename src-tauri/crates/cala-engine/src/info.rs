//! The machine, the store and this program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cala_network::{addresses, uplink};
use cala_spec::{Classify as _, ContainerStatus, Platform, capability};
use cala_store::ContainerEntry;
use cala_userns::{IdPlan, IdRange};

use crate::view::{
    ContainerCounts, HostInfo, IdMapping, IdMappings, ImageCounts, Info, NetworkInterface, OciRuntimeInfo,
    SecurityInfo, StoreInfo, UnderlyingDistribution, UplinkInfo,
};
use crate::{Engine, Result, cgroup};

impl Engine {
    /// The machine, the store and this program. Needs a tokio runtime with I/O.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn info(&self) -> Result<Info> {
        let mut warnings = Vec::new();
        let ids = ids(&mut warnings);
        let interfaces = addresses::interfaces().await.unwrap_or_default();
        let (version, controllers) = cgroup::facts();
        if !["cpu", "memory", "pids"].iter().all(|wanted| controllers.iter().any(|known| known == wanted)) {
            warnings.push(
                "limits of memory, CPU or processes cannot be set: let systemd delegate the cgroup controllers (sudo \
                 systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids)"
                    .to_owned(),
            );
        }
        let uplinks = uplink::installed();
        if uplinks.is_empty() {
            warnings.push(
                "containers have no way out: neither pasta nor slirp4netns is installed: install the package passt (it \
                 has the program pasta)"
                    .to_owned(),
            );
        }
        Ok(Info {
            host: self.host(&ids, &uplinks, interfaces, version, controllers),
            store: self.store_info()?,
            registries: BTreeMap::new(),
            version: Self::version(),
            warnings,
        })
    }

    fn host(
        &self,
        ids: &IdMappings,
        uplinks: &[(&str, PathBuf)],
        interfaces: Vec<addresses::Interface>,
        cgroup_version: &str,
        cgroup_controllers: Vec<String>,
    ) -> HostInfo {
        let names = rustix::system::uname();
        let memory = memory();
        let memory = |name: &str| memory.get(name).copied().unwrap_or(0);
        HostInfo {
            arch: Platform::host().architecture,
            cgroup_manager: "cgroupfs".to_owned(),
            cgroup_version: cgroup_version.to_owned(),
            cgroup_controllers,
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            distribution: distribution(),
            event_logger: "file".to_owned(),
            hostname: names.nodename().to_string_lossy().into_owned(),
            id_mappings: ids.clone(),
            kernel: names.release().to_string_lossy().into_owned(),
            log_driver: "k8s-file".to_owned(),
            mem_free: memory("MemFree"),
            mem_total: memory("MemTotal"),
            network_backend: "cala".to_owned(),
            network_interfaces: interfaces.into_iter().map(interface).collect(),
            pasta: uplink_info(uplinks, "pasta"),
            rootless_network_cmd: uplinks.first().map(|(name, _)| (*name).to_owned()).unwrap_or_default(),
            slirp4netns: uplink_info(uplinks, "slirp4netns"),
            oci_runtime: OciRuntimeInfo {
                name: "cala".to_owned(),
                path: self.program("cala-oci").to_string_lossy().into_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            os: "linux".to_owned(),
            security: security(),
            swap_free: memory("SwapFree"),
            swap_total: memory("SwapTotal"),
            uptime: uptime(),
        }
    }

    fn store_info(&self) -> Result<StoreInfo> {
        let store = self.store()?;
        let containers = store.containers()?;
        let count = |wanted: &dyn Fn(ContainerStatus) -> bool| {
            containers.iter().map(ContainerEntry::status).filter(|status| wanted(*status)).count()
        };
        let paused = count(&|status| status == ContainerStatus::Paused);
        let running = count(&|status| status.has_run()) - paused;
        let disk = rustix::fs::statvfs(store.data()).ok();
        let bytes = |blocks: u64, of: u64| blocks.saturating_mul(of);
        Ok(StoreInfo {
            container_store: ContainerCounts {
                number: containers.len(),
                paused,
                running,
                stopped: containers.len() - paused - running,
            },
            graph_driver_name: "overlay".to_owned(),
            graph_root: store.data().to_string_lossy().into_owned(),
            graph_root_allocated: disk.as_ref().map_or(0, |d| bytes(d.f_blocks, d.f_frsize)),
            graph_root_used: disk
                .as_ref()
                .map_or(0, |d| bytes(d.f_blocks.saturating_sub(d.f_bfree), d.f_frsize)),
            graph_status: BTreeMap::from([
                ("Native Overlay Diff".to_owned(), "true".to_owned()),
                ("Using metacopy".to_owned(), "false".to_owned()),
            ]),
            image_store: ImageCounts { number: store.images()?.len() },
            run_root: store.run().to_string_lossy().into_owned(),
            volume_path: store.data().join("volumes").to_string_lossy().into_owned(),
        })
    }
}

/// The ids of containers; what is missing for them goes to the warnings.
fn ids(warnings: &mut Vec<String>) -> IdMappings {
    if let Err(error) = cala_userns::preflight() {
        let hints: Vec<String> = error.hints().iter().map(str::to_owned).collect();
        warnings.push(format!(
            "containers cannot start: {}: {}",
            cala_spec::error::chain(&error),
            hints.join("; ")
        ));
    }
    let Ok(plan) = cala_userns::plan() else { return IdMappings::default() };
    warnings.extend(
        plan.hint().map(|hint| format!("only one user id for containers, most images need more: {hint}")),
    );
    let IdPlan { uid, gid, .. } = plan;
    IdMappings { uidmap: uid.iter().map(mapping).collect(), gidmap: gid.iter().map(mapping).collect() }
}

fn uplink_info(uplinks: &[(&str, PathBuf)], program: &str) -> UplinkInfo {
    let found = uplinks.iter().find(|(name, _)| *name == program);
    let executable = found.map(|(_, path)| path.to_string_lossy().into_owned()).unwrap_or_default();
    UplinkInfo { executable }
}

fn mapping(range: &IdRange) -> IdMapping {
    IdMapping { container_id: range.inside, host_id: range.outside, size: range.count }
}

fn interface(interface: addresses::Interface) -> NetworkInterface {
    NetworkInterface {
        name: interface.name,
        addresses: interface
            .addresses
            .iter()
            .map(|(address, prefix)| format!("{address}/{prefix}"))
            .collect(),
    }
}

/// os-release(5).
fn distribution() -> UnderlyingDistribution {
    let text = fs::read_to_string("/etc/os-release")
        .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    UnderlyingDistribution {
        distribution: field("ID"),
        version: field("VERSION_ID"),
        codename: field("VERSION_CODENAME"),
    }
}

/// /proc/meminfo in bytes.
fn memory() -> BTreeMap<String, u64> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        let kib: u64 = rest.trim().strip_suffix(" kB").unwrap_or(rest.trim()).parse().ok()?;
        Some((name.to_owned(), kib.saturating_mul(1024)))
    };
    text.lines().filter_map(line).collect()
}

fn security() -> SecurityInfo {
    SecurityInfo {
        apparmor_enabled: fs::read_to_string("/sys/module/apparmor/parameters/enabled")
            .is_ok_and(|text| text.starts_with('Y')),
        capabilities: capability::DEFAULT.join(","),
        rootless: !rustix::process::geteuid().is_root(),
        seccomp_enabled: Path::new("/proc/sys/kernel/seccomp").exists(),
        seccomp_profile_path: String::new(),
        selinux_enabled: Path::new("/sys/fs/selinux/enforce").exists(),
    }
}

/// `1h 21m 25.00s`, as Podman writes it.
fn uptime() -> String {
    let seconds = rustix::system::sysinfo().uptime;
    format!("{}h {}m {}.00s", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
