//! Blobs: files named by the digest of their bytes, in an OCI image layout.

mod new;
mod stage;
mod writer;

use std::fs::File;
use std::io::{self, Read as _};

use cala_spec::Digest;
use cala_sys::durable;
pub use new::NewBlob;
use sha2::{Digest as _, Sha256, Sha512};
pub use stage::{BlobStage, StagedBlob};
pub use writer::{BlobWriter, Verification};

use crate::error::StoreError;
use crate::store::Store;

/// Largest manifest or configuration in bytes.
pub const MAX_MANIFEST: u64 = 4 << 20;
/// Largest index in bytes.
pub const MAX_INDEX: u64 = 64 << 20;

impl Store {
    /// Whether the blob is here.
    #[must_use]
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// Size of the blob in bytes, when it is here.
    #[must_use]
    pub fn blob_size(&self, digest: &Digest) -> Option<u64> {
        std::fs::symlink_metadata(self.blob_path(digest))
            .ok()
            .filter(std::fs::Metadata::is_file)
            .map(|meta| meta.len())
    }

    /// Opens the blob for reading. Its bytes are not verified.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBlob`]; failed system calls.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.blob_path(digest);
        File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NoSuchBlob(digest.clone()),
            _ => StoreError::io("read", &path)(error),
        })
    }

    /// Reads a blob of at most `limit` bytes and verifies its digest.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBlob`], [`StoreError::TooLarge`], [`StoreError::DigestMismatch`]; failed system calls.
    pub fn read_blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        let file = self.open_blob(digest)?;
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(StoreError::io("read", self.blob_path(digest)))?;
        if bytes.len() as u64 > limit {
            return Err(StoreError::TooLarge { what: format!("blob {digest}"), limit });
        }
        verify(digest, &bytes)?;
        Ok(bytes)
    }

    /// Reads a blob of any size and removes it when its bytes are not those of its digest. True when it was removed: it
    /// has to be fetched anew.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBlob`]; failed system calls.
    pub fn drop_blob_if_damaged(&self, digest: &Digest) -> Result<bool, StoreError> {
        let path = self.blob_path(digest);
        let mut file = self.open_blob(digest)?;
        let (mut hasher, mut buffer) = (Hasher::like(digest), vec![0; 256 << 10]);
        loop {
            match file.read(&mut buffer).map_err(StoreError::io("read", &path))? {
                0 => break,
                count => hasher.update(buffer.get(..count).unwrap_or_default()),
            }
        }
        if hasher.check(digest).is_ok() {
            return Ok(false);
        }
        std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
        Ok(true)
    }

    /// Stores a small blob, synced to the disk.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`] when the bytes are others; failed system calls.
    pub fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        verify(digest, bytes)?;
        if self.blob_size(digest) == Some(bytes.len() as u64) && self.read_blob(digest, MAX_INDEX).is_ok() {
            return Ok(());
        }
        let path = self.blob_path(digest);
        durable::write_atomic(&path, bytes, true).map_err(StoreError::io("write", &path))
    }
}

/// Computes a digest piece by piece.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// A hasher of the digest's algorithm.
    pub(crate) fn like(digest: &Digest) -> Self {
        match digest.algorithm() {
            "sha512" => Self::Sha512(Box::default()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest as text.
    pub(crate) fn finish(self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::Sha256(hasher) => format!("sha256:{}", hex(&hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512:{}", hex(&hasher.finalize())),
        }
    }

    /// Compares with the digest expected.
    pub(crate) fn check(self, expected: &Digest) -> Result<(), StoreError> {
        let got = self.finish();
        if got == expected.as_str() {
            return Ok(());
        }
        let reason = StoreError::InvalidDocument { digest: expected.clone(), reason: got.clone() };
        Err(got.parse().map_or(reason, |got| StoreError::DigestMismatch { expected: expected.clone(), got }))
    }
}

fn verify(digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
    let mut hasher = Hasher::like(digest);
    hasher.update(bytes);
    hasher.check(digest)
}
