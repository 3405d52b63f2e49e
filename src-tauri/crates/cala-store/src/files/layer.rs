//! A container's tree as an archive: whole for `export`, its writable layer for `commit`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::path::Path;

use cala_spec::Digest;
use cala_sys::openat2::Root;
use sha2::{Digest as _, Sha256};

use super::FilesError;
use super::get::{Archiver, Form};
use super::request::{FilesDone, View};
use super::view::{self, Access};

/// What a digest is made of while it goes by.
struct Hashed<W> {
    out: W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or_default());
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the whole tree, without what is mounted in it.
pub(super) fn export(data: &Path, view: &View, out: File) -> Result<FilesDone, FilesError> {
    let root = view::open(data, view, Access::Bare)?;
    let mut archiver = Archiver::new(Form { owner: None, layer: false }, out);
    archiver.content(root.as_fd(), &[])?;
    let (_, warnings) = archiver.finish()?;
    Ok(FilesDone { warnings, ..FilesDone::default() })
}

/// Writes a layer and tells its digest.
pub(super) fn layer(data: &Path, view: &View, squash: bool, out: File) -> Result<FilesDone, FilesError> {
    let root = if squash { view::open(data, view, Access::Bare)? } else { upper(view)? };
    let hashed = Hashed { out, hasher: Sha256::new(), size: 0 };
    let mut archiver = Archiver::new(Form { owner: None, layer: !squash }, hashed);
    archiver.root(root.as_fd())?;
    archiver.content(root.as_fd(), &[])?;
    let (hashed, warnings) = archiver.finish()?;
    let diff_id = Digest::sha256(&hashed.hasher.finalize().into());
    Ok(FilesDone { warnings, size: hashed.size, diff_id: Some(diff_id) })
}

/// The container's writable layer.
pub(super) fn upper(view: &View) -> Result<Root, FilesError> {
    Root::open(&view.dir.join("upper"))
        .map_err(|error| FilesError::View { name: view.name.clone(), reason: error.to_string() })
}
