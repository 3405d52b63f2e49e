//! Removing networks.

use cala_holder::paths;
use cala_store::{NetworkEntry, StoreError, default_network_id};
use cala_sys::flock::{FileLock, Mode};

use crate::filter::NetworkMatcher;
use crate::{Engine, EngineError, RemoveOptions, Result, time};

/// How often a forced removal begins again because a container came into the network meanwhile.
const ATTEMPTS: usize = 8;

impl Engine {
    /// Removes a network, and with `force` the containers that are in it.
    ///
    /// # Errors
    /// When there is none, it is the default network, or containers are in it and `force` is false.
    pub fn remove_network(&self, name: &str, options: &RemoveOptions) -> Result<()> {
        let store = self.store()?;
        let id = store.resolve_network(name)?;
        let shown = store.network(&id).map_or_else(|_| name.to_owned(), |network| network.name);
        for attempt in 1.. {
            match store.remove_network(&id) {
                Ok(()) => break,
                Err(StoreError::NetworkInUse { containers, .. }) if options.force && attempt < ATTEMPTS => {
                    for container in containers {
                        match self.remove(container.as_str(), options) {
                            Err(error) if !error.is_no_such_container() => return Err(error),
                            _ => {}
                        }
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.after_network_removal(&id, &shown)
    }

    /// Removes the networks that no container is in, but not the default network; what became of each, by name. `filters`
    /// are `key=value`: `label`, `label!`, `until`.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn prune_networks(&self, filters: &[String]) -> Result<Vec<(String, Result<()>)>> {
        let matcher = NetworkMatcher::for_prune(filters, time::now_ns())?;
        let used = self.used_networks()?;
        let mut pruned = Vec::new();
        for entry in self.matching_networks(&matcher)? {
            if used.contains(entry.id()) || entry.id() == default_network_id() {
                continue;
            }
            match self.prune_one(&entry) {
                // Somebody came into it, or was faster.
                Err(EngineError::Store(StoreError::NetworkInUse { .. } | StoreError::NoSuchNetwork(_))) => {}
                done => pruned.push((entry.name().to_owned(), done)),
            }
        }
        Ok(pruned)
    }

    fn prune_one(&self, entry: &NetworkEntry) -> Result<()> {
        self.store()?.remove_network(entry.id())?;
        self.after_network_removal(entry.id(), entry.name())
    }

    /// What the holder left in the run root goes too.
    fn after_network_removal(&self, id: &str, name: &str) -> Result<()> {
        self.forget_network(id);
        self.record_network("remove", id, name)
    }

    /// Takes away what the holder of a network that is gone has left, once it has ended.
    pub(crate) fn forget_network(&self, id: &str) {
        let lock = paths::lock(self.run_root(), id);
        if lock.exists()
            && let Ok(Some(_nobody)) = FileLock::try_take(&lock, Mode::Exclusive)
        {
            let _ = std::fs::remove_dir_all(paths::directory(self.run_root(), id));
            let _ = std::fs::remove_file(&lock);
        }
    }
}
