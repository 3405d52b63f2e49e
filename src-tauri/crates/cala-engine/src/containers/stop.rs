//! Stopping and signalling.

use std::time::Duration;

use cala_monitor::{MonitorClient, MonitorError};
use cala_spec::{ContainerId, Signal};

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
        let killed = self.end(&id, None, timeout)?;
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
        if !container.alive {
            return Err(not_running());
        }
        match self.monitor(&id)?.map(|mut monitor| monitor.signal(signal.0)) {
            Some(sent) => sent?,
            None => return Err(not_running()),
        }
        self.container_event(&container.config, "kill", &[("signal", signal.0.to_string())])
    }

    /// Has the monitor end its container and returns when that is recorded; tells whether SIGKILL was needed, `None` when
    /// it had ended meanwhile.
    pub(super) fn end(
        &self,
        id: &ContainerId,
        signal: Option<Signal>,
        timeout: Option<Duration>,
    ) -> Result<Option<bool>> {
        let Some(mut monitor) = self.monitor(id)? else { return Ok(None) };
        match monitor.stop(signal.map(|signal| signal.0), timeout) {
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
}
