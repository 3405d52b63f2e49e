//! From an archive into a directory of a container: `cp - CONTAINER:…`.
//!
//! As Podman does: links that stand in the container are followed inside its root, those of the archive too, since every
//! parent is resolved by the kernel below the root; the last component never is.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;

use cala_sys::openat2::{Mode, OFlags};
use cala_sys::{file, xattr};
use rustix::io::Errno;

use super::FilesError;
use super::copy::Side;
use super::place::{Base, Found, destination};
use super::request::{CopyRequest, FilesDone};
use super::tree::{clear, is_kept};
use crate::decompress::Decompressor;
use crate::tar::{Entry, EntryKind, Reader};

const SIDE: &str = "copying to container";

/// Bytes decompressed at once.
const PIECE: usize = 256 << 10;

/// How often something that comes back is removed again.
const MAX_ROUNDS: usize = 16;

/// Unpacks into the directory that `to` names.
pub(super) fn archive(to: &Side, request: &CopyRequest, from: OwnedFd) -> Result<FilesDone, FilesError> {
    let must = || FilesError::Refused("destination must be a directory when copying from stdin".to_owned());
    match destination(&to.base, &to.wish.path) {
        Ok(Found::Directory(_)) => {}
        Err(error) if to.wish.slash => return Err(to.missing(error)),
        Ok(Found::At(_)) | Err(_) => return Err(must()),
    }
    let mut put = Put {
        base: &to.base,
        top: to.wish.path.trim_end_matches('/').as_bytes().to_vec(),
        owner: request.chown.then_some(to.owner),
        overwrite: request.overwrite,
        directories: Vec::new(),
        parent: None,
    };
    let decompressor = Decompressor::new(File::from(from), "tar").map_err(|_| FilesError::NoArchive)?;
    let mut reader = Reader::new(Source { decompressor, piece: vec![0; PIECE], at: 0, end: 0 });
    let mut first = true;
    loop {
        let entry = match reader.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(_) if first => return Err(FilesError::NoArchive),
            Err(error) => return Err(error.into()),
        };
        first = false;
        put.entry(&entry, &mut reader)?;
    }
    put.finish()?;
    Ok(FilesDone::default())
}

/// The decompressed archive.
struct Source {
    decompressor: Decompressor<File>,
    piece: Vec<u8>,
    at: usize,
    end: usize,
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.end {
            self.end = self.decompressor.fill(&mut self.piece).map_err(io::Error::other)?;
            self.at = 0;
        }
        Ok(self.piece.get(self.at..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.end.min(self.at + count);
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

struct Put<'a> {
    base: &'a Base,
    /// Path of the directory.
    top: Vec<u8>,
    owner: Option<(u32, u32)>,
    overwrite: bool,
    /// Directories of the archive get mode and times when everything is in them.
    directories: Vec<(Vec<u8>, u32, i64, u32)>,
    /// The parent of the last entry.
    parent: Option<(Vec<u8>, OwnedFd)>,
}

/// Components of an entry's path; `..` stays inside, by the text alone.
fn components(path: &[u8]) -> Vec<&[u8]> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts
}

fn failed(act: &'static str, path: &[u8], source: impl Into<io::Error>) -> FilesError {
    let path = String::from_utf8_lossy(path).into_owned();
    FilesError::File { side: SIDE, act, path, cause: source.into() }
}

impl Put<'_> {
    fn entry<R: BufRead>(&mut self, entry: &Entry, reader: &mut Reader<R>) -> Result<(), FilesError> {
        let parts = components(&entry.path);
        let Some((name, above)) = parts.split_last() else { return Ok(()) };
        let name = CString::new(*name).map_err(|error| failed("create", &entry.path, error))?;
        let parent = self.ensure(above)?;
        let made = self.make(entry, &parent, &name, reader);
        let made = made.map(|()| parent);
        self.parent =
            made.as_ref().ok().and_then(|parent| parent.try_clone().ok()).map(|fd| (above.join(&b'/'), fd));
        made.map(drop)
    }

