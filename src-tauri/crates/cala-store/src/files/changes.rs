//! `diff`: what the writable layer of a container changes, in Podman's order and by its rules.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use cala_sys::openat2::{Mode, OFlags, Root};
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use super::FilesError;
use super::layer::upper;
use super::place::kind;
use super::request::{FilesDone, View};
use super::tree::{entries, reopen};
use crate::layers::diff_dir;
use crate::unpack::Lower;

/// Directories are nested at most this deep.
const MAX_DEPTH: usize = 2000;

/// What every start makes: no change of the person's.
const OF_THE_ENGINE: [&str; 12] = [
    "dev",
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/mtab",
    "proc",
    "run",
    "run/notify",
    "run/.containerenv",
    "run/secrets",
    "run/podman-init",
    "sys",
];

/// Writes `A`, `C` or `D`, the path and a NUL for each change.
pub(super) fn write(data: &Path, view: &View, out: File) -> Result<FilesDone, FilesError> {
    let open = |key: &String| Root::open(&diff_dir(data, key));
    let layers: io::Result<Vec<Root>> = view.layers.iter().rev().map(open).collect();
    let unreachable =
        |error: io::Error| FilesError::View { name: view.name.clone(), reason: error.to_string() };
    let below = Lower::new(layers.map_err(unreachable)?);
    let mut changes = Changes { below, out: BufWriter::new(out), path: Vec::new(), told: HashSet::new() };
    let top = reopen(upper(view)?.as_fd(), OFlags::RDONLY | OFlags::DIRECTORY).map_err(unreachable)?;
    changes.walk(top)?;
    changes.out.flush().map_err(FilesError::Output)?;
    Ok(FilesDone::default())
}

struct Changes {
    below: Lower,
    out: BufWriter<File>,
    path: Vec<u8>,
    /// Directories that were told, or need not be told for what is in them.
    told: HashSet<Vec<u8>>,
}

struct Level {
    directory: OwnedFd,
    waiting: Vec<(CString, FileType)>,
    outer: usize,
}

impl Changes {
    fn failed(&self, source: impl Into<io::Error>) -> FilesError {
        let path = String::from_utf8_lossy(&self.path).into_owned();
        FilesError::File { side: "comparing layers", act: "read", path, cause: source.into() }
    }

    fn level(&self, directory: OwnedFd, outer: usize) -> Result<Level, FilesError> {
        let mut waiting = entries(&directory).map_err(|error| self.failed(error))?;
        // The last is taken first.
        waiting.sort_by(|a, b| b.0.cmp(&a.0));
        Ok(Level { directory, waiting, outer })
    }

    fn walk(&mut self, top: OwnedFd) -> Result<(), FilesError> {
        let mut levels = vec![self.level(top, 0)?];
        while let Some(level) = levels.last_mut() {
            let Some((name, _)) = level.waiting.pop() else {
                self.path.truncate(level.outer);
                levels.pop();
                continue;
            };
            let outer = self.path.len();
            if outer > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(name.to_bytes());
            let stat = match rustix::fs::statat(&level.directory, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // A running container has just removed it.
                Err(Errno::NOENT) => {
                    self.path.truncate(outer);
                    continue;
                }
                Err(error) => return Err(self.failed(error)),
            };
            self.entry(&stat)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&level.directory, &*name, flags, Mode::empty()) {
                Ok(directory) if kind(&stat) == FileType::Directory && levels.len() < MAX_DEPTH => {
                    levels.push(self.level(directory, outer)?);
                }
                _ => self.path.truncate(outer),
            }
        }
        Ok(())
    }

    fn entry(&mut self, stat: &Stat) -> Result<(), FilesError> {
        let before = self.below.stat(&self.path).map_err(|error| self.failed(error))?;
        let whiteout = kind(stat) == FileType::CharacterDevice && stat.st_rdev == 0;
        let directory = kind(stat) == FileType::Directory;
        let word = match (whiteout, before) {
            // Made and removed again before it ever was in an image.
            (true, None) => return Ok(()),
            (true, Some(_)) => b'D',
            (false, None) => b'A',
            (false, Some(before)) if directory && is_same(&before, stat) => return Ok(()),
            (false, Some(_)) => b'C',
        };
        if directory {
            self.told.insert(self.path.clone());
        }
        if word != b'C' {
            self.tell_parents()?;
        }
        let path = self.path.clone();
        self.tell(word, &path)
    }

    /// A directory in which something came or went has changed, whatever its times say.
    fn tell_parents(&mut self) -> Result<(), FilesError> {
        let ends: Vec<usize> =
            self.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).collect();
        for end in ends {
            let parent = self.path.get(..end).unwrap_or_default().to_vec();
            if self.told.insert(parent.clone()) {
                self.tell(b'C', &parent)?;
            }
        }
        Ok(())
    }

    fn tell(&mut self, word: u8, path: &[u8]) -> Result<(), FilesError> {
        if OF_THE_ENGINE.iter().any(|own| own.as_bytes() == path) {
            return Ok(());
        }
        self.out.write_all(&[&[word, b'/'], path, b"\0"].concat()).map_err(FilesError::Output)
    }
}

/// Whether a directory was only copied up for what is in it.
fn is_same(before: &Stat, now: &Stat) -> bool {
    kind(before) == FileType::Directory
        && before.st_mode == now.st_mode
        && (before.st_uid, before.st_gid) == (now.st_uid, now.st_gid)
        && (before.st_mtime, before.st_mtime_nsec) == (now.st_mtime, now.st_mtime_nsec)
}
