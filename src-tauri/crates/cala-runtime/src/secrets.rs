//! Secrets: files on a tmpfs of the container alone, each attached at its place.
//!
//! So they are in no layer, in no other container, and gone with the container. The tmpfs is mounted where the old root still
//! is; what gets into the container are copies of the mounts of single files.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cala_sys::mount::{self, Attributes, FsContext};
use rustix::fs::{CWD, Mode, OFlags, fchmod, openat};

use crate::error::Step;
use crate::mounts::is_procfs;
use crate::resolve::{self, Missing};
use crate::{Secrets, StartError};

/// Where those are whose target is no absolute path.
const FOLDER: &str = "/run/secrets";

/// The most bytes of one.
const MAX_SECRET: u64 = 1 << 20;

/// Attaches all of them.
pub(crate) fn add(root: BorrowedFd<'_>, secrets: Secrets<'_>) -> Result<(), StartError> {
    if secrets.files.is_empty() {
        return Ok(());
    }
    let what = || "make the memory for secrets".to_owned();
    let memory = tmpfs("0700").step(what)?;
    let scratch =
        openat(CWD, secrets.scratch, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    mount::attach(&memory, scratch.step(what)?).step(what)?;
    if secrets.files.iter().any(|file| file.destination.starts_with(FOLDER)) {
        // Else empty files would stay in the container's own layer.
        attach(root, &tmpfs("0755").step(what)?, Path::new(FOLDER), Missing::Directory)?;
    }
    for (index, file) in secrets.files.iter().enumerate() {
        let name = PathBuf::from(index.to_string());
        let what = || format!("make the secret `{}`", file.destination.display());
        write(&memory, &name, file).step(what)?;
        let tree = mount::clone_tree(memory.as_fd(), &name, false).step(what)?;
        attach(root, &tree, &file.destination, Missing::File)?;
    }
    Ok(())
}

fn tmpfs(mode: &str) -> std::io::Result<OwnedFd> {
    let context = FsContext::open("tmpfs")?;
    context.string("source", "tmpfs")?;
    context.string("mode", mode)?;
    context.mount(Attributes::NOSUID | Attributes::NODEV | Attributes::NOEXEC)
}

fn write(memory: &OwnedFd, name: &Path, file: &crate::SecretFile) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut bytes = Vec::new();
    std::fs::File::from(openat(CWD, &file.source, flags, Mode::empty())?)
        .take(MAX_SECRET)
        .read_to_end(&mut bytes)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut made = std::fs::File::from(openat(memory, name, flags, Mode::RUSR)?);
    made.write_all(&bytes)?;
    cala_sys::file::set_owner(&made, file.uid, file.gid)?;
    Ok(fchmod(&made, Mode::from_raw_mode(file.mode & 0o777))?)
}

/// Resolved once below the root (rule R1); nothing of /proc is covered.
fn attach(
    root: BorrowedFd<'_>,
    tree: &OwnedFd,
    destination: &Path,
    missing: Missing,
) -> Result<(), StartError> {
    let what = || format!("create `{}`", destination.display());
    let (place, _) = resolve::open_or_create(root, destination, missing).step(what)?;
    if is_procfs(&place).step(what)? {
        return Err(StartError::Refused(format!(
            "cannot mount on `{}`: it is inside /proc",
            destination.display()
        )));
    }
    mount::attach(tree, &place).step(|| format!("mount on `{}`", destination.display()))
}
