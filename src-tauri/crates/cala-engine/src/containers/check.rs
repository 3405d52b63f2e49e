//! Checks of a wish, before an image is pulled or anything is made.

use cala_spec::ContainerSpec;
use cala_spec::container::{NetworkMode, Resources};
use cala_spec::mount::Mount;
use cala_spec::namespaces::{IpcMode, NamespaceMode};
use cala_spec::restart::RestartPolicy;
use oci_spec::runtime::LinuxSeccomp;

use super::globs;
use super::mounts::{self, Surroundings};
use super::private::{OPENED, opens_host_loopback};
use super::volume_mounts;
use crate::oci::security::{Seccomp, Security};
use crate::oci::{capabilities, cpu_quota, devices, rlimits, seccomp_profile};
use crate::{Engine, EngineError, Result, cgroup, timezone};

/// Bytes of the longest host name (sethostname(2)).
const MAX_HOSTNAME: usize = 64;

/// What the checks found out.
#[derive(Debug)]
pub(super) struct Checked {
    /// Mounts with clean targets.
    pub(super) mounts: Vec<Mount>,
    /// The bytes of the secrets, in the order of the wish.
    pub(super) secrets: Vec<Vec<u8>>,
    /// The filter of `--security-opt seccomp=PROFILE`, for this container's capabilities.
    pub(super) seccomp: Option<LinuxSeccomp>,
}

impl Engine {
    /// Checks everything that can be known without the image.
    pub(super) fn check(&self, spec: &ContainerSpec) -> Result<Checked> {
        if spec.image.is_empty() {
            return Err(EngineError::invalid("no_image", "an image must be named"));
        }
        let security = Security::parse(&spec.security_opt)?;
        let capabilities = capabilities::merge(spec)?;
        rlimits::check(&spec.ulimits)?;
        numbers(spec)?;
        process(spec)?;
        hostname(spec)?;
        if opens_host_loopback(spec)? {
            tracing::warn!("{OPENED}");
        }
        devices::check(&spec.devices)?;
        if cgroup::limits_asked(&spec.resources) {
            cgroup::check(&spec.resources, cgroup::Delegation::find().as_ref())?;
        }
        let around = self.surroundings(security.allow_control_sockets);
        let mounts = mounts::check(&globs::expanded(&spec.mounts)?, &around)?;
        volume_mounts::check(self.store()?, &mounts, &around)?;
        let seccomp = match &security.seccomp {
            Seccomp::Profile(path) => Some(seccomp_profile::read(path, &capabilities, &kernel_release())?),
            Seccomp::Default | Seccomp::Unconfined => None,
        };
        Ok(Checked { mounts, secrets: Vec::new(), seccomp })
    }

    /// What mounts are checked against.
    pub(super) fn surroundings(&self, allow_control_sockets: bool) -> Surroundings<'_> {
        let user_run = std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from);
        Surroundings { run: self.run_root(), user_run, allow_control_sockets }
    }
}

fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Limits that are numbers at all.
pub(super) fn resources(resources: &Resources) -> Result<()> {
    let invalid = |code, text: &str| Err(EngineError::invalid(code, text));
    if resources.cpus.is_some_and(|cpus| cpu_quota(cpus).is_none()) {
        return invalid("invalid_cpus", "invalid value for --cpus: it must be a positive number such as 0.5");
    }
    if resources.memory.is_some_and(|memory| memory.0 == 0) {
        return invalid("invalid_memory", "invalid value for --memory: it must be more than 0");
    }
    Ok(())
}

/// What is removed when it ends is not started again.
pub(super) fn restart(spec: &ContainerSpec) -> Result<()> {
    if spec.remove && spec.restart != RestartPolicy::No {
        return Err(EngineError::invalid(
            "restart_and_remove",
            "the --rm option conflicts with --restart, when the restartPolicy is not \"\" and \"no\"",
        ));
    }
    Ok(())
}

fn numbers(spec: &ContainerSpec) -> Result<()> {
    let invalid = |code, text: &str| Err(EngineError::invalid(code, text));
    resources(&spec.resources)?;
    restart(spec)?;
    if spec.shm_size.is_some_and(|size| size.0 == 0) {
        return invalid("invalid_shm_size", "invalid value for --shm-size: it must be more than 0");
    }
    if spec.log_max_files == Some(0) {
        return invalid("invalid_log_opt", "invalid value for --log-opt max-file: at least one file is kept");
    }
    Ok(())
}

/// What the process is given must be the container's own to change.
fn process(spec: &ContainerSpec) -> Result<()> {
    let options = &spec.process;
    if let Some(score) = options.oom_score_adj.filter(|score| !(-1000..=1000).contains(score)) {
        let text = format!("invalid value for --oom-score-adj: {score} is not from -1000 to 1000");
        return Err(EngineError::invalid("invalid_oom_score_adj", text));
    }
    if let Some(zone) = &options.timezone {
        timezone::read(zone)?;
    }
    for key in options.sysctls.keys() {
        let (of, is_own) = if key.starts_with("net") {
            ("network", spec.network.is_own())
        } else {
            ("IPC", spec.namespaces.ipc != IpcMode::Host)
        };
        if !is_own {
            let text =
                format!("sysctl '{key}' is not allowed: the container has no {of} namespace of its own");
            return Err(EngineError::invalid("sysctl_not_allowed", text));
        }
    }
    Ok(())
}

fn hostname(spec: &ContainerSpec) -> Result<()> {
    let Some(name) = &spec.hostname else { return Ok(()) };
    if spec.namespaces.uts == NamespaceMode::Host {
        return Err(EngineError::invalid(
            "hostname_of_host",
            "cannot set hostname when running in the host UTS namespace",
        ));
    }
    let label = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if name.len() > MAX_HOSTNAME || !name.split('.').all(label) {
        let shown: String = name.chars().take(80).collect();
        return Err(EngineError::invalid(
            "invalid_hostname",
            format!(
                "invalid hostname \"{shown}\": letters, digits, `-` and dots, at most {MAX_HOSTNAME} of them"
            ),
        ));
    }
    Ok(())
}

/// The host's own name: that of a container in the host's network.
pub(super) fn default_hostname(spec: &ContainerSpec, id: &cala_spec::ContainerId) -> String {
    let of_host = spec.network == NetworkMode::Host || spec.namespaces.uts == NamespaceMode::Host;
    match &spec.hostname {
        Some(name) => name.clone(),
        None if of_host => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        None => id.short().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cala_spec::ByteSize;

    use super::*;

    #[test]
    fn numbers_and_names_are_checked() {
        let good = ContainerSpec { hostname: Some("web-1.example".into()), ..ContainerSpec::default() };
        assert!(hostname(&good).is_ok() && numbers(&good).is_ok());
        for name in ["", "a b", "-".repeat(65).as_str(), "a..b", "ä"] {
            assert!(
                hostname(&ContainerSpec { hostname: Some(name.into()), ..ContainerSpec::default() }).is_err(),
                "{name}"
            );
        }
        let bad = [
            ContainerSpec { shm_size: Some(ByteSize(0)), ..ContainerSpec::default() },
            ContainerSpec { log_max_files: Some(0), ..ContainerSpec::default() },
            ContainerSpec {
                resources: Resources { cpus: Some(-1.0), ..Resources::default() },
                ..ContainerSpec::default()
            },
        ];
        assert!(bad.iter().all(|spec| numbers(spec).is_err()));
    }
}
