//! Which containers cannot be without another: a file `dependents/<id>` in that one's directory.
//!
//! It is written before the dependent one appears and never removed by it; what a file says holds only as long as the
//! record of the container that it names says so too. So one readdir(3) tells it, without reading all containers.

use cala_spec::container::NetworkMode;
use cala_spec::{ContainerConfig, ContainerId};

use crate::error::StoreError;
use crate::store::Store;

/// The directory below that of a container.
const DEPENDENTS: &str = "dependents";

impl Store {
    /// Notes with the containers that this one needs that it needs them.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`] when one of them is gone; failed system calls.
    pub fn note_dependencies(&self, config: &ContainerConfig) -> Result<(), StoreError> {
        dependencies(config).into_iter().try_for_each(|id| {
            if !self.container_dir(&id).is_dir() {
                return Err(StoreError::NoSuchContainer(id.to_string()));
            }
            let dir = self.container_dir(&id).join(DEPENDENTS);
            let file = dir.join(config.id.as_str());
            std::fs::create_dir_all(&dir)
                .and_then(|()| std::fs::write(&file, ""))
                .map_err(StoreError::io("write", &file))
        })
    }

    /// The containers that cannot be without this one, sorted by id.
    #[must_use]
    pub fn dependents(&self, id: &ContainerId) -> Vec<ContainerId> {
        let entries = std::fs::read_dir(self.container_dir(id).join(DEPENDENTS)).into_iter().flatten();
        let named = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut all: Vec<ContainerId> = named
            .filter(|other| self.read_config(other).is_ok_and(|config| dependencies(&config).contains(id)))
            .collect();
        all.sort();
        all
    }
}

/// The containers that one needs.
fn dependencies(config: &ContainerConfig) -> Vec<ContainerId> {
    match &config.spec.network {
        NetworkMode::Container(id) => id.parse().into_iter().collect(),
        _ => Vec::new(),
    }
}
