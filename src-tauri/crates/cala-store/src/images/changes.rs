//! What distinguishes the file systems of two images, told by the tars of their layers.

use std::collections::{BTreeMap, HashSet};

use cala_spec::Digest;

use super::ImageRecord;
use crate::decompress::{Decompressor, Plain};
use crate::error::StoreError;
use crate::store::Store;
use crate::tar::{Entry, EntryKind, Reader};

/// What says that an entry below is gone.
const WHITEOUT: &[u8] = b".wh.";
/// What says that all entries of a directory below are gone.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// All of an entry that is compared.
type Print = (u8, u32, u64, u64, u64, i64, Vec<u8>);

/// Paths without a slash in front, with what is compared.
#[derive(Debug, Default)]
struct Listing(BTreeMap<Vec<u8>, Print>);

impl Store {
    /// Paths that differ between an image and `base`, else between its topmost layer and those below: `A`, `C` or `D` and
    /// the absolute path, sorted by path. Contents are compared by size and time.
    ///
    /// # Errors
    /// Blobs that are missing or damaged; failed system calls.
    pub fn image_changes(
        &self,
        record: &ImageRecord,
        base: Option<&ImageRecord>,
    ) -> Result<Vec<(u8, Vec<u8>)>, StoreError> {
        let layers = record.layers.len();
        let before = match base {
            Some(base) => self.listing(base, base.layers.len())?,
            None => self.listing(record, layers.saturating_sub(1))?,
        };
        Ok(compare(&before, &self.listing(record, layers)?))
    }

    /// The file system of the lowest `count` layers.
    fn listing(&self, record: &ImageRecord, count: usize) -> Result<Listing, StoreError> {
        let (manifest, _) = self.read_manifest(&record.manifest)?;
        let mut listing = Listing::default();
        for layer in manifest.layers().iter().take(count) {
            let invalid =
                |reason: String| StoreError::InvalidDocument { digest: record.manifest.clone(), reason };
            let digest: Digest =
                layer.digest().to_string().parse().map_err(|error| invalid(format!("{error}")))?;
            let damaged = |reason: String| StoreError::InvalidDocument { digest: digest.clone(), reason };
            let stream = Decompressor::new(self.open_blob(&digest)?, layer.media_type().as_ref())
                .map_err(|error| damaged(cala_spec::error::chain(&error)))?;
            let mut reader = Reader::new(Plain::new(stream));
            let mut own = Own::default();
            while let Some(entry) =
                reader.next_entry().map_err(|error| damaged(cala_spec::error::chain(&error)))?
            {
                listing.apply(&entry, &mut own);
            }
        }
        Ok(listing)
    }
}

/// What the present layer has said so far.
#[derive(Debug, Default)]
struct Own {
    paths: HashSet<Vec<u8>>,
    opaque: HashSet<Vec<u8>>,
}

impl Listing {
    fn apply(&mut self, entry: &Entry, own: &mut Own) {
        let path = normalized(&entry.path);
        let cut = path.iter().rposition(|byte| *byte == b'/');
        let (parent, name) = match cut {
            Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
            None => (&[][..], path.as_slice()),
        };
        if name == OPAQUE {
            // Once for each directory: more of them say nothing more.
            if own.opaque.insert(parent.to_vec()) {
                self.remove_below(parent, own);
            }
        } else if let Some(gone) = name.strip_prefix(WHITEOUT) {
            let target = if parent.is_empty() { gone.to_vec() } else { [parent, b"/", gone].concat() };
            self.remove_below(&target, own);
            if !own.paths.contains(&target) {
                self.0.remove(&target);
            }
        } else if !path.is_empty() {
            if entry.kind != EntryKind::Directory {
                self.remove_below(&path, own);
            }
            self.0.insert(path.clone(), print(entry));
            own.paths.insert(path);
        }
    }

    /// Everything below a directory that is not of the present layer; all of it below the root for an empty path.
    fn remove_below(&mut self, path: &[u8], own: &Own) {
        let prefix = if path.is_empty() { Vec::new() } else { [path, b"/"].concat() };
        let below =
            self.0.range(prefix.clone()..).map(|(path, _)| path).take_while(|path| path.starts_with(&prefix));
        let gone: Vec<Vec<u8>> = below.filter(|path| !own.paths.contains(*path)).cloned().collect();
        for path in gone {
            self.0.remove(&path);
        }
    }
}

/// Without `.`, doubled slashes and those at the ends.
fn normalized(path: &[u8]) -> Vec<u8> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.collect::<Vec<_>>().join(&b'/')
}

