//! From a directory to a directory: each entry by descriptor, no archive in between, no link followed.
//!
//! The other side may change everything meanwhile. What vanishes is left out; what turns into something else is met by an
//! open that refuses it; what is in the way is unlinked by its name in a directory that is held open.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

use cala_sys::openat2::Root;
use cala_sys::{file, xattr};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use super::FilesError;
use super::place::{At, kind, stat_at};

/// Directories are nested at most this deep; two descriptors are held for each.
const MAX_DEPTH: usize = 1000;

/// How often something that comes back is removed again.
const MAX_ROUNDS: usize = 16;

/// Bytes read and written at once.
const BUFFER: usize = 256 << 10;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How to copy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whom the copies belong to; `None` keeps the owners.
    pub(super) owner: Option<(u32, u32)>,
    /// A file may take the place of a directory and the other way round.
    pub(super) overwrite: bool,
    /// `copying to container`, for messages.
    pub(super) side: &'static str,
}

/// A copy under way.
#[derive(Debug)]
pub(super) struct Copier {
    rules: Rules,
    /// The top that is written to, and where files with several names were put below it.
    top: Root,
    links: HashMap<(u64, u64), (CString, u64)>,
    /// The path below the top, for messages and for hard links.
    path: Vec<u8>,
    /// The directory that is being made: it is no part of what is copied, also when it lies in it.
    made: Option<(u64, u64)>,
    buffer: Vec<u8>,
    pub(super) warnings: Vec<String>,
}

/// A directory that is half copied.
#[derive(Debug)]
struct Level {
    from: OwnedFd,
    to: OwnedFd,
    /// Whether what is made in it belongs to 0:0.
    plain: bool,
    waiting: Vec<(CString, FileType)>,
    /// What it gets at the end; `None` for the top of a copy of contents.
    stat: Option<Stat>,
    /// Length of the path before its name.
    outer: usize,
}

/// Entries that were left out because they have gone, or because nobody may read them.
fn is_gone(error: &io::Error) -> bool {
    let gone =
        [Errno::NOENT, Errno::NOTDIR, Errno::LOOP, Errno::NXIO, Errno::ACCESS, Errno::PERM, Errno::STALE];
    Errno::from_io_error(error).is_some_and(|errno| gone.contains(&errno))
}

impl Copier {
    /// Copies to below `top`.
    pub(super) fn new(rules: Rules, top: OwnedFd) -> Self {
        Self {
            rules,
            top: Root::new(top),
            links: HashMap::new(),
            path: Vec::new(),
            made: None,
            buffer: vec![0; BUFFER],
            warnings: Vec::new(),
        }
    }

    fn failed(&self, act: &'static str, source: impl Into<io::Error>) -> FilesError {
        let path = String::from_utf8_lossy(&self.path).into_owned();
        FilesError::File { side: self.rules.side, act, path, cause: source.into() }
    }

    /// Copies what is in a directory, apart from the names in `skip`.
    pub(super) fn content(&mut self, from: BorrowedFd<'_>, skip: &[&str]) -> Result<(), FilesError> {
        let from = reopen(from, OFlags::RDONLY | OFlags::DIRECTORY).map_err(|e| self.failed("read", e))?;
        let to = reopen(self.top.as_fd(), OFlags::RDONLY | OFlags::DIRECTORY);
        let to = to.map_err(|e| self.failed("open", e))?;
        let mut level = self.level(from, to, None, 0)?;
        level.waiting.retain(|(name, _)| !is_skipped(name, skip));
        self.run(level)
    }

    /// Copies a directory to a name in the top.
    pub(super) fn directory(
        &mut self,
        from: BorrowedFd<'_>,
        name: &CStr,
        skip: &[&str],
    ) -> Result<(), FilesError> {
        self.path.extend_from_slice(name.to_bytes());
        let from = reopen(from, OFlags::RDONLY | OFlags::DIRECTORY).map_err(|e| self.failed("read", e))?;
        let stat = rustix::fs::fstat(&from).map_err(|e| self.failed("read", e))?;
        let parent = self.top.as_fd().try_clone_to_owned().map_err(|e| self.failed("open", e))?;
        let to = self.make_directory(&parent, name)?;
        let mut level = self.level(from, to, Some(stat), 0)?;
        level.waiting.retain(|(name, _)| !is_skipped(name, skip));
        self.made = rustix::fs::fstat(&level.to).ok().map(|stat| (stat.st_dev, stat.st_ino));
        self.run(level)
    }

