//! The files of an archive: a tar walked once, or a directory opened file by file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use cala_spec::Digest;
use cala_sys::openat2::{Mode, OFlags, Root};

use crate::blobs::StagedBlob;
use crate::decompress::{DecompressError, Decompressor, Plain};
use crate::error::StoreError;
use crate::store::Store;
use crate::tar::{EntryKind, Reader, TarError};

/// Most entries of an archive.
const MAX_ENTRIES: usize = 200_000;
/// Most links that are followed from one name to a file.
const MAX_LINKS: usize = 8;

/// Where files come from.
#[derive(Debug)]
pub(super) struct Contents {
    store: Store,
    place: String,
    files: HashMap<String, StagedBlob>,
    links: HashMap<String, String>,
    directory: Option<Root>,
}

impl Contents {
    /// Walks a tar, compressed or not, and stages each of its files.
    pub(super) fn of_tar(store: &Store, source: impl Read, place: &str) -> Result<Self, StoreError> {
        let mut contents = Self::empty(store, place);
        let stream =
            Decompressor::new(source, "application/x-tar").map_err(|error| contents.unreadable(error))?;
        let mut reader = Reader::new(Plain::new(stream));
        let walked = contents.walk(&mut reader);
        // The decoder knows better than the tar's reader, who only sees that there is no more.
        match reader.into_inner().into_failure() {
            Some(error) => Err(contents.unreadable(error)),
            None => walked.map(|()| contents),
        }
    }

    pub(super) fn of_directory(store: &Store, path: &Path) -> Result<Self, StoreError> {
        let root = Root::open(path).map_err(StoreError::io("read", path))?;
        Ok(Self { directory: Some(root), ..Self::empty(store, &path.to_string_lossy()) })
    }

