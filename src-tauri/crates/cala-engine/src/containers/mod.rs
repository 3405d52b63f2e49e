//! What can be done with containers, an act per file.

mod check;
mod clone;
mod create;
mod exec;
mod files;
mod globs;
mod inspect;
mod inspect_network;
mod list;
mod live;
mod mounted;
mod mounts;
mod networks;
mod pause;
mod plan;
mod private;
mod prune;
mod remove;
mod rename;
mod restart;
mod start;
mod stop;
mod top;
mod update;
mod volume_mounts;
mod volumes_from;
mod wait;

pub use exec::ExecStarted;
pub(crate) use files::Held;
pub(crate) use inspect::cgroup_of;
pub(crate) use plan::outward_address;
pub(crate) use private::OPENED;
pub use stop::Stopped;

use cala_spec::{ContainerId, ContainerStatus};
use cala_store::Container;

use crate::{Engine, EngineError, LogOptions, LogReader, Result, logs};

impl Engine {
    /// The id of a container by its name, id or unique id prefix.
    ///
    /// # Errors
    /// When there is none, or the prefix is ambiguous.
    pub fn resolve_container(&self, name: &str) -> Result<ContainerId> {
        Ok(self.store()?.resolve_container(name)?)
    }

    /// Whether there is a container of this name or id.
    ///
    /// # Errors
    /// When the prefix is ambiguous or the store cannot be read.
    pub fn container_exists(&self, name: &str) -> Result<bool> {
        match self.resolve_container(name) {
            Ok(_) => Ok(true),
            Err(error) if error.is_no_such_container() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a container's log.
    ///
    /// # Errors
    /// When there is none or its log cannot be read.
    pub fn logs(&self, name: &str, options: &LogOptions) -> Result<LogReader> {
        let store = self.store()?.clone();
        let id = self.resolve_container(name)?;
        let path = store.container_dir(&id).join(plan::LOG_FILE);
        let alive = move || match store.read_state(&id) {
            // One that was never started may be started while somebody waits for its first line.
            Ok(state) if state.status == ContainerStatus::Created => true,
            Ok(_) => store.monitor_alive(&id),
            Err(_) => false,
        };
        logs::open(&path, options, Box::new(alive)).map_err(|error| match self.resolve_container(name) {
            // It was removed between two looks.
            Err(gone) if gone.is_no_such_container() => gone,
            _ => error,
        })
    }

    /// A settled container that is known to be sound.
    fn sound(&self, id: &ContainerId) -> Result<Container> {
        Ok(self.store()?.container(id)?)
    }
}

/// A container is in another state than an act needs.
fn wrong_state(message: String, remedy: String) -> EngineError {
    EngineError::WrongState { message, remedy }
}
