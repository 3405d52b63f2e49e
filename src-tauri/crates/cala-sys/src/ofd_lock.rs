//! fcntl(2), F_OFD_SETLK and F_OFD_GETLK: locks of an open file description, dropped by the kernel when its last
//! descriptor is closed. Readers ask without taking anything.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _};

/// Takes the write lock on the whole file; false when somebody else holds one. The descriptor must be open for writing
/// and be closed in children that live on.
///
/// # Errors
/// Those of fcntl(2) except EAGAIN.
pub fn try_lock(fd: impl AsFd) -> io::Result<bool> {
    match fcntl(fd, libc::F_OFD_SETLK, libc::F_WRLCK) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Drops the lock.
///
/// # Errors
/// Those of fcntl(2).
pub fn unlock(fd: impl AsFd) -> io::Result<()> {
    fcntl(fd, libc::F_OFD_SETLK, libc::F_UNLCK).map(|_| ())
}

/// Whether another open file description holds the lock. A descriptor open for reading is enough.
///
/// # Errors
/// Those of fcntl(2).
pub fn is_locked(fd: impl AsFd) -> io::Result<bool> {
    Ok(fcntl(fd, libc::F_OFD_GETLK, libc::F_WRLCK)? != libc::F_UNLCK)
}

fn fcntl(fd: impl AsFd, command: i32, kind: i32) -> io::Result<i32> {
    // SAFETY: flock is plain data for which all zeros is a valid value (the whole file, l_pid 0 as OFD locks want).
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = i16::try_from(kind).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the descriptor is open for the call, and `lock` is valid for reading and writing.
    let done = unsafe { libc::fcntl(fd.as_fd().as_raw_fd(), command, &raw mut lock) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(i32::from(lock.l_type)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_by_others_and_goes_with_its_file() {
        let path = std::env::temp_dir().join(format!("cala-ofd-{}", std::process::id()));
        let holder = std::fs::File::create(&path).unwrap();
        let reader = std::fs::File::open(&path).unwrap();
        assert!(!is_locked(&reader).unwrap());
        assert!(try_lock(&holder).unwrap());
        assert!(is_locked(&reader).unwrap());
        let other = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        assert!(!try_lock(&other).unwrap());
        drop(holder);
        assert!(!is_locked(&reader).unwrap());
        std::fs::remove_file(&path).unwrap();
    }
}
