//! Removing containers.

use cala_spec::{ContainerId, ContainerStatus};
use cala_store::{ContainerEntry, StoreError};

use super::wrong_state;
use crate::{Engine, RemoveOptions, Result};

impl Engine {
    /// Removes a container and returns its id.
    ///
    /// # Errors
    /// When there is none, or it runs and `force` is false.
    pub fn remove(&self, name: &str, options: &RemoveOptions) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        let entry = self.store()?.container_entry(&id)?;
        self.end_for_removal(&entry, options)?;
        match self.store()?.remove_container_records(&id) {
            Ok(tree) => self.after_removal(&entry, options, tree)?,
            // `--rm`, or somebody else was faster: it is gone, as wished.
            Err(StoreError::NoSuchContainer(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(id)
    }

    fn end_for_removal(&self, entry: &ContainerEntry, options: &RemoveOptions) -> Result<()> {
        let (id, alive) = match entry {
            ContainerEntry::Sound(container) => (&container.config.id, container.alive),
            ContainerEntry::Damaged(damaged) => (&damaged.id, damaged.alive),
        };
        if !alive {
            return Ok(());
        }
        if !options.force {
            return Err(match entry.status() {
                ContainerStatus::Paused => wrong_state(
                    format!(
                        "cannot remove container {id} as it is paused - running or paused containers cannot be removed \
                         without force: container state improper"
                    ),
                    format!("`cala rm -f {}` removes it all the same", id.short()),
                ),
                _ => StoreError::ContainerRunning(id.clone()).into(),
            });
        }
        self.end(id, options.timeout)?;
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
