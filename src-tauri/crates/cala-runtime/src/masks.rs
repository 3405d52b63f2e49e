//! Masked and read-only paths, and the read-only root (rule R3).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cala_sys::mount::{self, Attributes, FsContext};
use rustix::fs::{Dir, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use crate::StartError;
use crate::devices;
use crate::error::Step;
use crate::resolve;

/// Covers paths: files by the host's /dev/null, directories by one empty read-only tmpfs. What does not exist needs
/// no mask.
pub(crate) fn mask(root: BorrowedFd<'_>, paths: &[String]) -> Result<(), StartError> {
    let mut null: Option<OwnedFd> = None;
    let mut empty: Option<OwnedFd> = None;
    for path in paths.iter().flat_map(|path| expand(root, path)) {
        let what = || format!("mask `{}`", path.display());
        let Some(place) = find(root, &path).step(what)? else { continue };
        if FileType::from_raw_mode(fstat(&place).step(what)?.st_mode) == FileType::Directory {
            match &empty {
                // Attached once it can be copied: cheaper than a new file system each.
                Some(tree) => devices::attach_copy(tree, &place).step(what)?,
                None => empty = Some(attach_empty(&place).step(what)?),
            }
        } else {
            let node = match null.take() {
                Some(node) => node,
                None => devices::host_null()?,
            };
            devices::attach_node(&node, &place).step(what)?;
            null = Some(node);
        }
    }
    Ok(())
}

fn attach_empty(place: &OwnedFd) -> std::io::Result<OwnedFd> {
    let context = FsContext::open("tmpfs")?;
    context.string("size", "4k")?;
    context.string("nr_inodes", "2")?;
    context.string("mode", "0")?;
    let all = Attributes::RDONLY | Attributes::NOSUID | Attributes::NODEV | Attributes::NOEXEC;
    let tree = context.mount(all)?;
    mount::attach(&tree, place)?;
    Ok(tree)
}

/// Makes paths read-only, with all that is mounted below them.
pub(crate) fn make_read_only(root: BorrowedFd<'_>, paths: &[String]) -> Result<(), StartError> {
    for path in paths {
        let what = || format!("make `{path}` read-only");
        let Some(place) = find(root, Path::new(path)).step(what)? else { continue };
        let tree = mount::clone_tree(place.as_fd(), Path::new(""), true).step(what)?;
        mount::set_attributes(&tree, true, Attributes::RDONLY, Attributes::NONE, None).step(what)?;
        mount::attach(&tree, &place).step(what)?;
    }
    Ok(())
}

fn find(root: BorrowedFd<'_>, path: &Path) -> Result<Option<OwnedFd>, Errno> {
    match resolve::open(root, path, OFlags::PATH) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A `*` in a component stands for the names that are there: `/sys/devices/system/cpu/cpu*/thermal_throttle`.
fn expand(root: BorrowedFd<'_>, path: &str) -> Vec<PathBuf> {
    let Some((folder, rest)) = path.split_once('*') else { return vec![path.into()] };
    let (folder, prefix) = folder.rsplit_once('/').unwrap_or(("", folder));
    let (suffix, below) = rest.split_once('/').unwrap_or((rest, ""));
    names(root, Path::new(folder))
        .into_iter()
        .filter(|name| name.len() >= prefix.len() + suffix.len())
        .filter(|name| name.starts_with(prefix) && name.ends_with(suffix))
        .map(|name| Path::new(folder).join(name).join(below))
        .collect()
}

fn names(root: BorrowedFd<'_>, folder: &Path) -> Vec<String> {
    let list = || -> Result<Vec<String>, Errno> {
        let folder = resolve::open(root, folder, OFlags::PATH | OFlags::DIRECTORY)?;
        let folder =
            openat(folder, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let entries = Dir::new(folder)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned)).collect())
    };
    list().unwrap_or_default()
}
