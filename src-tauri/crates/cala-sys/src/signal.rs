//! sigprocmask(2) and signalfd(2): signals as bytes of a descriptor, for single-threaded programs.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// Signals that arrive as readable records.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

/// A signal that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// Its number.
    pub signal: i32,
    /// Who sent it, in our pid namespace; 0 for a process outside.
    pub pid: u32,
}

impl SignalFd {
    /// Blocks these signals for this thread and makes them readable here. Non-blocking, close-on-exec.
    ///
    /// The mask is inherited by clone and kept by execve: who starts a program clears it ([`unblock_all`]).
    ///
    /// # Errors
    /// EINVAL for a number that is no signal; those of signalfd(2).
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let set = set_of(signals)?;
        change_mask(libc::SIG_BLOCK, &set)?;
        // SAFETY: `set` is an initialised signal set that lives for the call.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The next signal; `None` when none is pending.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn read(&self) -> io::Result<Option<Arrived>> {
        // SAFETY: signalfd_siginfo is plain data for which all zeros is a valid value.
        let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: `info` is valid for writing `size` bytes.
        let count = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut info).cast(), size) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                _ => Err(error),
            };
        }
        let signal = i32::try_from(info.ssi_signo).unwrap_or(0);
        Ok(Some(Arrived { signal, pid: info.ssi_pid }))
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Blocks these signals for the calling thread.
///
/// # Errors
/// EINVAL for a number that is no signal.
pub fn block(signals: &[i32]) -> io::Result<()> {
    change_mask(libc::SIG_BLOCK, &set_of(signals)?)
}

/// Unblocks all signals of the calling thread: what a program expects at its start.
///
/// # Errors
/// None in practice.
pub fn unblock_all() -> io::Result<()> {
    change_mask(libc::SIG_SETMASK, &set_of(&[])?)
}

/// Gives all signals their default action, except those that cannot be changed. For a stage just before execve, which
/// keeps ignored signals ignored (std ignores SIGPIPE).
pub fn default_all() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL is a valid disposition for every signal; numbers that cannot be changed are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

fn set_of(signals: &[i32]) -> io::Result<libc::sigset_t> {
    // SAFETY: sigset_t is plain data for which all zeros is a valid value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writing.
    unsafe { libc::sigemptyset(&raw mut set) };
    for signal in signals {
        // SAFETY: `set` was initialised by sigemptyset.
        if unsafe { libc::sigaddset(&raw mut set, *signal) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(set)
}

fn change_mask(how: i32, set: &libc::sigset_t) -> io::Result<()> {
    // SAFETY: `set` is initialised; a null old set means that it is not wanted.
    let error = unsafe { libc::pthread_sigmask(how, set, std::ptr::null_mut()) };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_once() {
        let fd = SignalFd::new(&[libc::SIGUSR2]).unwrap();
        assert_eq!(fd.read().unwrap(), None);
        let me = rustix::thread::gettid();
        // The thread's own: a process-wide signal might go to another test's thread.
        // SAFETY: tgkill takes three integers.
        unsafe {
            libc::syscall(libc::SYS_tgkill, std::process::id(), me.as_raw_nonzero().get(), libc::SIGUSR2)
        };
        assert_eq!(fd.read().unwrap().unwrap().signal, libc::SIGUSR2);
        assert_eq!(fd.read().unwrap(), None);
    }
}
