//! Starting a container: a plan, a monitor, and word from it that the program runs.

use std::time::Duration;

use cala_holder::HolderClient;
use cala_monitor::protocol::AttachOptions as MonitorAttach;
use cala_monitor::{Attachment, MonitorClient, StartedInfo};
use cala_spec::{ContainerConfig, ContainerId, ContainerState, ContainerStatus};

use super::wrong_state;
use crate::{AttachOptions, Engine, EngineError, Result};

/// How long a monitor that has nothing to do any more may take to end.
const DECISION: Duration = Duration::from_secs(10);

impl Engine {
    /// Starts a container; does nothing when it runs.
    ///
    /// # Errors
    /// When there is none or it cannot start; kind `CommandNotFound` and `CommandNotExecutable` for its command.
    pub fn start(&self, name: &str) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        let started = self.launch(&id, None, |mut monitor| monitor.start())?;
        started.iter().for_each(tell);
        Ok(id)
    }

    /// Makes a container ready up to just before its program runs: file system, networks, ports; `start` lets it run.
    ///
    /// # Errors
    /// When there is none, it is made ready already or runs, or it cannot be made.
    pub fn init(&self, name: &str) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        let made_ready = || {
            wrong_state(
                format!("container {id} has already been created in runtime: container state improper"),
                String::new(),
            )
        };
        if self.sound(&id)?.alive {
            return Err(made_ready());
        }
        self.launch(&id, None, |mut monitor| monitor.init())?.ok_or_else(made_ready)?;
        Ok(id)
    }

    /// Starts a container with its streams attached from its first byte on.
    ///
    /// # Errors
    /// As `start`; also when it runs already.
    pub fn start_attached(&self, name: &str, options: &AttachOptions) -> Result<Attachment> {
        let id = self.resolve_container(name)?;
        let wish = wish(options);
        let started = self.launch(&id, wish.size, |monitor| monitor.attach_and_start(wish))?;
        match started {
            Some((started, attachment)) => {
                tell(&started);
                Ok(attachment)
            }
            None => Err(wrong_state(
                format!("container {id} is already running: container state improper"),
                format!("`cala attach {}` shows its output", id.short()),
            )),
        }
    }

    /// Attaches to a running container.
    ///
    /// # Errors
    /// When there is none or it does not run.
    pub fn attach(&self, name: &str, options: &AttachOptions) -> Result<Attachment> {
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        let status = container.state.status;
        if !container.alive || !matches!(status, ContainerStatus::Running | ContainerStatus::Stopping) {
            return Err(wrong_state(
                format!("attaching to container {id}: you can only attach to running containers"),
                format!("`cala start --attach {}` starts it and shows its output", id.short()),
            ));
        }
        let monitor = MonitorClient::connect(&self.store()?.run_dir(&id))?;
        Ok(monitor.attach(wish(options))?)
    }

    /// Spawns the monitor and has it do `how`; `None` when the container runs already.
    fn launch<T>(
        &self,
        id: &ContainerId,
        console_size: Option<(u16, u16)>,
        how: impl FnOnce(MonitorClient) -> std::result::Result<T, cala_monitor::MonitorError>,
    ) -> Result<Option<T>> {
        let store = self.store()?;
        // Settles the record first: under the stage lock nobody else could.
        store.container(id)?;
        // Held until the monitor has written its first state.
        let _stage = store.lock_stage(id)?;
        let container = store.await_decision(id, DECISION)?;
        match container.state.status {
            ContainerStatus::Paused if container.alive => return Err(paused(id)),
            ContainerStatus::Initialized if container.alive => {
                let monitor = MonitorClient::connect(&store.run_dir(id))?;
                return Ok(Some(how(monitor)?));
            }
            _ if container.alive => return Ok(None),
            _ => {}
        }
        let prepared = self.prepare(&container.config, console_size);
        let (monitor, _holders) = prepared.inspect_err(|error| self.keep_failure(id, error))?;
        Ok(Some(how(monitor)?))
    }

    /// Writes down why a container did not come to its monitor, which writes down all that fails later; the next start that
    /// works clears it. Under the stage lock. What cannot be written is told to the caller of the start all the same.
    fn keep_failure(&self, id: &ContainerId, error: &EngineError) {
        let Ok(store) = self.store() else { return };
        let Ok(state) = store.read_state(id) else { return };
        let state = ContainerState { error: cala_spec::error::chain(error), ..state };
        if let Err(error) = store.write_state(id, &state, false) {
            tracing::debug!(%error, "why the container did not start could not be written down");
        }
    }

    /// The monitor, and the holders of the networks, which are started meanwhile: the way out of a network takes longer
    /// than all the rest. Both are there before anything is asked of the monitor: it may be the one that hands out U to a
    /// holder, and does so only while it waits for a request.
    fn prepare(
        &self,
        config: &ContainerConfig,
        console_size: Option<(u16, u16)>,
    ) -> Result<(MonitorClient, Vec<HolderClient>)> {
        self.write_private_network(config)?;
        let monitor = || -> Result<MonitorClient> {
            let plan = self.write_plan(config, console_size)?;
            let run_dir = self.store()?.run_dir(&config.id);
            Ok(MonitorClient::spawn(&self.program("cala-monitor"), &plan, &run_dir)?)
        };
        if config.networks.is_empty() && !config.spec.network.is_private() {
            return Ok((monitor()?, Vec::new()));
        }
        std::thread::scope(|scope| {
            let holders = scope.spawn(|| self.holders(config));
            let monitor = monitor();
            let holders = holders.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok((monitor?, holders))
        })
    }
}

/// What is not as it should be although the container runs.
fn tell(started: &StartedInfo) {
    if let Some(warning) = &started.warning {
        tracing::warn!("{warning}");
    }
}

fn paused(id: &ContainerId) -> crate::EngineError {
    wrong_state(
        format!("container {id} must be in Created or Stopped state to be started: container state improper"),
        format!("it is paused: cala unpause {}", id.short()),
    )
}

fn wish(options: &AttachOptions) -> MonitorAttach {
    MonitorAttach {
        stdin: options.stdin,
        stdout: options.stdout,
        stderr: options.stderr,
        size: options.size.map(|size| (size.rows, size.cols)),
        logs: options.logs,
    }
}
