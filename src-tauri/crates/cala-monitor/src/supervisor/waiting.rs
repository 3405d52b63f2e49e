//! A container that is made and not yet let go (`cala init`): its first process waits just before its program.

use cala_runtime::Created;
use cala_spec::{ContainerState, ContainerStatus};
use cala_sys::pidfd::Exit;

use super::Monitor;
use super::networks::Networks;
use super::process::Process;
use super::requests::start_failure;
use super::start::step;
use super::streams::Streams;
use crate::protocol::Failure;
use crate::record;

/// The process that waits, and the streams that it will have.
#[derive(Debug)]
pub(super) struct Waiting {
    created: Created,
    streams: Streams,
}

impl Waiting {
    pub(super) fn new(created: Created, streams: Streams) -> Self {
        Self { created, streams }
    }

    /// Its pid in the monitor's namespace.
    pub(super) fn pid(&self) -> i32 {
        self.created.pid()
    }

    /// Its host pid.
    pub(super) fn proc_pid(&self) -> i32 {
        self.created.proc_pid()
    }

    /// Lets the program run; the process and its host pid.
    pub(super) fn start(self) -> Result<(Process, i32), Failure> {
        let started = self.created.start().map_err(|error| start_failure(&error))?;
        let pid = started.proc_pid;
        let process = Process::new(started, self.streams).map_err(step("take the container's streams"))?;
        Ok((process, pid))
    }
}

impl Monitor {
    /// Makes the container up to just before its program runs.
    ///
    /// A failure is final, as that of [`Self::start_container`].
    pub(super) fn init_container(&mut self) -> Result<(), Failure> {
        let made = self.make();
        self.conclude(made)?;
        self.record_init();
        cala_sys::heap::release_free_memory();
        Ok(())
    }

    fn record_init(&mut self) {
        let pid = self.waiting.as_ref().map_or(0, Waiting::proc_pid);
        self.state = ContainerState {
            status: ContainerStatus::Initialized,
            pid,
            pid_start_time: record::start_time(pid),
            monitor_pid: record::own_pid(),
            boot_id: record::boot_id(),
            error: String::new(),
            networks: self.networks.as_ref().map(Networks::statuses).unwrap_or_default(),
            ..record::read_state(&self.facts.container_dir)
        };
        self.write_state();
        self.event("init", None);
    }

    /// Ends the process that waits. Its end is told by SIGCHLD, as that of a program.
    pub(super) fn end_waiting(&self) {
        if let Some(waiting) = &self.waiting {
            // One that has just ended is about to be reaped.
            let _ =
                rustix::process::pidfd_send_signal(waiting.created.pidfd(), rustix::process::Signal::KILL);
        }
    }

    /// The process that waited has ended and was reaped.
    pub(super) fn waiting_ended(&mut self, exit: Exit) {
        if let Some(waiting) = self.waiting.take() {
            // Its number may be another's from now on, so it must not be killed by it.
            drop(waiting.created.leave());
            self.settle(exit);
        }
    }
}
