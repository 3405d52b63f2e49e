//! Who unpacks a layer holds its lock; what lies in `tmp/` while the lock is free is a leftover.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;
use rustix::io::Errno;

/// Prefix of everything of this room in `tmp/`.
pub(crate) const PREFIX: &str = "layer-";

/// The lock of one layer, between processes and threads; its file is removed when it is given back.
#[derive(Debug)]
pub(crate) struct LayerLock {
    path: PathBuf,
    _file: File,
}

impl LayerLock {
    /// Waits for the lock of the layer with this hex diff id.
    pub(crate) fn wait(tmp: &Path, hex: &str) -> io::Result<Self> {
        loop {
            if let Some(lock) = Self::attempt(tmp, hex, FlockOperation::LockExclusive)? {
                return Ok(lock);
            }
        }
    }

    /// The lock, when nobody holds it.
    pub(crate) fn try_take(tmp: &Path, hex: &str) -> io::Result<Option<Self>> {
        match Self::attempt(tmp, hex, FlockOperation::NonBlockingLockExclusive) {
            Err(error) if error.raw_os_error() == Some(Errno::AGAIN.raw_os_error()) => Ok(None),
            other => other,
        }
    }

    /// Nothing when the holder before removed the file that was waited for.
    fn attempt(tmp: &Path, hex: &str, how: FlockOperation) -> io::Result<Option<Self>> {
        let path = tmp.join(format!("{PREFIX}{hex}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        loop {
            match rustix::fs::flock(&file, how) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        }
        let same = std::fs::symlink_metadata(&path).is_ok_and(|named| {
            file.metadata().is_ok_and(|held| (named.dev(), named.ino()) == (held.dev(), held.ino()))
        });
        Ok(same.then_some(Self { path, _file: file }))
    }
}

impl Drop for LayerLock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
