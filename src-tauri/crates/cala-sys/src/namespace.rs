//! setns(2), unshare(2), ioctl_ns(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd as _, OwnedFd};

use crate::clone::CloneFlags;

/// Moves this process into namespaces of `fd`: a pidfd (then all kinds in `kinds` at once, a pid namespace counts for
/// children to come) or a descriptor of one namespace (then `kinds` says which kind it must be).
///
/// # Errors
///
/// setns(2): EINVAL for a user namespace that one is in already, EPERM.
pub fn join(fd: impl AsFd, kinds: CloneFlags) -> io::Result<()> {
    let kinds =
        libc::c_int::try_from(kinds.bits()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: takes a descriptor and flags only; memory is not touched.
    let result = unsafe { libc::setns(fd.as_fd().as_raw_fd(), kinds) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Moves this process into new namespaces.
///
/// # Errors
///
/// unshare(2).
pub fn unshare(kinds: CloneFlags) -> io::Result<()> {
    let kinds =
        libc::c_int::try_from(kinds.bits()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    // SAFETY: takes flags only; none of `CloneFlags` unshares memory or descriptors.
    let result = unsafe { libc::unshare(kinds) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The user namespace that owns a namespace (NS_GET_USERNS).
///
/// # Errors
///
/// ioctl_ns(2): EPERM for one that is neither ours nor below ours, ENOTTY for what is no namespace.
pub fn owner(namespace: impl AsFd) -> io::Result<OwnedFd> {
    // SAFETY: takes a descriptor only; memory is not touched.
    let fd = unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), NS_GET_USERNS) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us, close-on-exec; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `_IO(0xb7, 1)` of linux/nsfs.h.
const NS_GET_USERNS: libc::Ioctl = 0xb701;

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_namespace_names_its_owner() {
        let own = File::open("/proc/self/ns/user").unwrap();
        match owner(File::open("/proc/self/ns/net").unwrap()) {
            Ok(found) => {
                let found = rustix::fs::fstat(found).unwrap();
                assert_eq!(found.st_ino, rustix::fs::fstat(own).unwrap().st_ino);
            }
            // A network namespace that was taken along into a user namespace.
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EPERM)),
        }
        assert!(owner(File::open("/dev/null").unwrap()).is_err());
    }
}
