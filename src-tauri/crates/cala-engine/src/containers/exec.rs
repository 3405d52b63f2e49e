//! A further command in a running container.

use cala_monitor::protocol::ExecRequest;
use cala_monitor::{Attachment, MonitorError};
use cala_spec::ContainerStatus;

use super::wrong_state;
use crate::{Engine, EngineError, ExecOptions, Result};

/// A command that was started by `exec`.
#[derive(Debug)]
pub struct ExecStarted {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its streams and, last, its exit code; `None` when detached.
    pub attachment: Option<Attachment>,
    /// Its host pid.
    pub pid: i32,
}

impl Engine {
    /// Runs a further command in a running container.
    ///
    /// # Errors
    /// When there is none, it does not run, or the command cannot start.
    pub fn exec(&self, name: &str, options: &ExecOptions) -> Result<ExecStarted> {
        if options.command.is_empty() {
            return Err(EngineError::invalid(
                "no_command",
                "must provide a non-empty command to start an exec session",
            ));
        }
        if let Some(user) = &options.user {
            crate::config::check_user(user)?;
        }
        let id = self.resolve_container(name)?;
        let container = self.sound(&id)?;
        let paused = container.state.status == ContainerStatus::Paused;
        let not_running = || {
            let word = if paused { "it is paused: cala unpause" } else { "start it first: cala start" };
            wrong_state(
                "can only create exec sessions on running containers: container state improper".to_owned(),
                format!("{word} {}", id.short()),
            )
        };
        if !container.alive || paused {
            return Err(not_running());
        }
        // It may end, or be removed, while it is talked to.
        let Some(monitor) = self.monitor(&id)? else { return Err(not_running()) };
        let session = cala_store::new_container_id()?.to_string();
        let started = match monitor.exec(request(options, &session)) {
            Err(MonitorError::Closed) => return Err(not_running()),
            Err(MonitorError::Refused(failure)) if failure.code == "container_ended" => {
                return Err(not_running());
            }
            started => started?,
        };
        Ok(ExecStarted { id: session, attachment: started.attachment, pid: started.pid })
    }
}

fn request(options: &ExecOptions, session: &str) -> ExecRequest {
    let mut env: Vec<String> = options.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if options.tty && !options.env.iter().any(|(name, _)| name == "TERM") {
        env.push("TERM=xterm".to_owned());
    }
    ExecRequest {
        args: options.command.clone(),
        env,
        // What is not absolute is below the root, as for Podman's runtime.
        workdir: options
            .workdir
            .as_ref()
            .filter(|dir| !dir.is_empty())
            .map(|dir| crate::config::absolute(dir)),
        user: options.user.clone(),
        tty: options.tty,
        stdin: options.interactive,
        size: options.size.map(|size| (size.rows, size.cols)),
        privileged: options.privileged,
        detach: options.detach,
        id: session.to_owned(),
    }
}
