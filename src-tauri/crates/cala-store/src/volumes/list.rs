//! Listing and reading volumes: one readdir(3), one small file each.

use std::io;

use cala_spec::ContainerId;

use super::{MAX_RECORD, RECORD, Volume};
use crate::containers::{ContainerEntry, volumes};
use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::Store;

/// A volume of which the record cannot be read; its files may be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedVolume {
    /// The name: that of its directory.
    pub name: String,
    /// What is wrong, in one line.
    pub reason: String,
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeEntry {
    /// All is well.
    Sound(Box<Volume>),
    /// The record cannot be read.
    Damaged(DamagedVolume),
}

impl VolumeEntry {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Sound(volume) => &volume.name,
            Self::Damaged(damaged) => &damaged.name,
        }
    }

    /// The volume, when all is well.
    #[must_use]
    pub fn sound(&self) -> Option<&Volume> {
        match self {
            Self::Sound(volume) => Some(volume),
            Self::Damaged(_) => None,
        }
    }
}

impl Store {
    /// All volumes, oldest first. Damaged ones are entries of their own and spoil nothing.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn volumes(&self) -> Result<Vec<VolumeEntry>, StoreError> {
        let path = self.path("volumes");
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(StoreError::io("list", &path))? {
            let name = entry.map_err(StoreError::io("list", &path))?.file_name();
            let Ok(name) = name.into_string() else { continue };
            entries.extend(self.volume_entry(&name)?);
        }
        entries.sort_by_cached_key(|entry| {
            (entry.sound().map_or(0, |volume| volume.created_ns), entry.name().to_owned())
        });
        Ok(entries)
    }

    /// The record of a volume.
    ///
    /// # Errors
    /// [`StoreError::NoSuchVolume`], [`StoreError::VolumeDamaged`]; failed system calls.
    pub fn volume(&self, name: &str) -> Result<Volume, StoreError> {
        match self.volume_entry(name)? {
            Some(VolumeEntry::Sound(volume)) => Ok(*volume),
            Some(VolumeEntry::Damaged(damaged)) => {
                Err(StoreError::VolumeDamaged { name: damaged.name, reason: damaged.reason })
            }
            None => Err(StoreError::NoSuchVolume(name.to_owned())),
        }
    }

    /// The containers, running or not, that mount a volume.
    ///
    /// # Errors
    /// As [`Store::containers`].
    pub fn containers_with_volume(&self, name: &str) -> Result<Vec<ContainerId>, StoreError> {
        let entries = self.containers()?;
        let mounts = |entry: &&ContainerEntry| {
            entry.config().is_some_and(|config| volumes(config).any(|volume| volume == name))
        };
        Ok(entries.iter().filter(mounts).map(|entry| entry.id().clone()).collect())
    }

    /// `None` when it is not there, or when a volume cannot have this name.
    fn volume_entry(&self, name: &str) -> Result<Option<VolumeEntry>, StoreError> {
        let Ok(directory) = self.volume_dir(name) else { return Ok(None) };
        let path = directory.join(RECORD);
        let reason = match read_limited(&path, MAX_RECORD) {
            Ok(bytes) => match serde_json::from_slice::<Volume>(&bytes) {
                Ok(volume) if volume.name == name => return Ok(Some(VolumeEntry::Sound(Box::new(volume)))),
                Ok(_) => "it is of another volume".to_owned(),
                Err(error) => error.to_string(),
            },
            Err(_) if !directory.is_dir() => return Ok(None),
            Err(error) if is_exhaustion(&error) => return Err(StoreError::io("read", &path)(error)),
            Err(error) => error.to_string(),
        };
        let reason = format!("{RECORD}: {reason}");
        Ok(Some(VolumeEntry::Damaged(DamagedVolume { name: name.to_owned(), reason })))
    }
}

/// Nothing about this volume: the process or the machine has run out of something.
fn is_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
