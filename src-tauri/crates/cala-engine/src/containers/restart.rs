//! Restarting.

use std::time::Duration;

use cala_spec::{ContainerId, ContainerStatus};

use super::wrong_state;
use crate::{Engine, Result};

impl Engine {
    /// Stops a container as `stop` does, if it runs, and starts it; its name, networks and ports stay.
    ///
    /// # Errors
    /// When there is none, it is paused, or it cannot be started.
    pub fn restart(&self, name: &str, timeout: Option<Duration>) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        let status = container.state.status;
        if container.alive && status == ContainerStatus::Paused {
            return Err(wrong_state(
                "unable to restart a container in a paused or unknown state: container state improper"
                    .to_owned(),
                format!("let it go on first: cala unpause {}", id.short()),
            ));
        }
        self.container_event(&container.config, "restart", &[])?;
        if container.alive && status != ContainerStatus::Initialized {
            self.end(&id, timeout, true)?;
        }
        self.start(id.as_str())
    }
}
