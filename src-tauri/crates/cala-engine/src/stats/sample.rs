//! One container at one moment.

use std::path::PathBuf;

use cala_store::Container;

use super::sources::{self, Sum};
use crate::processes::Stat;
use crate::view::ContainerStats;

/// A container that is looked at.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) id: String,
    name: String,
    /// Host pid of its first process; 0 when it does not run.
    pub(super) pid: i32,
    /// Its start in ticks since boot, so that no other process is taken for it.
    pid_start_time: u64,
    started_ns: i64,
    group: Option<PathBuf>,
    /// The group does not tell all that is asked for.
    pub(super) needs_sum: bool,
    /// Whether the counters of its first process's network are its own.
    own_network: bool,
}

/// What the sample before was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Previous {
    cpu_nano: u64,
    at_ns: u64,
}

impl Previous {
    pub(super) fn of(stats: &ContainerStats) -> Self {
        Self { cpu_nano: stats.cpu_nano, at_ns: stats.system_nano }
    }
}

impl Subject {
    pub(super) fn of(container: &Container, group: Option<PathBuf>) -> Self {
        let runs = container.alive && container.state.status.has_run();
        let network = &container.config.spec.network;
        let group = group.filter(|group| group.join("cgroup.procs").exists());
        let has = |file: &str| group.as_ref().is_some_and(|group| group.join(file).exists());
        Self {
            needs_sum: runs && !(has("memory.current") && has("pids.current")),
            id: container.config.id.to_string(),
            name: container.config.name.to_string(),
            pid: if runs { container.state.pid } else { 0 },
            pid_start_time: container.state.pid_start_time,
            started_ns: container.state.started_ns,
            group,
            own_network: *network != cala_spec::container::NetworkMode::Host,
        }
    }
}

/// What the container uses now; zeros for one that does not run, `None` for one that has just ended. `sum` is over its
/// processes.
pub(super) fn take(
    subject: &Subject,
    sum: Option<&Sum>,
    previous: Option<&Previous>,
    now_ns: i64,
) -> Option<ContainerStats> {
    let now = u64::try_from(now_ns).unwrap_or(0);
    let empty = ContainerStats {
        container_id: subject.id.clone(),
        name: subject.name.clone(),
        system_nano: now,
        ..ContainerStats::default()
    };
    if subject.pid == 0 {
        return Some(ContainerStats { system_nano: 0, ..empty });
    }
    if Stat::read(subject.pid).is_none_or(|stat| stat.started != subject.pid_start_time) {
        return None;
    }
    let sum = sum.copied().unwrap_or_default();
    let group = subject.group.as_deref();
    let of_group = |read: fn(&std::path::Path) -> Option<u64>| group.and_then(read);
    let (usage, system) = group.and_then(sources::cpu_of_group).unwrap_or((sum.cpu_nano, 0));
    // Processes that nobody of the container waited for take their time along: what was told once stays.
    let usage = previous.map_or(usage, |previous| usage.max(previous.cpu_nano));
    let started = u64::try_from(subject.started_ns).unwrap_or(0);
    let (cpu_before, before) = previous.map_or((0, started), |previous| (previous.cpu_nano, previous.at_ns));
    let memory = of_group(sources::memory_of_group).unwrap_or(sum.memory);
    let limit = sources::memory_limit(group);
    let (read, written) = group.and_then(sources::io_of_group).unwrap_or((0, 0));
    Some(ContainerStats {
        avg_cpu: per_cent(usage, now.saturating_sub(started)),
        cpu: per_cent(usage.saturating_sub(cpu_before), now.saturating_sub(before)),
        cpu_nano: usage,
        cpu_system_nano: system,
        mem_usage: memory,
        mem_limit: limit,
        mem_perc: per_cent(memory, limit),
        network: if subject.own_network { sources::network(subject.pid) } else { empty.network.clone() },
        block_input: read,
        block_output: written,
        pids: of_group(sources::pids_of_group).unwrap_or(sum.threads),
        up_time: usage,
        duration: usage,
        ..empty
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
fn per_cent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Subject {
        let pid = i32::try_from(std::process::id()).unwrap();
        Subject {
            id: "id".into(),
            name: "name".into(),
            pid,
            pid_start_time: Stat::read(pid).unwrap().started,
            started_ns: 1_000_000_000,
            group: None,
            needs_sum: true,
            own_network: true,
        }
    }

    #[test]
    fn the_first_sample_is_an_average_and_the_next_is_of_the_time_between() {
        let sum = Sum { cpu_nano: 500_000_000, memory: 4096, threads: 3 };
        let first = take(&own(), Some(&sum), None, 2_000_000_000).unwrap();
        assert_eq!((first.cpu, first.avg_cpu, first.pids, first.mem_usage), (50.0, 50.0, 3, 4096));
        let later = Sum { cpu_nano: 600_000_000, ..sum };
        let second = take(&own(), Some(&later), Some(&Previous::of(&first)), 3_000_000_000).unwrap();
        assert_eq!((second.cpu, second.avg_cpu), (10.0, 30.0));
        // A process has ended and taken its time along.
        let less = Sum { cpu_nano: 100_000_000, ..sum };
        let third = take(&own(), Some(&less), Some(&Previous::of(&second)), 4_000_000_000).unwrap();
        assert_eq!((third.cpu, third.cpu_nano), (0.0, 600_000_000));
    }

    #[test]
    fn what_does_not_run_uses_nothing_and_what_has_ended_is_left_out() {
        let stopped = take(&Subject { pid: 0, ..own() }, None, None, 5).unwrap();
        assert_eq!(
            stopped,
            ContainerStats { container_id: "id".into(), name: "name".into(), ..Default::default() }
        );
        assert_eq!(take(&Subject { pid_start_time: 1, ..own() }, None, None, 5), None);
    }
}
