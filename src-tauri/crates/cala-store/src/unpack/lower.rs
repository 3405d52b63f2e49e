//! The layers below, as overlayfs would show them.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use cala_sys::openat2::{Mode, OFlags, Root};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

/// Trees of layers, seen as one.
#[derive(Debug)]
pub struct Lower {
    /// Topmost first.
    layers: Vec<Root>,
}

/// A file of a layer below.
#[derive(Debug)]
pub(super) struct Found {
    path_fd: OwnedFd,
    pub(super) stat: Stat,
}

impl Found {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// The same file, opened for more than its path.
    pub(super) fn reopen(&self, flags: OFlags) -> io::Result<OwnedFd> {
        // A magic link of our own descriptor: the same inode, whatever happened to its names.
        let path = format!("/proc/self/fd/{}", self.path_fd.as_raw_fd());
        Ok(rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Where a symbolic link points.
    pub(super) fn link_target(&self) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.path_fd, c"", Vec::new())?.into_bytes())
    }
}

/// What one layer says about a path.
enum Says {
    Here(OwnedFd, Stat),
    /// Not here, and nothing below it counts.
    Gone,
    AskBelow,
}

impl Lower {
    /// The trees of layers, topmost first.
    #[must_use]
    pub fn new(layers: Vec<Root>) -> Self {
        Self { layers }
    }

    /// What is known of the file at a normalised path; nothing when there is none.
    pub(crate) fn stat(&self, path: &[u8]) -> io::Result<Option<Stat>> {
        Ok(self.find(path)?.map(|found| found.stat))
    }

    /// The file at a normalised path, or nothing.
    pub(super) fn find(&self, path: &[u8]) -> io::Result<Option<Found>> {
        for layer in &self.layers {
            match ask(layer, path)? {
                Says::Here(path_fd, stat) => {
                    return Ok(Some(Found { path_fd, stat }));
                }
                Says::Gone => return Ok(None),
                Says::AskBelow => {}
            }
        }
        Ok(None)
    }
}

fn ask(layer: &Root, path: &[u8]) -> io::Result<Says> {
    let mut opaque = is_opaque(layer, b".")?;
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for end in slashes.chain([path.len()]) {
        let part = path.get(..end).unwrap_or(path);
        let fd = match layer.beneath(part, OFlags::PATH | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => fd,
            Err(error) if is(&error, Errno::NOENT) => {
                return Ok(if opaque { Says::Gone } else { Says::AskBelow });
            }
            Err(error) if is(&error, Errno::NOTDIR) || is(&error, Errno::LOOP) => return Ok(Says::Gone),
            Err(error) => return Err(error),
        };
        let stat = rustix::fs::fstat(&fd)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice => return Ok(Says::Gone),
            _ if end == path.len() => return Ok(Says::Here(fd, stat)),
            FileType::Directory => opaque = opaque || is_opaque(layer, part)?,
            _ => return Ok(Says::Gone),
        }
    }
    Ok(Says::AskBelow)
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn is_opaque(layer: &Root, path: &[u8]) -> io::Result<bool> {
    let directory = layer.beneath(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    Ok(cala_sys::xattr::get(directory.as_fd(), b"user.overlay.opaque")?.is_some_and(|value| value == b"y"))
}
