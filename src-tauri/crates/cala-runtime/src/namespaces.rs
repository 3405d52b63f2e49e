//! Which namespaces a configuration asks for: new ones and existing ones.

use std::os::fd::OwnedFd;

use cala_sys::clone::CloneFlags;
use cala_sys::namespace;
use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType, Spec};
use rustix::fs::{Mode, OFlags, open};

use crate::StartError;
use crate::error::Step;

/// The namespaces of a container.
#[derive(Debug)]
pub(crate) struct Namespaces {
    /// Those to be made.
    pub(crate) new: CloneFlags,
    /// Those to be joined, by descriptor, the user namespace first.
    pub(crate) existing: Vec<(OwnedFd, CloneFlags)>,
}

impl Namespaces {
    /// Reads the configuration and opens the existing ones.
    pub(crate) fn of(spec: &Spec) -> Result<Self, StartError> {
        let mut new = CloneFlags::NONE;
        let mut existing = Vec::new();
        for entry in list(spec) {
            let kind = flag(entry.typ())?;
            match entry.path() {
                None => new |= kind,
                Some(path) => {
                    let fd = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                        .step(|| format!("open namespace `{}`", path.display()))?;
                    existing.push((fd, kind));
                }
            }
        }
        if !new.contains(CloneFlags::NEWNS) {
            return Err(StartError::Refused("a container needs a mount namespace of its own".into()));
        }
        existing.sort_by_key(|(_, kind)| *kind != CloneFlags::NEWUSER);
        Ok(Self { new, existing })
    }

    /// Joins the existing ones.
    pub(crate) fn join_existing(&self) -> Result<(), StartError> {
        for (fd, kind) in &self.existing {
            namespace::join(fd, *kind).step(|| "join an existing namespace".into())?;
        }
        Ok(())
    }
}

/// Those that a container has for itself, new or joined: what `exec` has to enter.
pub(crate) fn own(spec: &Spec) -> CloneFlags {
    list(spec).iter().filter_map(|entry| flag(entry.typ()).ok()).fold(CloneFlags::NONE, CloneFlags::union)
}

fn list(spec: &Spec) -> &[LinuxNamespace] {
    spec.linux().as_ref().and_then(|linux| linux.namespaces().as_deref()).unwrap_or_default()
}

fn flag(kind: LinuxNamespaceType) -> Result<CloneFlags, StartError> {
    Ok(match kind {
        LinuxNamespaceType::Mount => CloneFlags::NEWNS,
        LinuxNamespaceType::Cgroup => CloneFlags::NEWCGROUP,
        LinuxNamespaceType::Uts => CloneFlags::NEWUTS,
        LinuxNamespaceType::Ipc => CloneFlags::NEWIPC,
        LinuxNamespaceType::User => CloneFlags::NEWUSER,
        LinuxNamespaceType::Pid => CloneFlags::NEWPID,
        LinuxNamespaceType::Network => CloneFlags::NEWNET,
        LinuxNamespaceType::Time => {
            return Err(StartError::Refused("time namespaces are not supported".into()));
        }
    })
}
