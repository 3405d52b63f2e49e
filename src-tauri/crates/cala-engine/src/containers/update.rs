//! Changing what a container may use and what is done at its end, running or not.

use cala_monitor::MonitorClient;
use cala_monitor::protocol::NewLimits;
use cala_spec::container::Resources;
use cala_spec::{ContainerConfig, ContainerId};

use crate::cgroup::{self, Delegation};
use crate::oci::cpu_quota;
use crate::{Engine, Result, UpdateOptions};

impl Engine {
    /// Changes limits and restart policy of a container; what is not named stays. A running container has its new limits on
    /// return.
    ///
    /// # Errors
    /// When there is none, a value does not fit, or a limit cannot be set here; nothing is changed then.
    pub fn update(&self, name: &str, wish: &UpdateOptions) -> Result<ContainerId> {
        let id = self.resolve_container(name)?;
        self.change(&id, |engine, container| {
            let mut config = container.config.clone();
            merge(&mut config, wish);
            super::check::resources(&config.spec.resources)?;
            let limits = limits(wish);
            let changes = limits != NewLimits::default();
            if changes && cgroup::limits_asked(&config.spec.resources) {
                cgroup::check(&config.spec.resources, Delegation::find().as_ref())?;
            }
            super::check::restart(&config.spec)?;
            if container.alive && (changes || wish.restart.is_some()) {
                let mut monitor = MonitorClient::connect(&engine.store()?.run_dir(&id))?;
                if changes {
                    monitor.limit(limits)?;
                }
                wish.restart.map(|policy| monitor.set_restart(policy)).transpose()?;
            }
            Ok(config)
        })?;
        self.container_event(&self.store()?.read_config(&id)?, "update", &[])?;
        Ok(id)
    }
}

fn merge(config: &mut ContainerConfig, wish: &UpdateOptions) {
    merge_limits(&mut config.spec.resources, wish);
    if let Some(policy) = wish.restart {
        config.spec.restart = policy;
    }
}

/// Limits with those of the wish in place of what is.
pub(super) fn merge_limits(resources: &mut Resources, wish: &UpdateOptions) {
    if let Some(bytes) = wish.memory {
        resources.memory = Some(bytes).filter(|bytes| bytes.0 > 0);
    }
    if let Some(number) = wish.cpus {
        resources.cpus = Some(number).filter(|number| *number != 0.0);
    }
    if let Some(number) = wish.pids_limit {
        resources.pids_limit = Some(number);
    }
}

/// What a running container's group gets; 0 and less lift a limit.
fn limits(wish: &UpdateOptions) -> NewLimits {
    let or_none = |number: Option<u64>| number.filter(|number| *number > 0).unwrap_or(u64::MAX);
    let quota = |cpus| cpu_quota(cpus).and_then(|quota| u64::try_from(quota).ok());
    NewLimits {
        memory: wish.memory.map(|bytes| or_none(Some(bytes.0))),
        cpu_quota: wish.cpus.map(|cpus| or_none(quota(cpus))),
        pids: wish.pids_limit.map(|number| or_none(u64::try_from(number).ok())),
    }
}

#[cfg(test)]
mod tests {
    use cala_spec::ByteSize;

    use super::*;

    #[test]
    fn only_what_is_named_changes_and_nothing_lifts_a_limit() {
        assert_eq!(limits(&UpdateOptions::default()), NewLimits::default());
        let wish =
            UpdateOptions { memory: Some(ByteSize(1 << 20)), cpus: Some(1.5), ..UpdateOptions::default() };
        assert_eq!(limits(&wish), NewLimits { memory: Some(1 << 20), cpu_quota: Some(150_000), pids: None });
        let lift = UpdateOptions {
            memory: Some(ByteSize(0)),
            cpus: Some(0.0),
            pids_limit: Some(-1),
            ..UpdateOptions::default()
        };
        let none = Some(u64::MAX);
        assert_eq!(limits(&lift), NewLimits { memory: none, cpu_quota: none, pids: none });
    }
}
