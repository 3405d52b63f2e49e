//! A volume as an archive: written out, and taken in over what is there. Both by the store's program, because the files belong
//! to ids of the user namespace.

use std::os::fd::AsFd;
use std::path::PathBuf;

use cala_spec::InvalidValue;
use cala_spec::volume::{VolumeOptions, VolumePlace};

use crate::{Engine, EngineError, Result};

impl Engine {
    /// Writes the files of a volume as a tar into `sink`.
    ///
    /// # Errors
    /// When there is none, it has no files of its own, or it cannot be read or written.
    pub fn export_volume(&self, name: &str, sink: impl AsFd) -> Result<()> {
        let data = self.own_files(name)?;
        Ok(self.helper()?.export_tree(&data, sink)?)
    }

    /// Puts the files of a tar, compressed or not, into a volume, over those that it has. A bad archive changes nothing.
    ///
    /// # Errors
    /// When there is none, it has no files of its own, or the archive is bad or hostile.
    pub fn import_volume(&self, name: &str, source: impl AsFd) -> Result<()> {
        let data = self.own_files(name)?;
        let staging = self.store()?.make_aside()?;
        let path = staging.path().to_owned();
        let done = self.helper()?.import_tree(&path, &data, source);
        drop(staging);
        let deleted = self.delete_trees(&[path]);
        done?;
        deleted
    }

    fn own_files(&self, name: &str) -> Result<PathBuf> {
        let store = self.store()?;
        let volume = store.volume(name)?;
        match VolumeOptions::parse(&volume.options)?.place {
            VolumePlace::Kept => Ok(store.volume_data(name)?),
            VolumePlace::Tmpfs => Err(in_memory(name)),
            VolumePlace::Bind(device) => Err(InvalidValue::new(
                "volume_without_files",
                format!("volume {name} has no files of its own: it is the folder {device}"),
            )
            .allowing(format!("`tar -C {device} …` does it"))
            .into()),
        }
    }
}

/// A volume that has no files outside of containers.
pub(super) fn in_memory(name: &str) -> EngineError {
    InvalidValue::new(
        "volume_without_files",
        format!("volume {name} has no files of its own: it is made anew in the memory of each container"),
    )
    .allowing("copy from the running container: `cala exec CONTAINER tar -C PATH -c .`")
    .into()
}
