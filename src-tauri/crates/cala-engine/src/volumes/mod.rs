//! What can be done with volumes, an act per file.
//!
//! A volume is a directory with a record; nothing of it runs and nothing is mounted before a container starts with it. Those
//! with a `type` hold no files of their own: they say what is mounted in each container.

mod archive;
mod create;
mod list;
mod remove;

use std::collections::BTreeMap;

use cala_spec::ContainerId;
use cala_store::ContainerEntry;

use crate::{Engine, Result};

impl Engine {
    /// Whether there is a volume of this name.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn volume_exists(&self, name: &str) -> Result<bool> {
        match self.store()?.volume(name) {
            Ok(_) | Err(cala_store::StoreError::VolumeDamaged { .. }) => Ok(true),
            Err(cala_store::StoreError::NoSuchVolume(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The volumes that a container mounts, running or not: how many do, and how many of those are alive.
    pub(crate) fn used_volumes(&self) -> Result<BTreeMap<String, Vec<(ContainerId, bool)>>> {
        let mut used: BTreeMap<String, Vec<(ContainerId, bool)>> = BTreeMap::new();
        for entry in self.store()?.containers()? {
            let ContainerEntry::Sound(container) = entry else { continue };
            for volume in cala_store::volumes(&container.config) {
                let users = used.entry(volume.to_owned()).or_default();
                if users.iter().all(|(id, _)| *id != container.config.id) {
                    users.push((container.config.id.clone(), container.alive));
                }
            }
        }
        Ok(used)
    }
}
