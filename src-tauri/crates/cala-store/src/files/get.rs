//! From a directory to an archive: for `cp … -`, `export` and the layer of `commit`.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cala_sys::openat2::{Mode, OFlags};
use cala_sys::xattr;
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use super::FilesError;
use super::copy::{Side, Source};
use super::place::kind;
use super::request::FilesDone;
use super::tree::{entries, is_kept, is_skipped, reopen};
use crate::tar::{EntryKind, Head, Writer};

/// Directories are nested at most this deep; a descriptor is held for each.
const MAX_DEPTH: usize = 2000;

/// Bytes read and written at once.
const BUFFER: usize = 256 << 10;

const SIDE: &str = "copying from container";

/// How the tree is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// Whom everything belongs to; `None` says the real owners.
    pub(super) owner: Option<(u32, u32)>,
    /// The tree is a writable layer of an overlay: its marks become those of OCI's layers.
    pub(super) layer: bool,
}

/// An archive of a tree on its way.
pub(super) struct Archiver<W: Write> {
    form: Form,
    writer: Writer<W>,
    /// Files with several names, by device and inode: under which they were written.
    links: HashMap<(u64, u64), Vec<u8>>,
    path: Vec<u8>,
    buffer: Vec<u8>,
    warnings: Vec<String>,
}

/// A directory that is half written.
struct Level {
    directory: OwnedFd,
    waiting: Vec<(CString, FileType)>,
    /// Length of the path before its name.
    outer: usize,
}

/// `cp CONTAINER:… -`.
pub(super) fn archive(
    from: &Side,
    source: &Source,
    skip: &[&str],
    out: OwnedFd,
) -> Result<FilesDone, FilesError> {
    let form = Form { owner: Some(from.owner), layer: false };
    let mut archiver = Archiver::new(form, File::from(out));
    let name = from.wish.name.as_bytes();
    if kind(&source.stat) != FileType::Directory {
        archiver.single(source.fd.as_fd(), name)?;
    } else if from.wish.content {
        archiver.content(source.fd.as_fd(), skip)?;
    } else {
        archiver.directory(source.fd.as_fd(), name, skip)?;
    }
    archiver.finish().map(|(_, warnings)| FilesDone { warnings, ..FilesDone::default() })
}

impl<W: Write> Archiver<W> {
    pub(super) fn new(form: Form, out: W) -> Self {
        Self {
            form,
            writer: Writer::new(out),
            links: HashMap::new(),
            path: Vec::new(),
            buffer: vec![0; BUFFER],
            warnings: Vec::new(),
        }
    }

    /// The entry of the root itself, as layers have it.
    pub(super) fn root(&mut self, directory: BorrowedFd<'_>) -> Result<(), FilesError> {
        let stat = rustix::fs::fstat(directory).map_err(|error| self.failed(error))?;
        self.path.push(b'.');
        let head = self.head(&stat, EntryKind::Directory, &[], 0, &[]);
        self.path.clear();
        head
    }

    /// Ends the archive: the stream, and what was left out.
    pub(super) fn finish(self) -> Result<(W, Vec<String>), FilesError> {
        Ok((self.writer.finish().map_err(FilesError::Output)?, self.warnings))
    }

    fn failed(&self, source: impl Into<io::Error>) -> FilesError {
        let path = String::from_utf8_lossy(&self.path).into_owned();
        FilesError::File { side: SIDE, act: "read", path, cause: source.into() }
    }

    /// What is in a directory, apart from the names in `skip`.
    pub(super) fn content(&mut self, directory: BorrowedFd<'_>, skip: &[&str]) -> Result<(), FilesError> {
        let directory = reopen(directory, OFlags::RDONLY | OFlags::DIRECTORY).map_err(|e| self.failed(e))?;
        if self.form.layer && is_opaque(&directory).map_err(|error| self.failed(error))? {
            self.mark(b".wh..wh..opq")?;
        }
        self.below(directory, skip, 0)
    }

