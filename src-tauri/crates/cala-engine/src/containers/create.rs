//! Making a container: check, image, volumes, records. Nothing is changed until everything was checked; what was made is
//! taken away again when a later step fails.

use std::path::Path;

use cala_spec::container::NetworkMode;
use cala_spec::event::EventKind;
use cala_spec::mount::{Mount, MountSource};
use cala_spec::{
    ByteSize, ContainerConfig, ContainerId, ContainerName, ContainerSpec, NetworkAttachment, PortMapping,
    names,
};
use cala_store::{ContainerDir, ImageRecord, StoreError, new_container_id, random_bytes};

use super::check::{Checked, default_hostname};
use super::{mounts, plan};
use crate::config::{ImageDefaults, Process, process};
use crate::images::language_entry;
use crate::{Engine, EngineError, Progress, PullOptions, Result, time};

/// How often a generated name may be taken before the engine gives up.
const NAME_ATTEMPTS: u32 = 12;

/// The most that /dev/shm gets without asking.
const SHM_CAP: u64 = 1 << 30;

impl Engine {
    /// Makes a container, pulling its image by `spec.pull` when needed. Everything is checked before anything is changed.
    ///
    /// # Errors
    /// When the specification is wrong, the name is taken, the image cannot be had, or the machine cannot do what is asked.
    pub async fn create(&self, spec: ContainerSpec, progress: Progress<'_>) -> Result<ContainerId> {
        self.create_with(spec, &PullOptions::default(), progress).await
    }

    /// Like `create`, with credentials and the like for the pull.
    ///
    /// # Errors
    /// As `create`.
    pub async fn create_with(
        &self,
        spec: ContainerSpec,
        pull: &PullOptions,
        progress: Progress<'_>,
    ) -> Result<ContainerId> {
        let mut spec = spec;
        self.add_volumes_from(&mut spec)?;
        let mut checked = self.check(&spec)?;
        checked.secrets = self.secrets_for(&mut spec)?;
        if let Some(name) = &spec.name {
            self.refuse_taken(name)?;
        }
        let attachments = self.attachments(&spec)?;
        if spec.network == NetworkMode::Host && (!spec.ports.is_empty() || spec.publish_all) {
            tracing::warn!("port mappings are discarded: the container is in the host's own network");
        }
        // A port that is taken is told before a long pull.
        self.ports(&spec, &attachments, &[])?;
        let image = self.image_for(&spec, pull, progress).await?;
        self.find_images(&mut checked.mounts, progress).await?;
        self.make(spec, checked, &image)
    }

    /// The images that are mounted; they must be here.
    async fn find_images(&self, mounts: &mut [Mount], progress: Progress<'_>) -> Result<()> {
        for mount in mounts {
            if let MountSource::Image { image, id, layers } = &mut mount.source {
                let record = self.image_here(image, progress).await?;
                *id = Some(record.image_id.clone());
                *layers = record.layers.iter().map(|layer| layer.key.clone()).collect();
            }
        }
        Ok(())
    }

    /// Before a long pull; the name is claimed for good when the container is made.
    fn refuse_taken(&self, name: &ContainerName) -> Result<()> {
        let store = self.store()?;
        match store.resolve_container(name.as_str()) {
            Ok(id) if store.read_config(&id).is_ok_and(|config| config.name == *name) => {
                Err(StoreError::NameInUse { name: name.clone(), id }.into())
            }
            _ => Ok(()),
        }
    }

