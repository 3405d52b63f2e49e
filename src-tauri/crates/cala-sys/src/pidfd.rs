//! pidfd_open(2), pidfd_send_signal(2), waitid(2): processes by descriptor, so that a reused number is never touched.
//!
//! `nix` has no P_PIDFD and `rustix` no signals beyond the named ones, hence libc.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// A process, named by a descriptor. Readable once the process has ended.
#[derive(Debug)]
pub struct PidFd(OwnedFd);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It called exit with this code, 0 to 255.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// The code as shells give it: 128 and the signal's number for an end by signal.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl PidFd {
    /// The process with this number in our pid namespace.
    ///
    /// # Errors
    /// ESRCH when there is none.
    pub fn open(pid: i32) -> io::Result<Self> {
        // SAFETY: pidfd_open takes two integers and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = i32::try_from(fd).map_err(|_| io::ErrorKind::InvalidData)?;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends a signal; 0 only asks whether the process exists.
    ///
    /// # Errors
    /// ESRCH when it has ended, EPERM, EINVAL for a number that is no signal.
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        let info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open as long as `self`; a null siginfo is allowed and means what kill(2) sends.
        let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), signal, info, 0) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Whether the process has ended, reaped or not. What cannot be asked has not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }

    /// Waits for the process, a child of ours, and reaps it.
    ///
    /// # Errors
    /// ECHILD when it is not our child or was reaped already.
    pub fn wait(&self) -> io::Result<Exit> {
        let id = libc::id_t::try_from(self.0.as_raw_fd()).map_err(|_| io::ErrorKind::InvalidInput)?;
        loop {
            match waitid(libc::P_PIDFD, id, libc::WEXITED) {
                Ok(Some((_, exit))) => return Ok(exit),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The number of the process in the pid namespace of the mounted /proc (the host's for a monitor that still sees
    /// the host's), from `/proc/self/fdinfo`. -1 once it was reaped, 0 when it is invisible there.
    ///
    /// # Errors
    /// Those of reading the file; `InvalidData` when it has no such line.
    pub fn proc_pid(&self) -> io::Result<i32> {
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", self.0.as_raw_fd()))?;
        let number = text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
        number.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for PidFd {
    /// From a descriptor that clone3(2) with CLONE_PIDFD or SO_PEERPIDFD gave.
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<PidFd> for OwnedFd {
    fn from(fd: PidFd) -> Self {
        fd.0
    }
}

/// Reaps one ended child, whichever it is; `None` when no child has ended (or there is none). Never waits.
///
/// # Errors
/// Those of waitid(2) other than ECHILD.
pub fn reap_any() -> io::Result<Option<(i32, Exit)>> {
    match waitid(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG) {
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        result => result,
    }
}

fn waitid(kind: libc::idtype_t, id: libc::id_t, options: i32) -> io::Result<Option<(i32, Exit)>> {
    // SAFETY: siginfo_t is plain data for which all zeros is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is valid for writing for the length of the call.
    let done = unsafe { libc::waitid(kind, id, &raw mut info, options) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: waitid has filled the fields of SIGCHLD, or left the zeros, which are valid too.
    let pid = unsafe { info.si_pid() };
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    let exit = if info.si_code == libc::CLD_EXITED { Exit::Code(status) } else { Exit::Signal(status) };
    Ok(Some((pid, exit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_signalled_and_its_end_is_told() {
        #[expect(clippy::zombie_processes, reason = "it is reaped by its descriptor")]
        let child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let fd = PidFd::open(pid).unwrap();
        assert_eq!(fd.proc_pid().unwrap(), pid);
        fd.send_signal(9).unwrap();
        assert_eq!(fd.wait().unwrap(), Exit::Signal(9));
        assert!(fd.send_signal(0).is_err());
    }
}
