//! The directories of a layer while it is being unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use cala_sys::openat2::{Mode, OFlags, Root};
use cala_sys::remove_tree::remove_tree;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::path::split;
use super::{Lower, Options, Summary, UnpackError};
use crate::helper::RootAttributes;

/// Parents kept open: archives go through a tree mostly in order.
const CACHE: usize = 8;

/// Mode of directories until the end.
const OPEN: u32 = 0o700;

/// What is known about a directory of this layer.
#[derive(Debug, Default)]
struct Directory {
    /// From its own entry; without one it is implied by what lies in it.
    attributes: Option<Attributes>,
    /// Hides what the layers below have in it.
    opaque: bool,
}

/// A directory under construction; all paths are normalised.
#[derive(Debug)]
pub(super) struct Tree {
    root: Root,
    root_fd: Arc<OwnedFd>,
    directories: BTreeMap<Vec<u8>, Directory>,
    /// Last used first.
    cache: Vec<(Vec<u8>, Arc<OwnedFd>)>,
    /// Directories without an entry of their own, the root aside.
    implicit: usize,
}

/// What stands at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Whiteout,
    Symlink,
    File,
    Directory,
}

/// What stands at `name` in a directory.
pub(super) fn look(parent: impl AsFd, name: &[u8]) -> Result<Found, Errno> {
    let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        other => other?,
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Found::Directory,
        FileType::Symlink => Found::Symlink,
        // No other device is ever made here.
        FileType::CharacterDevice => Found::Whiteout,
        _ => Found::File,
    })
}

impl Tree {
    pub(super) fn new(directory: OwnedFd) -> Result<Self, UnpackError> {
        let failed = |error| UnpackError::file("open", b"", error);
        let root_fd = Arc::new(directory.try_clone().map_err(failed)?);
        let directories = BTreeMap::from([(Vec::new(), Directory::default())]);
        Ok(Self { root: Root::new(directory), root_fd, directories, cache: Vec::new(), implicit: 0 })
    }

