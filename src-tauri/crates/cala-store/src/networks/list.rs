//! Listing and finding networks: one readdir(3), one small file each.

use std::io;
use std::path::PathBuf;

use cala_spec::Network;
use cala_spec::network::DEFAULT_NETWORK;

use super::{DamagedNetwork, NetworkEntry, default_network_id, is_hex, is_id};
use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::Store;

/// Largest `network.json` in bytes.
const MAX_RECORD: usize = 1 << 20;

/// Word of `--network` for the default network.
const BRIDGE: &str = "bridge";

impl Store {
    /// `networks/<id>` of the data root.
    #[must_use]
    pub fn network_dir(&self, id: &str) -> PathBuf {
        self.path("networks").join(id)
    }

    /// `networks/<id>` of the run root: the holder's socket.
    #[must_use]
    pub fn network_run_dir(&self, id: &str) -> PathBuf {
        self.run().join("networks").join(id)
    }

    /// All networks by name. Damaged ones are entries of their own and spoil nothing. The default network is among them
    /// once it was made.
    ///
    /// # Errors
    /// The directory cannot be listed, or descriptors or memory are exhausted.
    pub fn networks(&self) -> Result<Vec<NetworkEntry>, StoreError> {
        let mut entries = Vec::new();
        for id in self.network_ids()? {
            entries.extend(self.network_entry(&id)?);
        }
        entries.sort_by(|a, b| (a.name(), a.id()).cmp(&(b.name(), b.id())));
        Ok(entries)
    }

    /// One network.
    ///
    /// # Errors
    /// [`StoreError::NoSuchNetwork`], [`StoreError::NetworkDamaged`].
    pub fn network(&self, id: &str) -> Result<Network, StoreError> {
        match self.network_entry(id)? {
            Some(NetworkEntry::Sound(network)) => Ok(*network),
            Some(NetworkEntry::Damaged(damaged)) => {
                Err(StoreError::NetworkDamaged { id: damaged.id, reason: damaged.reason })
            }
            None => Err(StoreError::NoSuchNetwork(id.to_owned())),
        }
    }

    /// The id of the network with this name, this id, or the only one whose id begins so; `bridge` is the default
    /// network. Whether the default network was made already is the caller's to see.
    ///
    /// # Errors
    /// [`StoreError::NoSuchNetwork`], [`StoreError::AmbiguousNetwork`].
    pub fn resolve_network(&self, text: &str) -> Result<String, StoreError> {
        let name = if text == BRIDGE { DEFAULT_NETWORK } else { text };
        if name == DEFAULT_NETWORK {
            return Ok(default_network_id());
        }
        if let Some(id) = self.network_of_name(name)? {
            return Ok(id);
        }
        let none = || StoreError::NoSuchNetwork(text.to_owned());
        if !is_hex(text) || text.len() > 64 {
            return Err(none());
        }
        let mut ids = self.network_ids()?;
        ids.push(default_network_id());
        ids.sort();
        ids.dedup();
        ids.retain(|id| id.starts_with(text));
        match ids.len() {
            0 => Err(none()),
            1 => ids.pop().ok_or_else(none),
            _ => {
                ids.truncate(10);
                Err(StoreError::AmbiguousNetwork { text: text.to_owned(), candidates: ids })
            }
        }
    }

    /// Who has the name and is there.
    pub(super) fn network_of_name(&self, name: &str) -> Result<Option<String>, StoreError> {
        let Some(path) = self.network_name_file(name) else { return Ok(None) };
        match read_limited(&path, 128) {
            Ok(bytes) => {
                let id = std::str::from_utf8(&bytes).ok().map(str::trim_end).filter(|id| is_id(id));
                Ok(id.filter(|id| self.network_dir(id).is_dir()).map(str::to_owned))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// The file of a name; `None` for a text that can be no name.
    pub(super) fn network_name_file(&self, name: &str) -> Option<PathBuf> {
        let name: cala_spec::ContainerName = name.parse().ok()?;
        Some(self.path("names/networks").join(name.as_str()))
    }

    fn network_ids(&self) -> Result<Vec<String>, StoreError> {
        let path = self.path("networks");
        let failed = |error| StoreError::io("list", &path)(error);
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(|error| StoreError::io("list", &path)(error))?.file_name();
            ids.extend(name.into_string().ok().filter(|name| is_id(name)));
        }
        Ok(ids)
    }

    /// `None` when it is not there (any more).
    fn network_entry(&self, id: &str) -> Result<Option<NetworkEntry>, StoreError> {
        if !is_id(id) {
            return Ok(None);
        }
        let path = self.network_dir(id).join("network.json");
        let reason = match read_limited(&path, MAX_RECORD) {
            Ok(bytes) => match parse(id, &bytes) {
                Ok(network) => return Ok(Some(NetworkEntry::Sound(Box::new(network)))),
                Err(reason) => reason,
            },
            Err(error) if is_exhaustion(&error) => return Err(StoreError::io("read", &path)(error)),
            Err(_) if !self.network_dir(id).is_dir() => return Ok(None),
            Err(error) => error.to_string(),
        };
        Ok(Some(NetworkEntry::Damaged(DamagedNetwork {
            id: id.to_owned(),
            name: self.name_of_network(id),
            reason: format!("network.json: {reason}"),
        })))
    }

    /// The name that belongs to an id by its file alone.
    pub(super) fn name_of_network(&self, id: &str) -> Option<String> {
        std::fs::read_dir(self.path("names/networks")).ok()?.flatten().find_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            (self.network_of_name(&name).ok()?.as_deref() == Some(id)).then_some(name)
        })
    }
}

fn parse(id: &str, bytes: &[u8]) -> Result<Network, String> {
    let network: Network = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if network.id != id {
        return Err(format!("it is of network {}", network.id.chars().take(64).collect::<String>()));
    }
    // What comes later relies on it: each has a gateway to listen on.
    if network.subnets.is_empty() || network.subnets.iter().any(|s| !s.subnet.contains(&s.gateway)) {
        return Err("its subnets make no sense".to_owned());
    }
    Ok(network)
}

/// Nothing about this network: the process or the machine has run out of something.
fn is_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
