//! Removing volumes.

use cala_spec::event::EventKind;
use cala_store::{StoreError, VolumeEntry};

use crate::{Engine, EngineError, RemoveOptions, Result};

/// How often a forced removal begins again because a container came with the volume meanwhile.
const ATTEMPTS: usize = 8;

impl Engine {
    /// Removes a volume with everything in it, and with `force` the containers that mount it.
    ///
    /// # Errors
    /// When there is none, or containers mount it and `force` is false.
    pub fn remove_volume(&self, name: &str, options: &RemoveOptions) -> Result<()> {
        let store = self.store()?;
        for attempt in 1.. {
            match store.remove_unused_volume(name) {
                Ok(tree) => {
                    self.object_event(EventKind::Volume, "remove", name, name)?;
                    return self.delete_trees(&[tree]);
                }
                Err(StoreError::VolumeInUse { containers, .. }) if options.force && attempt < ATTEMPTS => {
                    for container in containers {
                        match self.remove(container.as_str(), options) {
                            Err(error) if !error.is_no_such_container() => return Err(error),
                            _ => {}
                        }
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The volumes, anonymous or not, that no container mounts and that all filters choose (keys as [`Engine::volumes`]).
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn prunable_volumes(&self, filters: &[String]) -> Result<Vec<String>> {
        let matcher = self.volume_matcher(filters)?;
        let used = self.used_volumes()?;
        let entries = self.matching_volumes(&matcher)?.into_iter();
        // What is in a damaged one may be all that somebody has: it goes by its name only.
        let unused = entries.filter(|entry| matches!(entry, VolumeEntry::Sound(_)));
        Ok(unused.map(|entry| entry.name().to_owned()).filter(|name| !used.contains_key(name)).collect())
    }

    /// Removes the volumes that no container mounts; what became of each, by name.
    ///
    /// # Errors
    /// As [`Engine::prunable_volumes`].
    pub fn prune_volumes(&self, filters: &[String]) -> Result<Vec<(String, Result<()>)>> {
        let mut pruned = Vec::new();
        for name in self.prunable_volumes(filters)? {
            match self.remove_volume(&name, &RemoveOptions::default()) {
                // A container came with it, or somebody was faster.
                Err(EngineError::Store(StoreError::VolumeInUse { .. } | StoreError::NoSuchVolume(_))) => {}
                done => pruned.push((name, done)),
            }
        }
        Ok(pruned)
    }
}
