//! What is done to a running container through its control group: pausing, other limits.
//!
//! Pausing is by the freezer of cgroup v2 (cgroup-v2.rst, `cgroup.freeze`): all processes of the container at once, execs too,
//! without their doing or knowing.

use cala_runtime::cgroup::Limits;
use cala_spec::{ContainerStatus, ErrorKind};

use super::Monitor;
use super::requests::ended;
use crate::launcher::{failed, failure_of};
use crate::protocol::{Failure, NewLimits, Reply};

/// Microseconds of a period of `cpu.max`.
const CPU_PERIOD: f64 = 100_000.0;

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
        let cgroup = self.cgroup.as_ref().ok_or_else(|| no_cgroup("pause"))?;
        cgroup.freeze(freeze).map_err(|error| failure_of(&error))?;
        self.state.status = to;
        self.write_state();
        self.event(if freeze { "pause" } else { "unpause" }, None);
        Ok(Some(Reply::Done))
    }

    /// Sets other limits.
    pub(super) fn limit(&mut self, limits: NewLimits) -> Result<Option<Reply>, Failure> {
        if self.settled.is_some() {
            return Err(ended());
        }
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a period are far below 2^52")]
        let cpus = |quota: u64| if quota == u64::MAX { f64::INFINITY } else { quota as f64 / CPU_PERIOD };
        let cgroup = self.cgroup.as_ref().ok_or_else(|| no_cgroup("limit"))?;
        let changed = limits.or(self.changed);
        let limits = Limits { memory: limits.memory, cpus: limits.cpu_quota.map(cpus), pids: limits.pids };
        cgroup.set(&limits).map_err(|error| failure_of(&error))?;
        self.changed = changed;
        Ok(Some(Reply::Done))
    }
}

fn no_cgroup(act: &str) -> Failure {
    Failure {
        kind: ErrorKind::NotSupported,
        code: "no_cgroup".to_owned(),
        hints: vec![
            "start it again where cgroup v2 is delegated to you; in a session of ssh or of the console, begin the \
             command with: systemd-run --user --scope --quiet"
                .to_owned(),
        ],
        ..failed(format!("cannot {act}: the container was started without a control group of its own"))
    }
}
