//! clone3(2): a copy of this process in new namespaces, without `execve`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Flags of clone3(2). `CLONE_PIDFD` is always added; flags that share memory or descriptors are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CloneFlags(u64);

impl CloneFlags {
    /// Nothing new: as fork(2).
    pub const NONE: Self = Self(0);
    /// A new user namespace.
    pub const NEWUSER: Self = Self(libc::CLONE_NEWUSER as u64);
    /// A new mount namespace.
    pub const NEWNS: Self = Self(libc::CLONE_NEWNS as u64);
    /// A new pid namespace.
    pub const NEWPID: Self = Self(libc::CLONE_NEWPID as u64);
    /// A new network namespace.
    pub const NEWNET: Self = Self(libc::CLONE_NEWNET as u64);
    /// A new IPC namespace.
    pub const NEWIPC: Self = Self(libc::CLONE_NEWIPC as u64);
    /// A new UTS namespace.
    pub const NEWUTS: Self = Self(libc::CLONE_NEWUTS as u64);
    /// A new cgroup namespace.
    pub const NEWCGROUP: Self = Self(libc::CLONE_NEWCGROUP as u64);
    /// The child's parent is the caller's parent.
    pub const PARENT: Self = Self(libc::CLONE_PARENT as u64);

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for CloneFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl std::ops::BitOrAssign for CloneFlags {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

/// Which of the two this is.
#[derive(Debug)]
pub enum Cloned {
    /// The new process.
    Child,
    /// The caller.
    Parent {
        /// Pid of the child in the caller's pid namespace.
        pid: i32,
        /// Descriptor of the child, close-on-exec.
        pidfd: OwnedFd,
    },
}

/// Copies this process. `cgroup` is a directory of cgroup v2 that the child is born in.
///
/// The child must end by [`exit`] or `execve`, never by returning to a caller that does not know of it.
///
/// # Errors
///
/// EBUSY when this process has more than one thread: a copy would keep the others' locks for ever. Else clone3(2).
pub fn clone3(flags: CloneFlags, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Cloned> {
    // A copy has one thread and makes none; it may be where no /proc of its own is to be seen.
    if !IS_COPY.load(Ordering::Relaxed) && thread_count()? > 1 {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let mut pidfd: libc::c_int = -1;
    // With CLONE_PARENT the exit signal is the caller's own and must not be given.
    let parent = flags.contains(CloneFlags::PARENT);
    let exit_signal = if parent { 0 } else { libc::SIGCHLD.cast_unsigned().into() };
    let mut bits = flags.bits() | u64::from(libc::CLONE_PIDFD.cast_unsigned());
    let mut cgroup_fd = 0;
    if let Some(fd) = cgroup {
        bits |= CLONE_INTO_CGROUP;
        cgroup_fd = u64::from(fd.as_raw_fd().cast_unsigned());
    }
    let args = CloneArgs {
        flags: bits,
        pidfd: (&raw mut pidfd).expose_provenance() as u64,
        exit_signal,
        cgroup: cgroup_fd,
        ..CloneArgs::default()
    };
    // SAFETY: `args` is a valid `struct clone_args` of the given size; no stack is given and neither memory nor
    // descriptors are shared, so the child goes on in a private copy as after fork(2); there is no other thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            IS_COPY.store(true, Ordering::Relaxed);
            Ok(Cloned::Child)
        }
        pid => {
            // SAFETY: the kernel put a fresh descriptor there that nobody else owns.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Cloned::Parent { pid: i32::try_from(pid).unwrap_or(-1), pidfd })
        }
    }
}

/// Ends this process at once, without destructors or exit handlers (_exit(2)): how a cloned child ends.
pub fn exit(code: i32) -> ! {
    // SAFETY: _exit never returns and touches nothing of ours.
    unsafe { libc::_exit(code) }
}

/// Whether this process was made by [`clone3`].
static IS_COPY: AtomicBool = AtomicBool::new(false);

const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// `struct clone_args` (linux/sched.h), version 2.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// Threads of this process: the links of /proc/self/task are two and one per thread.
fn thread_count() -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::metadata("/proc/self/task")?.nlink().saturating_sub(2))
}
