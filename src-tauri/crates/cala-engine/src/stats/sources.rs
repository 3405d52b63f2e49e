//! Where numbers come from: files of a control group, and of /proc.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::sample::Subject;
use crate::processes::{self, Stat, TICKS};
use crate::view::NetworkStats;

/// The sum over a container's processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// CPU time in nanoseconds, with that of children that were waited for.
    pub(super) cpu_nano: u64,
    /// Bytes in memory; what processes share counts for each of them.
    pub(super) memory: u64,
    /// Threads.
    pub(super) threads: u64,
}

/// The sums of those containers whose groups do not tell all, by the host pid of their first processes: one walk through /proc, in which only processes
/// of containers are looked at more closely. Those of namespaces further inside are left out.
pub(super) fn by_container(subjects: &[Subject]) -> HashMap<i32, Sum> {
    let running = subjects.iter().filter(|subject| subject.needs_sum).map(|subject| subject.pid);
    let owners: HashMap<PathBuf, i32> =
        running.filter_map(|pid| Some((processes::namespace(pid)?, pid))).collect();
    let mut sums = HashMap::new();
    if owners.is_empty() {
        return sums;
    }
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    for (pid, namespace) in processes::namespaces() {
        if let Some(owner) = owners.get(&namespace)
            && let Some(stat) = Stat::read(pid)
        {
            let sum: &mut Sum = sums.entry(*owner).or_default();
            let ticks = stat.cpu.saturating_add(stat.cpu_of_children);
            sum.cpu_nano = sum.cpu_nano.saturating_add(ticks.saturating_mul(1_000_000_000 / TICKS));
            sum.memory = sum.memory.saturating_add(stat.resident_pages.saturating_mul(page));
            sum.threads = sum.threads.saturating_add(stat.threads);
        }
    }
    sums
}

/// CPU time in nanoseconds, and of it that in the kernel (`cpu.stat`, which needs no controller).
pub(super) fn cpu_of_group(group: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(group.join("cpu.stat")).ok()?;
    let microseconds = |key: &str| value(&text, key)?.checked_mul(1000);
    Some((microseconds("usage_usec")?, microseconds("system_usec").unwrap_or(0)))
}

/// Bytes of memory without what the kernel gives back when anybody needs it (`memory.current`, `inactive_file`).
pub(super) fn memory_of_group(group: &Path) -> Option<u64> {
    let current: u64 = fs::read_to_string(group.join("memory.current")).ok()?.trim().parse().ok()?;
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    Some(current.saturating_sub(value(&stat, "inactive_file").unwrap_or(0)))
}

/// The group's limit, else what the machine has.
pub(super) fn memory_limit(group: Option<&Path>) -> u64 {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(u64::from(info.mem_unit));
    let limit = group.and_then(|group| fs::read_to_string(group.join("memory.max")).ok());
    limit.and_then(|text| text.trim().parse().ok()).unwrap_or(machine).min(machine)
}

/// Processes and threads (`pids.current`).
pub(super) fn pids_of_group(group: &Path) -> Option<u64> {
    fs::read_to_string(group.join("pids.current")).ok()?.trim().parse().ok()
}

/// Bytes read and written over all disks (`io.stat`).
pub(super) fn io_of_group(group: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(group.join("io.stat")).ok()?;
    let sum = |key: &str| {
        let values = text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.parse::<u64>().ok());
        values.fold(0_u64, u64::saturating_add)
    };
    Some((sum("rbytes="), sum("wbytes=")))
}

/// A line `key value`.
fn value(text: &str, key: &str) -> Option<u64> {
    let line = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(line)
}

/// The interfaces of a process's network but the loopback (proc_pid_net(5), `dev`).
pub(super) fn network(pid: i32) -> BTreeMap<String, NetworkStats> {
    interfaces(&fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default())
}

fn interfaces(text: &str) -> BTreeMap<String, NetworkStats> {
    let interface = |line: &str| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|word| word.parse().ok()).collect();
        let number = |place: usize| numbers.get(place).copied();
        let stats = NetworkStats {
            rx_bytes: number(0)?,
            rx_packets: number(1)?,
            rx_errors: number(2)?,
            rx_dropped: number(3)?,
            tx_bytes: number(8)?,
            tx_packets: number(9)?,
            tx_errors: number(10)?,
            tx_dropped: number(11)?,
        };
        Some((name.trim().to_owned(), stats))
    };
    text.lines().filter_map(interface).filter(|(name, _)| name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_group_are_read_as_far_as_they_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        assert_eq!((cpu_of_group(dir.path()), memory_of_group(dir.path())), (None, None));
        assert_eq!((io_of_group(dir.path()), pids_of_group(dir.path())), (None, None));
        let machine = memory_limit(None);
        assert!(machine > 0);
        write("cpu.stat", "usage_usec 7742\nuser_usec 1\nsystem_usec 7741\n");
        write("memory.current", "10000\n");
        write("memory.stat", "anon 1\ninactive_file 4000\n");
        write("memory.max", "max\n");
        write("pids.current", "5\n");
        write("io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=1\n8:16 rbytes=1 wbytes=2\n");
        assert_eq!(cpu_of_group(dir.path()), Some((7_742_000, 7_741_000)));
        assert_eq!(memory_of_group(dir.path()), Some(6000));
        assert_eq!(memory_limit(Some(dir.path())), machine);
        write("memory.max", "65536\n");
        assert_eq!(memory_limit(Some(dir.path())), 65536);
        assert_eq!((io_of_group(dir.path()), pids_of_group(dir.path())), (Some((11, 22)), Some(5)));
    }

    #[test]
    fn interfaces_are_counted_but_the_loopback() {
        let text = "Inter-|   Receive |  Transmit\n face |bytes packets\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n\
                    eth0: 100 2 3 4 0 0 0 0 900 10 11 12 0 0 0 0\n";
        let found = interfaces(text);
        assert_eq!(found.len(), 1);
        let eth0 = found.get("eth0").unwrap();
        assert_eq!((eth0.rx_bytes, eth0.rx_dropped, eth0.tx_bytes, eth0.tx_dropped), (100, 4, 900, 12));
    }
}
