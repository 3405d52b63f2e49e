//! The default profile: Docker's, as our own table.
//!
//! Source of names and conditions: moby/profiles, seccomp/default.json, commit cd3bed8 of 2026-06-30, without what only
//! 32-bit architectures have. Differences, on purpose: numbers that are unknown here answer ENOSYS and not EPERM, so that
//! C libraries fall back; families of sockets, flags of `clone` and personalities are compared by the 32 bits that the
//! kernel looks at; 32-bit programs and the x32 interface are not let in.

use oci_spec::runtime::Capability;

use super::numbers;
use super::policy::{ALLOW, Action, Condition, ENOSYS, EPERM, Policy, Test};

/// Allowed to everybody.
#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    "accept", "accept4", "access", "adjtimex", "alarm", "bind", "brk", "cachestat", "capget", "capset",
    "chdir", "chmod", "chown", "clock_adjtime", "clock_getres", "clock_gettime", "clock_nanosleep", "close",
    "close_range", "connect", "copy_file_range", "creat", "dup", "dup2", "dup3", "epoll_create",
    "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "epoll_wait_old", "eventfd", "eventfd2", "execve", "execveat", "exit", "exit_group", "faccessat",
    "faccessat2", "fadvise64", "fallocate", "fanotify_mark", "fchdir", "fchmod", "fchmodat", "fchmodat2",
    "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fork", "fremovexattr",
    "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futex", "futex_requeue", "futex_wait",
    "futex_waitv", "futex_wake", "futimesat", "get_robust_list", "get_thread_area", "getcpu", "getcwd",
    "getdents", "getdents64", "getegid", "geteuid", "getgid", "getgroups", "getitimer", "getpeername",
    "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid", "getresuid",
    "getrlimit", "getrusage", "getsid", "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid",
    "getxattr", "getxattrat", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch",
    "io_cancel", "io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit", "ioctl",
    "ioprio_get", "ioprio_set", "kill", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "lchown", "lgetxattr", "link", "linkat", "listen", "listmount", "listxattr",
    "listxattrat", "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "madvise", "map_shadow_stack",
    "membarrier", "memfd_create", "memfd_secret", "mincore", "mkdir", "mkdirat", "mknod", "mknodat", "mlock",
    "mlock2", "mlockall", "mmap", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
    "mq_timedsend", "mq_unlink", "mremap", "mseal", "msgctl", "msgget", "msgrcv", "msgsnd", "msync",
    "munlock", "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat", "open", "openat",
    "openat2", "pause", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pkey_alloc", "pkey_free",
    "pkey_mprotect", "poll", "ppoll", "prctl", "pread64", "preadv", "preadv2", "prlimit64",
    "process_mrelease", "pselect6", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
    "readlinkat", "readv", "recvfrom", "recvmmsg", "recvmsg", "remap_file_pages", "removexattr",
    "removexattrat", "rename", "renameat", "renameat2", "restart_syscall", "rmdir", "rseq", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "rt_tgsigqueueinfo", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity",
    "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
    "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "select", "semctl",
    "semget", "semop", "semtimedop", "sendfile", "sendmmsg", "sendmsg", "sendto", "set_robust_list",
    "set_thread_area", "set_tid_address", "setfsgid", "setfsuid", "setgid", "setgroups", "setitimer",
    "setpgid", "setpriority", "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid",
    "setsockopt", "setuid", "setxattr", "setxattrat", "shmat", "shmctl", "shmdt", "shmget", "shutdown",
    "sigaltstack", "signalfd", "signalfd4", "socketpair", "splice", "stat", "statfs", "statmount", "statx",
    "symlink", "symlinkat", "sync", "sync_file_range", "syncfs", "sysinfo", "tee", "tgkill", "time",
    "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
    "timerfd_gettime", "timerfd_settime", "times", "tkill", "truncate", "umask", "uname", "unlink",
    "unlinkat", "uretprobe", "utime", "utimensat", "utimes", "vfork", "vmsplice", "wait4", "waitid", "write",
    "writev",
    "process_vm_readv", "process_vm_writev", "ptrace",
    // Of one architecture.
    "arch_prctl", "modify_ldt", "sync_file_range2",
];

/// Allowed with a capability in the bounding set.
#[rustfmt::skip]
const BY_CAPABILITY: &[(Capability, &[&str])] = &[
    (Capability::DacReadSearch, &["open_by_handle_at"]),
    (Capability::SysAdmin, &[
        "bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie",
        "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mount", "mount_setattr", "move_mount",
        "open_tree", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "syslog",
        "umount2", "unshare",
    ]),
    (Capability::SysBoot, &["reboot"]),
    (Capability::SysChroot, &["chroot"]),
    (Capability::SysModule, &["delete_module", "finit_module", "init_module"]),
    (Capability::SysPacct, &["acct"]),
    (Capability::SysPtrace, &["kcmp", "pidfd_getfd", "process_madvise"]),
    (Capability::SysRawio, &["ioperm", "iopl"]),
    (Capability::SysTime, &["clock_settime", "settimeofday"]),
    (Capability::SysTtyConfig, &["vhangup"]),
    (Capability::SysNice, &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
    (Capability::Syslog, &["syslog"]),
    (Capability::Bpf, &["bpf"]),
    (Capability::Perfmon, &["perf_event_open"]),
];

/// Execution domains (personality(2)): Linux, Linux with 32 bits, each with UNAME26, and the question for the present one.
const PERSONALITIES: [u32; 5] = [0, 8, 0x2_0000, 0x2_0008, u32::MAX];

/// All CLONE_NEW* but CLONE_NEWTIME, which shares its bit with an exit signal there.
const NEW_NAMESPACES: u32 = 0x7e02_0000;

/// AF_ALG and AF_VSOCK: the kernel's crypto interface and the way to hypervisors, both with a history.
const AF_ALG: u32 = 38;
const AF_VSOCK: u32 = 40;

/// The profile for a bounding set.
pub(super) fn policy(caps: &[Capability]) -> Policy {
    let mut policy = Policy::new(EPERM, ENOSYS);
    for name in ALLOWED {
        set(&mut policy, name, ALLOW);
    }
    socket(&mut policy);
    for personality in PERSONALITIES {
        rule(&mut policy, "personality", Condition::low(0, Test::Equal, personality));
    }
    if caps.contains(&Capability::SysAdmin) {
        // `clone` and `clone3` are in its list below.
    } else {
        rule(&mut policy, "clone", Condition::masked(0, NEW_NAMESPACES.into(), 0));
        // Its flags lie in memory, where no filter sees them: programs fall back to `clone`.
        set(&mut policy, "clone3", ENOSYS);
    }
    for (_, names) in BY_CAPABILITY.iter().filter(|(capability, _)| caps.contains(capability)) {
        for name in *names {
            set(&mut policy, name, ALLOW);
        }
    }
    policy
}

fn socket(policy: &mut Policy) {
    rule(policy, "socket", Condition::low(0, Test::Less, AF_ALG));
    rule(policy, "socket", Condition::low(0, Test::Equal, AF_ALG + 1));
    rule(policy, "socket", Condition::low(0, Test::Greater, AF_VSOCK));
}

fn set(policy: &mut Policy, name: &str, action: Action) {
    if let Some(number) = numbers::of(name) {
        policy.set(number, action);
    }
}

fn rule(policy: &mut Policy, name: &str, condition: Condition) {
    if let Some(number) = numbers::of(name) {
        policy.add_rule(number, vec![condition], ALLOW);
    }
}
