//! Removing containers.

use cala_spec::{ContainerId, ContainerStatus};
use cala_store::{ContainerEntry, StoreError};

use super::wrong_state;
use crate::{Engine, EngineError, RemoveOptions, Result};

impl Engine {
    /// Removes a container and returns its id.
    ///
    /// # Errors
    /// When there is none, it runs and `force` is false, or another depends on it and `depend` is false.
    pub fn remove(&self, name: &str, options: &RemoveOptions) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        self.remove_known(&id, options, &mut Vec::new())?;
        Ok(id)
    }

    /// Removes a container and with `depend`, before it, those that depend on it; all that were removed, in that order.
    ///
    /// # Errors
    /// As `remove`; some may be gone then.
    pub fn remove_all_of(&self, name: &str, options: &RemoveOptions) -> Result<Vec<ContainerId>> {
        let mut removed = Vec::new();
        self.remove_known(&self.resolve_container(name)?, options, &mut removed)?;
        Ok(removed)
    }

    fn remove_known(
        &self,
        id: &ContainerId,
        options: &RemoveOptions,
        removed: &mut Vec<ContainerId>,
    ) -> Result<()> {
        let entry = self.store()?.container_entry(id)?;
        if !options.force {
            refuse_running(&entry)?;
        }
        self.remove_dependents(id, options, removed)?;
        self.end_for_removal(&entry, options)?;
        match self.store()?.remove_container_records(id) {
            Ok(tree) => self.after_removal(&entry, options, tree)?,
            // `--rm`, or somebody else was faster: it is gone, as wished.
            Err(StoreError::NoSuchContainer(_)) => {}
            Err(error) => return Err(error.into()),
        }
        removed.push(id.clone());
        Ok(())
    }

    /// No container is in the network of one that is not there any more: they go first, or it stays.
    fn remove_dependents(
        &self,
        id: &ContainerId,
        options: &RemoveOptions,
        removed: &mut Vec<ContainerId>,
    ) -> Result<()> {
        let dependents = self.store()?.dependents(id);
        if !dependents.is_empty() && !options.depend {
            let dependents = dependents.iter().map(ToString::to_string).collect();
            return Err(EngineError::HasDependents { id: id.to_string(), dependents });
        }
        for dependent in dependents {
            match self.remove_known(&dependent, options, removed) {
                Err(error) if error.is_no_such_container() => {}
                done => done?,
            }
        }
        Ok(())
    }

    fn end_for_removal(&self, entry: &ContainerEntry, options: &RemoveOptions) -> Result<()> {
        let alive = match entry {
            ContainerEntry::Sound(container) => container.alive,
            ContainerEntry::Damaged(damaged) => damaged.alive,
        };
        if alive {
            self.end(entry.id(), options.timeout, false)?;
        }
        Ok(())
    }

    fn after_removal(
        &self,
        entry: &ContainerEntry,
        options: &RemoveOptions,
        tree: std::path::PathBuf,
    ) -> Result<()> {
        let mut trees = vec![tree];
        if let Some(config) = entry.config() {
            self.container_event(config, "remove", &[])?;
            self.forget_private_network(config);
            cala_store::remove_id_file(config);
            if options.volumes || config.spec.remove {
                trees.extend(self.store()?.put_anonymous_volumes_aside(config));
            }
        }
        self.delete_trees(&trees)?;
        // Only after an image went before its last container.
        if self.store()?.has_leftovers() {
            self.collect_later();
        }
        Ok(())
    }
}

/// Without force only what does not run is removed. What was only made ready has not run yet.
pub(super) fn refuse_running(entry: &ContainerEntry) -> Result<()> {
    let (id, alive) = match entry {
        ContainerEntry::Sound(container) => (&container.config.id, container.alive),
        ContainerEntry::Damaged(damaged) => (&damaged.id, damaged.alive),
    };
    match entry.status() {
        _ if !alive => Ok(()),
        ContainerStatus::Initialized => Ok(()),
        ContainerStatus::Paused => Err(wrong_state(
            format!(
                "cannot remove container {id} as it is paused - running or paused containers cannot be removed \
                 without force: container state improper"
            ),
            format!("`cala rm -f {}` removes it all the same", id.short()),
        )),
        _ => Err(StoreError::ContainerRunning(id.clone()).into()),
    }
}
