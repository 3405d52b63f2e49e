//! Blobs that are made here, so that their digest is known only when they are whole.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use cala_spec::Digest;
use cala_sys::durable;
use cala_sys::flock::FileLock;

use crate::error::StoreError;
use crate::store::{Store, new_container_id};

/// A blob without a name. Dropped before [`Store::adopt_blob`], nothing of it is left; of a killed process the next
/// sweep of `tmp/` takes it.
#[derive(Debug)]
pub struct NewBlob {
    folder: PathBuf,
    file: File,
    _making: FileLock,
}

impl NewBlob {
    /// The file, open for reading and writing.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    fn path(&self) -> PathBuf {
        self.folder.join("blob")
    }
}

impl Drop for NewBlob {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Store {
    /// An empty file for a blob that is about to be made.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn new_blob(&self) -> Result<NewBlob, StoreError> {
        let folder = self.path("tmp").join(format!("create-blob-{}", new_container_id()?));
        let making = self.lock_making()?;
        let make = || {
            std::fs::create_dir(&folder)?;
            File::options().read(true).write(true).create_new(true).open(folder.join("blob"))
        };
        let file = make().map_err(StoreError::io("create", &folder))?;
        Ok(NewBlob { folder, file, _making: making })
    }

    /// Gives a blob its name. `digest` is that of all its bytes, as the caller has just computed it. It is on the disk when
    /// this returns.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn adopt_blob(&self, blob: &NewBlob, digest: &Digest) -> Result<(), StoreError> {
        let path = self.blob_path(digest);
        let adopt = || -> io::Result<()> {
            blob.file.sync_data()?;
            durable::rename(&blob.path(), &path, true)
        };
        adopt().map_err(StoreError::io("write", &path))
    }
}
