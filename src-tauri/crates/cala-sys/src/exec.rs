//! execve(2), execveat(2) and what must be clean before it: descriptors and signals.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Becomes another program. Returns only when that failed.
#[must_use]
pub fn execve(path: &CStr, args: &[CString], env: &[CString]) -> io::Error {
    let args = pointers(args);
    let env = pointers(env);
    // SAFETY: `path` is a C string; both arrays hold pointers to C strings that live on and end with a null pointer.
    unsafe { libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Becomes the program behind a descriptor, which may be an `O_PATH` one (execveat(2)). Returns only when that failed.
#[must_use]
pub fn execve_fd(program: BorrowedFd<'_>, args: &[CString], env: &[CString]) -> io::Error {
    let args = pointers(args);
    let env = pointers(env);
    let empty: *const libc::c_char = c"".as_ptr();
    let (fd, flags) = (program.as_raw_fd(), libc::AT_EMPTY_PATH);
    // SAFETY: the path is a C string; both arrays hold pointers to C strings that live on and end with a null pointer.
    unsafe { libc::syscall(libc::SYS_execveat, fd, empty, args.as_ptr(), env.as_ptr(), flags) };
    io::Error::last_os_error()
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Marks all descriptors from `first` on as close-on-exec (close_range(2), Linux 5.11).
///
/// # Errors
///
/// ENOSYS, EINVAL on older kernels.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    const CLOEXEC: libc::c_uint = libc::CLOSE_RANGE_CLOEXEC;
    // SAFETY: only sets a flag of descriptors.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes all descriptors from `first` on. Only for a cloned child that owns none of them any more in its own logic:
/// every `OwnedFd` that it still holds must be forgotten and never be used.
///
/// # Errors
///
/// close_range(2).
pub fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the caller is a single-threaded child that uses none of these descriptors any more (see above).
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Unblocks all signals and sets all to their default action, so that a program does not inherit what its parent
/// ignores (Rust's runtime ignores SIGPIPE).
pub fn reset_signals() {
    for signal in 1..=64 {
        if signal == libc::SIGKILL || signal == libc::SIGSTOP {
            continue;
        }
        // SAFETY: the default action needs no handler; numbers that do not exist or belong to the C library are
        // refused with EINVAL, which is fine.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: the set is initialised; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()) };
}

/// Blocks all signals: for an init that takes them one by one with [`wait_signal`].
pub fn block_signals() {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the set.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: the set is initialised; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, set.as_ptr(), std::ptr::null_mut()) };
}

/// Waits for a blocked signal and takes it; returns its number (sigwaitinfo(2)).
///
/// # Errors
///
/// EINTR.
pub fn wait_signal() -> io::Result<i32> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the set.
    unsafe { libc::sigfillset(set.as_mut_ptr()) };
    // SAFETY: the set is initialised; no details are asked for.
    let signal = unsafe { libc::sigwaitinfo(set.as_ptr(), std::ptr::null_mut()) };
    if signal > 0 { Ok(signal) } else { Err(io::Error::last_os_error()) }
}
