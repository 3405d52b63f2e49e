//! The data root and the run root: made, marked, refused.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cala_sys::durable;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::read::read_limited;

/// The format that this version writes.
pub(crate) const FORMAT: u32 = 1;
/// Bytes kept back, so that removal works on a full disk.
const RESERVE_BYTES: u64 = 4 << 20;
const MARKER: &str = "format.json";
/// What the two roots are called.
const DATA: &str = "data root";
pub(crate) const RUN: &str = "run root";

/// Directories of the data root, parents first.
const DIRECTORIES: [&str; 17] = [
    "tmp",
    "trash",
    "images",
    "images/blobs",
    "images/blobs/sha256",
    "images/blobs/sha512",
    "images/partial",
    "images/names",
    "images/removed",
    "layers",
    "containers",
    "names",
    "names/containers",
    "names/networks",
    "networks",
    "secrets",
    "events",
];

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    writes: u32,
    min_reader: u32,
}

/// Makes and checks the data root.
pub(crate) fn open_data(data: &Path) -> Result<(), StoreError> {
    refuse_place(data)?;
    make_private(DATA, data)?;
    let marker = data.join(MARKER);
    match read_limited(&marker, 4096) {
        Ok(bytes) => check_format(data, &bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => mark(data, &marker)?,
        Err(error) => return Err(StoreError::io("read", &marker)(error)),
    }
    for directory in DIRECTORIES.iter().chain(&["volumes"]) {
        make_directory(&data.join(directory))?;
    }
    keep_reserve(data);
    Ok(())
}

/// Makes and checks the run root: private, and ours also where anybody may write, as below /tmp.
pub(crate) fn open_run(run: &Path) -> Result<(), StoreError> {
    if !run.is_absolute() {
        return Err(refused(RUN, run, "the path is not absolute"));
    }
    make_private(RUN, run)?;
    make_directory(&run.join("containers"))
}

fn refused(what: &'static str, path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::RefusedRoot { what, path: path.to_owned(), reason: reason.into() }
}

/// The directory cannot be made or looked at: where it lies is the user's choice only when the machine forbids it there.
fn unusable(what: &'static str, path: &Path, error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => refused(what, path, "it cannot be made there: permission denied"),
        io::ErrorKind::NotADirectory => refused(what, path, "what it would be in is not a directory"),
        _ => StoreError::io("create", path)(error),
    }
}

fn refuse_place(data: &Path) -> Result<(), StoreError> {
    if !data.is_absolute() {
        return Err(refused(DATA, data, "the path is not absolute"));
    }
    let real = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    if real.parent().is_none() {
        return Err(refused(DATA, data, "it is the root of the system"));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).and_then(|home| home.canonicalize().ok());
    if home.is_some_and(|home| home.starts_with(&real)) {
        return Err(refused(DATA, data, "your home directory is in it"));
    }
    Ok(())
}

/// Makes the directory, with absent parents, and sees to it that only its owner gets in.
fn make_private(what: &'static str, path: &Path) -> Result<(), StoreError> {
    let own = rustix::process::geteuid().as_raw();
    // A link below /tmp may be anybody's, and lead to something of ours that is no root.
    match std::fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() && link.uid() != own => {
            return Err(refused(what, path, format!("it is a link of user {}", link.uid())));
        }
        _ => {}
    }
    let meta = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700).create(path).map_err(|error| unusable(what, path, error))?;
            std::fs::metadata(path)
        }
        found => found,
    }
    .map_err(|error| unusable(what, path, error))?;
    if !meta.is_dir() {
        return Err(refused(what, path, "it is not a directory"));
    }
    if meta.uid() != own {
        return Err(refused(what, path, format!("it belongs to user {}", meta.uid())));
    }
    if meta.mode() & 0o077 != 0 && !holds_foreign_entries(path)? {
        std::fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(StoreError::io("protect", path))?;
    }
    Ok(())
}

/// Whether a directory without marker holds something that Cala does not make.
fn holds_foreign_entries(path: &Path) -> Result<bool, StoreError> {
    if path.join(MARKER).exists() {
        return Ok(false);
    }
    Ok(foreign_entry(path)?.is_some())
}

fn foreign_entry(path: &Path) -> Result<Option<String>, StoreError> {
    for entry in std::fs::read_dir(path).map_err(StoreError::io("list", path))? {
        let name = entry.map_err(StoreError::io("list", path))?.file_name().to_string_lossy().into_owned();
        let known = DIRECTORIES.contains(&name.as_str())
            // The marker, when another process has just opened the same fresh root.
            || matches!(name.as_str(), MARKER | "volumes" | "reserve" | "lost+found")
            || name.starts_with(durable::TEMPORARY_PREFIX);
        if !known {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn check_format(data: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let format: Format = serde_json::from_slice(bytes)
        .map_err(|error| refused(DATA, data, format!("its {MARKER} cannot be read: {error}")))?;
    if format.min_reader > FORMAT {
        return Err(StoreError::NewerFormat { path: data.to_owned(), needed: format.min_reader });
    }
    Ok(())
}

fn mark(data: &Path, marker: &Path) -> Result<(), StoreError> {
    if let Some(name) = foreign_entry(data)? {
        return Err(refused(DATA, data, format!("it holds `{name}`, which is not Cala's")));
    }
    let text = format!("{{\"writes\":{FORMAT},\"min_reader\":{FORMAT}}}\n");
    durable::write_atomic(marker, text.as_bytes(), true).map_err(StoreError::io("write", marker))
}

fn make_directory(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // On a disk that has become read-only what is there can still be read.
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem && path.is_dir() => Ok(()),
        Err(error) => Err(StoreError::io("create", path)(error)),
    }
}

/// Fills the reserve file; on a full disk it stays as small as it is.
pub(crate) fn keep_reserve(data: &Path) {
    let path = data.join("reserve");
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() >= RESERVE_BYTES) {
        return;
    }
    let filled =
        std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path).and_then(|file| {
            let flags = rustix::fs::FallocateFlags::empty();
            Ok(rustix::fs::fallocate(&file, flags, 0, RESERVE_BYTES)?)
        });
    if let Err(error) = filled {
        tracing::debug!(path = %path.display(), %error, "the reserve cannot be filled");
    }
}

/// Gives the reserve to whoever needs it now.
pub(crate) fn release_reserve(data: &Path) {
    if let Ok(file) = std::fs::OpenOptions::new().write(true).open(data.join("reserve")) {
        // When it fails the retry that follows fails as before and says why.
        let _ = file.set_len(0);
    }
}
