//! What the monitor is told at a start: made of the stored configuration and of the machine as it is now.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cala_monitor::{LogPlan, RunPlan, SeccompPlan, SecretPlan, VolumePlan};
use cala_network::{addresses, files};
use cala_spec::container::NetworkMode;
use cala_spec::mount::MountSource;
use cala_spec::secret::SecretForm;
use cala_spec::{ContainerConfig, ContainerSpec};
use cala_userns::IdPlan;
use oci_spec::runtime::LinuxSeccomp;

use super::volume_mounts;
use crate::cgroup::Delegation;
use crate::oci::mounts::{self, Places};
use crate::oci::security::{Seccomp, Security};
use crate::oci::{self, Machine};
use crate::{Engine, EngineError, Result, timezone};

/// The folder of a container's directory that its secrets are in.
const SECRETS: &str = "secrets";
/// The current log file in a container's directory.
pub(super) const LOG_FILE: &str = "ctr.log";
/// The filter of `--security-opt seccomp=PROFILE`, as it was when the container was made.
pub(super) const SECCOMP_FILE: &str = "seccomp.json";
/// The plan.
pub(super) const PLAN_FILE: &str = "plan.json";

/// Group `tty`, which terminals belong to.
const TTY_GROUP: u32 = 5;

impl Engine {
    /// Writes the plan and the files that it refers to; the caller holds the stage lock. Returns the plan's path.
    pub(super) fn write_plan(
        &self,
        config: &ContainerConfig,
        console_size: Option<(u16, u16)>,
    ) -> Result<PathBuf> {
        let dir = self.store()?.container_dir(&config.id);
        self.write_own_files(config, &dir)?;
        let plan = self.plan(config, &dir, console_size)?;
        let bytes = serde_json::to_vec(&plan).map_err(|error| EngineError::Internal(error.to_string()))?;
        let path = dir.join(PLAN_FILE);
        write(&path, &bytes)?;
        Ok(path)
    }

    /// /etc/hostname, /etc/hosts, /etc/resolv.conf and /run/.containerenv of the container.
    fn write_own_files(&self, config: &ContainerConfig, dir: &Path) -> Result<()> {
        let name = config.name.as_str();
        let (hosts, resolv) = match config.spec.network {
            NetworkMode::None => {
                (files::hosts_of_loopback(&config.hostname, name), files::resolv_conf_of_loopback())
            }
            NetworkMode::Host => {
                let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
                let resolv = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
                (files::hosts_of_host(&hosts, outward_address(), &config.hostname, name), resolv)
            }
            NetworkMode::Bridge
            | NetworkMode::Pasta(_)
            | NetworkMode::Slirp4netns(_)
            | NetworkMode::Container(_)
            | NetworkMode::Ns(_) => self.network_files(config)?,
        };
        write(&dir.join("hostname"), files::hostname(&config.hostname).as_bytes())?;
        write(&dir.join("hosts"), hosts.as_bytes())?;
        write(&dir.join("resolv.conf"), resolv.as_bytes())?;
        if let Some(zone) = &config.spec.process.timezone {
            write(&dir.join("localtime"), &timezone::read(zone)?)?;
        }
        write(&dir.join("containerenv"), containerenv(config).as_bytes())
    }

