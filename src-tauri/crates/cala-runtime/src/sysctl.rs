//! Kernel parameters of the container's own namespaces, written through a proc that is attached nowhere (rule R2).

use std::os::fd::BorrowedFd;

use cala_sys::clone::CloneFlags;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::StartError;
use crate::error::Step;

/// Writes one parameter: `net.ipv4.ip_forward` or `net/ipv4/ip_forward`.
pub(crate) fn set(proc: BorrowedFd<'_>, own: CloneFlags, name: &str, value: &str) -> Result<(), StartError> {
    let path = path(name);
    if !belongs_to(own, &path) {
        return Err(StartError::Refused(format!(
            "sysctl `{name}` is not of a namespace of the container's own: it would change the host"
        )));
    }
    let what = || format!("set sysctl `{name}` to `{value}`");
    let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = openat2(proc, format!("sys/{path}"), flags, Mode::empty(), how).step(what)?;
    rustix::io::write(file, value.as_bytes()).step(what)?;
    Ok(())
}

/// Dots are the separators unless a slash comes first (sysctl(8)): then dots are part of interface names.
fn path(name: &str) -> String {
    match name.find(['.', '/']) {
        Some(at) if name.as_bytes().get(at) == Some(&b'.') => name
            .chars()
            .map(|c| {
                if c == '.' {
                    '/'
                } else if c == '/' {
                    '.'
                } else {
                    c
                }
            })
            .collect(),
        _ => name.to_owned(),
    }
}

/// Which parameters the kernel keeps per namespace (namespaces(7), the kernel's admin-guide/sysctl).
fn belongs_to(own: CloneFlags, path: &str) -> bool {
    const IPC: [&str; 8] = [
        "kernel/msgmax",
        "kernel/msgmnb",
        "kernel/msgmni",
        "kernel/sem",
        "kernel/shmall",
        "kernel/shmmax",
        "kernel/shmmni",
        "kernel/shm_rmid_forced",
    ];
    if path.split('/').any(|part| part == "..") {
        return false;
    }
    if path.starts_with("net/") {
        return own.contains(CloneFlags::NEWNET);
    }
    if IPC.contains(&path) || path.starts_with("fs/mqueue/") {
        return own.contains(CloneFlags::NEWIPC);
    }
    path == "kernel/domainname" && own.contains(CloneFlags::NEWUTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        assert_eq!(path("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
        assert_eq!(path("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(path("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
    }

    #[test]
    fn the_hosts_parameters_are_refused() {
        let all = CloneFlags::NEWNET | CloneFlags::NEWIPC | CloneFlags::NEWUTS;
        assert!(belongs_to(all, "net/ipv4/ip_forward"));
        assert!(!belongs_to(CloneFlags::NEWIPC, "net/ipv4/ip_forward"));
        assert!(!belongs_to(all, "kernel/core_pattern"));
        assert!(!belongs_to(all, "net/../kernel/core_pattern"));
        assert!(!belongs_to(all, "vm/max_map_count"));
    }
}