    fn directory(&mut self, from: BorrowedFd<'_>, name: &[u8], skip: &[&str]) -> Result<(), FilesError> {
        self.path.extend_from_slice(name);
        let directory = reopen(from, OFlags::RDONLY | OFlags::DIRECTORY).map_err(|e| self.failed(e))?;
        self.head_of_directory(&directory)?;
        self.below(directory, skip, 0)
    }

    fn single(&mut self, from: BorrowedFd<'_>, name: &[u8]) -> Result<(), FilesError> {
        self.path.extend_from_slice(name);
        let stat = rustix::fs::fstat(from).map_err(|error| self.failed(error))?;
        match kind(&stat) {
            FileType::RegularFile => {
                let file = reopen(from, OFlags::RDONLY | OFlags::NONBLOCK);
                let file = file.map_err(|error| self.failed(error))?;
                self.regular(file)
            }
            kind => self.node(kind, &stat, &[]),
        }
    }

    fn below(&mut self, directory: OwnedFd, skip: &[&str], outer: usize) -> Result<(), FilesError> {
        let mut top = self.level(directory, outer)?;
        top.waiting.retain(|(name, _)| !is_skipped(name, skip));
        let mut levels = vec![top];
        while let Some(level) = levels.last_mut() {
            let Some((name, kind)) = level.waiting.pop() else {
                self.path.truncate(level.outer);
                levels.pop();
                continue;
            };
            let outer = self.path.len();
            if outer > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.to_bytes());
            let deeper = self.entry(level.directory.as_fd(), &name, kind)?;
            match deeper {
                Some(_) if levels.len() >= MAX_DEPTH => return Err(self.failed(Errno::NAMETOOLONG)),
                Some(directory) => levels.push(self.level(directory, outer)?),
                None => self.path.truncate(outer),
            }
        }
        Ok(())
    }

    fn level(&self, directory: OwnedFd, outer: usize) -> Result<Level, FilesError> {
        let mut waiting = entries(&directory).map_err(|error| self.failed(error))?;
        // The last is taken first; archives of the same tree are the same.
        waiting.sort_by(|a, b| b.0.cmp(&a.0));
        Ok(Level { directory, waiting, outer })
    }

    /// Writes one entry; of a directory what is in it is still to be written.
    fn entry(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &CStr,
        seen: FileType,
    ) -> Result<Option<OwnedFd>, FilesError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        match seen {
            FileType::Directory => {
                let opened = rustix::fs::openat(parent, name, flags | OFlags::DIRECTORY, Mode::empty());
                let Some(directory) = self.present(opened)? else { return Ok(None) };
                self.head_of_directory(&directory)?;
                Ok(Some(directory))
            }
            FileType::RegularFile => {
                let opened = rustix::fs::openat(parent, name, flags | OFlags::NONBLOCK, Mode::empty());
                let Some(file) = self.present(opened)? else { return Ok(None) };
                self.regular(file).map(|()| None)
            }
            _ => {
                let stat = rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
                let Some(stat) = self.present(stat)? else { return Ok(None) };
                match kind(&stat) {
                    kind @ (FileType::Directory | FileType::RegularFile) => {
                        return self.entry(parent, name, kind);
                    }
                    FileType::Symlink => {
                        let target = rustix::fs::readlinkat(parent, name, Vec::new());
                        let Some(target) = self.present(target)? else { return Ok(None) };
                        self.node(FileType::Symlink, &stat, target.to_bytes())?;
                    }
                    FileType::CharacterDevice if self.form.layer && stat.st_rdev == 0 => {
                        self.whiteout(name)?;
                    }
                    kind => self.node(kind, &stat, &[])?,
                }
                Ok(None)
            }
        }
    }

    fn present<T>(&self, opened: Result<T, Errno>) -> Result<Option<T>, FilesError> {
        match opened {
            Ok(value) => Ok(Some(value)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ACCESS | Errno::PERM) => {
                Ok(None)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn head(
        &mut self,
        stat: &Stat,
        kind: EntryKind,
        link: &[u8],
        size: u64,
        xattrs: &[(Vec<u8>, Vec<u8>)],
    ) -> Result<(), FilesError> {
        let (uid, gid) = self.form.owner.unwrap_or((stat.st_uid, stat.st_gid));
        let head = Head {
            path: &self.path,
            link,
            kind,
            mode: stat.st_mode & 0o7777,
            uid,
            gid,
            size,
            mtime: stat.st_mtime,
            xattrs,
        };
        self.writer.head(&head).map_err(FilesError::Output)
    }

    fn head_of_directory(&mut self, directory: &OwnedFd) -> Result<(), FilesError> {
        let stat = rustix::fs::fstat(directory).map_err(|error| self.failed(error))?;
        let xattrs = xattrs(directory).map_err(|error| self.failed(error))?;
        self.head(&stat, EntryKind::Directory, &[], 0, &xattrs)?;
        if self.form.layer && is_opaque(directory).map_err(|error| self.failed(error))? {
            self.path.push(b'/');
            self.mark(b".wh..wh..opq")?;
            self.path.pop();
        }
        Ok(())
    }

    /// An empty file whose name says something, at the present path.
    fn mark(&mut self, name: &[u8]) -> Result<(), FilesError> {
        let path = [self.path.as_slice(), name].concat();
        let head = Head {
            path: &path,
            link: &[],
            kind: EntryKind::File,
            mode: 0o600,
            uid: 0,
            gid: 0,
            size: 0,
            mtime: 0,
            xattrs: &[],
        };
        self.writer.head(&head).map_err(FilesError::Output)
    }

    fn whiteout(&mut self, name: &CStr) -> Result<(), FilesError> {
        let above = self.path.len() - name.to_bytes().len();
        self.path.truncate(above);
        self.mark(&[b".wh.", name.to_bytes()].concat())?;
        self.path.extend_from_slice(name.to_bytes());
        Ok(())
    }

    fn regular(&mut self, file: OwnedFd) -> Result<(), FilesError> {
        let stat = rustix::fs::fstat(&file).map_err(|error| self.failed(error))?;
        if kind(&stat) != FileType::RegularFile {
            return Ok(());
        }
        if stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)).cloned() {
                return self.head(&stat, EntryKind::HardLink, &first, 0, &[]);
            }
            self.links.insert((stat.st_dev, stat.st_ino), self.path.clone());
        }
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let xattrs = xattrs(&file).map_err(|error| self.failed(error))?;
        self.head(&stat, EntryKind::File, &[], size, &xattrs)?;
        let mut file = File::from(file);
        let mut left = size;
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            let count = match file.read(self.buffer.get_mut(..want).unwrap_or_default()) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(error)),
            };
            let piece = self.buffer.get(..count).unwrap_or_default();
            self.writer.data(piece).map_err(FilesError::Output)?;
            left -= count as u64;
        }
        // One that was cut meanwhile is filled up: its head says how long it is.
        self.writer.zeros(left).and_then(|()| self.writer.pad(size)).map_err(FilesError::Output)
    }

    fn node(&mut self, kind: FileType, stat: &Stat, link: &[u8]) -> Result<(), FilesError> {
        match kind {
            FileType::Symlink => self.head(stat, EntryKind::Symlink, link, 0, &[]),
            FileType::Fifo => self.head(stat, EntryKind::Fifo, &[], 0, &[]),
            FileType::Socket => {
                let path = String::from_utf8_lossy(&self.path);
                self.warnings.push(format!("skipping socket {path:?}"));
                Ok(())
            }
            // A user can make no other devices, and none means anything elsewhere.
            _ => Ok(()),
        }
    }
}

fn xattrs(file: impl AsFd) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut found = Vec::new();
    for name in xattr::list(&file)?.into_iter().filter(|name| is_kept(name)) {
        if let Some(value) = xattr::get(&file, &name)? {
            found.push((name, value));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a directory of a writable layer hides what is below it.
pub(super) fn is_opaque(directory: &OwnedFd) -> io::Result<bool> {
    Ok(xattr::get(directory, b"user.overlay.opaque")?.is_some_and(|value| value == b"y"))
}