    fn plan(
        &self,
        config: &ContainerConfig,
        dir: &Path,
        console_size: Option<(u16, u16)>,
    ) -> Result<RunPlan> {
        let store = self.store()?;
        let security = Security::parse(&config.spec.security_opt)?;
        // A volume may have been made anew, as something else, since the container was.
        volume_mounts::check(store, &config.spec.mounts, &self.surroundings(security.allow_control_sockets))?;
        let mut config = config.clone();
        let wishes = std::mem::take(&mut config.spec.mounts);
        config.spec.mounts = volume_mounts::effective(store, &wishes)?;
        let config = &config;
        let spec = &config.spec;
        let ids = cala_userns::plan()?;
        let delegation = Delegation::find();
        crate::cgroup::check(&spec.resources, delegation.as_ref())?;
        let (seccomp, profile) = seccomp(&security, spec.privileged, dir)?;
        let (volumes_dir, layers_dir) = (store.data().join("volumes"), store.data().join("layers"));
        let machine = Machine {
            places: Places {
                container_dir: dir,
                layers_dir: &layers_dir,
                volumes_dir: &volumes_dir,
                has_tty_group: has_group(&ids, TTY_GROUP),
            },
            max_gid: max_gid(&ids),
            default_pids: delegation.as_ref().and_then(Delegation::default_pids),
            seccomp: profile,
        };
        Ok(RunPlan {
            id: config.id.clone(),
            name: config.name.to_string(),
            container_dir: dir.to_owned(),
            run_dir: store.run_dir(&config.id),
            name_file: store.name_file(&config.name),
            events_dir: store.events_dir(),
            lower_dirs: config.layers.iter().map(|key| store.layer_diff(key)).collect(),
            spec: oci::spec(config, machine)?,
            seccomp,
            cgroup: delegation.map(|place| place.group(config.id.as_str())),
            anonymous_volumes: if spec.remove { anonymous_volumes(store, config) } else { Vec::new() },
            id_file: spec.cidfile.clone(),
            secrets: secret_files(spec, dir),
            secret_env: secret_variables(spec, dir),
            overlays: mounts::overlay_dirs(&config.spec.mounts, dir),
            volumes: volumes(store, config, &volumes_dir)?,
            name_user: !spec.process.no_passwd,
            groups: spec.process.groups.clone(),
            pid_file: spec.pid_file.clone(),
            restart: spec.restart,
            timeout_s: spec.timeout,
            rm: spec.remove,
            init: spec.init,
            workdir_must_exist: spec.workdir.as_ref().is_some_and(|workdir| !workdir.is_empty()),
            stdin_open: spec.interactive,
            tty: spec.tty,
            console_size,
            stop_signal: config.stop_signal,
            stop_timeout_s: config.stop_timeout,
            durable: !spec.remove,
            log: log(config, dir),
            network: self.network_plan(config, dir)?,
            image: config.image.clone(),
            labels: config.labels.clone(),
        })
    }
}

/// The directories of the volumes that were made without a name, for this container.
fn anonymous_volumes(store: &cala_store::Store, config: &ContainerConfig) -> Vec<PathBuf> {
    cala_store::volumes(config)
        .filter(|name| store.volume(name).is_ok_and(|volume| volume.anonymous))
        .map(|name| store.data().join("volumes").join(name))
        .collect()
}

/// Volumes that may be fresh, and sources that are to belong to the container's user.
fn volumes(
    store: &cala_store::Store,
    config: &ContainerConfig,
    volumes_dir: &Path,
) -> Result<Vec<VolumePlan>> {
    let mut plans = Vec::new();
    for mount in &config.spec.mounts {
        let says = |word: &str| mount.options.iter().any(|option| option == word);
        let (data, record) = match &mount.source {
            MountSource::Volume { name } => {
                let name = name.as_deref().unwrap_or_default();
                // Else the failure would be that of a file.
                store.volume(name)?;
                let data = mounts::volume_data(volumes_dir, name);
                let record = data.with_file_name("volume.json");
                // What the image has at a place of a part of the volume is not for all of it.
                (data, Some(record).filter(|_| mount.subpath().is_none()))
            }
            MountSource::Bind { path, .. } if says("U") => (PathBuf::from(path), None),
            _ => continue,
        };
        let options = volume_mounts::options(store, mount)?;
        plans.push(VolumePlan {
            data,
            destination: PathBuf::from(&mount.target),
            record,
            copy: !says("nocopy") && !options.no_copy,
            chown: says("U"),
            uid: options.uid,
            gid: options.gid,
        });
    }
    Ok(plans)
}

/// Where the bytes of secret number `index` of a container are.
fn secret_file(dir: &Path, index: usize) -> PathBuf {
    dir.join(SECRETS).join(index.to_string())
}

