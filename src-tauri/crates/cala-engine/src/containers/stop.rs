//! Stopping and signalling.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cala_monitor::{MonitorClient, MonitorError};
use cala_spec::{ContainerId, Signal};
use cala_sys::pidfd::PidFd;
use cala_sys::poll::{self, Interest};

use super::wrong_state;
use crate::{Engine, Result};

/// What `stop` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It did not run.
    NotRunning,
    /// It ended by its stop signal.
    Gracefully,
    /// It had to be killed, because it did not end in this time.
    Killed(Duration),
}

impl Engine {
    /// Stops a container: its stop signal, then SIGKILL after `timeout` (its own by default).
    ///
    /// # Errors
    /// When there is none or its monitor does not answer.
    pub fn stop(&self, name: &str, timeout: Option<Duration>) -> Result<Stopped> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        if !container.alive {
            return Ok(Stopped::NotRunning);
        }
        let killed = self.end(&id, timeout, false)?;
        self.container_event(&container.config, "stop", &[])?;
        Ok(match killed {
            Some(true) => {
                Stopped::Killed(timeout.unwrap_or(Duration::from_secs(container.config.stop_timeout)))
            }
            Some(false) => Stopped::Gracefully,
            None => Stopped::NotRunning,
        })
    }

    /// Sends a signal to a container's first process.
    ///
    /// # Errors
    /// When there is none or it does not run.
    pub fn kill(&self, name: &str, signal: Signal) -> Result<()> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        let not_running = || {
            let status = container.state.status;
            wrong_state(
                format!(
                    "can only kill running containers. {id} is in state {status}: container state improper"
                ),
                String::new(),
            )
        };
        if !container.alive || !container.state.status.has_run() {
            return Err(not_running());
        }
        match self.monitor(&id)?.map(|mut monitor| monitor.signal(signal.0)) {
            Some(sent) => sent?,
            None => return Err(not_running()),
        }
        self.container_event(&container.config, "kill", &[("signal", signal.0.to_string())])
    }

    /// Has the monitor end its container by its stop signal, then by SIGKILL, and returns when that is recorded; tells
    /// whether SIGKILL was needed, `None` when it had ended meanwhile. With `keep` a container of `--rm` stays.
    pub(super) fn end(
        &self,
        id: &ContainerId,
        timeout: Option<Duration>,
        keep: bool,
    ) -> Result<Option<bool>> {
        let Some(mut monitor) = self.monitor(id)? else { return self.end_unreachable(id) };
        let stopped = if keep { monitor.stop_and_keep(timeout) } else { monitor.stop(None, timeout) };
        match stopped {
            Ok(outcome) => Ok(Some(outcome.killed)),
            // Its monitor was killed, and the container with it.
            Err(MonitorError::Closed) => Ok(None),
            Err(MonitorError::Refused(failure)) if failure.code == "container_ended" => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The container's monitor; `None` when it has just ended.
    pub(super) fn monitor(&self, id: &ContainerId) -> Result<Option<MonitorClient>> {
        match MonitorClient::connect(&self.store()?.run_dir(id)) {
            Ok(monitor) => Ok(Some(monitor)),
            Err(MonitorError::NotRunning { .. } | MonitorError::Closed) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a container whose monitor lives but has lost its socket (its run directory was wiped at a logout): the monitor
    /// is killed and the kernel ends the container with it. `None` when both had ended.
    fn end_unreachable(&self, id: &ContainerId) -> Result<Option<bool>> {
        let store = self.store()?;
        if !store.monitor_alive(id) {
            return Ok(None);
        }
        let state = store.container(id)?.state;
        let gone = || Ok(None);
        let Some(monitor) = parent_of(state.pid, state.pid_start_time) else { return gone() };
        let Ok(process) = PidFd::open(monitor) else { return gone() };
        // Asked again with the process held, so that a number given to another meanwhile is not killed.
        if parent_of(state.pid, state.pid_start_time) != Some(monitor)
            || process.send_signal(Signal::KILL.0).is_err()
        {
            return gone();
        }
        // Readable when the process is gone, and with it the lock; then the record is settled.
        let ended = [Interest { fd: process.as_fd(), read: true, write: false, token: () }];
        let _ = poll::wait(&ended, Some(Instant::now() + Duration::from_secs(10)), &mut Vec::new());
        store.container(id)?;
        Ok(Some(true))
    }
}

/// The parent of a process, when it is still the one that started at that time (proc_pid_stat(5), fields 4 and 22).
fn parent_of(pid: i32, start_time: u64) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let started: u64 = fields.get(19)?.parse().ok()?;
    (started == start_time).then(|| fields.get(1)?.parse().ok()).flatten()
}
