//! Files that are there whole or not at all: temporary file, fsync(2), rename(2) or link(2), fsync of the directory.
//!
//! `durable: false` leaves out both syncs: after a loss of power the old file, the new one or an empty one may be
//! there; after a killed process still only the old or the new one.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the name of every temporary file begins with; whoever lists a directory passes over such names.
pub const TEMPORARY_PREFIX: &str = ".tmp-";

/// Replaces the file at `path` (mode 0600) by one with these bytes, atomically.
///
/// # Errors
/// Those of open(2), write(2), fsync(2) and rename(2); the temporary file is removed then.
pub fn write_atomic(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let (file, temporary) = temporary_beside(path)?;
    let done = fill(file, bytes, durable).and_then(|()| std::fs::rename(&temporary, path));
    settle(done, &temporary, path, durable)
}

/// Makes the file at `path` (mode 0600) with these bytes: it appears whole, and only one of many callers succeeds.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when the name is taken; else as [`write_atomic`].
pub fn create_exclusive(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let (file, temporary) = temporary_beside(path)?;
    let done = fill(file, bytes, durable).and_then(|()| std::fs::hard_link(&temporary, path));
    let removed = std::fs::remove_file(&temporary);
    done?;
    removed?;
    if durable { sync_parent(path) } else { Ok(()) }
}

/// Renames within one file system and, when `durable`, syncs both parent directories.
///
/// # Errors
/// Those of rename(2) and fsync(2).
pub fn rename(from: &Path, to: &Path, durable: bool) -> io::Result<()> {
    std::fs::rename(from, to)?;
    if !durable {
        return Ok(());
    }
    sync_parent(to)?;
    if from.parent() == to.parent() { Ok(()) } else { sync_parent(from) }
}

/// Removes what killed processes have left unfinished in a directory. For whoever has the lock under which all files of
/// this directory are written.
///
/// # Errors
/// Those of readdir(3) and unlink(2).
pub fn remove_temporaries(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Fsync of a directory, so that the names in it survive a loss of power.
///
/// # Errors
/// Those of open(2) and fsync(2).
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Asks the kernel to start writing back `length` bytes from `offset` (sync_file_range(2)), so that a later fsync finds
/// little left to do. Only a hint: failures do not matter.
pub fn start_writeback(file: impl AsFd, offset: u64, length: u64) {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
    // SAFETY: sync_file_range takes no pointers; the descriptor is open for the call.
    let _ = unsafe {
        libc::sync_file_range(file.as_fd().as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE)
    };
}

fn fill(mut file: File, bytes: &[u8], durable: bool) -> io::Result<()> {
    file.write_all(bytes)?;
    if durable { file.sync_data() } else { Ok(()) }
}

fn settle(done: io::Result<()>, temporary: &Path, path: &Path, durable: bool) -> io::Result<()> {
    match done {
        Ok(()) if durable => sync_parent(path),
        Ok(()) => Ok(()),
        Err(error) => {
            // The first failure is the one to report.
            let _ = std::fs::remove_file(temporary);
            Err(error)
        }
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    sync_directory(path.parent().unwrap_or(Path::new("/")))
}

/// A new empty file (mode 0600) in the directory of `path`, under a temporary name; whoever gets it renames or removes it.
///
/// # Errors
/// Those of open(2).
pub fn temporary_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or(OsStr::new("file"));
    loop {
        // Process ids of different pid namespaces may be equal: O_EXCL decides, the counter moves on.
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut temporary = OsString::from(format!("{TEMPORARY_PREFIX}{}-{number}-", std::process::id()));
        temporary.push(name.to_string_lossy().chars().take(32).collect::<String>());
        let temporary = directory.join(temporary);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("cala-durable-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left() {
        let directory = Directory::new("replace");
        let path = directory.0.join("state.json");
        for text in ["one", "two"] {
            write_atomic(&path, text.as_bytes(), true).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(&directory.0).unwrap().count(), 1);
    }

    #[test]
    fn of_many_creators_one_wins() {
        let directory = Directory::new("exclusive");
        let path = directory.0.join("name");
        let threads: Vec<_> = (0..16)
            .map(|n: u8| {
                let path = path.clone();
                std::thread::spawn(move || create_exclusive(&path, &[n], false).is_ok())
            })
            .collect();
        let winners = threads.into_iter().map(|t| t.join().unwrap()).filter(|won| *won).count();
        assert_eq!(winners, 1);
        assert_eq!(std::fs::read_dir(&directory.0).unwrap().count(), 1);
    }
}
