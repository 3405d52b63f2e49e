//! Images in files: archives and directories that other engines write and read.
//!
//! Read are docker-archive and oci-archive (compressed or not), the OCI image layout and `dir:`; written are the same
//! (containers-transports(5)). What comes in is a stranger's: every file is staged as a blob under its true digest first
//! (`contents`), then the documents are read with limits and compared with these digests (`found`), and only when all
//! fits does anything get a name in the store. No file of an archive is ever written under a name of its own.

mod contents;
mod docker;
mod found;
mod layout;
mod write;

use std::io::Read;
use std::path::Path;

use cala_spec::{Digest, Platform};

use crate::blobs::MAX_MANIFEST;
use crate::error::StoreError;
use crate::export::BlobInfo;
use crate::store::Store;

use contents::Contents;
pub use write::{ArchiveFormat, ArchiveWriter};

/// An archive or directory whose files are staged or at hand.
#[derive(Debug)]
pub struct Archive {
    contents: Contents,
}

/// An image in an archive, all its documents checked against their digests.
#[derive(Debug, Clone)]
pub struct FoundImage {
    /// Names that the archive gives it, as they stand there.
    pub names: Vec<String>,
    /// Digest and bytes of the manifest: the archive's own, or the one made of what a docker-archive says.
    pub manifest: (Digest, Vec<u8>),
    /// Digest and bytes of the configuration.
    pub config: (Digest, Vec<u8>),
    /// Digests of the uncompressed layers, lowest first.
    pub diff_ids: Vec<Digest>,
    /// The layers, lowest first.
    pub layers: Vec<FoundLayer>,
}

/// A layer in an archive.
#[derive(Debug, Clone)]
pub struct FoundLayer {
    /// Media type, digest and size as the manifest has them.
    pub blob: BlobInfo,
    /// Its file in the archive.
    path: String,
}

impl Archive {
    /// Reads an archive to its end; `place` is what messages call it.
    ///
    /// # Errors
    /// [`StoreError::InvalidArchive`]: not a tar, damaged, or with entries that lead out of it; failed system calls.
    pub fn read(store: &Store, source: impl Read, place: &str) -> Result<Self, StoreError> {
        Ok(Self { contents: Contents::of_tar(store, source, place)? })
    }

    /// Opens a directory: an OCI image layout or `dir:`.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(store: &Store, directory: &Path) -> Result<Self, StoreError> {
        Ok(Self { contents: Contents::of_directory(store, directory)? })
    }

    /// The images in it. Where there is one for several platforms, that of `platform` is taken.
    ///
    /// # Errors
    /// [`StoreError::InvalidArchive`], [`StoreError::InvalidDocument`], [`StoreError::TooLarge`],
    /// [`StoreError::DigestMismatch`].
    pub fn images(&mut self, platform: &Platform) -> Result<Vec<FoundImage>, StoreError> {
        if let Some(bytes) = self.contents.document("manifest.json", MAX_MANIFEST)? {
            return match docker::is_list(&bytes) {
                true => docker::images(&mut self.contents, &bytes),
                false => layout::image_of_directory(&mut self.contents, &bytes),
            };
        }
        layout::images(&mut self.contents, platform)
    }

    /// Gives all blobs of an image their names in the store.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn publish(&mut self, image: &FoundImage) -> Result<(), StoreError> {
        for layer in &image.layers {
            self.contents.publish(&layer.path, &layer.blob.digest)?;
        }
        let store = self.contents.store();
        store.put_blob(&image.config.0, &image.config.1)?;
        store.put_blob(&image.manifest.0, &image.manifest.1)
    }
}
