//! Images: blobs in an OCI image layout, and one small file per name with all that listings show.
//!
//! `images/names/<escaped name>` is the name: replacing the file moves the tag. `images/index.json` is made from these
//! files for other tools. An image lives as long as a name file speaks of it; what it leaves behind (blobs, layers) is
//! collected under `images/lock`, unless a pull is under way (`images/pull.lock`), which may be about to use it.

mod changes;
mod collect;
mod commit;
mod document;
mod index;
mod list;
mod record;
mod remove;
mod resolve;

use std::path::Path;

use cala_spec::Digest;
use cala_sys::flock::{FileLock, Mode};
pub use commit::NewImage;
pub use document::parse_manifest;
pub use record::{ImageRecord, LayerUse};
pub use remove::Removed;

use crate::error::StoreError;
use crate::store::Store;

/// One image with all its names.
#[derive(Debug, Clone)]
pub struct Image {
    /// The record of its first name; all names share everything but name and time.
    pub record: ImageRecord,
    /// Full names with tag.
    pub names: Vec<String>,
    /// `name@digest` for each name that came from a registry.
    pub digests: Vec<String>,
    /// Why it cannot be used.
    pub damaged: Option<String>,
}

impl Image {
    /// The image id: the digest of its configuration.
    #[must_use]
    pub fn id(&self) -> &Digest {
        &self.record.image_id
    }
}

/// Deletes trees that belong to ids of the user namespace: the store's program does it.
pub trait TreeRemover {
    /// Deletes the tree at `path`, which lies in `tmp/` of the data root. A failure leaves the tree for later.
    fn remove_tree(&mut self, path: &Path);
}

/// Leaves the trees in `tmp/`: for callers who have them swept later.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoveLater;

impl TreeRemover for RemoveLater {
    fn remove_tree(&mut self, _path: &Path) {}
}

/// Held by a pull from its first look at what is here until the image is recorded: nothing is collected meanwhile.
#[derive(Debug)]
pub struct PullGuard {
    _lock: FileLock,
}

impl Store {
    /// Keeps blobs and layers that nothing refers to yet from being collected. Blocks for moments only.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn guard_pull(&self) -> Result<PullGuard, StoreError> {
        let path = self.path("images/pull.lock");
        let lock = FileLock::wait(&path, Mode::Shared).map_err(StoreError::io("lock", &path))?;
        Ok(PullGuard { _lock: lock })
    }

    /// Held shared for moments by who makes a container, exclusively by who removes or records images.
    pub(crate) fn lock_images(&self, mode: Mode) -> Result<FileLock, StoreError> {
        let path = self.path("images/lock");
        FileLock::wait(&path, mode).map_err(StoreError::io("lock", &path))
    }
}
