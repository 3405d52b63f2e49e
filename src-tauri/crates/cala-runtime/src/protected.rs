//! Rule R5: the running program cannot be changed by whoever gets hold of its file.
//!
//! A process that sets up a container or joins it is, for a moment, one of the container's that runs a program of the
//! host. If the user may write that program, so may root of the container, who is the user: it takes the file from
//! /proc/PID/exe (CVE-2019-5736). Such a program is therefore executed once more, from a mount of its file that is
//! read-only and attached nowhere: no path leads there, and nobody can make it writable again. That shares the page
//! cache with all others that run it. Where it cannot be made, a sealed copy in memory does the same for more.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use cala_sys::clone::CloneFlags;
use cala_sys::mount::{self, Attributes, Propagation};
use cala_sys::{exec, memfd, namespace};
use rustix::fs::{
    Access, AtFlags, Mode, OFlags, SealFlags, StatVfsMountFlags, accessat, fstat, fstatvfs, open,
};

const OWN: &str = "/proc/self/exe";

/// Whether the file of the running program could be changed by this user.
///
/// # Errors
///
/// Those of opening `/proc/self/exe`.
pub fn is_changeable() -> io::Result<bool> {
    changeable(&open_path(Path::new(OWN))?)
}

/// Executes the running program again, with these arguments and this environment, from a file that this user cannot
/// change. With CAP_SYS_ADMIN that takes a mount namespace of its own, else a copy. Returns only when that failed.
#[must_use]
pub fn execute_again(args: &[CString], env: &[CString]) -> io::Error {
    match unchangeable() {
        Ok(program) => exec::execve_fd(program.as_fd(), args, env),
        Err(error) => error,
    }
}

fn unchangeable() -> io::Result<OwnedFd> {
    let own = open_path(Path::new(OWN))?;
    if !changeable(&own)? {
        return Ok(own);
    }
    read_only_mount(&own).or_else(|_| memfd::sealed_copy("cala", &mut File::open(OWN)?))
}

/// A mount of the program's file, read-only from the first moment that anybody could reach it.
fn read_only_mount(own: &OwnedFd) -> io::Result<OwnedFd> {
    namespace::unshare(CloneFlags::NEWNS)?;
    // Descriptors stay in the mount namespace they were opened in, so the file is looked up anew.
    let path = std::fs::read_link(OWN)?;
    let again = open_path(&path)?;
    let (expected, found) = (fstat(own)?, fstat(&again)?);
    if (expected.st_dev, expected.st_ino) != (found.st_dev, found.st_ino) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let tree = mount::clone_tree(again.as_fd(), Path::new(""), false)?;
    let set = Attributes::RDONLY | Attributes::NOSUID | Attributes::NODEV;
    mount::set_attributes(&tree, false, set, Attributes::NONE, Some(Propagation::Private))?;
    Ok(tree)
}

fn changeable(program: &OwnedFd) -> io::Result<bool> {
    if fstatvfs(program)?.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Ok(false);
    }
    // Only files in memory have seals.
    let readable = open(OWN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    if readable.and_then(rustix::fs::fcntl_get_seals).is_ok_and(|seals| seals.contains(SealFlags::WRITE)) {
        return Ok(false);
    }
    // The owner may change the mode.
    if fstat(program)?.st_uid == rustix::process::geteuid().as_raw() {
        return Ok(true);
    }
    Ok(accessat(program, c"", Access::WRITE_OK, AtFlags::EACCESS | AtFlags::EMPTY_PATH).is_ok())
}

fn open_path(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_owns_is_changeable_and_what_belongs_to_the_system_is_not() {
        let own = std::env::temp_dir().join(format!("cala-protected-{}", std::process::id()));
        std::fs::write(&own, "").expect("temporary files can be written");
        let opened = open_path(&own).expect("it is there");
        std::fs::remove_file(&own).expect("it is ours");
        assert!(changeable(&opened).expect("it can be looked at"));
        let shell = open_path(Path::new("/bin/sh")).expect("there is a shell");
        let root = rustix::process::geteuid().is_root();
        assert_eq!(changeable(&shell).expect("it can be looked at"), root);
    }
}
