//! The processes of a running container.

use cala_spec::ContainerStatus;

use super::wrong_state;
use crate::processes::{self, Names, Stat, TICKS};
use crate::view::ProcessTable;
use crate::{Engine, Result};

impl Engine {
    /// The processes of a running container, in columns that `words` choose: descriptors of podman-top(1), or the usual
    /// options of ps(1). All is read in /proc from outside; nothing of the container is executed.
    ///
    /// # Errors
    /// When there is none, it does not run, or a word is no column.
    pub fn top(&self, name: &str, words: &[String]) -> Result<ProcessTable> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        let columns = processes::chosen(words)?;
        let status = container.state.status;
        let pid = container.state.pid;
        let runs = container.alive
            && matches!(status, ContainerStatus::Running | ContainerStatus::Stopping | ContainerStatus::Paused)
            // Its number may be another's by now.
            && Stat::read(pid).is_some_and(|stat| stat.started == container.state.pid_start_time);
        if !runs {
            return Err(wrong_state(
                "top can only be used on running containers".to_owned(),
                format!("start it first: cala start {}", id.short()),
            ));
        }
        let all = processes::of_container(pid);
        let names = Names::of_container(pid);
        let seen = processes::Seen { names: &names, all: &all, now: ticks_since_boot() };
        let row = |process| columns.iter().map(|column| (column.make)(process, &seen)).collect();
        Ok(ProcessTable {
            titles: columns.iter().map(|column| column.title.to_owned()).collect(),
            processes: all.iter().map(row).collect(),
        })
    }

    /// The names of the columns that `top` has, sorted.
    #[must_use]
    pub fn top_descriptors() -> Vec<&'static str> {
        processes::descriptors()
    }
}

/// Now, as start times of processes are told: with the time that the machine slept (proc_uptime(5), seconds with two
/// digits).
fn ticks_since_boot() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let (seconds, part) =
        text.split([' ', '\n']).next().and_then(|now| now.split_once('.')).unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().unwrap_or(0);
    number(seconds).saturating_mul(TICKS).saturating_add(number(part))
}
