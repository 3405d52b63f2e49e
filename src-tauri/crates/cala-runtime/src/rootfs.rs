//! The root file system: an overlay of layer directories, or one directory.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use cala_sys::mount::{self, Attributes, FsContext, Propagation};
use rustix::fs::{CWD, Mode, OFlags, fchmod, fstat, open, openat};

use crate::error::Step;
use crate::{RootfsPlan, StartError};

/// Mounts the root file system and attaches it where it can become the root. Returns a descriptor of its root.
pub(crate) fn assemble(plan: &RootfsPlan<'_>) -> Result<OwnedFd, StartError> {
    match *plan {
        RootfsPlan::Directory(path) => directory(path),
        RootfsPlan::Overlay { lower, upper, work, merged, volatile } => {
            let writable = Writable { upper, work, volatile };
            overlay(lower, Some(&writable), merged)
        }
    }
}

/// The directories of a writable layer.
#[derive(Debug, Clone, Copy)]
pub struct Writable<'a> {
    /// The layer.
    pub upper: &'a Path,
    /// Work directory on the same file system as `upper`.
    pub work: &'a Path,
    /// No syncing of the layer.
    pub volatile: bool,
}

/// Mounts an overlay of layer directories (the lowest first) on the existing directory `merged`, in the mount namespace of
/// the caller; returns a descriptor of its root. Without a writable layer it is read-only and takes two layers or more.
///
/// # Errors
///
/// [`StartError::Refused`] without layers, [`StartError::Step`] with what the kernel says.
pub fn overlay(
    lower: &[PathBuf],
    writable: Option<&Writable<'_>>,
    merged: &Path,
) -> Result<OwnedFd, StartError> {
    if lower.is_empty() {
        return Err(StartError::Refused("the image has no layers".into()));
    }
    Overlay::open(lower, writable)?.mount(merged)
}

/// A root must be a mount of its own: the directory is bound onto itself.
fn directory(path: &Path) -> Result<OwnedFd, StartError> {
    let what = || format!("bind the root file system `{}`", path.display());
    let place = open_path(path)?;
    let tree = mount::clone_tree(CWD, path, true).step(what)?;
    mount::set_attributes(&tree, true, Attributes::NONE, Attributes::NONE, Some(Propagation::Private))
        .step(what)?;
    mount::attach(&tree, &place).step(what)?;
    Ok(tree)
}

/// The directories of an overlay, each opened once. The kernel is given them as /proc/self/fd/N: short however deep
/// they lie (parameters end at 255 bytes), without characters that would need escapes, and nothing of the host's paths
/// shows in the container's mountinfo.
pub(crate) struct Overlay {
    /// The highest layer first.
    lower: Vec<OwnedFd>,
    /// The writable layer and its work directory.
    upper: Option<(OwnedFd, OwnedFd)>,
    volatile: bool,
}

impl Overlay {
    /// Opens the directories; `lower` is the lowest first.
    pub(crate) fn open(lower: &[PathBuf], writable: Option<&Writable<'_>>) -> Result<Self, StartError> {
        let upper = |layer: &Writable<'_>| Ok((open_path(layer.upper)?, open_path(layer.work)?));
        Ok(Self {
            lower: lower.iter().rev().map(|path| open_path(path)).collect::<Result<_, _>>()?,
            upper: writable.map(upper).transpose()?,
            volatile: writable.is_some_and(|layer| layer.volatile),
        })
    }

    /// Gives the upper directory the attributes of the highest one that it covers, as far as this process may.
    pub(crate) fn adopt_top(&self) -> io::Result<()> {
        let (Some(top), Some((upper, _))) = (self.lower.first(), &self.upper) else { return Ok(()) };
        let stat = fstat(top)?;
        let upper = openat(upper, c".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        // An owner that is not mapped here stays root.
        let _ = cala_sys::file::set_owner(&upper, stat.st_uid, stat.st_gid);
        Ok(fchmod(&upper, Mode::from_raw_mode(stat.st_mode & 0o7777))?)
    }

    /// Mounts and attaches it; a descriptor of its root.
    pub(crate) fn mount(&self, merged: &Path) -> Result<OwnedFd, StartError> {
        let what = || "mount the overlay of the image's layers".to_owned();
        match self.by_layer() {
            Ok(tree) => {
                mount::attach(&tree, open_path(merged)?).step(what)?;
                Ok(tree)
            }
            // Before Linux 6.8 overlayfs does not know `lowerdir+`.
            Err(error) if error.raw_os_error() == Some(22) => {
                mount::mount_by_data("overlay", merged, &self.data()).step(what)?;
                open_path(merged)
            }
            Err(error) => Err(StartError::step(what(), error)),
        }
    }

    fn by_layer(&self) -> io::Result<OwnedFd> {
        let context = FsContext::open("overlay")?;
        context.string("source", "overlay")?;
        for layer in &self.lower {
            context.string("lowerdir+", &by_fd(layer))?;
        }
        if let Some((upper, work)) = &self.upper {
            context.string("upperdir", &by_fd(upper))?;
            context.string("workdir", &by_fd(work))?;
        }
        context.flag("userxattr")?;
        if self.volatile {
            context.flag("volatile")?;
        }
        context.mount(Attributes::NONE)
    }

    fn data(&self) -> String {
        let lower: Vec<String> = self.lower.iter().map(by_fd).collect();
        let volatile = if self.volatile { ",volatile" } else { "" };
        let upper = self.upper.as_ref().map_or_else(String::new, |(upper, work)| {
            format!(",upperdir={},workdir={}", by_fd(upper), by_fd(work))
        });
        format!("lowerdir={}{upper},userxattr{volatile}", lower.join(":"))
    }
}

fn by_fd(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())
}

fn open_path(path: &Path) -> Result<OwnedFd, StartError> {
    open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .step(|| format!("open `{}`", path.display()))
}
