//! Changing and removing networks.

use std::io;

use cala_spec::network::DEFAULT_NETWORK;
use cala_spec::{ContainerId, Network};
use cala_sys::durable;
use cala_sys::flock::Mode;

use super::default_network_id;
use crate::containers::ContainerEntry;
use crate::error::StoreError;
use crate::store::{Store, new_container_id};

impl Store {
    /// Replaces the record of a network by what `change` makes of it; id, name and subnets stay.
    ///
    /// # Errors
    /// [`StoreError::NoSuchNetwork`], [`StoreError::NetworkDamaged`]; what `change` says; failed system calls.
    pub fn update_network<E: From<StoreError>>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Network) -> Result<(), E>,
    ) -> Result<Network, E> {
        let _alone = self.lock_networks(Mode::Exclusive)?;
        let before = self.network(id)?;
        let mut network = before.clone();
        change(&mut network)?;
        (network.id, network.name, network.subnets) =
            (before.id.clone(), before.name.clone(), before.subnets.clone());
        if network != before {
            let path = self.network_dir(id).join("network.json");
            let bytes = serde_json::to_vec(&network).map_err(io::Error::from);
            let written = bytes.and_then(|bytes| durable::write_atomic(&path, &bytes, true));
            written.map_err(StoreError::io("write", &path))?;
        }
        Ok(network)
    }

    /// Removes a network, damaged or not, that no container is in. Makes no event.
    ///
    /// # Errors
    /// [`StoreError::NoSuchNetwork`], [`StoreError::NetworkInUse`], [`StoreError::DefaultNetwork`]; failed system calls.
    pub fn remove_network(&self, id: &str) -> Result<(), StoreError> {
        let _alone = self.lock_networks(Mode::Exclusive)?;
        let place = self.network_dir(id);
        let name = match self.network(id) {
            // A damaged one may go: the next use makes it anew.
            Ok(_) | Err(StoreError::NoSuchNetwork(_)) if id == default_network_id() => {
                return Err(StoreError::DefaultNetwork(DEFAULT_NETWORK));
            }
            Ok(network) => Some(network.name),
            Err(StoreError::NetworkDamaged { .. }) => self.name_of_network(id),
            Err(error) => return Err(error),
        };
        let containers = self.containers_in_network(id)?;
        if !containers.is_empty() {
            return Err(StoreError::NetworkInUse { name: name.unwrap_or_else(|| id.to_owned()), containers });
        }
        let aside = self.path("tmp").join(format!("removed-{}", new_container_id()?));
        self.with_reserve(|| durable::rename(&place, &aside, true))
            .map_err(StoreError::io("remove", &place))?;
        // From here on it is gone; what is left of it is in nobody's way.
        if let Some(name) = name.and_then(|name| self.network_name_file(&name)) {
            let _ = std::fs::remove_file(name);
        }
        let _ = std::fs::remove_dir_all(&aside);
        self.keep_reserve();
        Ok(())
    }

    /// The containers, running or not, that are in a network.
    ///
    /// # Errors
    /// As [`Store::containers`].
    pub fn containers_in_network(&self, id: &str) -> Result<Vec<ContainerId>, StoreError> {
        let entries = self.containers()?;
        let is_in = |entry: &&ContainerEntry| {
            entry.config().is_some_and(|config| config.networks.iter().any(|network| network.network == id))
        };
        Ok(entries.iter().filter(is_in).map(|entry| entry.id().clone()).collect())
    }
}