    /// Copies a file, link or pipe, open with `O_PATH`, to a name in the top.
    pub(super) fn single(&mut self, from: BorrowedFd<'_>, name: &CStr) -> Result<(), FilesError> {
        self.path.extend_from_slice(name.to_bytes());
        let stat = rustix::fs::fstat(from).map_err(|e| self.failed("read", e))?;
        let to = self.top.as_fd().try_clone_to_owned().map_err(|e| self.failed("open", e))?;
        let plain = is_plain(&to).map_err(|e| self.failed("open", e))?;
        match kind(&stat) {
            FileType::RegularFile => {
                let source = reopen(from, OFlags::RDONLY | OFlags::NONBLOCK);
                let source = source.map_err(|e| self.failed("read", e))?;
                self.regular(source, &to, name, plain)
            }
            kind => self.node(kind, &stat, &to, name),
        }
    }

    fn run(&mut self, top: Level) -> Result<(), FilesError> {
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            let Some((name, kind)) = level.waiting.pop() else {
                let done = levels.pop();
                if let Some(Level { from, to, stat: Some(stat), outer, .. }) = done {
                    self.dress(from.as_fd(), to.as_fd(), &stat, None)?;
                    self.path.truncate(outer);
                }
                continue;
            };
            let outer = self.path.len();
            if outer > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.to_bytes());
            let depth = levels.len();
            match self.entry(levels.last(), &name, kind, outer, depth)? {
                Some(deeper) => levels.push(deeper),
                None => self.path.truncate(outer),
            }
        }
        Ok(())
    }

    /// Copies one entry; of a directory what is in it is still to be copied.
    fn entry(
        &mut self,
        level: Option<&Level>,
        name: &CStr,
        kind_seen: FileType,
        outer: usize,
        depth: usize,
    ) -> Result<Option<Level>, FilesError> {
        let Some(level) = level else { return Ok(None) };
        let from = level.from.as_fd();
        match kind_seen {
            FileType::Directory => {
                let opened = rustix::fs::openat(from, name, DIRECTORY, Mode::empty());
                let Some(source) = self.present(opened)? else { return Ok(None) };
                let stat = rustix::fs::fstat(&source).map_err(|e| self.failed("read", e))?;
                if self.made == Some((stat.st_dev, stat.st_ino)) {
                    return Ok(None);
                }
                if depth >= MAX_DEPTH {
                    return Err(self.failed("read", Errno::NAMETOOLONG));
                }
                let to = self.make_directory(&level.to, name)?;
                self.level(source, to, Some(stat), outer).map(Some)
            }
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
                let opened = rustix::fs::openat(from, name, flags | OFlags::CLOEXEC, Mode::empty());
                let Some(source) = self.present(opened)? else { return Ok(None) };
                self.regular(source, &level.to, name, level.plain).map(|()| None)
            }
            FileType::Symlink => self.symlink(from, &level.to, name).map(|()| None),
            FileType::Unknown => {
                let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW);
                let Some(stat) = self.present(stat)? else { return Ok(None) };
                // One that does not say what it is once more is none of those above.
                match kind(&stat) {
                    FileType::Unknown => Ok(None),
                    known => self.entry(Some(level), name, known, outer, depth),
                }
            }
            other => {
                let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW);
                let Some(stat) = self.present(stat)? else { return Ok(None) };
                self.node(other, &stat, &level.to, name).map(|()| None)
            }
        }
    }

    /// What was opened; nothing when it is not there (any more) or nobody may read it.
    fn present<T>(&self, opened: Result<T, Errno>) -> Result<Option<T>, FilesError> {
        match opened.map_err(io::Error::from) {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(self.failed("read", error)),
        }
    }

    fn level(
        &self,
        from: OwnedFd,
        to: OwnedFd,
        stat: Option<Stat>,
        outer: usize,
    ) -> Result<Level, FilesError> {
        let waiting = entries(&from).map_err(|error| self.failed("read", error))?;
        let plain = is_plain(&to).map_err(|error| self.failed("open", error))?;
        Ok(Level { from, to, plain, waiting, stat, outer })
    }

    fn make_directory(&self, parent: &OwnedFd, name: &CStr) -> Result<OwnedFd, FilesError> {
        let failed = |error: io::Error| self.failed("create", error);
        for _ in 0..MAX_ROUNDS {
            match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(failed(error.into())),
            }
            match rustix::fs::openat(parent, name, DIRECTORY, Mode::empty()) {
                Ok(directory) => return Ok(directory),
                Err(Errno::NOTDIR | Errno::LOOP) if self.rules.overwrite => {
                    cala_sys::remove_tree::remove_tree(parent, name).map_err(failed)?;
                }
                Err(Errno::NOTDIR | Errno::LOOP) => return Err(failed(Errno::EXIST.into())),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error.into())),
            }
        }
        Err(failed(Errno::EXIST.into()))
    }

    /// Makes something at a name, after unlinking what stands there.
    fn place<T>(
        &self,
        parent: &OwnedFd,
        name: &CStr,
        make: impl Fn() -> io::Result<T>,
    ) -> Result<T, FilesError> {
        let failed = |error: io::Error| self.failed("create", error);
        for _ in 0..MAX_ROUNDS {
            match make() {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => {
                    clear(parent, name, self.rules.overwrite).map_err(failed)?;
                }
                made => return made.map_err(failed),
            }
        }
        Err(failed(Errno::EXIST.into()))
    }

    fn regular(&mut self, source: OwnedFd, to: &OwnedFd, name: &CStr, plain: bool) -> Result<(), FilesError> {
        let stat = rustix::fs::fstat(&source).map_err(|e| self.failed("read", e))?;
        if kind(&stat) != FileType::RegularFile {
            return Ok(());
        }
        let several = stat.st_nlink > 1;
        if several && self.link(&stat, to, name)? {
            return Ok(());
        }
        let mode = Mode::from_raw_mode(stat.st_mode & 0o777);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let target = self.place(to, name, || Ok(rustix::fs::openat(to, name, flags, mode)?))?;
        let (source, target) = (File::from(source), File::from(target));
        self.data(&source, &target, &stat)?;
        self.dress(source.as_fd(), target.as_fd(), &stat, Some(plain))?;
        if several && let (Ok(path), Ok(made)) = (CString::new(self.path.clone()), rustix::fs::fstat(&target))
        {
            self.links.insert((stat.st_dev, stat.st_ino), (path, made.st_ino));
        }
        Ok(())
    }

    /// A further name of a file that was copied already. False when that cannot be found any more.
    fn link(&self, stat: &Stat, to: &OwnedFd, name: &CStr) -> Result<bool, FilesError> {
        let Some((path, inode)) = self.links.get(&(stat.st_dev, stat.st_ino)) else { return Ok(false) };
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let Ok(first) = self.top.beneath(&**path, flags, Mode::empty()) else { return Ok(false) };
        if rustix::fs::fstat(&first).map(|found| found.st_ino).ok() != Some(*inode) {
            return Ok(false);
        }
        self.place(to, name, || file::link(&first, to, name)).map(|()| true)
    }

    /// At most as much as the file had when it was opened: one that grows for ever ends too.
    fn data(&mut self, source: &File, target: &File, stat: &Stat) -> Result<(), FilesError> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let stored = u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if size > BUFFER as u64 && stored < size {
            return file::copy_sparse(source, target).map(drop).map_err(|e| self.failed("write", e));
        }
        let (mut source, mut target) = (source, target);
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let piece = self.buffer.get_mut(..want).unwrap_or_default();
            let count = match source.read(piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed("read", error)),
            };
            let piece = self.buffer.get(..count).unwrap_or_default();
            target.write_all(piece).map_err(|error| self.failed("write", error))?;
            left -= count as u64;
        }
        Ok(())
    }

    fn symlink(&self, from: BorrowedFd<'_>, to: &OwnedFd, name: &CStr) -> Result<(), FilesError> {
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW);
        let Some(stat) = self.present(stat)? else { return Ok(()) };
        let Some(target) = self.present(rustix::fs::readlinkat(from, name, Vec::new()))? else {
            return Ok(());
        };
        self.place(to, name, || Ok(rustix::fs::symlinkat(&*target, to, name)?))?;
        self.dress_node(&stat, to, name)
    }

    /// A link that is the source itself, a pipe, a device, a socket.
    fn node(&mut self, kind: FileType, stat: &Stat, to: &OwnedFd, name: &CStr) -> Result<(), FilesError> {
        match kind {
            FileType::Fifo => {
                self.place(to, name, || file::make_fifo(to, name, stat.st_mode & 0o777))?;
                self.dress_node(stat, to, name)
            }
            FileType::Socket => {
                let path = String::from_utf8_lossy(&self.path);
                self.warnings.push(format!("skipping socket {path:?}"));
                Ok(())
            }
            FileType::CharacterDevice | FileType::BlockDevice => Err(self.failed("create", Errno::PERM)),
            _ => Ok(()),
        }
    }

    /// Owner, mode, attributes and times of an open copy. `plain` says of a new file that it belongs to 0:0.
    fn dress(
        &self,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        stat: &Stat,
        plain: Option<bool>,
    ) -> Result<(), FilesError> {
        let (uid, gid) = self.rules.owner.unwrap_or((stat.st_uid, stat.st_gid));
        let owned = plain == Some(true) && (uid, gid) == (0, 0);
        if !owned {
            file::set_owner(to, uid, gid).map_err(|error| self.failed("change the owner of", error))?;
        }
        // A file was made with its permission bits; a new owner takes the others away.
        if plain.is_none() || stat.st_mode & 0o7000 != 0 {
            rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777))
                .map_err(|error| self.failed("change the mode of", error))?;
        }
        copy_xattrs(from, to).map_err(|error| self.failed("set an extended attribute of", error))?;
        rustix::fs::futimens(to, &times(stat)).map_err(|error| self.failed("set the times of", error))
    }

    fn dress_node(&self, stat: &Stat, to: &OwnedFd, name: &CStr) -> Result<(), FilesError> {
        let (uid, gid) = self.rules.owner.unwrap_or((stat.st_uid, stat.st_gid));
        file::set_owner_at(to, name, uid, gid).map_err(|error| self.failed("change the owner of", error))?;
        rustix::fs::utimensat(to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| self.failed("set the times of", error))
    }
}