    pub(super) fn root(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.root_fd)
    }

    pub(super) fn has_implicit(&self) -> bool {
        self.implicit > 0
    }

    /// Directories without an entry of their own.
    pub(super) fn implicit(&self) -> BTreeSet<Vec<u8>> {
        let all = self.directories.iter();
        all.filter(|(_, known)| known.attributes.is_none()).map(|(path, _)| path.clone()).collect()
    }

    pub(super) fn contains(&self, path: &[u8]) -> bool {
        self.directories.contains_key(path)
    }

    /// A descriptor of a directory of this layer; nothing when the layer has no directory there.
    pub(super) fn existing(&mut self, path: &[u8]) -> Result<Option<Arc<OwnedFd>>, UnpackError> {
        if path.is_empty() {
            return Ok(Some(self.root()));
        }
        if let Some(at) = self.cache.iter().position(|(cached, _)| cached == path) {
            self.cache.get_mut(..=at).unwrap_or_default().rotate_right(1);
            return Ok(self.cache.first().map(|(_, fd)| Arc::clone(fd)));
        }
        if !self.contains(path) {
            return Ok(None);
        }
        let fd = self
            .root
            .beneath(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())
            .map_err(|error| UnpackError::file("open", path, error))?;
        Ok(Some(self.remember(path, fd)))
    }

    fn remember(&mut self, path: &[u8], fd: OwnedFd) -> Arc<OwnedFd> {
        let fd = Arc::new(fd);
        self.cache.truncate(CACHE - 1);
        self.cache.insert(0, (path.to_vec(), Arc::clone(&fd)));
        fd
    }

    /// A descriptor of the directory at `path`, made with all its parents when it is not there.
    ///
    /// # Errors
    ///
    /// Something else stands in the way, such as a symbolic link of this layer: it is never followed.
    pub(super) fn ensure(&mut self, path: &[u8]) -> Result<Arc<OwnedFd>, UnpackError> {
        // Downwards from the deepest parent that exists; no recursion, a path may have two thousand components.
        let mut end = path.len();
        let mut parent = loop {
            let above = path.get(..end).unwrap_or_default();
            if let Some(fd) = self.existing(above)? {
                break fd;
            }
            end = split(above).0.len();
        };
        while end < path.len() {
            let start = if end == 0 { 0 } else { end + 1 };
            let rest = path.get(start..).unwrap_or_default();
            end = start + rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let (sub, name) = (path.get(..end).unwrap_or_default(), path.get(start..end).unwrap_or_default());
            parent = self.make_implicit(&parent, sub, name)?;
        }
        Ok(parent)
    }

    fn make_implicit(
        &mut self,
        parent: &OwnedFd,
        path: &[u8],
        name: &[u8],
    ) -> Result<Arc<OwnedFd>, UnpackError> {
        let failed = |error| UnpackError::file("create", path, error);
        let mut directory = Directory::default();
        match rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(OPEN)) {
            Ok(()) => {}
            Err(Errno::EXIST) => match look(parent, name).map_err(failed)? {
                Found::Whiteout => {
                    // What was there below is gone, so nothing can be taken over from it.
                    rustix::fs::unlinkat(parent, name, AtFlags::empty()).map_err(failed)?;
                    rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(OPEN)).map_err(failed)?;
                    directory = Directory { attributes: Some(Attributes::default_directory()), opaque: true };
                }
                Found::Symlink => {
                    return Err(UnpackError::hostile(
                        path,
                        "a symbolic link stands where a directory is needed",
                    ));
                }
                _ => return Err(UnpackError::hostile(path, "a file stands where a directory is needed")),
            },
            Err(error) => return Err(failed(error)),
        }
        self.implicit += usize::from(directory.attributes.is_none());
        self.directories.insert(path.to_vec(), directory);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(failed)?;
        Ok(self.remember(path, fd))
    }

    /// The entry of a directory.
    pub(super) fn make_directory(&mut self, path: &[u8], attributes: Attributes) -> Result<(), UnpackError> {
        if let Some(known) = self.directories.get_mut(path) {
            self.implicit -= usize::from(known.attributes.is_none() && !path.is_empty());
            known.attributes = Some(attributes);
            return Ok(());
        }
        let (above, name) = split(path);
        let parent = self.ensure(above)?;
        let failed = |error| UnpackError::file("create", path, error);
        let mut opaque = false;
        let mode = Mode::from_raw_mode(OPEN);
        match rustix::fs::mkdirat(&*parent, name, mode) {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                opaque = look(&*parent, name).map_err(failed)? == Found::Whiteout;
                rustix::fs::unlinkat(&*parent, name, AtFlags::empty()).map_err(failed)?;
                rustix::fs::mkdirat(&*parent, name, mode).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        self.directories.insert(path.to_vec(), Directory { attributes: Some(attributes), opaque });
        Ok(())
    }

    /// Makes a directory hide what is below it. Costs the same however often it is said.
    pub(super) fn make_opaque(&mut self, path: &[u8]) -> Result<(), UnpackError> {
        if !self.contains(path) {
            self.ensure(path)?;
        }
        if let Some(directory) = self.directories.get_mut(path) {
            directory.opaque = true;
        }
        Ok(())
    }

    /// Removes what an earlier entry put at `path`, so that the later one can take its place.
    pub(super) fn clear(&mut self, parent: &OwnedFd, path: &[u8]) -> Result<(), UnpackError> {
        let failed = |error| UnpackError::file("replace", path, error);
        let (_, name) = split(path);
        if !self.contains(path) {
            return rustix::fs::unlinkat(parent, name, AtFlags::empty())
                .map_err(|error| failed(error.into()));
        }
        let name = CString::new(name).map_err(|error| failed(error.into()))?;
        remove_tree(parent, &name).map_err(failed)?;
        // `0` is the byte after `/`: from "path/" up to it lies everything below.
        let (first, last) = ([path, b"/"].concat(), [path, b"0"].concat());
        let mut below: Vec<Vec<u8>> =
            self.directories.range(first..last).map(|(key, _)| key.clone()).collect();
        below.push(path.to_vec());
        for key in below {
            let gone = self.directories.remove(&key);
            self.implicit -= usize::from(gone.is_some_and(|gone| gone.attributes.is_none()));
        }
        self.cache.clear();
        Ok(())
    }

    pub(super) fn root_attributes(&self) -> Option<RootAttributes> {
        let attributes = self.directories.get(&b""[..])?.attributes.as_ref()?;
        Some(RootAttributes {
            mode: attributes.mode,
            uid: u32::try_from(attributes.uid).ok()?,
            gid: u32::try_from(attributes.gid).ok()?,
            mtime: attributes.mtime.unwrap_or_default().seconds,
        })
    }

    /// Gives directories without an entry what the layers below say about them.
    pub(super) fn adopt_implicit(&mut self, lower: &Lower) -> Result<(), UnpackError> {
        for (path, directory) in &mut self.directories {
            if directory.attributes.is_some() || path.is_empty() {
                continue;
            }
            let failed = |error| UnpackError::file("read", path, error);
            if let Some(found) = lower.find(path).map_err(failed)?
                && found.kind() == FileType::Directory
            {
                let readable = found.reopen(OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
                directory.attributes = Some(Attributes::read(&readable).map_err(failed)?);
                self.implicit -= 1;
            }
        }
        Ok(())
    }

    /// Gives all directories their attributes, deepest first.
    pub(super) fn finish(mut self, options: &Options, summary: &mut Summary) -> Result<(), UnpackError> {
        self.cache.clear();
        while let Some((path, directory)) = self.directories.pop_last() {
            let attributes = directory.attributes.unwrap_or_else(Attributes::default_directory);
            let at = if path.is_empty() { b"." } else { &path[..] };
            let fd = self
                .root
                .beneath(at, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
                .map_err(|error| UnpackError::file("open", &path, error))?;
            if directory.opaque {
                cala_sys::xattr::set(&fd, b"user.overlay.opaque", b"y")
                    .map_err(|error| UnpackError::file("mark as opaque", &path, error))?;
            }
            attributes.apply(&fd, &path, OPEN, options, summary)?;
            summary.files += 1;
        }
        Ok(())
    }

    /// Opens a path of this layer that leads through no link.
    pub(super) fn open_root(&self, path: &[u8], flags: OFlags, mode: Mode) -> std::io::Result<OwnedFd> {
        self.root.beneath(path, flags, mode)
    }
}