    fn empty(store: &Store, place: &str) -> Self {
        Self {
            store: store.clone(),
            place: place.to_owned(),
            files: HashMap::new(),
            links: HashMap::new(),
            directory: None,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The archive is wrong.
    pub(super) fn invalid(&self, reason: impl Into<String>) -> StoreError {
        StoreError::InvalidArchive { place: self.place.clone(), reason: reason.into() }
    }

    /// The stream is: a failed read is not the archive's fault.
    fn unreadable(&self, error: DecompressError) -> StoreError {
        match error {
            DecompressError::Read(source) => StoreError::io("read", &self.place)(source),
            DecompressError::Unknown { .. } => self.invalid("it is neither a tar nor a compressed one"),
            DecompressError::Unsupported { format } => self
                .invalid(format!("archives compressed with {format} are not supported; decompress it first")),
            error => self.invalid(cala_spec::error::chain(&error).replacen("layer", "archive", 1)),
        }
    }

    fn walk<R: Read>(&mut self, reader: &mut Reader<Plain<R>>) -> Result<(), StoreError> {
        let wrong = |this: &Self, error: TarError| this.invalid(cala_spec::error::chain(&error));
        for _ in 0..MAX_ENTRIES {
            let Some(entry) = reader.next_entry().map_err(|error| wrong(self, error))? else { return Ok(()) };
            let path = self.inside("", &entry.path)?;
            match entry.kind {
                EntryKind::Directory => {}
                EntryKind::File if entry.sparse.is_some() => {
                    return Err(self.invalid(format!("`{path}` is sparse")));
                }
                EntryKind::File => {
                    let mut stage = self.store.stage_blob()?;
                    while let Some(piece) = reader.next_piece().map_err(|error| wrong(self, error))? {
                        let written = stage.write_all(piece.bytes);
                        written.map_err(StoreError::io("write", self.store.path("images/blobs")))?;
                    }
                    self.add(path, stage.finish())?;
                }
                EntryKind::Symlink => {
                    let base = path.rsplit_once('/').map_or("", |(base, _)| base).to_owned();
                    let target = self.inside(&base, &entry.link)?;
                    self.links.insert(path, target);
                }
                EntryKind::HardLink => {
                    let target = self.inside("", &entry.link)?;
                    self.links.insert(path, target);
                }
                EntryKind::Fifo | EntryKind::Device => {
                    return Err(
                        self.invalid(format!("`{path}` is neither a file nor a directory nor a link"))
                    );
                }
            }
        }
        Err(self.invalid(format!("it has more than {MAX_ENTRIES} entries")))
    }

    /// A name may come twice with the same bytes; else two readers would see two archives.
    fn add(&mut self, path: String, file: StagedBlob) -> Result<(), StoreError> {
        match self.files.get(&path) {
            Some(other) if other.digest() != file.digest() => {
                Err(self.invalid(format!("`{path}` is in it twice")))
            }
            _ => {
                self.files.insert(path, file);
                Ok(())
            }
        }
    }

    /// `path`, seen from `base`, as a name in the archive: without `.` and `..`.
    fn inside(&self, base: &str, path: &[u8]) -> Result<String, StoreError> {
        let shown = String::from_utf8_lossy(path).chars().take(200).collect::<String>();
        let text = std::str::from_utf8(path).map_err(|_| self.invalid(format!("`{shown}` is no name")))?;
        let leads_out = || self.invalid(format!("`{shown}` leads out of the archive"));
        if text.starts_with('/') {
            return Err(leads_out());
        }
        let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop().ok_or_else(leads_out)?),
                part => parts.push(part),
            }
        }
        Ok(parts.join("/"))
    }

    /// The file of this name, staged; `None` when there is none.
    pub(super) fn file(&mut self, path: &str) -> Result<Option<&StagedBlob>, StoreError> {
        let mut name = self.inside("", path.as_bytes())?;
        for _ in 0..MAX_LINKS {
            match self.links.get(&name) {
                Some(target) if !self.files.contains_key(&name) => name.clone_from(target),
                _ => break,
            }
        }
        if !self.files.contains_key(&name) && self.directory.is_some() {
            self.stage(&name)?;
        }
        Ok(self.files.get(&name))
    }

    /// Copies a file of the directory, if it is there.
    fn stage(&mut self, name: &str) -> Result<(), StoreError> {
        let Some(root) = &self.directory else { return Ok(()) };
        let place = Path::new(&self.place).join(name);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let mut file = match root.beneath(name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StoreError::io("read", place)(error)),
        };
        if !file.metadata().map_err(StoreError::io("read", &place))?.is_file() {
            return Err(self.invalid(format!("`{name}` is not a file")));
        }
        let mut stage = self.store.stage_blob()?;
        io::copy(&mut file, &mut stage).map_err(StoreError::io("copy", place))?;
        self.files.insert(name.to_owned(), stage.finish());
        Ok(())
    }

    /// A document of at most `limit` bytes; `None` when there is none.
    pub(super) fn document(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let what = format!("`{path}`");
        self.file(path)?.map(|file| file.read(&what, limit)).transpose()
    }

    /// The bytes of a file that the archive names by its digest.
    pub(super) fn verified(
        &mut self,
        path: &str,
        digest: &Digest,
        limit: u64,
    ) -> Result<Vec<u8>, StoreError> {
        self.expect(path, digest)?;
        let missing = self.invalid(format!("`{path}` is not in it"));
        self.document(path, limit)?.ok_or(missing)
    }

    /// The size of a file, whose digest must be this one.
    pub(super) fn expect(&mut self, path: &str, digest: &Digest) -> Result<u64, StoreError> {
        let missing = self.invalid(format!("`{path}` is not in it"));
        let sha512 = digest.algorithm() == "sha512";
        let file = self.file(path)?.ok_or(missing)?;
        if sha512 {
            let text = format!("`{path}` is named by a digest of sha512, which archives are not read with");
            return Err(self.invalid(text));
        }
        if file.digest() != digest {
            return Err(StoreError::DigestMismatch { expected: digest.clone(), got: file.digest().clone() });
        }
        Ok(file.size())
    }

    /// Gives a file its name in the store; it may have it already.
    pub(super) fn publish(&mut self, path: &str, digest: &Digest) -> Result<(), StoreError> {
        if self.file(path)?.is_none() {
            return Ok(());
        }
        let found = self.files.iter().find(|(_, file)| file.digest() == digest).map(|(name, _)| name.clone());
        match found.and_then(|name| self.files.remove(&name)) {
            Some(file) => self.store.publish_blob(file),
            None => Ok(()),
        }
    }
}
