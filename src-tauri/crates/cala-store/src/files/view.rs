//! From a container to a descriptor of its root.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use cala_runtime::rootfs::{self, Writable};
use cala_sys::clone::CloneFlags;
use cala_sys::openat2::Root;
use cala_sys::{mount, namespace};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{FilesDone, FilesError, ProcessRef, View};
use crate::layers::diff_dir;

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What is done with the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
    /// Without what is mounted in it; nothing is written.
    Bare,
}

/// Directories that containers have of the kernel: nothing of them is ever copied.
pub(super) const OF_THE_KERNEL: [&str; 3] = ["dev", "proc", "sys"];

/// A container's root, mounted or reached.
pub(super) fn open(data: &Path, view: &View, access: Access) -> Result<Root, FilesError> {
    let unreachable =
        |error: io::Error| FilesError::View { name: view.name.clone(), reason: error.to_string() };
    match view.process.filter(|_| access != Access::Bare) {
        Some(process) => root_of(process).map(Root::new).map_err(unreachable),
        None => mounted(data, view, access).map(Root::new),
    }
}

/// The root of a process's mount namespace. A thread enters that namespace, opens its root and ends: where the process
/// itself has its root (chroot(2)) is its own affair.
fn root_of(process: ProcessRef) -> io::Result<OwnedFd> {
    in_namespace_of(process, || Ok(rustix::fs::open(c"/", DIRECTORY, Mode::empty())?))
}

/// What a thread opens that has entered a process's mount namespace for that alone.
fn in_namespace_of(
    process: ProcessRef,
    open: impl FnOnce() -> io::Result<OwnedFd> + Send,
) -> io::Result<OwnedFd> {
    let directory = rustix::fs::open(format!("/proc/{}", process.pid), DIRECTORY, Mode::empty())?;
    let namespace =
        rustix::fs::openat(&directory, c"ns/mnt", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    // Asked last and below the same descriptor: what was opened is the process's own.
    if start_time(&directory)? != Some(process.start_time) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the container has just ended"));
    }
    let enter = move || -> io::Result<OwnedFd> {
        // Gives this thread a root and a working directory of its own, without which setns(2) refuses.
        namespace::unshare(CloneFlags::NEWNS)?;
        namespace::join(&namespace, CloneFlags::NEWNS)?;
        open()
    };
    let failed = || io::Error::other("a thread ended before its time");
    std::thread::scope(|scope| scope.spawn(enter).join().unwrap_or_else(|_| Err(failed())))
}

/// Field 22 of proc_pid_stat(5); the name in parentheses may hold anything.
fn start_time(process: &OwnedFd) -> io::Result<Option<u64>> {
    let file = rustix::fs::openat(process, c"stat", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = String::new();
    std::fs::File::from(file).read_to_string(&mut text)?;
    Ok(text.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok()))
}

/// The container's overlay in a mount namespace of this thread: it goes when the thread and the descriptor have gone.
fn mounted(data: &Path, view: &View, access: Access) -> Result<OwnedFd, FilesError> {
    let step = |error: io::Error| FilesError::View { name: view.name.clone(), reason: error.to_string() };
    namespace::unshare(CloneFlags::NEWNS).map_err(step)?;
    mount::make_all_slave().map_err(step)?;
    overlay(data, view, access)
}

/// The container's overlay on `merged`, in the mount namespace of this thread.
fn overlay(data: &Path, view: &View, access: Access) -> Result<OwnedFd, FilesError> {
    let failed = |reason: String| FilesError::View { name: view.name.clone(), reason };
    let step = |error: io::Error| failed(error.to_string());
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| view.dir.join(name));
    for path in [&upper, &work, &merged] {
        make(path).map_err(step)?;
    }
    let mut lower: Vec<PathBuf> = view.layers.iter().map(|key| diff_dir(data, key)).collect();
    let writable = Writable { upper: &upper, work: &work, volatile: false };
    let tree = if access == Access::Write {
        rootfs::overlay(&lower, Some(&writable), &merged)
    } else {
        lower.push(upper.clone());
        rootfs::overlay(&lower, None, &merged)
    };
    tree.map_err(|error| failed(cala_spec::error::chain(&error)))
}

/// Mounts the tree where the person can see it: what a running container has itself, else the overlay.
pub(super) fn mount_here(data: &Path, view: &View) -> Result<FilesDone, FilesError> {
    let unreachable =
        |error: io::Error| FilesError::View { name: view.name.clone(), reason: error.to_string() };
    let merged = view.dir.join("merged");
    if is_mounted(&merged).map_err(unreachable)? {
        return Ok(FilesDone::default());
    }
    match view.process {
        None => overlay(data, view, Access::Write).map(drop)?,
        Some(process) => {
            make(&merged).map_err(unreachable)?;
            let tree = tree_of(process).map_err(unreachable)?;
            let place = rustix::fs::open(&merged, DIRECTORY, Mode::empty()).map_err(io::Error::from);
            place.and_then(|place| mount::attach(tree, place)).map_err(unreachable)?;
        }
    }
    Ok(FilesDone::default())
}

/// Takes it away; who has files open there keeps them. Nothing mounted is success.
pub(super) fn unmount_here(view: &View) -> Result<FilesDone, FilesError> {
    let merged = view.dir.join("merged");
    let unmount = || -> io::Result<()> {
        if is_mounted(&merged)? {
            rustix::mount::unmount(&merged, rustix::mount::UnmountFlags::DETACH)?;
        }
        Ok(())
    };
    let failed = |error: io::Error| FilesError::View { name: view.name.clone(), reason: error.to_string() };
    unmount().map(|()| FilesDone::default()).map_err(failed)
}

/// Whether something is mounted on a directory: it then belongs to another file system than its parent.
fn is_mounted(path: &Path) -> io::Result<bool> {
    let device = |path: &Path| match rustix::fs::lstat(path) {
        Ok(stat) => Ok(Some(stat.st_dev)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(io::Error::from(error)),
    };
    let (own, parent) = (device(path)?, device(path.parent().unwrap_or(path))?);
    Ok(own.is_some() && own != parent)
}

/// A copy of the mount at the root of a process's mount namespace, attached nowhere.
fn tree_of(process: ProcessRef) -> io::Result<OwnedFd> {
    in_namespace_of(process, || mount::clone_tree(rustix::fs::CWD, Path::new("/"), false))
}

fn make(path: &Path) -> io::Result<()> {
    match rustix::fs::mkdir(path, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whom copies in a container belong to, in ids of U.
pub(super) fn owner(view: &View, root: &Root) -> Result<(u32, u32), FilesError> {
    let user = cala_runtime::user::resolve(root.as_fd(), &view.user)
        .map_err(|error| FilesError::Refused(error.to_string()))?;
    Ok((user.uid, user.gid))
}
