//! Blobs whose digest is known only when all their bytes are there: from an archive, or just compressed.
//!
//! They are written under a temporary name and get their own by [`StagedBlob::publish`]. Dropped before, they are gone;
//! what a killed process leaves is swept with the other temporary files when no pull is under way.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use cala_spec::Digest;
use cala_sys::durable;
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::store::Store;

/// After so many bytes the kernel is asked to write back, so that the sync at the end is short.
const WRITEBACK_BYTES: u64 = 8 << 20;

/// A file that goes unless it is told to stay.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A blob that is being written.
#[derive(Debug)]
pub struct BlobStage {
    file: File,
    place: Temporary,
    hasher: Sha256,
    size: u64,
    flushed: u64,
}

/// A whole blob without its name.
#[derive(Debug)]
pub struct StagedBlob {
    place: Temporary,
    digest: Digest,
    size: u64,
}

impl Store {
    /// Begins a blob of unknown digest. Hold a [`crate::PullGuard`] meanwhile.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn stage_blob(&self) -> Result<BlobStage, StoreError> {
        let path = self.path("images/blobs/sha256").join("staged");
        let (file, place) = durable::temporary_beside(&path).map_err(StoreError::io("write", &path))?;
        Ok(BlobStage { file, place: Temporary(place), hasher: Sha256::new(), size: 0, flushed: 0 })
    }

    /// Gives a staged blob its name, on the disk. One that is here already stays.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn publish_blob(&self, blob: StagedBlob) -> Result<(), StoreError> {
        if self.blob_size(&blob.digest) == Some(blob.size) {
            return Ok(());
        }
        let destination = self.blob_path(&blob.digest);
        let published = || -> io::Result<()> {
            File::open(&blob.place.0)?.sync_data()?;
            durable::rename(&blob.place.0, &destination, true)
        };
        published().map_err(StoreError::io("write", &destination))
    }
}

impl BlobStage {
    /// Ends the blob.
    #[must_use]
    pub fn finish(self) -> StagedBlob {
        let digest = Digest::sha256(&self.hasher.finalize().into());
        StagedBlob { place: self.place, digest, size: self.size }
    }
}

impl Write for BlobStage {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        if self.size - self.flushed >= WRITEBACK_BYTES {
            durable::start_writeback(&self.file, self.flushed, self.size - self.flushed);
            self.flushed = self.size;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl StagedBlob {
    /// Digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it lies until it is published.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.place.0
    }

    /// The bytes, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; failed system calls.
    pub fn read(&self, what: &str, limit: u64) -> Result<Vec<u8>, StoreError> {
        if self.size > limit {
            return Err(StoreError::TooLarge { what: what.to_owned(), limit });
        }
        let mut bytes = Vec::new();
        File::open(&self.place.0)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(StoreError::io("read", &self.place.0))?;
        Ok(bytes)
    }
}
