//! What a check of everything needs to know: what is referred to, and what the bytes of a blob are. Changes nothing.

use std::collections::HashSet;
use std::io::Read as _;

use cala_spec::Digest;

use crate::blobs::Hasher;
use crate::error::StoreError;
use crate::store::Store;

/// What images, containers and removals that are not finished refer to.
#[derive(Debug, Default)]
pub struct Referenced {
    /// Digests of blobs.
    pub blobs: HashSet<Digest>,
    /// Keys of layers.
    pub layers: HashSet<String>,
}

impl Store {
    /// Everything that something refers to.
    ///
    /// # Errors
    /// The records cannot be listed.
    pub fn referenced(&self) -> Result<Referenced, StoreError> {
        let used = self.used()?;
        let mut all = Referenced { blobs: used.blobs, layers: used.layers };
        // Of an image that was removed while a container used it.
        for note in self.notes() {
            all.blobs.extend(self.blobs_of(&note));
            all.layers.extend(note.layers.iter().map(|layer| layer.key.clone()));
        }
        Ok(all)
    }

    /// All blobs that are here, by digest.
    #[must_use]
    pub fn blobs(&self) -> Vec<Digest> {
        let mut blobs = Vec::new();
        for algorithm in ["sha256", "sha512"] {
            let directory = self.path("images/blobs").join(algorithm);
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                let name = entry.file_name();
                blobs.extend(
                    name.to_str().and_then(|hex| format!("{algorithm}:{hex}").parse::<Digest>().ok()),
                );
            }
        }
        blobs.sort();
        blobs
    }

    /// Reads a blob of any size and compares it with its digest.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`], [`StoreError::NoSuchBlob`]; failed system calls.
    pub fn verify_blob(&self, digest: &Digest) -> Result<(), StoreError> {
        let path = self.blob_path(digest);
        let mut file = self.open_blob(digest)?;
        let (mut hasher, mut buffer) = (Hasher::like(digest), vec![0; 256 << 10]);
        loop {
            match file.read(&mut buffer).map_err(StoreError::io("read", &path))? {
                0 => return hasher.check(digest),
                count => hasher.update(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Keys of all layers that are here, whole or not.
    #[must_use]
    pub fn layer_keys(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("layers")).into_iter().flatten().flatten();
        let mut keys: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        keys.sort();
        keys
    }

    /// Names of the directories of secrets whose record cannot be read.
    #[must_use]
    pub fn damaged_secrets(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("secrets")).into_iter().flatten().flatten();
        let damaged = entries.filter(|entry| self.read_secret(&entry.path()).is_err());
        damaged.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Puts the layer `key` aside, which nothing refers to. Returns the tree that is left to delete.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn put_layer_aside(&self, key: &str) -> Result<std::path::PathBuf, StoreError> {
        let from = self.path("layers").join(key);
        let to = self.path("tmp").join(format!("removed-{}", crate::store::new_container_id()?));
        cala_sys::durable::rename(&from, &to, true).map_err(StoreError::io("remove", &from))?;
        Ok(to)
    }
}
