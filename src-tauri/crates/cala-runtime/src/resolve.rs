//! Paths inside a root file system (rule R1): resolved once below a descriptor of the root, never on the host.
//!
//! An image may hold any symbolic link and another container may swap directories of a shared volume meanwhile. So the
//! kernel resolves (openat2(2), RESOLVE_IN_ROOT), or, where something must be created, a walk that opens each component
//! below a descriptor of the last without following links, and treats links as text below the root.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2, readlinkat};
use rustix::io::Errno;

/// Links that a walk follows at most, as the kernel.
const MAX_LINKS: usize = 40;

/// What is made when a path does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// A directory.
    Directory,
    /// An empty regular file.
    File,
}

/// Resolves a path below the root; the descriptor is O_PATH unless `flags` say more.
pub(crate) fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    resolve(root, path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// What is at a relative path below a directory; a link that leads out of it is an error (EXDEV), not resolved inside.
pub(crate) fn open_beneath(top: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    resolve(top, path, OFlags::PATH, ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS)
}

/// As [`open`], with no symbolic link anywhere.
pub(crate) fn open_without_links(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    resolve(root, path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS)
}

/// As [`open_without_links`], and in no file system that is mounted below the root.
pub(crate) fn open_own(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    resolve(root, path, flags, ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV)
}

fn resolve(root: BorrowedFd<'_>, path: &Path, flags: OFlags, how: ResolveFlags) -> Result<OwnedFd, Errno> {
    let mut tries = 0;
    loop {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), how) {
            // A rename went on meanwhile; the kernel wants it tried again (openat2(2)).
            Err(Errno::AGAIN) if tries < 128 => tries += 1,
            other => return other,
        }
    }
}

/// Resolves a path below the root and makes what is missing of it: directories 0755, a file 0644.
///
/// The flag says whether the last component was made.
pub(crate) fn open_or_create(
    root: BorrowedFd<'_>,
    path: &Path,
    missing: Missing,
) -> Result<(OwnedFd, bool), Errno> {
    match open(root, path, OFlags::PATH) {
        Err(Errno::NOENT) => Walk::new(root, path)?.run(missing),
        other => other.map(|fd| (fd, false)),
    }
}

/// A resolution by hand.
struct Walk<'a> {
    root: BorrowedFd<'a>,
    /// Directories from below the root to where we are.
    stack: Vec<OwnedFd>,
    /// What is still to be resolved.
    rest: VecDeque<OsString>,
    links: usize,
}

impl<'a> Walk<'a> {
    fn new(root: BorrowedFd<'a>, path: &Path) -> Result<Self, Errno> {
        let mut walk = Self { root, stack: Vec::new(), rest: VecDeque::new(), links: 0 };
        walk.push(path)?;
        Ok(walk)
    }

    /// Puts the components of a path before the rest.
    fn push(&mut self, path: &Path) -> Result<(), Errno> {
        if path.has_root() {
            self.stack.clear();
        }
        let names: Vec<OsString> = path
            .components()
            .filter_map(|component| match component {
                Component::Normal(name) => Some(name.to_owned()),
                Component::ParentDir => Some("..".into()),
                Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
            })
            .collect();
        for name in names.into_iter().rev() {
            self.rest.push_front(name);
        }
        if self.rest.len() > 4096 { Err(Errno::NAMETOOLONG) } else { Ok(()) }
    }

    fn run(mut self, missing: Missing) -> Result<(OwnedFd, bool), Errno> {
        let mut created = false;
        while let Some(name) = self.rest.pop_front() {
            if name == ".." {
                self.stack.pop();
                continue;
            }
            let last = self.rest.is_empty();
            let here = self.stack.last().map_or(self.root, AsFd::as_fd);
            let (fd, made) = enter(here, &name, if last { missing } else { Missing::Directory })?;
            created = made;
            match FileType::from_raw_mode(fstat(&fd)?.st_mode) {
                FileType::Symlink => {
                    self.links += 1;
                    if self.links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = readlinkat(&fd, c"", Vec::new())?;
                    self.push(&PathBuf::from(OsString::from_vec(target.into_bytes())))?;
                }
                FileType::Directory => self.stack.push(fd),
                _ if last => return Ok((fd, made)),
                _ => return Err(Errno::NOTDIR),
            }
        }
        match self.stack.pop() {
            Some(fd) => Ok((fd, created)),
            None => Ok((openat(self.root, c".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?, false)),
        }
    }
}

/// Opens one component without following it, after making it where it is missing.
fn enter(here: BorrowedFd<'_>, name: &OsString, missing: Missing) -> Result<(OwnedFd, bool), Errno> {
    let look = || openat(here, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    match look() {
        Err(Errno::NOENT) => {}
        other => return other.map(|fd| (fd, false)),
    }
    let made = match missing {
        Missing::Directory => mkdirat(here, name, Mode::from_raw_mode(0o755)),
        Missing::File => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(here, name, flags, Mode::from_raw_mode(0o644)).map(drop)
        }
    };
    match made {
        Ok(()) => Ok((look()?, true)),
        Err(Errno::EXIST) => Ok((look()?, false)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn root() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("root")).expect("root");
        let path = dir.path().join("root");
        let fd = rustix::fs::open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).expect("open root");
        (dir, fd)
    }

    #[test]
    fn missing_directories_are_made_below_the_root_whatever_the_links_say() {
        let (dir, fd) = root();
        let root = dir.path().join("root");
        symlink("../../../..", root.join("up")).expect("link");
        symlink("/abs/new", root.join("abs-link")).expect("link");
        open_or_create(fd.as_fd(), Path::new("/up/a/b"), Missing::Directory).expect("made");
        open_or_create(fd.as_fd(), Path::new("/abs-link/file"), Missing::File).expect("made");
        open_or_create(fd.as_fd(), Path::new("../../x/../y"), Missing::Directory).expect("made");
        assert!(root.join("a/b").is_dir());
        assert!(root.join("abs/new/file").is_file());
        assert!(root.join("y").is_dir());
        let names: Vec<_> =
            std::fs::read_dir(dir.path()).expect("list").map(|e| e.expect("entry").file_name()).collect();
        assert_eq!(names, ["root"], "nothing beside the root");
    }

    #[test]
    fn loops_end() {
        let (dir, fd) = root();
        symlink("loop", dir.path().join("root/loop")).expect("link");
        let error = open_or_create(fd.as_fd(), Path::new("/loop/x"), Missing::Directory).expect_err("a loop");
        assert_eq!(error, Errno::LOOP);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let (dir, fd) = root();
        std::fs::write(dir.path().join("root/f"), "").expect("file");
        let error =
            open_or_create(fd.as_fd(), Path::new("/f/x"), Missing::Directory).expect_err("not a directory");
        assert_eq!(error, Errno::NOTDIR);
    }
}
