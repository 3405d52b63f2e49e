//! Removing volumes. What is in them belongs to ids of the user namespace, so their tree is only put aside.

use std::io;
use std::path::PathBuf;

use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};

use crate::error::StoreError;
use crate::store::{Store, new_container_id};

impl Store {
    /// Puts a volume aside that no container mounts, damaged or not. Returns the tree that is left to delete, as
    /// [`Store::remove_container_records`] does. Makes no event.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVolume`], [`StoreError::VolumeInUse`]; failed system calls.
    pub fn remove_unused_volume(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.path("volumes");
        let _alone = FileLock::wait(&path, Mode::Exclusive).map_err(StoreError::io("lock", &path))?;
        if !self.volume_dir(name).is_ok_and(|directory| directory.is_dir()) {
            return Err(StoreError::NoSuchVolume(name.to_owned()));
        }
        let containers = self.containers_with_volume(name)?;
        if !containers.is_empty() {
            return Err(StoreError::VolumeInUse { name: name.to_owned(), containers });
        }
        self.remove_volume(name)
    }

    /// Puts a volume aside. Returns the tree that is left to delete, as [`Store::remove_container_records`] does. The
    /// caller has seen to it that no container uses it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVolume`]; failed system calls.
    pub fn remove_volume(&self, name: &str) -> Result<PathBuf, StoreError> {
        let from = self.volume_dir(name)?;
        let to = self.path("tmp").join(format!("removed-{}", new_container_id()?));
        self.with_reserve(|| durable::rename(&from, &to, true)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NoSuchVolume(name.to_owned()),
            _ => StoreError::io("remove", &from)(error),
        })?;
        Ok(to)
    }
}
