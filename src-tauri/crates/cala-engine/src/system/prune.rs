//! `system prune`: what nobody uses goes.

use std::collections::HashMap;

use cala_spec::ContainerId;
use cala_store::StoreError;

use crate::filter::PruneMatcher;
use crate::view::SystemPruned;
use crate::{Engine, EngineError, RemoveOptions, Result, time};

/// What is removed besides containers that do not run, networks that nobody is in and images without a name.
#[derive(Debug, Clone, Default)]
pub struct PruneOptions {
    /// All images that no container needs.
    pub all_images: bool,
    /// Volumes that no container mounts.
    pub volumes: bool,
    /// `key=value`: `label`, `label!`, `until`.
    pub filters: Vec<String>,
}

impl Engine {
    /// Removes what nobody uses. What cannot be removed is told and keeps the rest from nothing.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn prune_system(&self, options: &PruneOptions) -> Result<SystemPruned> {
        // Wrong ones are told before anything is removed.
        PruneMatcher::parse(&options.filters, time::now_ns())?;
        let mut pruned = SystemPruned::default();
        self.prune_ended(options, &mut pruned)?;
        for (name, done) in self.prune_networks(&options.filters)? {
            note(done, &mut pruned.failures, |()| pruned.networks.push(name));
        }
        if options.volumes {
            self.prune_unused_volumes(options, &mut pruned)?;
        }
        let images = self.prune_images(options.all_images, &options.filters)?;
        pruned.images.extend(images.deleted);
        pruned.freed += images.freed;
        Ok(pruned)
    }

    fn prune_ended(&self, options: &PruneOptions, pruned: &mut SystemPruned) -> Result<()> {
        let sizes = self.sizes_of_ended()?;
        for (id, done) in self.prune_containers(&options.filters)? {
            // One that somebody started meanwhile is in use.
            if matches!(done, Err(EngineError::Store(StoreError::ContainerRunning(_)))) {
                continue;
            }
            note(done, &mut pruned.failures, |()| {
                pruned.freed += sizes.get(&id).copied().unwrap_or(0);
                pruned.containers.push(id.to_string());
            });
        }
        Ok(())
    }

    /// What the writable layers of containers that do not run take on the disk.
    fn sizes_of_ended(&self) -> Result<HashMap<ContainerId, u64>> {
        let store = self.store()?;
        let mut sizes = HashMap::new();
        for entry in store.containers()? {
            if !entry.status().is_alive() {
                let size = self.size_of(&store.container_dir(entry.id()).join("upper"))?;
                sizes.insert(entry.id().clone(), size);
            }
        }
        Ok(sizes)
    }

    fn prune_unused_volumes(&self, options: &PruneOptions, pruned: &mut SystemPruned) -> Result<()> {
        let store = self.store()?;
        for name in self.prunable_volumes(&options.filters)? {
            let size = self.size_of(&store.volume_data(&name)?)?;
            match self.remove_volume(&name, &RemoveOptions::default()) {
                // A container came with it.
                Err(EngineError::Store(StoreError::VolumeInUse { .. })) => {}
                done => note(done, &mut pruned.failures, |()| {
                    pruned.volumes.push(name);
                    pruned.freed += size;
                }),
            }
        }
        Ok(())
    }
}

fn note<T>(done: Result<T>, failures: &mut Vec<String>, succeeded: impl FnOnce(T)) {
    match done {
        Ok(value) => succeeded(value),
        Err(error) => failures.push(cala_spec::error::chain(&error)),
    }
}
