//! Networks and ports of a container that exists, running or not: connect, disconnect, publish, withdraw.
//!
//! What runs is changed first, then the record, so that a refused change is nowhere.

use cala_monitor::MonitorClient;
use cala_spec::container::NetworkMode;
use cala_spec::event::EventKind;
use cala_spec::{ContainerConfig, ContainerId, Network, NetworkAttachment, PortMapping};
use cala_store::Container;

use super::wrong_state;
use crate::{Engine, EngineError, Result};

impl Engine {
    /// Connects a container to one more network; kept over restarts.
    ///
    /// # Errors
    /// When there is no such container or network, it is connected already, its network is not its own, or an address is
    /// taken.
    pub fn connect_network(&self, name: &str, wish: &NetworkAttachment) -> Result<()> {
        let id = self.resolve_container(name)?;
        let attachment = self.attachment(wish)?;
        let network = self.network(&attachment.network)?;
        let _networks = self.store()?.hold_networks()?;
        self.change(&id, |engine, container| {
            let config = &container.config;
            own_networks(config, "connected to")?;
            if config.networks.iter().any(|known| known.network == attachment.network) {
                return Err(wrong_state(
                    format!(
                        "container {} is already connected to network {:?}: network is already connected",
                        config.id, network.name
                    ),
                    String::new(),
                ));
            }
            if let Some(mut monitor) = engine.live(container)? {
                monitor.connect_network(engine.membership(config, &attachment)?)?;
            }
            let mut config = config.clone();
            config.networks.push(attachment);
            Ok(config)
        })?;
        self.network_event(&network, "connect", &id)
    }

    /// Disconnects a container from a network; kept over restarts.
    ///
    /// # Errors
    /// When there is no such container or network, or it is not connected (unless `force`).
    pub fn disconnect_network(&self, name: &str, network: &str, force: bool) -> Result<()> {
        let id = self.resolve_container(name)?;
        let network = self.network(network)?;
        self.change(&id, |engine, container| {
            let config = &container.config;
            own_networks(config, "disconnected from")?;
            let connected = config.networks.iter().any(|known| known.network == network.id);
            if !connected && !force {
                return Err(wrong_state(
                    format!(
                        "container {} is not connected to network {}: network is not connected",
                        config.id, network.name
                    ),
                    format!("`cala inspect {}` shows its networks", config.name),
                ));
            }
            if let Some(mut monitor) = engine.live(container)?.filter(|_| connected) {
                monitor.disconnect_network(&network.id)?;
            }
            let mut config = config.clone();
            config.networks.retain(|known| known.network != network.id);
            Ok(config)
        })?;
        self.network_event(&network, "disconnect", &id)
    }

    /// Publishes one more port of a container, without a restart; kept over restarts. Returns the port with the number
    /// that was chosen for 0.
    ///
    /// # Errors
    /// When the port is taken or may not be opened, or the container is in no network with a way out.
    pub fn publish_port(&self, name: &str, wish: &PortMapping) -> Result<PortMapping> {
        let id = self.resolve_container(name)?;
        let mut published = wish.clone();
        self.change(&id, |engine, container| {
            if !container.config.spec.network.is_private() {
                own_networks(&container.config, "given ports in")?;
            }
            published = engine.reserve(wish.clone())?;
            if let Some(mut monitor) = engine.live(container)? {
                monitor.publish(&published)?;
            }
            let mut config = container.config.clone();
            config.ports.push(published.clone());
            Ok(config)
        })?;
        self.port_event(&id, "publish", &published)?;
        Ok(published)
    }

    /// Withdraws a port of a container, without a restart; open connections go on.
    ///
    /// # Errors
    /// When the port is not published.
    pub fn unpublish_port(&self, name: &str, port: &PortMapping) -> Result<()> {
        let id = self.resolve_container(name)?;
        self.change(&id, |engine, container| {
            let mut config = container.config.clone();
            let before = config.ports.len();
            config.ports.retain(|known| known != port);
            if config.ports.len() == before {
                return Err(wrong_state(
                    format!("port {port} of container {} is not published", config.name),
                    format!("`cala port {}` lists its ports", config.name),
                ));
            }
            if let Some(mut monitor) = engine.live(container)? {
                monitor.unpublish(port)?;
            }
            Ok(config)
        })?;
        self.port_event(&id, "unpublish", port)
    }

    /// The published ports of a container.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn container_ports(&self, name: &str) -> Result<Vec<PortMapping>> {
        Ok(self.sound(&self.resolve_container(name)?)?.config.ports)
    }

    /// Changes a container's record while nobody starts or removes it.
    pub(super) fn change(
        &self,
        id: &ContainerId,
        change: impl FnOnce(&Self, &Container) -> Result<ContainerConfig>,
    ) -> Result<()> {
        let store = self.store()?;
        // Settles the record first: under the stage lock nobody else could.
        store.container(id)?;
        let _stage = store.lock_stage(id)?;
        let config = change(self, &store.container(id)?)?;
        Ok(store.replace_config(&config)?)
    }

    /// The monitor of a container that runs.
    fn live(&self, container: &Container) -> Result<Option<MonitorClient>> {
        if !container.alive {
            return Ok(None);
        }
        Ok(Some(MonitorClient::connect(&self.store()?.run_dir(&container.config.id))?))
    }

    fn network_event(&self, network: &Network, action: &str, container: &ContainerId) -> Result<()> {
        let more = [("container", container.to_string())];
        self.object_event_with(EventKind::Network, action, &network.id, &network.name, &more)
    }

    fn port_event(&self, id: &ContainerId, action: &str, port: &PortMapping) -> Result<()> {
        let config = self.store()?.read_config(id)?;
        self.container_event(&config, action, &[("port", port.to_string())])
    }
}

/// Only a container with networks of its own can have them changed.
fn own_networks(config: &ContainerConfig, what: &str) -> Result<()> {
    match &config.spec.network {
        NetworkMode::Bridge => Ok(()),
        mode => Err(EngineError::WrongState {
            message: format!(
                "{:?} is not supported: a container with --network {mode} cannot be {what} networks",
                mode.as_str()
            ),
            remedy: "make it anew without that option".to_owned(),
        }),
    }
}
