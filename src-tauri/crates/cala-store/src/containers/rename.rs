//! Giving a container another name.
//!
//! Its record decides what it is called; the files among the names only lead there. The new file comes first and the old
//! one goes last, so that of a killed rename one file too many is left, which counts for nothing
//! (`Store::is_called_otherwise`).

use std::io;

use cala_spec::{ContainerConfig, ContainerId, ContainerName};
use cala_sys::durable;

use super::StageLock;
use super::names::{remove_if_there, write};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Gives the container another name and returns its record with it. Makes no event.
    ///
    /// # Errors
    /// [`StoreError::NameInUse`]; [`StoreError::NoSuchContainer`], [`StoreError::ContainerDamaged`]; failed system calls,
    /// after which it has its old name.
    pub fn rename_container(
        &self,
        id: &ContainerId,
        name: &ContainerName,
        _stage: &StageLock,
    ) -> Result<ContainerConfig, StoreError> {
        let old = self.read_config(id)?;
        if old.name == *name {
            return Ok(old);
        }
        let _names = self.lock_names()?;
        let durable = !old.spec.remove;
        self.link_name(id, name, durable)?;
        let new = ContainerConfig { name: name.clone(), ..old.clone() };
        if let Err(error) = self.replace_config(&new) {
            self.release_name(name, id)?;
            return Err(error);
        }
        self.release_name(&old.name, id)?;
        Ok(new)
    }

    /// Makes the file of a name that is free. The caller holds [`Store::lock_names`].
    fn link_name(&self, id: &ContainerId, name: &ContainerName, durable: bool) -> Result<(), StoreError> {
        let (own, path) = (self.container_dir(id).join("name"), self.name_file(name));
        write(&own, id.as_str(), durable).map_err(StoreError::io("write", &own))?;
        let linked = loop {
            match std::fs::hard_link(&own, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => break result.map_err(StoreError::io("write", &path)),
            }
            match self.live_holder(name) {
                Ok(Some(holder)) => break Err(StoreError::NameInUse { name: name.clone(), id: holder }),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
            if let Err(error) = remove_if_there(&path) {
                break Err(error);
            }
        };
        // It has done its work; what is left of it is written over by the next rename.
        let _ = std::fs::remove_file(&own);
        let names = self.path("names/containers");
        let synced = if durable { durable::sync_directory(&names) } else { Ok(()) };
        linked.and_then(|()| synced.map_err(StoreError::io("sync", &names)))
    }
}
