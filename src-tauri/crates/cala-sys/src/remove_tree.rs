//! Removal of whole trees by unlinkat(2) below directory descriptors.
//!
//! No path is resolved twice and no symbolic link is followed, so whoever changes the tree meanwhile can lose nothing
//! outside it. Depth costs no stack and few descriptors: what lies too deep is moved up to the top first.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

/// Directories open at once; what is deeper is moved up.
const MAX_DEPTH: usize = 48;

/// Bytes of directory entries read at once.
const BUFFER: usize = 32 << 10;

/// How often a directory is emptied again into which somebody else still writes.
const MAX_ROUNDS: usize = 16;

/// Removes `name` in `parent` with everything below it. Not being there is success.
///
/// # Errors
/// Those of unlinkat(2) and openat(2); ENOTEMPTY when somebody keeps filling it.
pub fn remove_tree(parent: impl AsFd, name: &CStr) -> io::Result<()> {
    let parent = parent.as_fd();
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // EPERM is what POSIX wants for directories, EISDIR what Linux says; EACCES is found out below.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    for _ in 0..MAX_ROUNDS {
        let Some(top) = open_directory(parent, name)? else { return Ok(()) };
        Removal { top: top.as_fd(), moved: 0 }.empty()?;
        match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Errno::NOTEMPTY.into())
}

/// Removes everything in a directory, but not the directory.
///
/// # Errors
/// As [`remove_tree`].
pub fn empty_directory(directory: impl AsFd) -> io::Result<()> {
    Removal { top: directory.as_fd(), moved: 0 }.empty()
}

struct Removal<'a> {
    top: BorrowedFd<'a>,
    moved: u64,
}

/// A directory whose entries are being removed.
struct Level {
    fd: OwnedFd,
    name: CString,
    /// Subdirectories still to be entered.
    below: Vec<CString>,
    rounds: usize,
}

