//! `--volumes-from`: the volumes and folders of other containers.

use cala_spec::ContainerSpec;
use cala_spec::mount::{Mount, MountSource, VolumesFrom};
use cala_store::StoreError;

use crate::{Engine, EngineError, Result};

impl Engine {
    /// Adds what the named containers mount, but where the wish itself mounts something. Memory and images are not shared.
    ///
    /// # Errors
    /// When an option is wrong or there is no such container.
    pub(super) fn add_volumes_from(&self, spec: &mut ContainerSpec) -> Result<()> {
        let mut taken: Vec<Mount> = Vec::new();
        for text in &spec.volumes_from {
            let from: VolumesFrom = text.parse()?;
            for mount in self.mounts_of(&from)? {
                // Of several containers the last one wins, as in Podman.
                taken.retain(|other| other.target != mount.target);
                taken.push(mount);
            }
        }
        let own = |target: &str| spec.mounts.iter().any(|mount| mount.target == target);
        taken.retain(|mount| !own(&mount.target));
        spec.mounts.extend(taken);
        Ok(())
    }

    fn mounts_of(&self, from: &VolumesFrom) -> Result<Vec<Mount>> {
        let store = self.store()?;
        let id = store.resolve_container(&from.container).map_err(|error| match error {
            StoreError::NoSuchContainer(name) => EngineError::VolumesFrom(name),
            other => other.into(),
        })?;
        let mut mounts = Vec::new();
        for mount in store.read_config(&id)?.spec.mounts {
            if !matches!(mount.source, MountSource::Bind { .. } | MountSource::Volume { .. }) {
                tracing::warn!(
                    "unable to match volume {} from container {id} for volumes-from: only volumes and folders are shared",
                    mount.target
                );
                continue;
            }
            let read_only = from.read_only.unwrap_or(mount.read_only);
            let options = mount.options.into_iter().filter(|option| option != "U").collect();
            mounts.push(Mount { read_only, options, ..mount });
        }
        Ok(mounts)
    }
}
