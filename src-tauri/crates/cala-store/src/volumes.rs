//! Volumes: `volumes/<name>/_data`, made by rename and removed by rename.
//!
//! Who puts a container together that mounts volumes holds the directory `volumes` shared, who removes a volume because
//! nobody mounts it holds it exclusively. Readers lock nothing.

mod list;
mod remove;

use std::collections::BTreeMap;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cala_spec::{ContainerId, ContainerName};
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};
use serde::{Deserialize, Serialize};

pub use list::{DamagedVolume, VolumeEntry};

use crate::error::StoreError;
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
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Options of the driver, as [`cala_spec::volume::VolumeOptions::stored`] writes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// The file of a volume's record.
const RECORD: &str = "volume.json";

/// Largest `volume.json` in bytes.
const MAX_RECORD: usize = 1 << 20;

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
        self.make_volume(new_record(name, false))
    }

    /// Makes a volume with labels and options, which were checked. Makes no event.
    ///
    /// # Errors
    /// [`StoreError::VolumeNameInUse`], [`StoreError::InvalidVolumeName`]; failed system calls.
    pub fn create_volume(
        &self,
        name: &str,
        labels: BTreeMap<String, String>,
        options: BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        match self.make_volume(Volume { labels, options, ..new_record(name, false) })? {
            (_, true) => Ok(()),
            (_, false) => Err(StoreError::VolumeNameInUse(name.to_owned())),
        }
    }

    /// Keeps volumes from being removed as long as it is held: for who puts a container together that mounts them.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn hold_volumes(&self) -> Result<FileLock, StoreError> {
        let path = self.path("volumes");
        FileLock::wait(&path, Mode::Shared).map_err(StoreError::io("lock", &path))
    }

    /// Makes a volume without a name: 64 random hex digits.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn create_anonymous_volume(&self) -> Result<(String, PathBuf), StoreError> {
        let name = new_container_id()?.to_string();
        let (path, _) = self.make_volume(new_record(&name, true))?;
        Ok((name, path))
    }

    /// Makes a volume without a name of 64 random hex digits that were chosen before.
    pub(crate) fn make_anonymous_volume(&self, name: &str) -> Result<(), StoreError> {
        self.make_volume(new_record(name, true)).map(drop)
    }

    pub(super) fn volume_dir(&self, name: &str) -> Result<PathBuf, StoreError> {
        match name.parse::<ContainerName>() {
            Ok(_) => Ok(self.path("volumes").join(name)),
            Err(_) => Err(StoreError::InvalidVolumeName(name.to_owned())),
        }
    }

    fn make_volume(&self, volume: Volume) -> Result<(PathBuf, bool), StoreError> {
        let directory = self.volume_dir(&volume.name)?;
        let data = directory.join("_data");
        if data.is_dir() {
            return Ok((data, false));
        }
        let id: ContainerId = new_container_id()?;
        let making = self.path("tmp").join(format!("create-volume-{id}"));
        let _making = self.lock_making()?;
        let made = fill(&making, &volume).and_then(|()| durable::rename(&making, &directory, true));
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

fn new_record(name: &str, anonymous: bool) -> Volume {
    Volume {
        name: name.to_owned(),
        created_ns: now_ns(),
        anonymous,
        fresh: true,
        labels: BTreeMap::new(),
        options: BTreeMap::new(),
    }
}

/// The data directory belongs to the user, who is root of the user namespace and of the containers in it.
fn fill(making: &Path, volume: &Volume) -> io::Result<()> {
    let mut private = DirBuilder::new();
    private.mode(0o700).create(making)?;
    let data = making.join("_data");
    private.create(&data)?;
    std::fs::set_permissions(&data, Permissions::from_mode(0o755))?;
    durable::write_atomic(&making.join(RECORD), &serde_json::to_vec(volume)?, true)
}
