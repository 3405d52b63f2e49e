//! Pausing by the freezer of cgroup v2 (cgroup-v2.rst, `cgroup.freeze`): all processes of the container at once, execs too,
//! without their doing or knowing.

use cala_spec::{ContainerStatus, ErrorKind};

use super::Monitor;
use super::requests::ended;
use crate::launcher::{failed, failure_of};
use crate::protocol::{Failure, Reply};

impl Monitor {
    /// Freezes the container or lets it go on. The kernel freezes at its own time; the monitor does not wait for it.
    pub(super) fn pause(&mut self, freeze: bool) -> Result<Option<Reply>, Failure> {
        let (from, to) = match freeze {
            true => (ContainerStatus::Running, ContainerStatus::Paused),
            false => (ContainerStatus::Paused, ContainerStatus::Running),
        };
        if self.state.status != from {
            return Err(ended());
        }
        let cgroup = self.cgroup.as_ref().ok_or_else(no_cgroup)?;
        cgroup.freeze(freeze).map_err(|error| failure_of(&error))?;
        self.state.status = to;
        self.write_state();
        self.event(if freeze { "pause" } else { "unpause" }, None);
        Ok(Some(Reply::Done))
    }
}

fn no_cgroup() -> Failure {
    Failure {
        kind: ErrorKind::NotSupported,
        code: "no_cgroup".to_owned(),
        hints: vec![
            "start it again where cgroup v2 is delegated to you; in a session of ssh or of the console, begin the \
             command with: systemd-run --user --scope --quiet"
                .to_owned(),
        ],
        ..failed("cannot pause: the container was started without a control group of its own".to_owned())
    }
}
