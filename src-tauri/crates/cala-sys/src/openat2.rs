//! Paths below a directory that cannot lead out of it: openat2(2).
//!
//! A path is resolved once, by the kernel, and everything afterwards happens on the descriptor. Whoever changes a
//! symbolic link in between gains nothing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::ResolveFlags;
pub use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// How often a resolution is tried again that a rename somewhere on the machine disturbed (EAGAIN).
const TRIES: usize = 64;

/// A directory that paths are resolved below.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// The directory at `path`, resolved as usual: the caller trusts this path.
    ///
    /// # Errors
    /// Those of open(2); ENOTDIR when it is no directory.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// A directory that is open already (`O_PATH` is enough).
    #[must_use]
    pub fn new(directory: OwnedFd) -> Self {
        Self(directory)
    }

    /// Opens `path` as if this directory were `/`: absolute links and `..` stay inside. For files of a container.
    ///
    /// # Errors
    /// Those of openat2(2).
    pub fn in_root(&self, path: impl rustix::path::Arg, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        self.resolve(path, flags, mode, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
    }

    /// Opens a relative `path` that may contain no symbolic link at all and may not leave this directory.
    ///
    /// # Errors
    /// Those of openat2(2): ELOOP at a symbolic link, EXDEV when it leads out.
    pub fn beneath(&self, path: impl rustix::path::Arg, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        self.resolve(path, flags, mode, resolve)
    }

    fn resolve(
        &self,
        path: impl rustix::path::Arg,
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    ) -> io::Result<OwnedFd> {
        let path = path.into_c_str()?;
        for _ in 0..TRIES {
            match rustix::fs::openat2(&self.0, &*path, flags | OFlags::CLOEXEC, mode, resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
        Err(Errno::AGAIN.into())
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        let folder = std::env::temp_dir().join(format!("cala-openat2-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("root/etc")).unwrap();
        std::fs::write(folder.join("root/etc/name"), b"inside").unwrap();
        std::os::unix::fs::symlink("/etc/name", folder.join("root/absolute")).unwrap();
        std::os::unix::fs::symlink("../../../../etc", folder.join("root/up")).unwrap();
        let root = Root::open(&folder.join("root")).unwrap();
        let read = |path: &str| {
            let file = root.in_root(path, OFlags::RDONLY, Mode::empty()).map(std::fs::File::from)?;
            io::read_to_string(file)
        };
        assert_eq!(read("absolute").unwrap(), "inside");
        assert_eq!(read("up/name").unwrap(), "inside");
        assert_eq!(read("../../etc/name").unwrap(), "inside");
        let open = |path: &str| {
            root.beneath(path, OFlags::RDONLY, Mode::empty()).map_err(|error| error.raw_os_error())
        };
        assert!(open("etc/name").is_ok());
        assert_eq!(open("up/name").unwrap_err(), Some(Errno::LOOP.raw_os_error()));
        assert_eq!(open("..").unwrap_err(), Some(Errno::XDEV.raw_os_error()));
        assert_eq!(open("/etc/name").unwrap_err(), Some(Errno::XDEV.raw_os_error()));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
