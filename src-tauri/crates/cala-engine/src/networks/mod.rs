//! What can be done with networks, an act per file.
//!
//! A network is a record: nothing of it runs before a container starts in it. The default network, `podman`, is made when
//! something first asks for it.

mod create;
mod doctor;
mod explain;
mod inspect;
mod list;
mod map;
mod reach;
mod remove;
mod sockets;
mod update;

use std::collections::BTreeSet;

use cala_network::subnets::Taken;
use cala_network::{NetworkError, addresses, create as wish};
use cala_spec::Network;
use cala_spec::event::EventKind;
use cala_spec::network::DEFAULT_NETWORK;
use cala_store::{NetworkEntry, default_network_id};

use crate::{Engine, Result, time};

impl Engine {
    /// The network of this name, id or unique id prefix; `bridge` is the default network, which is made if need be.
    ///
    /// # Errors
    /// When there is none, the prefix is ambiguous, or the record is damaged.
    pub fn network(&self, name: &str) -> Result<Network> {
        let store = self.store()?;
        let id = store.resolve_network(name)?;
        if id == default_network_id() { self.default_network() } else { Ok(store.network(&id)?) }
    }

    /// Whether there is a network of this name or id.
    ///
    /// # Errors
    /// When the prefix is ambiguous or the store cannot be read.
    pub fn network_exists(&self, name: &str) -> Result<bool> {
        match self.store()?.resolve_network(name) {
            Ok(_) => Ok(true),
            Err(cala_store::StoreError::NoSuchNetwork(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The network that containers are in when nothing is said; made by the first who asks for it.
    pub(crate) fn default_network(&self) -> Result<Network> {
        self.store()?.default_network(|others| {
            // A kernel that does not tell its routes has none that could be met.
            let mut taken = host_ranges().unwrap_or_default();
            taken.extend(of_networks(others));
            Ok(wish::default_network(default_network_id(), time::now_ns(), &taken)?)
        })
    }

    /// All networks, the default network among them even where it cannot be made.
    fn all_networks(&self) -> Result<Vec<NetworkEntry>> {
        let store = self.store()?;
        let entries = store.networks()?;
        if entries.iter().any(|entry| entry.id() == default_network_id()) {
            return Ok(entries);
        }
        match self.default_network() {
            Ok(_) => Ok(store.networks()?),
            // A full or read-only disk, no free subnet: it will be made once there is room.
            Err(error) => {
                tracing::debug!(%error, "the default network cannot be made now");
                let mut entries = entries;
                let shown = wish::default_network(default_network_id(), time::now_ns(), &[])?;
                let place = entries.partition_point(|entry| entry.name() < DEFAULT_NETWORK);
                entries.insert(place, NetworkEntry::Sound(Box::new(shown)));
                Ok(entries)
            }
        }
    }

    /// Ids of the networks that a container is in, running or not.
    fn used_networks(&self) -> Result<BTreeSet<String>> {
        let containers = self.store()?.containers()?;
        let configs = containers.iter().filter_map(cala_store::ContainerEntry::config);
        Ok(configs.flat_map(|config| &config.networks).map(|network| network.network.clone()).collect())
    }

    /// Records that something happened to a network.
    fn record_network(&self, action: &str, id: &str, name: &str) -> Result<()> {
        self.store()?.record_event(&cala_spec::Event {
            time_ns: time::now_ns(),
            kind: EventKind::Network,
            action: action.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            image: None,
            exit_code: None,
            attributes: [("driver".to_owned(), "bridge".to_owned())].into(),
        });
        Ok(())
    }
}

/// What the host has routes to. Asked on a thread of its own, because the caller may or may not be inside a tokio
/// runtime.
fn host_ranges() -> Result<Vec<Taken>> {
    let ask = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.map_err(NetworkError::Socket)?.block_on(addresses::host_subnets())
    };
    let gone = |_| Err(NetworkError::Socket(std::io::Error::other("the thread ended")));
    let ranges = std::thread::scope(|scope| scope.spawn(ask).join().unwrap_or_else(gone))?;
    Ok(ranges.iter().filter_map(|range| Taken::of_host(range.subnet, &range.interface)).collect())
}

fn of_networks(entries: &[NetworkEntry]) -> impl Iterator<Item = Taken> {
    entries.iter().filter_map(NetworkEntry::sound).flat_map(Taken::of_network)
}