fn print(entry: &Entry) -> Print {
    let kind = match entry.kind {
        EntryKind::File | EntryKind::HardLink => 0,
        EntryKind::Directory => 1,
        EntryKind::Symlink => 2,
        EntryKind::Fifo => 3,
        EntryKind::Device => 4,
    };
    // The time of a directory changes with its entries, which are told themselves.
    let time = if entry.kind == EntryKind::Directory { 0 } else { entry.mtime.seconds };
    (kind, entry.mode, entry.uid, entry.gid, entry.size, time, entry.link.clone())
}

fn compare(before: &Listing, after: &Listing) -> Vec<(u8, Vec<u8>)> {
    let mut changes: BTreeMap<Vec<u8>, u8> = BTreeMap::new();
    for (path, print) in &after.0 {
        match before.0.get(path) {
            None => drop(changes.insert(path.clone(), b'A')),
            Some(old) if old != print => drop(changes.insert(path.clone(), b'C')),
            Some(_) => {}
        }
    }
    for path in before.0.keys().filter(|path| !after.0.contains_key(*path)) {
        // With a directory goes all that is in it.
        let gone_with =
            parents(path).any(|parent| before.0.contains_key(parent) && !after.0.contains_key(parent));
        if !gone_with {
            changes.insert(path.clone(), b'D');
        }
    }
    let touched: Vec<Vec<u8>> = changes.keys().flat_map(|path| parents(path).map(<[u8]>::to_vec)).collect();
    for parent in touched {
        changes.entry(parent).or_insert(b'C');
    }
    changes.into_iter().map(|(path, kind)| (kind, [b"/".to_vec(), path].concat())).collect()
}

/// The directories that a path lies in, without the root.
fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').filter_map(|(at, _)| path.get(..at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::Timestamp;

    fn entry(path: &str, kind: EntryKind, size: u64) -> Entry {
        Entry {
            path: path.as_bytes().to_vec(),
            link: Vec::new(),
            kind,
            mode: 0o755,
            uid: 0,
            gid: 0,
            size,
            mtime: Timestamp { seconds: 7, nanoseconds: 0 },
            xattrs: Vec::new(),
            sparse: None,
        }
    }

    fn files(layers: &[&[(&str, u64)]]) -> Listing {
        let mut listing = Listing::default();
        for layer in layers {
            let mut own = Own::default();
            for (path, size) in *layer {
                let kind = if path.ends_with('/') { EntryKind::Directory } else { EntryKind::File };
                listing.apply(&entry(path, kind, *size), &mut own);
            }
        }
        listing
    }

    fn changes(before: &Listing, after: &Listing) -> Vec<String> {
        let shown =
            |(kind, path): (u8, Vec<u8>)| format!("{} {}", char::from(kind), String::from_utf8_lossy(&path));
        compare(before, after).into_iter().map(shown).collect()
    }

    #[test]
    fn additions_changes_and_deletions_are_told_with_their_directories() {
        let base: &[(&str, u64)] = &[
            ("./", 0),
            ("etc/", 0),
            ("etc/a", 1),
            ("etc/b", 2),
            ("var/", 0),
            ("var/log/", 0),
            ("var/log/x", 1),
        ];
        let top: &[(&str, u64)] =
            &[("etc/.wh.a", 0), ("etc/b", 3), ("new/", 0), ("new/file", 1), (".wh.var", 0)];
        let (before, after) = (files(&[base]), files(&[base, top]));
        assert_eq!(
            changes(&before, &after),
            ["C /etc", "D /etc/a", "C /etc/b", "A /new", "A /new/file", "D /var"]
        );
        assert_eq!(changes(&after, &after), [] as [&str; 0]);
    }

    #[test]
    fn an_opaque_directory_keeps_what_its_own_layer_has() {
        let base: &[(&str, u64)] = &[("d/", 0), ("d/old", 1), ("d/kept", 1), ("e", 1)];
        let top: &[(&str, u64)] = &[("d/", 0), ("d/kept", 1), ("d/.wh..wh..opq", 0), ("d/.wh..wh..opq", 0)];
        assert_eq!(changes(&files(&[base]), &files(&[base, top])), ["C /d", "D /d/old"]);
        let file: &[(&str, u64)] = &[("d", 5)];
        assert_eq!(changes(&files(&[base]), &files(&[base, file])), ["C /d", "D /d/kept", "D /d/old"]);
    }
}
