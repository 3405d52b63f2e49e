//! Waiting for a container.

use std::io::Read as _;
use std::os::unix::net::UnixStream;

use cala_monitor::MonitorClient;
use cala_monitor::protocol::{Reply, take_message};
use cala_spec::{ContainerId, ContainerStatus};
use cala_store::Container;

use crate::watch::DirWatch;
use crate::{Engine, EngineError, Result, WaitCondition};

/// Exit code of a container that went without telling one, as Podman prints it.
const UNKNOWN: i32 = -1;

impl Engine {
    /// Waits for a container and returns its exit code (-1 when it is gone without one, or the condition is another than
    /// its end). One that was never started is waited for until it has run.
    ///
    /// # Errors
    /// When there is none.
    pub fn wait(&self, name: &str, condition: WaitCondition) -> Result<i32> {
        self.wait_for(name, &[condition])
    }

    /// As `wait`, for whichever of these conditions is met first.
    ///
    /// # Errors
    /// When there is none, or its health is asked for and nothing checks it.
    pub fn wait_for(&self, name: &str, conditions: &[WaitCondition]) -> Result<i32> {
        let id = self.resolve_container(name)?;
        refuse_health(&id, conditions)?;
        // A monitor that is killed writes nothing, but hangs up; and of a container of `--rm` it alone knows the code.
        let mut end = None;
        loop {
            // Watched before it is looked at, so that no change is missed.
            let container = match self.watch(&id).and_then(|watch| Ok((watch, self.store()?.container(&id)?)))
            {
                Ok(found) => Some(found),
                Err(error) if error.is_no_such_container() => None,
                Err(error) => return Err(error),
            };
            let Some((watch, container)) = container else {
                return Ok(end.and_then(exit_code).unwrap_or(UNKNOWN));
            };
            if let Some(code) = met(&container, conditions) {
                return Ok(code);
            }
            if end.is_none() && container.alive {
                end = self.monitor(&id)?.map(MonitorClient::into_waiter).transpose()?;
            }
            if watch.wait_or(end.as_ref()).map_err(|error| self.not_watched(&id, error))? {
                let code = end.take().and_then(exit_code);
                if let (true, Some(code)) = (conditions.contains(&WaitCondition::Stopped), code) {
                    return Ok(code);
                }
            }
        }
    }

    fn not_watched(&self, id: &ContainerId, error: std::io::Error) -> EngineError {
        EngineError::io("watch", &self.container_dir(id), error)
    }

    fn watch(&self, id: &ContainerId) -> Result<DirWatch> {
        let dir = self.container_dir(id);
        DirWatch::new(&dir).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => cala_store::StoreError::NoSuchContainer(id.to_string()).into(),
            _ => self.not_watched(id, error),
        })
    }

    fn container_dir(&self, id: &ContainerId) -> std::path::PathBuf {
        self.store().map(|store| store.container_dir(id)).unwrap_or_default()
    }
}

/// The code to tell when one of the conditions holds.
fn met(container: &Container, conditions: &[WaitCondition]) -> Option<i32> {
    let wants = |condition| conditions.contains(&condition);
    let other = |condition| wants(condition).then_some(UNKNOWN);
    match container.state.status {
        ContainerStatus::Exited | ContainerStatus::Restarting => {
            wants(WaitCondition::Stopped).then_some(container.state.exit_code)
        }
        ContainerStatus::Created => other(WaitCondition::Created),
        ContainerStatus::Initialized => other(WaitCondition::Initialized),
        ContainerStatus::Running => other(WaitCondition::Running),
        ContainerStatus::Paused => other(WaitCondition::Paused),
        ContainerStatus::Stopping => other(WaitCondition::Stopping),
        ContainerStatus::Removing => other(WaitCondition::Removed),
        ContainerStatus::Damaged => None,
    }
}

fn refuse_health(id: &ContainerId, conditions: &[WaitCondition]) -> Result<()> {
    let asked = conditions.iter().find_map(|condition| match condition {
        WaitCondition::Healthy => Some("healthy"),
        WaitCondition::Unhealthy => Some("unhealthy"),
        _ => None,
    });
    asked.map_or(Ok(()), |word| {
        Err(EngineError::invalid(
            "no_healthcheck",
            format!("cannot use condition {word:?}: container {id} has no healthcheck"),
        ))
    })
}

/// What a monitor told of the end before it hung up; `None` when it was killed or has not started the container.
fn exit_code(mut end: UnixStream) -> Option<i32> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 512]);
    loop {
        // It stays for a while after its message, so the end of the stream is not waited for.
        if let Some(message) = take_message(&mut bytes).ok()? {
            return match serde_json::from_slice(&message).ok()? {
                Reply::Exited(info) => Some(info.code),
                _ => None,
            };
        }
        match end.read(&mut piece).ok()? {
            0 => return None,
            count => bytes.extend_from_slice(piece.get(..count)?),
        }
    }
}
