//! setns(2), unshare(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd};

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
