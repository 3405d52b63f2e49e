//! Names of containers: files that hold an id.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use cala_spec::{ContainerId, ContainerName};
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};

use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::Store;

impl Store {
    /// Who has the name, stale or not.
    pub(super) fn name_holder(&self, name: &ContainerName) -> io::Result<Option<ContainerId>> {
        match read_limited(&self.name_file(name), 128) {
            // A file that holds no id was never linked by Cala: it counts as stale.
            Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Claims the name for `id`. The caller holds the creator's lock of `making`, where the file is written before it is
    /// linked to its place: a killed creator leaves nothing among the names but a name.
    pub(super) fn claim_name(
        &self,
        name: &ContainerName,
        id: &ContainerId,
        making: &Path,
        durable: bool,
    ) -> Result<(), StoreError> {
        let (own, path) = (making.join("name"), self.name_file(name));
        write(&own, id.as_str(), durable).map_err(StoreError::io("write", &own))?;
        loop {
            match std::fs::hard_link(&own, &path) {
                Ok(()) => {
                    // It has done its work; in a container's directory it would be in nobody's way.
                    let _ = std::fs::remove_file(&own);
                    let names = self.path("names/containers");
                    let synced = if durable { durable::sync_directory(&names) } else { Ok(()) };
                    return synced.map_err(StoreError::io("write", &path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::io("write", &path)(error)),
            }
            if let Some(holder) = self.live_holder(name)? {
                return Err(StoreError::NameInUse { name: name.clone(), id: holder });
            }
            self.reclaim(name)?;
        }
    }

    /// Who has the name and is there, or is being made at this moment. Who was renamed has not: of a rename that was
    /// killed one name too many is left. Final only under [`Store::lock_names`], which a rename holds.
    pub(super) fn live_holder(&self, name: &ContainerName) -> Result<Option<ContainerId>, StoreError> {
        let path = self.name_file(name);
        let Some(holder) = self.name_holder(name).map_err(StoreError::io("read", &path))? else {
            return Ok(None);
        };
        let has_it = self.exists_or_is_being_made(&holder) && !self.is_called_otherwise(&holder, name);
        Ok(has_it.then_some(holder))
    }

    /// Whether a container's own record says another name. One that cannot be read says none.
    pub(super) fn is_called_otherwise(&self, id: &ContainerId, name: &ContainerName) -> bool {
        self.read_config(id).is_ok_and(|config| config.name != *name)
    }

    fn exists_or_is_being_made(&self, id: &ContainerId) -> bool {
        if self.container_dir(id).is_dir() {
            return true;
        }
        let lock = self.creation_dir(id).join("lock");
        let being_made = std::fs::File::open(&lock)
            .is_ok_and(|file| matches!(cala_sys::flock::try_lock(&file, Mode::Shared), Ok(false)));
        // It may have arrived between the two looks.
        being_made || self.container_dir(id).is_dir()
    }

    /// Removes a stale name. Under a lock, and looked at again: of several that found it stale, none may remove the
    /// fresh name of another.
    fn reclaim(&self, name: &ContainerName) -> Result<(), StoreError> {
        let _guard = self.lock_names()?;
        if self.live_holder(name)?.is_none() {
            remove_if_there(&self.name_file(name))?;
        }
        Ok(())
    }

    /// Gives the name up when `id` has it. The caller holds [`Store::lock_names`].
    pub(super) fn release_name(&self, name: &ContainerName, id: &ContainerId) -> Result<(), StoreError> {
        let path = self.name_file(name);
        if self.name_holder(name).map_err(StoreError::io("read", &path))?.as_ref() == Some(id) {
            remove_if_there(&path)?;
        }
        Ok(())
    }

    /// The lock of everybody who removes names.
    pub(super) fn lock_names(&self) -> Result<FileLock, StoreError> {
        let directory = self.path("names/containers");
        FileLock::wait(&directory, Mode::Exclusive).map_err(StoreError::io("lock", &directory))
    }

    /// The name that belongs to an id by its file alone: for containers whose configuration is damaged.
    pub(super) fn name_of(&self, id: &ContainerId) -> Option<ContainerName> {
        std::fs::read_dir(self.path("names/containers")).ok()?.flatten().find_map(|entry| {
            let name: ContainerName = entry.file_name().to_str()?.parse().ok()?;
            (self.name_holder(&name).ok()?.as_ref() == Some(id)).then_some(name)
        })
    }

    /// Where a container is made before it appears.
    pub(super) fn creation_dir(&self, id: &ContainerId) -> PathBuf {
        self.path("tmp").join(format!("create-{id}"))
    }
}

pub(super) fn write(path: &Path, text: &str, durable: bool) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    if durable { file.sync_data() } else { Ok(()) }
}

pub(super) fn remove_if_there(path: &std::path::Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
