//! A bundle: config.json and a root file system; what the runtime needs of it.

use std::path::{Path, PathBuf};

use oci_spec::runtime::{Hooks, LinuxIdMapping, LinuxNamespaceType, Spec};

use super::OciError;
use super::state::io_error;
use crate::cgroup::Limits;
use crate::seccomp::{self, Instruction};
use crate::{IdLine, IdMapPlan, IdWriter};

/// A bundle that was read.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) spec: Spec,
    /// Of the root file system.
    pub(super) rootfs: PathBuf,
    pub(super) path: PathBuf,
}

impl Bundle {
    pub(super) fn open(path: &Path) -> Result<Self, OciError> {
        let path = path.canonicalize().map_err(|error| io_error("open bundle", path, error))?;
        let config = path.join("config.json");
        let text = std::fs::read(&config).map_err(|error| io_error("read", &config, error))?;
        let spec: Spec = serde_json::from_slice(&text)
            .map_err(|source| OciError::Configuration { path: config, source })?;
        if spec.hooks().as_ref().is_some_and(|hooks| *hooks != Hooks::default()) {
            return Err(OciError::Usage("hooks are not supported".into()));
        }
        let root = spec.root().as_ref().map_or(Path::new("rootfs"), |root| root.path().as_path());
        Ok(Self { rootfs: path.join(root), spec, path })
    }

    /// The maps that the configuration gives; none when it has no user namespace of its own.
    pub(super) fn id_map(&self) -> Option<IdMapPlan> {
        let linux = self.spec.linux().as_ref()?;
        let has_new_user = linux
            .namespaces()
            .iter()
            .flatten()
            .any(|entry| entry.typ() == LinuxNamespaceType::User && entry.path().is_none());
        if !has_new_user {
            return None;
        }
        let mut plan = IdMapPlan {
            uid: lines(linux.uid_mappings().as_deref()),
            gid: lines(linux.gid_mappings().as_deref()),
            writer: IdWriter::Direct,
        };
        // An ordinary user may write one line with the own id; for more there are set-user-ID programs.
        if !rustix::process::geteuid().is_root() && !plan.is_single() {
            plan.writer = IdWriter::Newuidmap;
        }
        Some(plan)
    }

    pub(super) fn seccomp(&self) -> Result<Option<Vec<Instruction>>, OciError> {
        let profile = self.spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref());
        Ok(profile.map(seccomp::compile).transpose()?)
    }

    /// The cgroup asked for, when it is an absolute path of the unified tree, and its limits.
    pub(super) fn cgroup(&self) -> Option<(PathBuf, Limits)> {
        let linux = self.spec.linux().as_ref()?;
        let path = linux.cgroups_path().as_ref().filter(|path| path.is_absolute())?;
        let path = Path::new("/sys/fs/cgroup").join(path.strip_prefix("/").ok()?);
        let mut limits = Limits::default();
        if let Some(resources) = linux.resources() {
            limits.memory =
                resources.memory().and_then(|memory| memory.limit()).and_then(|n| u64::try_from(n).ok());
            limits.pids = resources.pids().and_then(|pids| u64::try_from(pids.limit()).ok());
            limits.cpus = resources.cpu().as_ref().and_then(|cpu| match (cpu.quota(), cpu.period()) {
                #[expect(clippy::cast_precision_loss, reason = "microseconds of a share of CPU")]
                (Some(quota), period) if quota > 0 => {
                    Some(quota as f64 / period.unwrap_or(100_000).max(1) as f64)
                }
                _ => None,
            });
        }
        Some((path, limits))
    }
}

fn lines(mappings: Option<&[LinuxIdMapping]>) -> Vec<IdLine> {
    let line = |mapping: &LinuxIdMapping| IdLine {
        inside: mapping.container_id(),
        outside: mapping.host_id(),
        count: mapping.size(),
    };
    mappings.unwrap_or_default().iter().map(line).collect()
}
