//! flock(2): locks on an open file, dropped by the kernel when the last descriptor of it is closed.
//!
//! Not to be mixed up with [`crate::ofd_lock`]: the two kinds do not see each other on a local file system.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::FlockOperation;

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Together with other shared locks.
    Shared,
    /// Alone.
    Exclusive,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Opens `path` (made with mode 0600 when absent; a directory is opened for reading) and waits for the lock.
    ///
    /// # Errors
    /// Those of open(2) and flock(2).
    pub fn wait(path: &Path, mode: Mode) -> io::Result<Self> {
        let file = open(path)?;
        lock(&file, mode)?;
        Ok(Self(file))
    }

    /// As [`FileLock::wait`]; `None` at once when somebody else holds it.
    ///
    /// # Errors
    /// Those of open(2) and flock(2).
    pub fn try_take(path: &Path, mode: Mode) -> io::Result<Option<Self>> {
        let file = open(path)?;
        Ok(try_lock(&file, mode)?.then_some(Self(file)))
    }

    /// Gives the lock up, also where a process that was cloned meanwhile still has the descriptor.
    pub fn unlock(self) {
        // Closing it does the same as far as nobody else has it.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }

    /// The locked file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

impl AsFd for FileLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits for the lock on an open file.
///
/// # Errors
/// Those of flock(2); an interruption by a signal is tried again.
pub fn lock(file: impl AsFd, mode: Mode) -> io::Result<()> {
    let operation = match mode {
        Mode::Shared => FlockOperation::LockShared,
        Mode::Exclusive => FlockOperation::LockExclusive,
    };
    Ok(rustix::io::retry_on_intr(|| rustix::fs::flock(&file, operation))?)
}

/// Takes the lock on an open file unless somebody else holds it: false then.
///
/// # Errors
/// Those of flock(2).
pub fn try_lock(file: impl AsFd, mode: Mode) -> io::Result<bool> {
    let operation = match mode {
        Mode::Shared => FlockOperation::NonBlockingLockShared,
        Mode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match rustix::io::retry_on_intr(|| rustix::fs::flock(&file, operation)) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    match OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => File::open(path),
        // A full disk or a read-only one: what is there can still be locked.
        Err(_) if path.exists() => File::open(path),
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_keeps_others_out_until_it_is_dropped() {
        let path = std::env::temp_dir().join(format!("cala-flock-{}", std::process::id()));
        let held = FileLock::wait(&path, Mode::Exclusive).unwrap();
        assert!(FileLock::try_take(&path, Mode::Shared).unwrap().is_none());
        drop(held);
        let shared = FileLock::try_take(&path, Mode::Shared).unwrap().unwrap();
        assert!(FileLock::try_take(&path, Mode::Shared).unwrap().is_some());
        assert!(FileLock::try_take(&path, Mode::Exclusive).unwrap().is_none());
        drop(shared);
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_directory_can_be_locked() {
        let held = FileLock::wait(&std::env::temp_dir(), Mode::Shared).unwrap();
        assert!(held.file().metadata().unwrap().is_dir());
    }
}