    fn make(&self, mut spec: ContainerSpec, checked: Checked, image: &ImageRecord) -> Result<ContainerId> {
        let defaults = self.store()?.image_config(image)?;
        let mut defaults = ImageDefaults::from(&defaults);
        defaults.exposed_ports.extend(spec.expose.iter().cloned());
        let process = process(&defaults, &spec)?;
        // None of them is removed until the container is in it.
        let _networks = self.store()?.hold_networks()?;
        let _volumes = self.store()?.hold_volumes()?;
        let networks = self.attachments(&spec)?;
        let ports = self.ports(&spec, &networks, &defaults.exposed_ports)?;
        self.resolve_joined(&mut spec)?;
        spec.mounts = mounts::with_image_volumes(checked.mounts.clone(), &defaults.volumes)?;
        spec.shm_size = Some(spec.shm_size.unwrap_or_else(|| default_shm_size(&spec)));
        mounts::make_sources(&spec.mounts)?;
        let anonymous = self.make_volumes(&mut spec)?;
        let exposed_ports = exposed(&defaults.exposed_ports);
        let made = config(spec, process, image, (networks, ports, exposed_ports))
            .and_then(|config| {
                self.store()?.note_dependencies(&config)?;
                self.claim(config, &anonymous)
            })
            .and_then(|(config, dir)| {
                let finished = self.finish(&config, &dir, &checked);
                drop(dir);
                finished.map(|()| config)
            });
        match made {
            Ok(config) => {
                for volume in &anonymous {
                    self.object_event(EventKind::Volume, "create", volume, volume)?;
                }
                self.container_event(&config, "create", &[])?;
                self.delete_what_others_left();
                Ok(config.id)
            }
            Err(error) => {
                self.drop_volumes(&anonymous);
                Err(error)
            }
        }
    }

    /// Makes the named volumes that are absent; names the anonymous ones, which are made with the container.
    fn make_volumes(&self, spec: &mut ContainerSpec) -> Result<Vec<String>> {
        let store = self.store()?;
        let mut anonymous = Vec::new();
        for mount in &mut spec.mounts {
            let MountSource::Volume { name } = &mut mount.source else { continue };
            match name {
                Some(name) => {
                    if store.create_volume_if_absent(name)?.1 {
                        self.object_event(EventKind::Volume, "create", name, name)?;
                    }
                }
                None => {
                    let volume = new_container_id()?.to_string();
                    anonymous.push(volume.clone());
                    *name = Some(volume);
                }
            }
        }
        Ok(anonymous)
    }

    /// What a `--rm` container whose monitor was killed left, or a killed removal; that it cannot be deleted is no reason
    /// not to make another.
    pub(crate) fn delete_what_others_left(&self) {
        let Ok(store) = self.store() else { return };
        if store.has_removed_trees()
            && let Err(error) = self.delete_trees(&[])
        {
            tracing::debug!(%error, "what others left could not be deleted now");
        }
    }

    /// Takes volumes away again that were made for a container that could not be made. What fails is left behind empty.
    pub(super) fn drop_volumes(&self, names: &[String]) {
        let Ok(store) = self.store() else { return };
        let trees: Vec<_> = names.iter().filter_map(|name| store.remove_volume(name).ok()).collect();
        if let Err(error) = self.delete_trees(&trees) {
            tracing::debug!(%error, "volumes of a container that was not made are left");
        }
    }

    /// Claims the name, or one generated name after the other.
    fn claim(
        &self,
        mut config: ContainerConfig,
        anonymous: &[String],
    ) -> Result<(ContainerConfig, ContainerDir)> {
        let store = self.store()?;
        if config.spec.name.is_some() {
            let dir = store.claim_container_with(&config, anonymous)?;
            return Ok((config, dir));
        }
        let mut attempt = 0;
        loop {
            match store.claim_container_with(&config, anonymous) {
                Err(StoreError::NameInUse { .. }) if attempt < NAME_ATTEMPTS => {
                    attempt += 1;
                    config.name = generated_name(attempt)?;
                }
                claimed => return Ok((config, claimed?)),
            }
        }
    }

    /// What belongs into the container's directory before anybody may start it.
    fn finish(&self, config: &ContainerConfig, dir: &ContainerDir, checked: &Checked) -> Result<()> {
        let owner = || match dir.upper_owner {
            Some((uid, gid)) => Ok(self.helper()?.change_owner(&dir.path.join("upper"), uid, gid)?),
            None => Ok(()),
        };
        let seccomp = checked.seccomp.as_ref();
        let done = seccomp
            .map_or(Ok(()), |profile| write_profile(&dir.path, profile))
            .and_then(|()| plan::write_secrets(&dir.path, &checked.secrets, !config.spec.remove))
            .and_then(|()| owner());
        done.inspect_err(|_| self.unmake(&config.id))
    }

