//! The processes of a container as /proc tells them from outside: nothing of the container is executed, none of its
//! namespaces is entered (security.md, R6; CVE-2022-1227).
//!
//! A process belongs to a container when it is in the pid namespace of the container's first process, or a descendant of
//! one that is: nested namespaces count, as they do for who looks from inside.

mod columns;
mod names;
mod ps;
mod stat;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

pub(crate) use columns::{Seen, chosen, descriptors};
pub(crate) use names::Names;
pub(crate) use stat::{Stat, Status, TICKS};

/// A process of a container.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    /// Its host pid.
    pub(crate) host_pid: i32,
    /// /proc/PID/stat.
    pub(crate) stat: Stat,
    /// /proc/PID/status.
    pub(crate) status: Status,
}

/// All host pids, in no order.
fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Names of the pid namespaces of all processes that may be looked into, by host pid.
pub(crate) fn namespaces() -> HashMap<i32, PathBuf> {
    pids().into_iter().filter_map(|pid| Some((pid, namespace(pid)?))).collect()
}

/// The pid namespace of a process: `pid:[4026531836]`; `None` when it is gone or another user's.
pub(crate) fn namespace(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok()
}

/// The processes of the container whose first process is `init`, by their pid in it; empty when that has ended.
pub(crate) fn of_container(init: i32) -> Vec<Process> {
    let Some(own) = namespace(init) else { return Vec::new() };
    let Some(depth) = Status::read(init).map(|status| status.pids.len()) else { return Vec::new() };
    let all: Vec<(i32, Option<PathBuf>)> = pids().into_iter().map(|pid| (pid, namespace(pid))).collect();
    let mut found: Vec<Process> = Vec::new();
    let mut known = HashSet::new();
    let mut nested = Vec::new();
    for (pid, namespace) in all {
        let Some(namespace) = namespace else { continue };
        // One that has ended meanwhile is left out.
        let (Some(stat), Some(status)) = (Stat::read(pid), Status::read(pid)) else { continue };
        let process = Process { host_pid: pid, stat, status };
        if namespace == own {
            known.insert(pid);
            found.push(process);
        } else if process.status.pids.len() > depth {
            nested.push(process);
        }
    }
    take_descendants(&mut found, &mut known, nested);
    for process in &mut found {
        // What it is called further inside is nobody's concern here.
        process.status.pids.truncate(depth);
    }
    found.sort_by_key(Process::pid);
    found
}

/// Adds the processes of nested namespaces whose parents belong to the container.
fn take_descendants(found: &mut Vec<Process>, known: &mut HashSet<i32>, mut rest: Vec<Process>) {
    loop {
        let (inside, outside): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|process| known.contains(&process.stat.parent));
        if inside.is_empty() {
            return;
        }
        known.extend(inside.iter().map(|process| process.host_pid));
        found.extend(inside);
        rest = outside;
    }
}

impl Process {
    /// Its pid in the container.
    pub(crate) fn pid(&self) -> i32 {
        self.status.pids.last().copied().unwrap_or(self.host_pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_processes_are_found_with_those_of_nested_namespaces() {
        let own = i32::try_from(std::process::id()).unwrap();
        let found = of_container(own);
        let process = found.iter().find(|process| process.host_pid == own).expect("this one is there");
        assert_eq!(process.stat.name, process.status.name);
        assert!(found.is_sorted_by_key(Process::pid));
        assert!(of_container(i32::MAX).is_empty());
    }

    #[test]
    fn descendants_are_taken_over_generations() {
        let process = |pid: i32, parent: i32| Process {
            host_pid: pid,
            stat: Stat { parent, ..Stat::default() },
            status: Status::default(),
        };
        let (mut found, mut known) = (vec![process(5, 1)], HashSet::from([5]));
        take_descendants(&mut found, &mut known, vec![process(8, 7), process(7, 5), process(9, 2)]);
        let mut pids: Vec<i32> = found.iter().map(|process| process.host_pid).collect();
        pids.sort_unstable();
        assert_eq!(pids, [5, 7, 8]);
    }
}
