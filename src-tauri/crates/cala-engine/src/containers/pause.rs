//! Pausing and letting go on.
//!
//! Only by the freezer of cgroup v2. To stop the container's processes by SIGSTOP one after the other would not be the same:
//! they are told (SIGCHLD to parents, SIGCONT handlers when they go on), a parent among them may let a stopped child go on or
//! take it for ended, a process that forks meanwhile escapes, the first process of a pid namespace takes no SIGSTOP from
//! inside, and who was stopped by its own job control before would go on with the others. So where there is no group it is
//! refused.

use std::time::Duration;

use cala_monitor::MonitorError;
use cala_spec::{ContainerId, ContainerStatus};
use cala_store::Container;

use super::inspect::cgroup_of;
use super::wrong_state;
use crate::{Engine, EngineError, Result, cgroup};

/// How long the kernel may take to freeze what is in a group; who waits for a disk that does not answer is not frozen.
const FREEZING: Duration = Duration::from_secs(10);

impl Engine {
    /// Freezes a container's processes; all of them are on return.
    ///
    /// # Errors
    /// When there is none, it does not run, or it has no control group of its own.
    pub fn pause(&self, name: &str) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        let status = container.state.status;
        let refused = |text: String| Err(wrong_state(text, String::new()));
        match status {
            ContainerStatus::Paused if container.alive => {
                return refused(format!("\"{id}\" is already paused: container state improper"));
            }
            ContainerStatus::Running if container.alive => {}
            _ => {
                return refused(format!(
                    "\"{status}\" is not running, can't pause: container state improper"
                ));
            }
        }
        self.freeze(&container, true)?;
        let dir = self.store()?.container_dir(&id);
        if let Some(group) = cgroup_of(&dir)
            && !cgroup::await_frozen(&group, FREEZING)
        {
            self.freeze(&container, false)?;
            return Err(EngineError::NotFrozen(id.to_string()));
        }
        Ok(id)
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// When there is none or it is not paused.
    pub fn unpause(&self, name: &str) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        if !container.alive || container.state.status != ContainerStatus::Paused {
            return Err(wrong_state(
                format!("\"{id}\" is not paused, can't unpause: container state improper"),
                String::new(),
            ));
        }
        self.freeze(&container, false)?;
        Ok(id)
    }

    fn freeze(&self, container: &Container, freeze: bool) -> Result<()> {
        let id = &container.config.id;
        let Some(mut monitor) = self.monitor(id)? else { return Err(ended(id)) };
        match if freeze { monitor.pause() } else { monitor.unpause() } {
            Err(MonitorError::Refused(failure)) if failure.code == "container_ended" => Err(ended(id)),
            done => Ok(done?),
        }
    }
}

/// It ended between two looks.
fn ended(id: &ContainerId) -> EngineError {
    wrong_state(format!("container {id} has just ended: container state improper"), String::new())
}
