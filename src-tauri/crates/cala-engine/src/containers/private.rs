//! The network of one container's own (`--network pasta`, `--network slirp4netns`): its record follows from the
//! container's; for the holder it is written into the container's directory at each start. No list of networks shows it.

use std::net::IpAddr;
use std::path::PathBuf;

use cala_monitor::Membership;
use cala_network::private::Private;
use cala_network::{options, uplink};
use cala_spec::{ContainerConfig, ContainerSpec, Network};

use super::plan::outward_address;
use crate::{Engine, EngineError, Result};

/// Said whenever a network opens the host's loopback.
pub(crate) const OPENED: &str =
    "containers of this network reach every service on the host's 127.0.0.1, as host.containers.internal";

impl Engine {
    /// Where a container's own network has its record; `None` without one. The folder is called as the network, whose id is
    /// the container's.
    pub(super) fn private_network_dir(&self, config: &ContainerConfig) -> Result<Option<PathBuf>> {
        if !config.spec.network.is_private() {
            return Ok(None);
        }
        let dir = self.store()?.container_dir(&config.id).join("networks");
        Ok(Some(dir.join(config.id.to_string())))
    }

    /// The record of a container's own network.
    pub(crate) fn private_network(&self, config: &ContainerConfig) -> Result<Option<Network>> {
        let private = Private::of(&config.spec.network)?;
        let id = config.id.to_string();
        Ok(private.map(|private| private.network(&id, config.name.as_str(), config.created_ns)))
    }

    /// Writes the record of a container's own network, for its holder.
    pub(super) fn write_private_network(&self, config: &ContainerConfig) -> Result<()> {
        let (Some(dir), Some(network)) = (self.private_network_dir(config)?, self.private_network(config)?)
        else {
            return Ok(());
        };
        let bytes =
            serde_json::to_vec_pretty(&network).map_err(|error| EngineError::Internal(error.to_string()))?;
        std::fs::create_dir_all(&dir).map_err(|error| EngineError::io("make", &dir, error))?;
        let path = dir.join("network.json");
        std::fs::write(&path, bytes).map_err(|error| EngineError::io("write", &path, error))
    }

    /// A container's place in its own network.
    pub(super) fn private_membership(&self, config: &ContainerConfig) -> Result<Option<Membership>> {
        let (Some(network_dir), Some(private)) =
            (self.private_network_dir(config)?, Private::of(&config.spec.network)?)
        else {
            return Ok(None);
        };
        let wish = private.attachment(config.id.as_str());
        Ok(Some(Membership {
            network_dir,
            interface: wish.interface_name,
            aliases: vec![config.id.short().to_owned()],
            addresses: wish.ip.map(IpAddr::from).into_iter().chain(wish.ip6.map(IpAddr::from)).collect(),
            mac: wish.mac,
            internal: false,
        }))
    }

    /// Takes away what the holder of a container's own network may have left.
    pub(super) fn forget_private_network(&self, config: &ContainerConfig) {
        if config.spec.network.is_private() {
            self.forget_network(config.id.as_str());
        }
    }

    /// The address of the host for a container in these networks: its own outward one, or the one that means its loopback
    /// where one of them opens that.
    pub(crate) fn host_address(networks: &[Network]) -> Option<IpAddr> {
        if networks.iter().any(options::opens_host_loopback) {
            return Some(uplink::HOST_LOOPBACK.into());
        }
        outward_address()
    }

    /// All networks that a container is in, its own included.
    pub(crate) fn networks_of(&self, config: &ContainerConfig) -> Result<Vec<Network>> {
        let networks = config.networks.iter().map(|attachment| self.network(&attachment.network));
        networks.chain(self.private_network(config).transpose()).collect()
    }
}

/// Whether the wish itself opens the host's loopback.
pub(super) fn opens_host_loopback(spec: &ContainerSpec) -> Result<bool> {
    Ok(Private::of(&spec.network)?.is_some_and(|private| private.host_loopback))
}
