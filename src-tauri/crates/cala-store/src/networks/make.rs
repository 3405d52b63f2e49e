//! Making a network: whole in `tmp/`, then the name, then one rename; all under the lock of networks.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use cala_spec::Network;
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};

use super::{NetworkEntry, default_network_id, is_id};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Makes a network of what `plan` says: it sees all networks that there are, and no other is made, changed or removed
    /// meanwhile. The network appears whole or not at all, and is synced to the disk. Makes no event.
    ///
    /// # Errors
    /// What `plan` says; [`StoreError::NetworkNameInUse`]; failed system calls.
    pub fn create_network<E: From<StoreError>>(
        &self,
        plan: impl FnOnce(&[NetworkEntry]) -> Result<Network, E>,
    ) -> Result<Network, E> {
        let _alone = self.lock_networks(Mode::Exclusive)?;
        let network = plan(&self.networks()?)?;
        self.publish_network(&network)?;
        Ok(network)
    }

    /// The default network, made of what `plan` says unless it is there already.
    ///
    /// # Errors
    /// As [`Store::create_network`]; [`StoreError::NetworkDamaged`].
    pub fn default_network<E: From<StoreError>>(
        &self,
        plan: impl FnOnce(&[NetworkEntry]) -> Result<Network, E>,
    ) -> Result<Network, E> {
        let id = default_network_id();
        match self.network(&id) {
            Err(StoreError::NoSuchNetwork(_)) => {}
            found => return found.map_err(E::from),
        }
        let _alone = self.lock_networks(Mode::Exclusive)?;
        // Another process was faster.
        match self.network(&id) {
            Err(StoreError::NoSuchNetwork(_)) => {}
            found => return found.map_err(E::from),
        }
        let network = plan(&self.networks()?)?;
        self.publish_network(&network)?;
        Ok(network)
    }

    /// Keeps networks from being removed as long as it is held: for who puts a container into one. Not to be held while
    /// one is made, changed or removed by the same process.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn hold_networks(&self) -> Result<FileLock, StoreError> {
        self.lock_networks(Mode::Shared)
    }

    pub(super) fn lock_networks(&self, mode: Mode) -> Result<FileLock, StoreError> {
        let path = self.path("networks");
        FileLock::wait(&path, mode).map_err(StoreError::io("lock", &path))
    }

    /// The caller holds the lock.
    fn publish_network(&self, network: &Network) -> Result<(), StoreError> {
        let in_use = || StoreError::NetworkNameInUse(network.name.clone());
        let name = self.network_name_file(&network.name).ok_or_else(in_use)?;
        let place = self.network_dir(&network.id);
        if !is_id(&network.id) {
            return Err(StoreError::io("create", &place)(io::Error::other("this is no id")));
        }
        let making = self.path("tmp").join(format!("create-network-{}", network.id));
        let _making = self.lock_making()?;
        let failed = |error| StoreError::io("create", &place)(error);
        let done = write_record(&making, network).map_err(failed).and_then(|()| {
            self.claim_network_name(&making, &name, network)?;
            durable::rename(&making, &place, true).map_err(|error| StoreError::io("create", &place)(error))
        });
        if done.is_err() {
            // A name whose network is not there is nobody's; here it is not even needed.
            let _ = std::fs::remove_dir_all(&making);
            if self.network_of_name(&network.name).is_ok_and(|holder| holder.is_none()) {
                let _ = std::fs::remove_file(&name);
            }
        }
        done
    }

    /// Under the lock, so a name whose network is not there was left by somebody who was killed between the two. The file
    /// is written where the network is made and linked to its place: nothing but names is ever among the names.
    fn claim_network_name(&self, making: &Path, path: &Path, network: &Network) -> Result<(), StoreError> {
        if self.network_of_name(&network.name)?.is_some() {
            return Err(StoreError::NetworkNameInUse(network.name.clone()));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", path)(error));
            }
            _ => {}
        }
        let own = making.join("name");
        durable::write_atomic(&own, network.id.as_bytes(), true)
            .and_then(|()| std::fs::hard_link(&own, path))
            .and_then(|()| std::fs::remove_file(&own))
            .and_then(|()| durable::sync_directory(&self.path("names/networks")))
            .map_err(StoreError::io("write", path))
    }
}

fn write_record(making: &Path, network: &Network) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(making)?;
    durable::write_atomic(&making.join("network.json"), &serde_json::to_vec(network)?, true)
}
