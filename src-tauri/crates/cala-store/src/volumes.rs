//! Volumes: `volumes/<name>/_data`, made by rename.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cala_spec::{ContainerId, ContainerName};
use cala_sys::durable;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::{Store, new_container_id, now_ns};

/// `volumes/<name>/volume.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The name; 64 hex digits for an anonymous volume.
    pub name: String,
    /// When it was made, nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// Whether it was made without a name, and goes with its container.
    #[serde(default)]
    pub anonymous: bool,
    /// Whether nothing was put in yet: the first container copies what the image has at its place.
    #[serde(default)]
    pub fresh: bool,
}

impl Store {
    /// The volume's directory as it is mounted. The name is checked.
    ///
    /// # Errors
    /// [`StoreError::InvalidVolumeName`].
    pub fn volume_data(&self, name: &str) -> Result<PathBuf, StoreError> {
        Ok(self.volume_dir(name)?.join("_data"))
    }

    /// Makes the volume unless it is there. True when it was made: its content may be copied from the image.
    ///
    /// # Errors
    /// [`StoreError::InvalidVolumeName`]; failed system calls.
    pub fn create_volume_if_absent(&self, name: &str) -> Result<(PathBuf, bool), StoreError> {
        self.make_volume(name, false)
    }

    /// Makes a volume without a name: 64 random hex digits.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn create_anonymous_volume(&self) -> Result<(String, PathBuf), StoreError> {
        let name = new_container_id()?.to_string();
        let (path, _) = self.make_volume(&name, true)?;
        Ok((name, path))
    }

    /// Makes a volume without a name of 64 random hex digits that were chosen before.
    pub(crate) fn make_anonymous_volume(&self, name: &str) -> Result<(), StoreError> {
        self.make_volume(name, true).map(drop)
    }

    /// The record of a volume.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVolume`]; failed system calls.
    pub fn volume(&self, name: &str) -> Result<Volume, StoreError> {
        let path = self.volume_dir(name)?.join("volume.json");
        match read_limited(&path, 64 << 10) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(io::Error::from).map_err(StoreError::io("read", &path))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(StoreError::NoSuchVolume(name.to_owned()))
            }
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
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

    fn volume_dir(&self, name: &str) -> Result<PathBuf, StoreError> {
        match name.parse::<ContainerName>() {
            Ok(_) => Ok(self.path("volumes").join(name)),
            Err(_) => Err(StoreError::InvalidVolumeName(name.to_owned())),
        }
    }

    fn make_volume(&self, name: &str, anonymous: bool) -> Result<(PathBuf, bool), StoreError> {
        let directory = self.volume_dir(name)?;
        let data = directory.join("_data");
        if data.is_dir() {
            return Ok((data, false));
        }
        let id: ContainerId = new_container_id()?;
        let making = self.path("tmp").join(format!("create-volume-{id}"));
        let _making = self.lock_making()?;
        let made = fill(&making, name, anonymous).and_then(|()| durable::rename(&making, &directory, true));
        match made {
            Ok(()) => Ok((data, true)),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&making);
                // Another process was faster: rename(2) does not replace a directory that holds something.
                if data.is_dir() {
                    Ok((data, false))
                } else {
                    Err(StoreError::io("create", &directory)(error))
                }
            }
        }
    }
}

/// The data directory belongs to the user, who is root of the user namespace and of the containers in it.
fn fill(making: &Path, name: &str, anonymous: bool) -> io::Result<()> {
    let mut private = DirBuilder::new();
    private.mode(0o700).create(making)?;
    let data = making.join("_data");
    private.create(&data)?;
    std::fs::set_permissions(&data, Permissions::from_mode(0o755))?;
    let volume = Volume { name: name.to_owned(), created_ns: now_ns(), anonymous, fresh: true };
    durable::write_atomic(&making.join("volume.json"), &serde_json::to_vec(&volume)?, true)
}
