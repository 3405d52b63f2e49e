//! Collecting what removed images leave behind: blobs, layers.
//!
//! A removed image is noted in `images/removed/` before its last name goes. Collecting looks at each note and deletes
//! what no other image and no container uses; then the note goes. Killed in between, the next collection finishes it.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;

use cala_spec::Digest;
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};

use super::{ImageRecord, TreeRemover};
use crate::containers::ContainerEntry;
use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::{Store, new_container_id};

/// What must stay.
pub(crate) struct Used {
    pub(crate) blobs: HashSet<Digest>,
    pub(crate) layers: HashSet<String>,
}

impl Store {
    /// Deletes what removed images left and nothing uses. Does nothing while a pull is under way; it is called again
    /// then, by the pull's end at the latest. Returns the bytes freed.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn collect(&self, remover: &mut dyn TreeRemover) -> Result<u64, StoreError> {
        let (freed, trees) = self.collect_under_lock()?;
        // Deleting trees takes time and needs no lock: they have left their place.
        for tree in trees {
            remover.remove_tree(&tree);
        }
        Ok(freed)
    }

    /// Whether a removed image has left something behind that was still in use, so that [`Store::collect`] may have
    /// something to do. Costs one readdir(3); a directory that cannot be read has nothing.
    #[must_use]
    pub fn has_leftovers(&self) -> bool {
        std::fs::read_dir(self.path("images/removed")).is_ok_and(|mut notes| notes.next().is_some())
    }

    /// Notes an image whose last name is about to go.
    pub(super) fn note_removed(&self, record: &ImageRecord) -> Result<(), StoreError> {
        let path = self.note_path(&record.manifest);
        let bytes =
            serde_json::to_vec(record).map_err(io::Error::from).map_err(StoreError::io("write", &path))?;
        self.with_reserve(|| durable::write_atomic(&path, &bytes, true))
            .map_err(StoreError::io("write", &path))
    }

    fn note_path(&self, manifest: &Digest) -> PathBuf {
        self.path("images/removed").join(manifest.hex())
    }

    fn collect_under_lock(&self) -> Result<(u64, Vec<PathBuf>), StoreError> {
        let _images = self.lock_images(Mode::Exclusive)?;
        let pulls = self.path("images/pull.lock");
        let pulling = FileLock::try_take(&pulls, Mode::Exclusive).map_err(StoreError::io("lock", &pulls))?;
        self.sweep_temporaries(pulling.is_some());
        let notes = self.notes();
        if pulling.is_none() || notes.is_empty() {
            return Ok((0, Vec::new()));
        }
        let used = self.used()?;
        let (mut freed, mut trees) = (0, Vec::new());
        for note in notes {
            freed += self.delete_blobs(&note, &used);
            let kept = self.put_layers_aside(&note, &used, &mut freed, &mut trees)?;
            // Layers that a container still uses are collected when it is gone.
            if !kept {
                let _ = std::fs::remove_file(self.note_path(&note.manifest));
            }
        }
        Ok((freed, trees))
    }

    /// Removes temporary files of killed writers. Who writes names and records holds the images' lock, which we have
    /// alone; who writes blobs holds the pulls' lock.
    fn sweep_temporaries(&self, blobs_too: bool) {
        let named = ["images", "images/names", "images/removed", "names/containers"];
        let blobs = ["images/blobs/sha256", "images/blobs/sha512"];
        for directory in named.iter().chain(blobs.iter().filter(|_| blobs_too)) {
            for entry in std::fs::read_dir(self.path(directory)).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().starts_with(durable::TEMPORARY_PREFIX) {
                    let _ = std::fs::remove_file(entry.path());
                }
            }
        }
    }

    pub(crate) fn notes(&self) -> Vec<ImageRecord> {
        let entries = std::fs::read_dir(self.path("images/removed")).into_iter().flatten().flatten();
        let read = |path: PathBuf| serde_json::from_slice(&read_limited(&path, 4 << 20).ok()?).ok();
        entries.filter_map(|entry| read(entry.path())).collect()
    }

    pub(crate) fn used(&self) -> Result<Used, StoreError> {
        let (records, _) = self.read_records()?;
        let mut used = Used { blobs: HashSet::new(), layers: HashSet::new() };
        for record in &records {
            used.blobs.extend(self.blobs_of(record));
            used.layers.extend(record.layers.iter().map(|layer| layer.key.clone()));
        }
        for entry in self.containers()? {
            match (&entry, entry.config()) {
                (_, Some(config)) => {
                    used.blobs.extend(config.images().cloned());
                    used.layers.extend(config.all_layers().cloned());
                }
                // What it uses is not known; it can be removed, after which all is collected.
                (ContainerEntry::Damaged(damaged), None) => {
                    tracing::warn!(id = %damaged.id, reason = damaged.reason, "a damaged container's layers are unknown");
                }
                _ => {}
            }
        }
        Ok(used)
    }

    /// Manifest, configuration, index and compressed layers; what cannot be read is left out.
    pub(crate) fn blobs_of(&self, record: &ImageRecord) -> Vec<Digest> {
        let mut blobs = vec![record.manifest.clone(), record.image_id.clone()];
        blobs.extend(record.index.clone());
        if let Ok((manifest, _)) = self.read_manifest(&record.manifest) {
            let layers = manifest.layers().iter().map(|layer| layer.digest().to_string());
            blobs.extend(layers.filter_map(|digest| digest.parse().ok()));
        }
        blobs
    }

    /// The manifest goes last: it tells what the others are, should this be interrupted.
    fn delete_blobs(&self, note: &ImageRecord, used: &Used) -> u64 {
        let mut freed = 0;
        for digest in self.blobs_of(note).iter().rev().filter(|digest| !used.blobs.contains(*digest)) {
            let size = self.blob_size(digest).unwrap_or(0);
            if std::fs::remove_file(self.blob_path(digest)).is_ok() {
                freed += size;
            }
            // The beginning of a download of it is of no use to anybody either.
            let _ = std::fs::remove_file(self.path("images/partial").join(digest.hex()));
        }
        freed
    }

    /// Moves the layers to `tmp/`. True when one had to stay.
    fn put_layers_aside(
        &self,
        note: &ImageRecord,
        used: &Used,
        freed: &mut u64,
        trees: &mut Vec<PathBuf>,
    ) -> Result<bool, StoreError> {
        let (records, _) = self.read_records()?;
        // A container keeps the configuration of its image too.
        let by_image = records.iter().any(|record| record.image_id == note.image_id);
        let mut kept = !by_image && self.has_blob(&note.image_id);
        for layer in note.layers.iter().rev() {
            if used.layers.contains(&layer.key) {
                let by_image =
                    records.iter().flat_map(|record| &record.layers).any(|other| other.key == layer.key);
                kept |= !by_image;
                continue;
            }
            // Another tree of the same layer may still wait for being deleted.
            let aside = format!("removed-{}-{}", new_container_id()?.short(), layer.key);
            let (from, to) = (self.path("layers").join(&layer.key), self.path("tmp").join(aside));
            match self.with_reserve(|| durable::rename(&from, &to, true)) {
                Ok(()) => {
                    *freed += layer.size;
                    trees.push(to);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("remove", &from)(error)),
            }
        }
        Ok(kept)
    }
}