    /// A container without its filter or with a wrong owner must not stay. It cannot run: its stage is locked.
    fn unmake(&self, id: &ContainerId) {
        let removed = self
            .store()
            .map(|store| (store.container_dir(id), store.data().join("tmp").join(format!("removed-{id}"))));
        if let Ok((from, to)) = removed
            && let Err(error) = std::fs::rename(&from, &to)
        {
            tracing::warn!(%id, %error, "a half-made container could not be taken away");
        }
    }
}

fn write_profile(dir: &Path, profile: &oci_spec::runtime::LinuxSeccomp) -> Result<()> {
    let path = dir.join(plan::SECCOMP_FILE);
    let bytes = serde_json::to_vec(profile).map_err(|error| EngineError::Internal(error.to_string()))?;
    std::fs::write(&path, bytes).map_err(|error| EngineError::io("write", &path, error))
}

/// What is stored of the container.
fn config(
    spec: ContainerSpec,
    process: Process,
    image: &ImageRecord,
    (networks, ports, exposed_ports): (Vec<NetworkAttachment>, Vec<PortMapping>, Vec<String>),
) -> Result<ContainerConfig> {
    let id = new_container_id()?;
    let hostname = default_hostname(&spec, &id);
    let mut env = process.env;
    if !env.iter().any(|entry| entry.starts_with("HOSTNAME=")) {
        env.push(format!("HOSTNAME={hostname}"));
    }
    env.extend(language_entry(&image.image_id, &env));
    Ok(ContainerConfig {
        name: spec.name.clone().map_or_else(|| generated_name(0), Ok)?,
        created_ns: time::now_ns(),
        image: image.name.clone().unwrap_or_else(|| image.image_id.hex().to_owned()),
        image_id: image.image_id.clone(),
        layers: image.layers.iter().map(|layer| layer.key.clone()).collect(),
        args: process.args,
        entrypoint_len: process.entrypoint_len,
        env,
        workdir: process.workdir,
        user: process.user,
        hostname,
        labels: process.labels,
        stop_signal: process.stop_signal.0,
        stop_timeout: process.stop_timeout,
        networks,
        ports,
        exposed_ports,
        id,
        spec,
    })
}

/// The ports that an image exposes with their protocols, sorted as `ps` shows them; what is no port is left out.
fn exposed(texts: &[String]) -> Vec<String> {
    let mut ports: Vec<(&str, u16)> = texts
        .iter()
        .filter_map(|text| {
            let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            let known = matches!(protocol, "tcp" | "udp" | "sctp");
            port.parse().ok().filter(|port| known && *port != 0).map(|port| (protocol, port))
        })
        .collect();
    ports.sort_unstable_by_key(|(protocol, port)| (*protocol != "tcp", *protocol, *port));
    ports.dedup();
    ports.iter().map(|(protocol, port)| format!("{port}/{protocol}")).collect()
}

fn generated_name(attempt: u32) -> Result<ContainerName> {
    let bytes = random_bytes()?;
    let random = bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    names::generate(random, attempt).map_err(|error| EngineError::Internal(error.to_string()))
}

/// Half of what the container may use in memory, which is what /dev/shm is charged to, and 1 GiB at most.
fn default_shm_size(spec: &ContainerSpec) -> ByteSize {
    let info = rustix::system::sysinfo();
    let machine = info.totalram.saturating_mul(u64::from(info.mem_unit));
    let limit = spec.resources.memory.map_or(machine, |memory| memory.0.min(machine));
    ByteSize((limit / 2).clamp(1 << 20, SHM_CAP))
}

#[cfg(test)]
mod tests {
    use cala_spec::container::Resources;

    use super::*;

    #[test]
    fn exposed_ports_are_numbers_with_a_protocol() {
        let image = ["443", "53/udp", "80/tcp", "443/tcp", "x/tcp", "0/tcp", "9/what"].map(str::to_owned);
        assert_eq!(exposed(&image), ["80/tcp", "443/tcp", "53/udp"]);
    }

    #[test]
    fn shared_memory_is_half_of_the_limit() {
        let with = |memory| {
            let resources = Resources { memory: Some(ByteSize(memory)), ..Resources::default() };
            default_shm_size(&ContainerSpec { resources, ..ContainerSpec::default() }).0
        };
        assert_eq!(with(64 << 20), 32 << 20);
        assert_eq!(with(1024), 1 << 20);
        assert!(default_shm_size(&ContainerSpec::default()).0 <= SHM_CAP);
    }
}