/// Whether a name is one of those left out.
pub(super) fn is_skipped(name: &CStr, skip: &[&str]) -> bool {
    skip.iter().any(|skip| skip.as_bytes() == name.to_bytes())
}

/// Unlinks what stands at a name; a directory only when that is allowed.
pub(super) fn clear(parent: &OwnedFd, name: &CStr, overwrite: bool) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR | Errno::PERM) if overwrite => cala_sys::remove_tree::remove_tree(parent, name),
        Err(Errno::ISDIR) => Err(Errno::EXIST.into()),
        Err(error) => Err(error.into()),
    }
}

/// Whether an attribute is copied: those of overlayfs would let it look elsewhere, others belong to the system.
pub(super) fn is_kept(name: &[u8]) -> bool {
    name == b"security.capability" || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}

fn copy_xattrs(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<()> {
    for name in xattr::list(from)?.into_iter().filter(|name| is_kept(name)) {
        let Some(value) = xattr::get(from, &name)? else { continue };
        match xattr::set(to, &name, &value) {
            // The file system there does not keep it.
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOTSUP | Errno::PERM)) => {}
            other => other?,
        }
    }
    Ok(())
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or_default(),
    };
    let modified = time(stat.st_mtime, stat.st_mtime_nsec);
    Timestamps { last_access: modified, last_modification: modified }
}

/// Whether new files in a directory belong to the caller's own group.
fn is_plain(directory: &OwnedFd) -> io::Result<bool> {
    Ok(rustix::fs::fstat(directory)?.st_mode & 0o2000 == 0)
}

/// The same file, opened for more than its path, whatever happened to its names.
pub(super) fn reopen(fd: BorrowedFd<'_>, flags: OFlags) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    Ok(rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())?)
}

/// The names in a directory, with what they are as far as it tells.
pub(super) fn entries(directory: &OwnedFd) -> io::Result<Vec<(CString, FileType)>> {
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let mut reader = RawDir::new(directory, &mut buffer);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            entries.push((name.to_owned(), entry.file_type()));
        }
    }
    Ok(entries)
}

/// Whether a name may be written to: a directory in the way is told before anything is copied.
pub(super) fn check(at: &At, side: &'static str, overwrite: bool) -> Result<(), FilesError> {
    let again = stat_at(&at.parent, &at.name).ok().flatten();
    if again.is_some_and(|stat| kind(&stat) == FileType::Directory) && !overwrite {
        let path = at.name.to_string_lossy().into_owned();
        return Err(FilesError::File { side, act: "create", path, cause: Errno::EXIST.into() });
    }
    Ok(())
}
