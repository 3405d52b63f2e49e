//! Giving a container another name, running or not.

use cala_monitor::MonitorClient;
use cala_monitor::protocol::NewName;
use cala_spec::{ContainerConfig, ContainerName};
use cala_store::StoreError;

use super::networks::own_names;
use crate::{Engine, EngineError, Result};

impl Engine {
    /// Gives a container another name. The networks of one that runs answer to it at once, and no longer to the old one.
    ///
    /// # Errors
    /// When there is no such container, the name is no name, or it is another's.
    pub fn rename(&self, name: &str, new: &str) -> Result<()> {
        let new: ContainerName = new.strip_prefix('/').unwrap_or(new).parse().map_err(|_| {
            EngineError::invalid(
                "invalid_name",
                "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
            )
        })?;
        let id = self.resolve_container(name)?;
        let store = self.store()?;
        // Settles the record first: under the stage lock nobody else could.
        store.container(&id)?;
        let stage = store.lock_stage(&id)?;
        let container = store.container(&id)?;
        let old = container.config.name;
        if old == new {
            return Ok(());
        }
        let config = store.rename_container(&id, &new, &stage).map_err(|error| match error {
            StoreError::NameInUse { name, id: holder } => EngineError::NameTaken {
                id: id.to_string(),
                name: name.to_string(),
                holder: holder.to_string(),
            },
            error => error.into(),
        })?;
        if container.alive
            && let Err(error) = self.tell_name(&config)
        {
            // One that goes on under its old name keeps it.
            store.rename_container(&id, &old, &stage)?;
            return Err(error);
        }
        self.container_event(&config, "rename", &[])
    }

    fn tell_name(&self, config: &ContainerConfig) -> Result<()> {
        let store = self.store()?;
        let mut monitor = MonitorClient::connect(&store.run_dir(&config.id))?;
        monitor.rename(NewName {
            name: config.name.to_string(),
            name_file: store.name_file(&config.name),
            own_names: own_names(config),
        })?;
        Ok(())
    }
}
