//! Waiting for a container.

use cala_monitor::MonitorError;
use cala_spec::{ContainerId, ContainerStatus};

use crate::watch::DirWatch;
use crate::{Engine, EngineError, Result, WaitCondition};

/// Exit code of a container that went without telling one, as Podman prints it.
const UNKNOWN: i32 = -1;

impl Engine {
    /// Waits for a container and returns its exit code (-1 when it is gone without one). One that was never started is
    /// waited for until it has run.
    ///
    /// # Errors
    /// When there is none.
    pub fn wait(&self, name: &str, condition: WaitCondition) -> Result<i32> {
        let id = self.resolve_container(name)?;
        let mut last = None;
        loop {
            // Watched before it is looked at, so that no change is missed.
            let watch = match self.watch(&id) {
                Ok(watch) => watch,
                Err(error) if error.is_no_such_container() => return Ok(last.unwrap_or(UNKNOWN)),
                Err(error) => return Err(error),
            };
            let container = match self.store()?.container(&id).map_err(EngineError::from) {
                Ok(container) => container,
                Err(error) if error.is_no_such_container() => return Ok(last.unwrap_or(UNKNOWN)),
                Err(error) => return Err(error),
            };
            let status = container.state.status;
            match condition {
                WaitCondition::Stopped if status == ContainerStatus::Exited => {
                    return Ok(container.state.exit_code);
                }
                WaitCondition::Running if container.alive && status == ContainerStatus::Running => {
                    return Ok(UNKNOWN);
                }
                WaitCondition::Stopped | WaitCondition::Removed if container.alive => {
                    last = self.wait_for_end(&id)?.or(last);
                    if let (WaitCondition::Stopped, Some(code)) = (condition, last) {
                        return Ok(code);
                    }
                }
                _ => {
                    watch
                        .wait(None)
                        .map_err(|error| EngineError::io("watch", &self.container_dir(&id), error))?;
                }
            }
        }
    }

    /// The exit code as its monitor tells it; `None` when the monitor is gone or has not started the container yet.
    fn wait_for_end(&self, id: &ContainerId) -> Result<Option<i32>> {
        let Some(monitor) = self.monitor(id)? else { return Ok(None) };
        match monitor.wait() {
            Ok(info) => Ok(Some(info.code)),
            Err(MonitorError::Closed | MonitorError::Refused(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn watch(&self, id: &ContainerId) -> Result<DirWatch> {
        let dir = self.container_dir(id);
        DirWatch::new(&dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => cala_store::StoreError::NoSuchContainer(id.to_string()).into(),
            _ => EngineError::io("watch", &dir, error),
        })
    }

    fn container_dir(&self, id: &ContainerId) -> std::path::PathBuf {
        self.store().map(|store| store.container_dir(id)).unwrap_or_default()
    }
}
