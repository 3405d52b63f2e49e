//! One entry after the other.

use std::fs::File;
use std::io::BufRead;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use cala_sys::file;
use cala_sys::openat2::{Mode, OFlags};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::path::{normalise, split};
use super::tree::{Found, look};
use super::{UnpackError, Unpacking};
use crate::tar::{Entry, EntryKind, Reader};

/// Marks an entry that removes another one (OCI image specification, layer.md, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";

/// What follows [`WHITEOUT`] in the mark of an opaque directory, and in other marks of AUFS that mean nothing here.
const SPECIAL: &[u8] = b".wh.";

/// Of larger files the file system is asked to begin writing early, in bytes.
const WRITEBACK: u64 = 8 << 20;

impl Unpacking {
    pub(super) fn apply_entry<R: BufRead>(
        &mut self,
        entry: &Entry,
        reader: &mut Reader<R>,
    ) -> Result<(), UnpackError> {
        let path = normalise(&entry.path)?;
        if path.is_empty() {
            if entry.kind != EntryKind::Directory {
                return Err(UnpackError::hostile(b"/", "the root is no directory"));
            }
            return self.tree.make_directory(&path, Attributes::of(entry));
        }
        let (_, name) = split(&path);
        if let (false, Some(hidden)) = (self.options.plain, name.strip_prefix(WHITEOUT)) {
            return self.whiteout(&path, hidden);
        }
        if !self.borrowed.is_empty() {
            self.borrowed.remove(&path);
        }
        match entry.kind {
            EntryKind::Directory => {
                self.space.take(0)?;
                self.tree.make_directory(&path, Attributes::of(entry))
            }
            EntryKind::File => self.file(&path, entry, reader),
            EntryKind::HardLink => self.hard_link(&path, entry),
            EntryKind::Symlink => self.symlink(&path, entry),
            EntryKind::Fifo => self.fifo(&path, entry),
            EntryKind::Device => {
                self.summary.dropped += 1;
                Ok(())
            }
        }
    }

    fn whiteout(&mut self, path: &[u8], hidden: &[u8]) -> Result<(), UnpackError> {
        let (above, _) = split(path);
        if let Some(special) = hidden.strip_prefix(SPECIAL) {
            return if special == b".opq" { self.tree.make_opaque(above) } else { Ok(()) };
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(UnpackError::hostile(path, "a whiteout without a name"));
        }
        let parent = self.tree.ensure(above)?;
        match file::make_whiteout(&*parent, hidden) {
            Ok(()) => {
                self.space.take(0)?;
                self.summary.files += 1;
                Ok(())
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => {
                // A whiteout is about the layers below: of this one's own directory it hides what was there before.
                let target = if above.is_empty() { hidden.to_vec() } else { [above, b"/", hidden].concat() };
                if self.tree.contains(&target) { self.tree.make_opaque(&target) } else { Ok(()) }
            }
            Err(error) => Err(UnpackError::file("create", path, error)),
        }
    }

    /// Makes something at `path`; when something stands there, once more after removing it.
    pub(super) fn place<T>(
        &mut self,
        path: &[u8],
        make: impl Fn(&OwnedFd, &[u8]) -> std::io::Result<T>,
    ) -> Result<(std::sync::Arc<OwnedFd>, T), UnpackError> {
        let (above, name) = split(path);
        let parent = self.tree.ensure(above)?;
        let made = match make(&parent, name) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => {
                self.tree.clear(&parent, path)?;
                make(&parent, name)
            }
            other => other,
        };
        let made = made.map_err(|error| UnpackError::file("create", path, error))?;
        self.summary.files += 1;
        Ok((parent, made))
    }

    /// A new file at `path`, open for writing, with the permission bits of `mode`.
    pub(super) fn new_file(&mut self, path: &[u8], mode: u32) -> Result<File, UnpackError> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode & 0o777);
        let (_, fd) = self.place(path, |parent, name| Ok(rustix::fs::openat(parent, name, flags, mode)?))?;
        Ok(File::from(fd))
    }

    fn file<R: BufRead>(
        &mut self,
        path: &[u8],
        entry: &Entry,
        reader: &mut Reader<R>,
    ) -> Result<(), UnpackError> {
        let stored = match &entry.sparse {
            Some(segments) => segments.iter().map(|segment| segment.length).sum(),
            None => entry.size,
        };
        self.space.take(stored)?;
        let attributes = Attributes::of(entry);
        let output = self.new_file(path, attributes.mode)?;
        let failed = |error| UnpackError::file("write", path, error);
        let mut begun = 0;
        while let Some(piece) = reader.next_piece()? {
            output.write_all_at(piece.bytes, piece.offset).map_err(failed)?;
            let end = piece.offset + piece.bytes.len() as u64;
            if end >= begun + WRITEBACK {
                cala_sys::durable::start_writeback(&output, begun, end - begun);
                begun = end;
            }
        }
        if entry.sparse.is_some() {
            output.set_len(entry.size).map_err(failed)?;
        }
        self.summary.size += entry.size;
        attributes.apply(&output, path, attributes.mode & 0o777, &self.options, &mut self.summary)
    }

    fn symlink(&mut self, path: &[u8], entry: &Entry) -> Result<(), UnpackError> {
        if entry.link.is_empty() || entry.link.contains(&0) {
            return Err(UnpackError::hostile(path, "a symbolic link to nowhere"));
        }
        self.space.take(0)?;
        let target = entry.link.as_slice();
        self.make_link_node(path, &Attributes::of(entry), |parent, name| {
            Ok(rustix::fs::symlinkat(target, parent, name)?)
        })
    }

    fn fifo(&mut self, path: &[u8], entry: &Entry) -> Result<(), UnpackError> {
        self.space.take(0)?;
        let mode = entry.mode & 0o777;
        self.make_link_node(path, &Attributes::of(entry), |parent, name| file::make_fifo(parent, name, mode))
    }

    /// Something that cannot be opened: its attributes are set by name, never through a link.
    pub(super) fn make_link_node(
        &mut self,
        path: &[u8],
        attributes: &Attributes,
        make: impl Fn(&OwnedFd, &[u8]) -> std::io::Result<()>,
    ) -> Result<(), UnpackError> {
        let (parent, ()) = self.place(path, make)?;
        let (_, name) = split(path);
        if let Some((uid, gid)) = attributes.owner(path, &self.options, &mut self.summary)? {
            file::set_owner_at(&*parent, name, uid, gid)
                .map_err(|error| attributes.owner_failed(path, error))?;
        }
        let Some(time) = attributes.mtime else { return Ok(()) };
        file::set_times_at(&*parent, name, time.seconds, time.nanoseconds)
            .map_err(|error| UnpackError::file("set the times of", path, error))
    }

    /// What stands at a path of this layer whose parent is a directory of this layer.
    pub(super) fn stands(
        &mut self,
        path: &[u8],
    ) -> Result<(Option<std::sync::Arc<OwnedFd>>, Found), UnpackError> {
        let (above, name) = split(path);
        let Some(parent) = self.tree.existing(above)? else { return Ok((None, Found::Nothing)) };
        let found = look(&*parent, name).map_err(|error| UnpackError::file("examine", path, error))?;
        Ok((Some(parent), found))
    }
}