/// Copies the secrets of a container into its directory, readable by the user only.
pub(super) fn write_secrets(dir: &Path, secrets: &[Vec<u8>], durable: bool) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if secrets.is_empty() {
        return Ok(());
    }
    let folder = dir.join(SECRETS);
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    made.map_err(|error| EngineError::io("create", &folder, error))?;
    for (index, bytes) in secrets.iter().enumerate() {
        let path = secret_file(dir, index);
        cala_sys::durable::create_exclusive(&path, bytes, durable)
            .map_err(|error| EngineError::io("write", &path, error))?;
    }
    Ok(())
}

fn secret_files(spec: &ContainerSpec, dir: &Path) -> Vec<SecretPlan> {
    let all = spec.secrets.iter().enumerate().filter_map(|(index, secret)| {
        let SecretForm::Mount { uid, gid, mode, .. } = secret.as_what else { return None };
        let (source, destination) = (secret_file(dir, index), PathBuf::from(secret.path()?));
        Some(SecretPlan { source, destination, uid, gid, mode })
    });
    all.collect()
}

fn secret_variables(spec: &ContainerSpec, dir: &Path) -> Vec<(String, PathBuf)> {
    let all = spec.secrets.iter().enumerate();
    let variables = all.filter_map(|(index, secret)| match &secret.as_what {
        SecretForm::Env { name } => Some((name.clone(), secret_file(dir, index))),
        SecretForm::Mount { .. } => None,
    });
    variables.collect()
}

/// Where the log goes and when it is rotated.
pub(super) fn log(config: &ContainerConfig, dir: &Path) -> LogPlan {
    let defaults = LogPlan::with_defaults(&dir.join(LOG_FILE));
    LogPlan {
        max_size: config.spec.log_max_size.map_or(defaults.max_size, |size| size.0),
        max_files: config.spec.log_max_files.unwrap_or(defaults.max_files),
        ..defaults
    }
}

/// The filter. A profile that was given and is gone is an error: never less than asked for.
fn seccomp(security: &Security, privileged: bool, dir: &Path) -> Result<(SeccompPlan, Option<LinuxSeccomp>)> {
    match &security.seccomp {
        Seccomp::Unconfined => Ok((SeccompPlan::Unconfined, None)),
        Seccomp::Default if privileged => Ok((SeccompPlan::Unconfined, None)),
        Seccomp::Default => Ok((SeccompPlan::Default, None)),
        Seccomp::Profile(_) => {
            let path = dir.join(SECCOMP_FILE);
            let text = fs::read(&path).map_err(|error| EngineError::io("read", &path, error))?;
            let profile = serde_json::from_slice(&text)
                .map_err(|error| EngineError::io("read", &path, error.into()))?;
            Ok((SeccompPlan::Spec, Some(profile)))
        }
    }
}

fn has_group(ids: &IdPlan, gid: u32) -> bool {
    ids.gid.iter().any(|range| gid >= range.inside && gid - range.inside < range.count)
}

/// The end of the first run of mapped groups from 0 on: a range of groups must have no hole at its ends.
fn max_gid(ids: &IdPlan) -> u32 {
    ids.gid
        .iter()
        .map(|range| range.inside.saturating_add(range.count.saturating_sub(1)))
        .max()
        .unwrap_or(0)
        .min(i32::MAX.unsigned_abs())
}

/// By which programs see that, and in what, they are contained.
fn containerenv(config: &ContainerConfig) -> String {
    format!(
        "engine=\"cala-{}\"\nname=\"{}\"\nid=\"{}\"\nimage=\"{}\"\nimageid=\"{}\"\nrootless=1\n",
        env!("CARGO_PKG_VERSION"),
        config.name,
        config.id,
        config.image,
        config.image_id.hex()
    )
}

/// Asked on a thread of its own, because the caller may or may not be inside a tokio runtime. Without an answer the
/// host's names are left out.
pub(crate) fn outward_address() -> Option<IpAddr> {
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
        runtime.block_on(addresses::outward_address()).ok()?
    };
    std::thread::scope(|scope| scope.spawn(ask).join().ok()?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| EngineError::io("write", path, error))
}