impl Removal<'_> {
    fn empty(&mut self) -> io::Result<()> {
        let mut waiting = unlink_files(self.top)?;
        while let Some(name) = waiting.pop() {
            self.remove_directory(&name)?;
            if waiting.is_empty() {
                // What was moved up here, and what somebody else put here.
                waiting = unlink_files(self.top)?;
            }
        }
        Ok(())
    }

    /// Removes the directory `name` of the top, level by level.
    fn remove_directory(&mut self, name: &CStr) -> io::Result<()> {
        let mut levels: Vec<Level> = Vec::new();
        let Some(first) = enter(self.top, name)? else { return Ok(()) };
        levels.push(first);
        while let Some(level) = levels.last_mut() {
            if let Some(name) = level.below.pop() {
                let next = enter(level.fd.as_fd(), &name)?;
                if levels.len() < MAX_DEPTH {
                    levels.extend(next);
                } else if let (Some(next), Some(level)) = (next, levels.last()) {
                    self.move_up(level.fd.as_fd(), &next.name)?;
                }
                continue;
            }
            let Some(mut done) = levels.pop() else { break };
            let above = levels.last().map_or(self.top, |level| level.fd.as_fd());
            match rustix::fs::unlinkat(above, &*done.name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::NOTEMPTY | Errno::EXIST) if done.rounds < MAX_ROUNDS => {
                    done.below = unlink_files(done.fd.as_fd())?;
                    done.rounds += 1;
                    levels.push(done);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Moves a directory up to the top under a name that is free; its turn comes later.
    fn move_up(&mut self, from: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
        loop {
            self.moved += 1;
            let to = format!(".moved-{}-{}", std::process::id(), self.moved);
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(from, name, self.top, to, flags) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Opens the directory `name` and removes its files; nothing when there is no directory of this name any more.
fn enter(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Level>> {
    let Some(fd) = open_directory(parent, name)? else { return Ok(None) };
    let below = unlink_files(fd.as_fd())?;
    Ok(Some(Level { fd, name: name.to_owned(), below, rounds: 0 }))
}

/// Opens a directory so that its entries can be removed, whatever its mode.
fn open_directory(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(parent, name, flags | OFlags::RDONLY, Mode::empty()) {
        Ok(fd) => return Ok(Some(fd)),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            // Replaced by a file meanwhile.
            rustix::fs::unlinkat(parent, name, AtFlags::empty())?;
            return Ok(None);
        }
        Err(Errno::ACCESS) => {}
        Err(error) => return Err(error.into()),
    }
    let path = rustix::fs::openat(parent, name, flags | OFlags::PATH, Mode::empty())?;
    // fchmod refuses O_PATH descriptors; their name in /proc works on every kernel and follows no other link.
    rustix::fs::chmod(format!("/proc/self/fd/{}", path.as_raw_fd()), Mode::RWXU)?;
    Ok(Some(rustix::fs::openat(parent, name, flags | OFlags::RDONLY, Mode::empty())?))
}

/// Removes everything in a directory that is no directory; returns the names of those that are.
fn unlink_files(directory: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    rustix::fs::seek(directory, rustix::fs::SeekFrom::Start(0))?;
    let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut below = Vec::new();
    let mut writable = false;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            below.push(name.to_owned());
            if !writable {
                writable = make_writable(directory);
            }
            continue;
        }
        match unlink(directory, name, &mut writable) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR | Errno::PERM) => below.push(name.to_owned()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(below)
}

/// Unlinks a name; a directory that forbids it is made writable once.
fn unlink(directory: BorrowedFd<'_>, name: &CStr, writable: &mut bool) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ACCESS) if !*writable => {
            *writable = make_writable(directory);
            rustix::fs::unlinkat(directory, name, AtFlags::empty())
        }
        other => other,
    }
}

/// Gives the owner all rights when they are missing; whether that worked shows at the next unlink.
fn make_writable(directory: BorrowedFd<'_>) -> bool {
    if let Ok(stat) = rustix::fs::fstat(directory)
        && stat.st_mode & 0o700 != 0o700
    {
        let _ = rustix::fs::fchmod(directory, Mode::RWXU);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("cala-remove-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn remove(folder: &Path, name: &CStr) -> io::Result<()> {
        remove_tree(std::fs::File::open(folder).unwrap(), name)
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let folder = scratch("links");
        std::fs::create_dir_all(folder.join("canary")).unwrap();
        std::fs::write(folder.join("canary/file"), b"x").unwrap();
        std::fs::create_dir_all(folder.join("tree/a/b")).unwrap();
        std::os::unix::fs::symlink("../../canary", folder.join("tree/a/link")).unwrap();
        std::os::unix::fs::symlink("canary", folder.join("toplink")).unwrap();
        remove(&folder, c"tree").unwrap();
        remove(&folder, c"toplink").unwrap();
        remove(&folder, c"absent").unwrap();
        assert!(folder.join("canary/file").exists());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn closed_directories_are_opened_first() {
        let folder = scratch("modes");
        std::fs::create_dir_all(folder.join("tree/closed/below")).unwrap();
        std::fs::write(folder.join("tree/closed/file"), b"x").unwrap();
        std::fs::create_dir_all(folder.join("tree/readonly/below")).unwrap();
        std::fs::write(folder.join("tree/readonly/file"), b"x").unwrap();
        for (path, mode) in [("tree/closed", 0), ("tree/readonly", 0o500), ("tree", 0o500)] {
            std::fs::set_permissions(folder.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        remove(&folder, c"tree").unwrap();
        std::fs::remove_dir(&folder).unwrap();
    }

    #[test]
    fn depth_is_no_limit() {
        let folder = scratch("deep");
        let mut at = rustix::fs::open(&folder, OFlags::DIRECTORY, Mode::empty()).unwrap();
        rustix::fs::mkdirat(&at, c"tree", Mode::RWXU).unwrap();
        at = rustix::fs::openat(&at, c"tree", OFlags::DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..5000 {
            rustix::fs::mkdirat(&at, c"d", Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, c"d", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        drop(at);
        remove(&folder, c"tree").unwrap();
        std::fs::remove_dir(&folder).unwrap();
    }
}