    /// The directory that an entry goes into, made when it is missing.
    fn ensure(&mut self, above: &[&[u8]]) -> Result<OwnedFd, FilesError> {
        if let Some((path, fd)) = self.parent.take()
            && path == above.join(&b'/')
        {
            return Ok(fd);
        }
        let mut path = self.top.clone();
        path.push(b'/');
        let mut here = self.open(&path)?;
        for part in above {
            path.extend_from_slice(part);
            path.push(b'/');
            let name = CString::new(*part).map_err(|error| failed("create", &path, error))?;
            match rustix::fs::mkdirat(&here, &*name, Mode::from_raw_mode(0o755)) {
                Ok(()) => {
                    let (uid, gid) = self.owner.unwrap_or((0, 0));
                    file::set_owner_at(&here, &*name, uid, gid)
                        .map_err(|error| failed("change the owner of", &path, error))?;
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(failed("create", &path, error)),
            }
            here = self.open(&path)?;
        }
        Ok(here)
    }

    fn open(&self, path: &[u8]) -> Result<OwnedFd, FilesError> {
        self.base.open(path, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| failed("open", path, error))
    }

    /// Makes something at a name, after unlinking what stands there.
    fn place<T>(
        &self,
        parent: &OwnedFd,
        name: &CString,
        make: impl Fn() -> io::Result<T>,
    ) -> Result<T, FilesError> {
        let refused = |error: io::Error| failed("create", name.as_bytes(), error);
        for _ in 0..MAX_ROUNDS {
            match make() {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => {
                    clear(parent, name, self.overwrite).map_err(refused)?;
                }
                made => return made.map_err(refused),
            }
        }
        Err(refused(Errno::EXIST.into()))
    }

    fn make<R: BufRead>(
        &mut self,
        entry: &Entry,
        parent: &OwnedFd,
        name: &CString,
        reader: &mut Reader<R>,
    ) -> Result<(), FilesError> {
        match entry.kind {
            EntryKind::Directory => self.directory(entry, parent, name),
            EntryKind::File => {
                let flags =
                    OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let mode = Mode::RUSR | Mode::WUSR;
                let make = || Ok(rustix::fs::openat(parent, &**name, flags, mode)?);
                let target = File::from(self.place(parent, name, make)?);
                while let Some(piece) = reader.next_piece()? {
                    target
                        .write_all_at(piece.bytes, piece.offset)
                        .map_err(|error| failed("write", &entry.path, error))?;
                }
                if entry.sparse.is_some() {
                    target.set_len(entry.size).map_err(|error| failed("write", &entry.path, error))?;
                }
                self.dress(entry, &target)
            }
            EntryKind::HardLink => self.hard_link(entry, parent, name),
            EntryKind::Symlink => {
                let make = || Ok(rustix::fs::symlinkat(&*entry.link, parent, &**name)?);
                self.place(parent, name, make)?;
                self.dress_node(entry, parent, name)
            }
            EntryKind::Fifo => {
                self.place(parent, name, || file::make_fifo(parent, &**name, entry.mode & 0o777))?;
                self.dress_node(entry, parent, name)
            }
            EntryKind::Device => Err(failed("create", &entry.path, Errno::PERM)),
        }
    }

    fn directory(&mut self, entry: &Entry, parent: &OwnedFd, name: &CString) -> Result<(), FilesError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(parent, &**name, flags, Mode::empty());
        let make = || rustix::fs::mkdirat(parent, &**name, Mode::RWXU);
        let refused = |error: Errno| failed("create", &entry.path, error);
        match make() {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refused(error)),
        }
        let directory = match open() {
            Err(Errno::NOTDIR | Errno::LOOP) if self.overwrite => {
                clear(parent, name, false).map_err(|error| failed("replace", &entry.path, error))?;
                make().map_err(refused)?;
                open().map_err(refused)?
            }
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(refused(Errno::EXIST)),
            other => other.map_err(refused)?,
        };
        self.dress(entry, &directory)?;
        self.directories.push((
            components(&entry.path).join(&b'/'),
            entry.mode,
            entry.mtime.seconds,
            entry.mtime.nanoseconds,
        ));
        Ok(())
    }

    /// The source is a name of the archive: found below the same directory, not followed itself.
    fn hard_link(&self, entry: &Entry, parent: &OwnedFd, name: &CString) -> Result<(), FilesError> {
        let refused = |error: io::Error| failed("link", &entry.link, error);
        let path = [self.top.as_slice(), b"/", &components(&entry.link).join(&b'/')].concat();
        let source = self.base.open(path.as_slice(), OFlags::PATH | OFlags::NOFOLLOW).map_err(refused)?;
        self.place(parent, name, || file::link(&source, parent, &**name))
    }

    fn owner(&self, entry: &Entry) -> Result<(u32, u32), FilesError> {
        if let Some(owner) = self.owner {
            return Ok(owner);
        }
        match (u32::try_from(entry.uid), u32::try_from(entry.gid)) {
            (Ok(uid), Ok(gid)) => Ok((uid, gid)),
            _ => Err(failed("change the owner of", &entry.path, Errno::INVAL)),
        }
    }

    fn dress(&self, entry: &Entry, target: &impl std::os::fd::AsFd) -> Result<(), FilesError> {
        let (uid, gid) = self.owner(entry)?;
        let told = |act: &'static str| move |error: io::Error| failed(act, &entry.path, error);
        file::set_owner(target, uid, gid).map_err(told("change the owner of"))?;
        if entry.kind == EntryKind::File {
            rustix::fs::fchmod(target, Mode::from_raw_mode(entry.mode))
                .map_err(|error| failed("change the mode of", &entry.path, error))?;
        }
        for (name, value) in entry.xattrs.iter().filter(|(name, _)| is_kept(name)) {
            match xattr::set(target, name, value) {
                Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOTSUP | Errno::PERM)) => {}
                other => other.map_err(told("set an extended attribute of"))?,
            }
        }
        file::set_times(target, entry.mtime.seconds, entry.mtime.nanoseconds)
            .map_err(told("set the times of"))
    }

    fn dress_node(&self, entry: &Entry, parent: &OwnedFd, name: &CString) -> Result<(), FilesError> {
        let (uid, gid) = self.owner(entry)?;
        file::set_owner_at(parent, &**name, uid, gid)
            .map_err(|error| failed("change the owner of", &entry.path, error))?;
        file::set_times_at(parent, &**name, entry.mtime.seconds, entry.mtime.nanoseconds)
            .map_err(|error| failed("set the times of", &entry.path, error))
    }

    /// Mode and times of the directories, the last first. One that is gone or has become a link gets none.
    fn finish(self) -> Result<(), FilesError> {
        for (path, mode, seconds, nanoseconds) in self.directories.iter().rev() {
            let whole = [self.top.as_slice(), b"/", path].concat();
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
            let Ok(directory) = self.base.open(whole.as_slice(), flags) else { continue };
            rustix::fs::fchmod(directory.as_fd(), Mode::from_raw_mode(*mode))
                .map_err(|error| failed("change the mode of", path, error))?;
            file::set_times(&directory, *seconds, *nanoseconds)
                .map_err(|error| failed("set the times of", path, error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::components;

    #[test]
    fn entries_stay_below_the_directory() {
        for (path, parts) in
            [("a/b", "a/b"), ("/a", "a"), ("../../a", "a"), ("./a/../b/", "b"), ("..", ""), ("a//./b", "a/b")]
        {
            assert_eq!(components(path.as_bytes()).join(&b'/'), parts.as_bytes(), "{path}");
        }
    }
}
