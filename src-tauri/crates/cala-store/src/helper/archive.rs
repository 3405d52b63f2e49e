//! Trees below the data root as archives: written out, and taken in over what is there.

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use cala_sys::xattr;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::tree::{self, Place, TreeError};
use crate::decompress::Decompressor;
use crate::tar::{Entry, EntryKind, Head, Reader, Timestamp, Writer};
use crate::unpack::{self, Options, UnpackError, Unpacking};

/// Directories open at once; a volume that is deeper cannot be exported.
const MAX_DEPTH: usize = 512;

/// Bytes of the file system that stay free while an archive is taken in.
const KEEP_FREE: u64 = 32 << 20;

/// Bytes that are read at once.
const PIECE: usize = 128 << 10;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Attributes that an archive takes along: what [`unpack`] takes in again.
fn is_kept(name: &[u8]) -> bool {
    name == b"security.capability" || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}

/// Writes the directory at `path` as a tar: the directory itself as `./`, everything else below it by name.
pub(super) fn export(place: &Place, path: &Path, sink: OwnedFd) -> Result<(), TreeError> {
    let failed = |source| tree::failed("export", path, source);
    let root = place.open_directory(path)?;
    let mut archive = Archive { writer: Writer::new(File::from(sink)), links: HashMap::new() };
    archive.tree(root).map_err(failed)?;
    archive.writer.finish().map(drop).map_err(failed)
}

struct Archive<W: io::Write> {
    writer: Writer<W>,
    /// The first name of each file that has several.
    links: HashMap<(u64, u64), Vec<u8>>,
}

impl<W: io::Write> Archive<W> {
    fn tree(&mut self, root: OwnedFd) -> io::Result<()> {
        self.directory(b"./", &root)?;
        let first = names(&root)?;
        let mut levels = vec![(b"./".to_vec(), root, first)];
        while let Some((above, directory, waiting)) = levels.last_mut() {
            let Some(name) = waiting.pop() else {
                levels.pop();
                continue;
            };
            let path = [above.as_slice(), name.as_bytes()].concat();
            if let Some(below) = self.one(directory, &name, &path)? {
                if levels.len() >= MAX_DEPTH {
                    return Err(Errno::NAMETOOLONG.into());
                }
                let inside = names(&below)?;
                levels.push(([path.as_slice(), b"/"].concat(), below, inside));
            }
        }
        Ok(())
    }

    /// Writes what stands at a name; returns it when it is a directory. What vanishes meanwhile is left out.
    fn one(&mut self, directory: &OwnedFd, name: &CString, path: &[u8]) -> io::Result<Option<OwnedFd>> {
        let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => match rustix::fs::openat(directory, name, DIRECTORY, Mode::empty()) {
                Ok(below) => {
                    self.directory(&[path, b"/"].concat(), &below)?;
                    Ok(Some(below))
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
                Err(error) => Err(error.into()),
            },
            FileType::RegularFile => self.file(directory, name, path).map(|()| None),
            FileType::Symlink => {
                let link = match rustix::fs::readlinkat(directory, name, Vec::new()) {
                    Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
                    other => other?.into_bytes(),
                };
                let entry = Entry { link, ..entry(path, EntryKind::Symlink, &stat) };
                self.head(&entry).map(|()| None)
            }
            FileType::Fifo => self.head(&entry(path, EntryKind::Fifo, &stat)).map(|()| None),
            // Sockets and devices mean nothing in an archive.
            _ => Ok(None),
        }
    }

    fn directory(&mut self, path: &[u8], directory: &OwnedFd) -> io::Result<()> {
        let stat = rustix::fs::fstat(directory)?;
        let entry = Entry { xattrs: attributes(directory)?, ..entry(path, EntryKind::Directory, &stat) };
        self.head(&entry)
    }

    /// What stands before an entry's data; a directory's slash comes from the writer.
    fn head(&mut self, entry: &Entry) -> io::Result<()> {
        let path = entry.path.strip_suffix(b"/").filter(|_| entry.kind == EntryKind::Directory);
        self.writer.head(&Head {
            path: path.unwrap_or(&entry.path),
            link: &entry.link,
            kind: entry.kind,
            mode: entry.mode,
            uid: u32::try_from(entry.uid).unwrap_or(u32::MAX),
            gid: u32::try_from(entry.gid).unwrap_or(u32::MAX),
            size: if entry.kind == EntryKind::File { entry.size } else { 0 },
            mtime: entry.mtime.seconds,
            xattrs: &entry.xattrs,
        })
    }

    /// What is opened is looked at, not what was found: it may have been exchanged for a link or a pipe meanwhile.
    fn file(&mut self, directory: &OwnedFd, name: &CString, path: &[u8]) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(()),
            other => File::from(other?),
        };
        let stat = rustix::fs::fstat(&opened)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(());
        }
        let mut entry = entry(path, EntryKind::File, &stat);
        if stat.st_nlink > 1 {
            match self.links.entry((stat.st_dev, stat.st_ino)) {
                std::collections::hash_map::Entry::Occupied(first) => {
                    (entry.kind, entry.link) = (EntryKind::HardLink, first.get().clone());
                    return self.head(&entry);
                }
                std::collections::hash_map::Entry::Vacant(none) => _ = none.insert(path.to_vec()),
            }
        }
        entry.size = u64::try_from(stat.st_size).unwrap_or_default();
        entry.xattrs = attributes(&opened)?;
        self.head(&entry)?;
        let mut data = opened.take(entry.size);
        let mut piece = vec![0; PIECE];
        loop {
            match data.read(&mut piece)? {
                // A file that became shorter meanwhile is written to its end with zeros, as tar(1) does.
                0 => {
                    self.writer.zeros(data.limit())?;
                    return self.writer.pad(entry.size);
                }
                count => self.writer.data(piece.get(..count).unwrap_or_default())?,
            }
        }
    }
}

fn entry(path: &[u8], kind: EntryKind, stat: &Stat) -> Entry {
    Entry {
        path: path.to_vec(),
        link: Vec::new(),
        kind,
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid.into(),
        gid: stat.st_gid.into(),
        size: 0,
        mtime: Timestamp {
            seconds: stat.st_mtime,
            nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default(),
        },
        xattrs: Vec::new(),
        sparse: None,
    }
}

fn attributes(file: impl AsFd) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut kept = Vec::new();
    for name in xattr::list(&file)?.into_iter().filter(|name| is_kept(name)) {
        if let Some(value) = xattr::get(&file, &name)? {
            kept.push((name, value));
        }
    }
    Ok(kept)
}

/// Names in a directory, last first, so that taking them from the end is in order.
fn names(directory: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// Unpacks an archive, compressed or not, in the empty directory `staged` and moves what is in it into `to`. When the
/// archive is bad nothing of it gets there.
pub(super) fn import(
    staged: OwnedFd,
    to: OwnedFd,
    source: OwnedFd,
    single_id: bool,
) -> Result<(), UnpackError> {
    let options = Options { single_id, keep_free: KEEP_FREE, plain: true };
    let archive = Decompressor::new(File::from(source), "application/x-tar")?;
    let opened = staged.try_clone().map_err(|error| UnpackError::file("open", b"", error))?;
    let mut unpacking = Unpacking::new(opened, options)?;
    unpacking.apply(&mut Reader::new(BufReader::with_capacity(PIECE, Plain(archive))))?;
    let implicit = unpacking.implicit();
    unpacking.finish()?;
    unpack::merge(staged, to, &implicit, &options)
}

/// The uncompressed bytes of an archive.
struct Plain<R: Read>(Decompressor<R>);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.fill(into).map_err(io::Error::other)
    }
}
