//! Memory of processes, read in /proc.

use std::collections::{BTreeMap, HashSet};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// How often the processes are looked at.
const INTERVAL: Duration = Duration::from_millis(2);

/// Private memory of a process in KiB (proc_pid_smaps(5)).
pub(super) fn private_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:"))
        .filter_map(kib_of)
        .sum()
}

/// Pids whose name (comm) starts with this.
pub(super) fn pids_named(prefix: &str) -> Vec<u32> {
    pids().into_iter().filter(|pid| comm(*pid).is_some_and(|comm| comm.starts_with(prefix))).collect()
}

/// Runs a command and returns the most memory in MiB (`VmHWM`) that a process of each name had which was not there
/// before. Looked at every few milliseconds, because what helps a command need not be its child.
pub(super) fn peaks(command: &mut Command) -> Result<BTreeMap<String, u64>> {
    let before: HashSet<u32> = pids().into_iter().collect();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("{command:?}"))?;
    let mut peaks: BTreeMap<String, u64> = BTreeMap::new();
    let status = loop {
        for pid in pids().into_iter().filter(|pid| !before.contains(pid)) {
            if let (Some(comm), Some(kib)) = (comm(pid), peak_kib(pid)) {
                let peak = peaks.entry(comm).or_default();
                *peak = kib.max(*peak);
            }
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        #[expect(clippy::disallowed_methods, reason = "it is looked at from outside")]
        std::thread::sleep(INTERVAL);
    };
    ensure!(status.success(), "{command:?}: {status}");
    Ok(peaks.into_iter().map(|(name, kib)| (name, kib.div_ceil(1024))).collect())
}

fn peak_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find(|line| line.starts_with("VmHWM:")).and_then(kib_of)
}

fn kib_of(line: &str) -> Option<u64> {
    line.split_whitespace().nth(1)?.parse().ok()
}

fn comm(pid: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|comm| comm.trim_end().to_owned())
}

fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
