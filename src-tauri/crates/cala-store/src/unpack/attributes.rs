//! Owner, mode, extended attributes, times.

use std::io;
use std::os::fd::AsFd;

use cala_sys::{file, xattr};
use rustix::fs::{Mode, Stat};
use rustix::io::Errno;

use super::{Options, Summary, UnpackError};
use crate::tar::{Entry, Timestamp};

/// File capabilities, cap(7).
const CAPABILITY: &[u8] = b"security.capability";

/// What a file or directory gets besides its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: Option<Timestamp>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Attributes {
    /// Those of a directory that no layer describes.
    pub(super) fn default_directory() -> Self {
        Self { mode: 0o755, uid: 0, gid: 0, mtime: None, xattrs: Vec::new() }
    }

    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            mode: entry.mode,
            uid: entry.uid,
            gid: entry.gid,
            mtime: Some(entry.mtime),
            xattrs: entry.xattrs.iter().filter(|(name, _)| is_kept(name)).cloned().collect(),
        }
    }

    /// Those of a file of another layer.
    pub(super) fn read(from: impl AsFd) -> io::Result<Self> {
        let stat = rustix::fs::fstat(&from)?;
        let mut attributes = Self::of_stat(&stat);
        for name in xattr::list(&from)?.into_iter().filter(|name| is_kept(name)) {
            if let Some(value) = xattr::get(&from, &name)? {
                attributes.xattrs.push((name, value));
            }
        }
        Ok(attributes)
    }

    /// Those of a file that cannot be opened, such as a link.
    pub(super) fn of_stat(stat: &Stat) -> Self {
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
        Self {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid.into(),
            gid: stat.st_gid.into(),
            mtime: Some(Timestamp { seconds: stat.st_mtime, nanoseconds }),
            xattrs: Vec::new(),
        }
    }

    /// The owner to set, or nothing when it is what a new file has anyway.
    pub(super) fn owner(
        &self,
        path: &[u8],
        options: &Options,
        summary: &mut Summary,
    ) -> Result<Option<(u32, u32)>, UnpackError> {
        if self.uid == 0 && self.gid == 0 {
            return Ok(None);
        }
        if options.single_id {
            summary.squashed += 1;
            return Ok(None);
        }
        match (u32::try_from(self.uid), u32::try_from(self.gid)) {
            (Ok(uid), Ok(gid)) => Ok(Some((uid, gid))),
            _ => Err(self.not_mapped(path)),
        }
    }

    pub(super) fn owner_failed(&self, path: &[u8], error: io::Error) -> UnpackError {
        if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) {
            self.not_mapped(path)
        } else {
            UnpackError::file("change the owner of", path, error)
        }
    }

    fn not_mapped(&self, path: &[u8]) -> UnpackError {
        UnpackError::IdNotMapped { path: crate::tar::shown(path), uid: self.uid, gid: self.gid }
    }

    /// Sets everything on an open file or directory, which was made with the mode `made`.
    pub(super) fn apply(
        &self,
        fd: impl AsFd,
        path: &[u8],
        made: u32,
        options: &Options,
        summary: &mut Summary,
    ) -> Result<(), UnpackError> {
        let fd = fd.as_fd();
        if let Some((uid, gid)) = self.owner(path, options, summary)? {
            file::set_owner(fd, uid, gid).map_err(|error| self.owner_failed(path, error))?;
        }
        // Writing and a new owner take the set-id bits away, so they come afterwards.
        if self.mode != made || self.mode & 0o7000 != 0 {
            rustix::fs::fchmod(fd, Mode::from_raw_mode(self.mode))
                .map_err(|error| UnpackError::file("change the mode of", path, error))?;
        }
        for (name, value) in &self.xattrs {
            if !set_xattr(fd, path, name, value)? {
                summary.refused_xattrs += 1;
            }
        }
        if let Some(time) = self.mtime {
            file::set_times(fd, time.seconds, time.nanoseconds)
                .map_err(|error| UnpackError::file("set the times of", path, error))?;
        }
        Ok(())
    }
}

/// Attributes that a layer may set. Those of overlayfs would let it look elsewhere.
fn is_kept(name: &[u8]) -> bool {
    name == CAPABILITY || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}

/// False when the file system has no such attributes or no room for this one.
fn set_xattr(fd: impl AsFd, path: &[u8], name: &[u8], value: &[u8]) -> Result<bool, UnpackError> {
    let value = if name == CAPABILITY { without_root_id(value) } else { value.to_vec() };
    match xattr::set(fd, name, &value) {
        Ok(()) => Ok(true),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOTSUP | Errno::PERM | Errno::INVAL | Errno::RANGE | Errno::TOOBIG) => Ok(false),
            _ => Err(UnpackError::file("set an extended attribute of", path, error)),
        },
    }
}

/// Version 3 of `struct vfs_cap_data` names the root of a namespace, which is another one here; as version 2 the kernel
/// puts in ours.
fn without_root_id(value: &[u8]) -> Vec<u8> {
    match value.split_first_chunk::<4>() {
        Some((head, rest)) if value.len() == 24 && u32::from_le_bytes(*head) >> 24 == 3 => {
            let version = (u32::from_le_bytes(*head) & 0x00ff_ffff) | 0x0200_0000;
            [&version.to_le_bytes()[..], rest.get(..16).unwrap_or_default()].concat()
        }
        _ => value.to_vec(),
    }
}
