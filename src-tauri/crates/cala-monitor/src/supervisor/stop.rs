//! Stopping: the stop signal, then SIGKILL.

use std::time::{Duration, Instant};

use cala_spec::ContainerStatus;

use super::requests::{MAX_SIGNAL, ended};
use super::{Monitor, Stopping};
use crate::launcher::invalid;
use crate::protocol::{Failure, Reply};

impl Monitor {
    pub(super) fn stop(
        &mut self,
        index: usize,
        signal: Option<i32>,
        timeout_ms: Option<u64>,
        keep: bool,
    ) -> Result<Option<Reply>, Failure> {
        if signal.is_some_and(|signal| !(1..=MAX_SIGNAL).contains(&signal)) {
            return Err(invalid("no such signal".to_owned()));
        }
        if !self.state.status.is_alive() {
            return Err(ended());
        }
        if self.give_up_restart() {
            return Ok(Some(Reply::Stopped { killed: false }));
        }
        self.restarts.are_unwanted();
        self.facts.rm &= !keep;
        if let Some(client) = self.clients.get_mut(index) {
            client.stops = true;
        }
        if self.waiting.is_some() {
            self.end_waiting();
        } else {
            self.begin_stop(signal, timeout_ms.map(Duration::from_millis));
        }
        Ok(None)
    }

    /// Sends the stop signal; SIGKILL follows after the time-out, whether the one who asked is still there or not. A
    /// second stop may only shorten the first.
    pub(super) fn begin_stop(&mut self, signal: Option<i32>, timeout: Option<Duration>) {
        let Some(process) = &self.container else { return };
        // One that has just ended is being reaped.
        let _ = process.pidfd.send_signal(signal.unwrap_or(self.facts.stop_signal));
        let deadline = Instant::now().checked_add(timeout.unwrap_or(self.facts.stop_timeout));
        match &mut self.stopping {
            Some(stopping) => {
                stopping.deadline = stopping.deadline.map(|old| deadline.map_or(old, |new| old.min(new)));
            }
            None => self.stopping = Some(Stopping { deadline, killed: false }),
        }
        let paused = self.state.status == ContainerStatus::Paused;
        if paused || self.state.status == ContainerStatus::Running {
            self.state.status = ContainerStatus::Stopping;
            self.write_state();
        }
        if paused && let Some(cgroup) = &self.cgroup {
            // Its signal waits for it. What cannot go on is killed at the deadline, frozen as it is.
            let _ = cgroup.freeze(false);
        }
    }

    /// Kills what has run for as long as it may (`--timeout`).
    pub(super) fn end_overdue(&mut self, now: Instant) {
        if self.run_until.is_some_and(|until| now >= until) {
            self.run_until = None;
            // One that has just ended is being reaped.
            let _ = self.container.as_ref().map(|process| process.pidfd.send_signal(9));
        }
    }

    /// Kills what did not stop in time.
    pub(super) fn escalate(&mut self, now: Instant) {
        let Some(stopping) = &mut self.stopping else { return };
        let Some(process) = self.container.as_ref().filter(|process| process.drain_deadline().is_none())
        else {
            stopping.deadline = None;
            return;
        };
        if stopping.deadline.is_some_and(|deadline| now >= deadline) {
            stopping.deadline = None;
            stopping.killed = process.pidfd.send_signal(9).is_ok();
        }
    }
}
