//! `system prune`: what nobody uses goes.

use cala_spec::ContainerStatus;
use cala_store::ContainerEntry;

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
        let matcher = PruneMatcher::parse(&options.filters, time::now_ns())?;
        let mut pruned = SystemPruned::default();
        self.prune_containers(&matcher, &mut pruned)?;
        for (name, done) in self.prune_networks(&options.filters)? {
            note(done, &mut pruned.failures, |()| pruned.networks.push(name));
        }
        if options.volumes {
            self.prune_unused_volumes(options, &mut pruned)?;
        }
        self.prune_images(options, &matcher, &mut pruned)?;
        Ok(pruned)
    }

    fn prune_containers(&self, matcher: &PruneMatcher, pruned: &mut SystemPruned) -> Result<()> {
        let store = self.store()?;
        for entry in store.containers()? {
            let ContainerEntry::Sound(container) = &entry else { continue };
            let ended = matches!(entry.status(), ContainerStatus::Created | ContainerStatus::Exited);
            if !ended
                || container.alive
                || !matcher.matches(&container.config.labels, container.config.created_ns)
            {
                continue;
            }
            let size = self.size_of(&store.container_dir(entry.id()).join("upper"))?;
            match self.remove(entry.id().as_str(), &RemoveOptions::default()) {
                // Somebody started it, or was faster.
                Err(error) if error.is_no_such_container() => {}
                Err(EngineError::Store(cala_store::StoreError::ContainerRunning(_))) => {}
                done => note(done, &mut pruned.failures, |id| {
                    pruned.containers.push(id.to_string());
                    pruned.freed += size;
                }),
            }
        }
        Ok(())
    }

    fn prune_unused_volumes(&self, options: &PruneOptions, pruned: &mut SystemPruned) -> Result<()> {
        let store = self.store()?;
        for name in self.prunable_volumes(&options.filters)? {
            let size = self.size_of(&store.volume_data(&name)?)?;
            match self.remove_volume(&name, &RemoveOptions::default()) {
                // A container came with it.
                Err(EngineError::Store(cala_store::StoreError::VolumeInUse { .. })) => {}
                done => note(done, &mut pruned.failures, |()| {
                    pruned.volumes.push(name);
                    pruned.freed += size;
                }),
            }
        }
        Ok(())
    }

    fn prune_images(
        &self,
        options: &PruneOptions,
        matcher: &PruneMatcher,
        pruned: &mut SystemPruned,
    ) -> Result<()> {
        let store = self.store()?;
        for image in store.images()? {
            let chosen = (options.all_images || image.names.is_empty())
                && matcher.matches(&image.record.labels, image.record.created_ns)
                && store.containers_of(image.id())?.is_empty();
            if !chosen {
                continue;
            }
            let mut freed = 0;
            let mut gone = Vec::new();
            let names = image.names.iter().cloned();
            let words =
                if image.names.is_empty() { vec![image.id().hex().to_owned()] } else { names.collect() };
            // One name after the other: with the last one it goes.
            let done = words.iter().try_for_each(|word| {
                let removed = self.remove_image(word, false)?;
                freed += removed.freed;
                gone.extend(removed.deleted);
                Ok(())
            });
            match done {
                Err(EngineError::Store(cala_store::StoreError::ImageInUse { .. })) => {}
                done => note(done, &mut pruned.failures, |()| pruned.images.extend(gone)),
            }
            pruned.freed += freed;
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
