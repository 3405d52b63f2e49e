//! Making a container's records: whole in `tmp/`, then the name, then one rename.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cala_spec::{ContainerConfig, ContainerState};
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};

use super::StageLock;
use crate::error::StoreError;
use crate::layers;
use crate::store::Store;

/// A container that was just created. As long as it is held nobody else starts, settles or removes the container.
#[derive(Debug)]
pub struct ContainerDir {
    /// `containers/<id>`, with `upper`, `work` and `merged` in it.
    pub path: PathBuf,
    /// When the image's root directory belongs to somebody else than root inside: (uid, gid) in ids of the container.
    /// The caller has them set on `upper` by the store's program in the user namespace.
    pub upper_owner: Option<(u32, u32)>,
    /// Held until the caller has started the container or lets go of it.
    pub stage: StageLock,
}

impl Store {
    /// Creates the container `config.id` with the name `config.name`: it appears whole or not at all. Synced to the disk
    /// unless it goes when it ends (`--rm`). Makes no event.
    ///
    /// # Errors
    /// [`StoreError::NameInUse`]; [`StoreError::ImageDamaged`] when a layer is missing; [`StoreError::NoSuchNetwork`] and
    /// [`StoreError::NetworkDamaged`]; failed system calls.
    pub fn claim_container(&self, config: &ContainerConfig) -> Result<ContainerDir, StoreError> {
        self.claim_container_with(config, &[])
    }

    /// As [`Store::claim_container`], and makes these volumes without a name, which the configuration mounts. They are
    /// there with the container or, at the latest after the next claim, not at all.
    ///
    /// # Errors
    /// As [`Store::claim_container`].
    pub fn claim_container_with(
        &self,
        config: &ContainerConfig,
        anonymous: &[String],
    ) -> Result<ContainerDir, StoreError> {
        if let Some(id) = self.live_holder(&config.name)? {
            return Err(StoreError::NameInUse { name: config.name.clone(), id });
        }
        let making = self.creation_dir(&config.id);
        self.sweep_creations();
        let done = self.make_and_publish(config, anonymous, &making);
        if done.is_err() {
            self.drop_unused_volumes(anonymous.iter().map(String::as_str));
            // What was made is the user's own and shallow; what cannot be removed is swept later.
            let _ = std::fs::remove_dir_all(&making);
        }
        done
    }

    fn make_and_publish(
        &self,
        config: &ContainerConfig,
        anonymous: &[String],
        making: &Path,
    ) -> Result<ContainerDir, StoreError> {
        let durable = !config.spec.remove;
        let stage = self.begin(making)?;
        write_records(config, making, durable)?;
        // After the record that names them: who finds it without its maker finds them too.
        anonymous.iter().try_for_each(|name| self.make_anonymous_volume(name))?;
        let upper_owner = make_overlay_dirs(self.data(), config, making)?;
        // From here to the rename no image can lose its layers.
        let _images = self.lock_images(Mode::Shared)?;
        self.require_layers(config)?;
        // Nor can it lose its networks.
        let _networks = self.require_networks(config)?;
        self.claim_name(&config.name, &config.id, making, durable)?;
        let path = self.container_dir(&config.id);
        if let Err(error) = durable::rename(making, &path, durable) {
            let _guard = self.lock_names()?;
            self.release_name(&config.name, &config.id)?;
            return Err(StoreError::io("create", &path)(error));
        }
        Ok(ContainerDir { path, upper_owner, stage: StageLock(stage) })
    }

    /// Makes the directory and its lock, which tells everybody that somebody is at it.
    fn begin(&self, making: &Path) -> Result<FileLock, StoreError> {
        let _making = self.lock_making()?;
        DirBuilder::new().mode(0o700).create(making).map_err(StoreError::io("create", making))?;
        let lock = making.join("lock");
        FileLock::wait(&lock, Mode::Exclusive).map_err(StoreError::io("lock", &lock))
    }

    fn require_networks(&self, config: &ContainerConfig) -> Result<Option<FileLock>, StoreError> {
        if config.networks.is_empty() {
            return Ok(None);
        }
        let held = self.hold_networks()?;
        config.networks.iter().try_for_each(|network| self.network(&network.network).map(drop))?;
        Ok(Some(held))
    }

    fn require_layers(&self, config: &ContainerConfig) -> Result<(), StoreError> {
        let missing = config.all_layers().find(|key| !self.layer_diff(key).is_dir());
        missing.map_or(Ok(()), |key| {
            Err(StoreError::ImageDamaged {
                name: config.image.clone(),
                reason: format!("layer {key} is missing"),
            })
        })
    }
}

fn write_records(config: &ContainerConfig, making: &Path, durable: bool) -> Result<(), StoreError> {
    let write = |name: &str, bytes: Result<Vec<u8>, serde_json::Error>| {
        let path = making.join(name);
        let written = bytes.map_err(io::Error::from).and_then(|bytes| {
            std::fs::write(&path, bytes)?;
            if durable { std::fs::File::open(&path)?.sync_data() } else { Ok(()) }
        });
        written.map_err(StoreError::io("write", &path))
    };
    write("container.json", serde_json::to_vec(config))?;
    write("state.json", serde_json::to_vec(&ContainerState::default()))?;
    if durable {
        durable::sync_directory(making).map_err(StoreError::io("sync", making))?;
    }
    Ok(())
}

/// `upper` takes over mode (and, by the caller, owner) of the root directory that the layers describe.
fn make_overlay_dirs(
    data: &Path,
    config: &ContainerConfig,
    making: &Path,
) -> Result<Option<(u32, u32)>, StoreError> {
    let root = config.layers.iter().rev().find_map(|key| layers::read_record(data, key)?.root);
    let mode = root.as_ref().map_or(0o755, |root| root.mode & 0o7777);
    for (name, mode) in [("upper", mode), ("work", 0o700), ("merged", 0o755)] {
        let path = making.join(name);
        // The mode is set apart from mkdir(2), which takes the umask's bits away.
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(mode)))
            .map_err(StoreError::io("create", &path))?;
    }
    Ok(root.map(|root| (root.uid, root.gid)).filter(|owner| *owner != (0, 0)))
}
