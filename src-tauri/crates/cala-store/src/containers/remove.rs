//! Removing a container's records. What it wrote belongs to ids of the user namespace, so its tree is only put aside.

use std::io;
use std::path::PathBuf;

use cala_spec::mount::MountSource;
use cala_spec::{ContainerConfig, ContainerId, ContainerName};

use super::{StageLock, group};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Removes a container that does not run: its directory goes to `tmp/removed-<id>`, its name is free, its run
    /// directory is gone. Returns the tree that is left to delete by the store's program in the user namespace. Makes no
    /// event. Works on a full disk, and for damaged containers. Waits for the stage lock, so the caller must not hold it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`], [`StoreError::ContainerRunning`]; failed system calls.
    pub fn remove_container_records(&self, id: &ContainerId) -> Result<PathBuf, StoreError> {
        let stage = self.lock_stage(id)?;
        if self.monitor_alive(id) {
            return Err(StoreError::ContainerRunning(id.clone()));
        }
        let name = self.read_config(id).ok().map(|config| config.name).or_else(|| self.name_of(id));
        self.remove_under(id, name.as_ref(), &stage)
    }

    /// As [`Store::remove_container_records`], for who holds the stage lock and knows that no monitor lives.
    pub(super) fn remove_under(
        &self,
        id: &ContainerId,
        name: Option<&ContainerName>,
        _stage: &StageLock,
    ) -> Result<PathBuf, StoreError> {
        let (from, to) = (self.container_dir(id), self.path("tmp").join(format!("removed-{id}")));
        group::drop_group(&from);
        let _guard = self.lock_names()?;
        self.with_reserve(|| cala_sys::durable::rename(&from, &to, true)).map_err(|error| {
            match error.kind() {
                io::ErrorKind::NotFound => StoreError::NoSuchContainer(id.to_string()),
                _ => StoreError::io("remove", &from)(error),
            }
        })?;
        if let Some(name) = name {
            self.release_name(name, id)?;
        }
        // Sockets of a monitor that is gone; they go with the session at the latest.
        let _ = std::fs::remove_dir_all(self.run_dir(id));
        Ok(to)
    }

    /// Puts aside the anonymous volumes of a container that is gone, but for those that another container has too.
    /// Returns the trees that are left to delete.
    #[must_use]
    pub fn put_anonymous_volumes_aside(&self, config: &ContainerConfig) -> Vec<PathBuf> {
        let anonymous: Vec<&str> =
            volumes(config).filter(|name| self.volume(name).is_ok_and(|volume| volume.anonymous)).collect();
        let unused = self.unused_volumes(anonymous).into_iter();
        unused.filter_map(|name| self.remove_volume(name).ok()).collect()
    }

    /// Those of these volumes that no container mounts; none when that cannot be known.
    pub(super) fn unused_volumes<'a>(&self, mut names: Vec<&'a str>) -> Vec<&'a str> {
        if names.is_empty() {
            return names;
        }
        // Read and not settled: settling others could come back here.
        let Ok((_, ids)) = self.container_ids() else { return Vec::new() };
        for id in ids {
            match self.read_config(&id) {
                Ok(config) => names.retain(|name| volumes(&config).all(|volume| volume != *name)),
                Err(StoreError::NoSuchContainer(_)) => {}
                // A damaged one may mount any of them.
                Err(_) => return Vec::new(),
            }
        }
        names
    }

    /// Deletes a tree that was put aside, as far as it is the user's own. True when nothing is left of it; false when
    /// the store's program has to finish it.
    #[must_use]
    pub fn delete_own_tree(&self, tree: &std::path::Path) -> bool {
        let parent = self.path("tmp");
        let Some(name) = tree.strip_prefix(&parent).ok().filter(|rest| rest.components().count() == 1) else {
            return false;
        };
        let Ok(name) = std::ffi::CString::new(name.as_os_str().as_encoded_bytes()) else { return false };
        let done = std::fs::File::open(&parent)
            .and_then(|parent| cala_sys::remove_tree::remove_tree(&parent, &name));
        self.keep_reserve();
        done.is_ok()
    }
}

/// Removes the file that says the id of a container that is gone (`--cidfile`), unless it says another by now.
pub fn remove_id_file(config: &ContainerConfig) {
    if let Some(file) = &config.spec.cidfile
        && crate::read::read_limited(file, 4096)
            .is_ok_and(|text| text.trim_ascii() == config.id.as_str().as_bytes())
        && let Err(error) = std::fs::remove_file(file)
    {
        tracing::warn!(file = %file.display(), %error, "the file with a container's id could not be removed");
    }
}

/// Names of the volumes that a container mounts.
pub fn volumes(config: &ContainerConfig) -> impl Iterator<Item = &str> {
    config.spec.mounts.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume { name } => name.as_deref(),
        _ => None,
    })
}
