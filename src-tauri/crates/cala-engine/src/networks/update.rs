//! Changing networks that may be in use.

use cala_holder::{HolderClient, HolderError};
use cala_network::create::change_dns;
use cala_spec::ContainerId;

use crate::{Engine, EngineError, Result};

impl Engine {
    /// Adds and drops resolvers of a network; containers that are in it use them at once.
    ///
    /// # Errors
    /// When there is no such network, an address is none, or the network's holder does not answer.
    pub fn update_network(&self, name: &str, add_dns: &[String], drop_dns: &[String]) -> Result<()> {
        let network = self.network(name)?;
        let mut changed = false;
        self.store()?.update_network(&network.id, |network| {
            let servers = change_dns(&network.dns_servers, add_dns, drop_dns)?;
            changed = servers != network.dns_servers;
            network.dns_servers = servers;
            Ok::<_, EngineError>(())
        })?;
        if changed {
            self.reload_holder(&network.id)?;
            self.record_network("update", &network.id, &network.name)?;
        }
        Ok(())
    }

    /// Has the networks of a running container read their records again. There are no firewall rules that could be lost,
    /// so there is nothing else to do.
    ///
    /// # Errors
    /// When there is no such container, it does not run or is in no network, or a holder does not answer.
    pub fn reload_network(&self, container: &str) -> Result<ContainerId> {
        let id = self.resolve_container(container)?;
        let container = self.store()?.container(&id)?;
        if !container.alive || container.config.networks.is_empty() {
            return Err(EngineError::WrongState {
                message: "cannot reload network unless container network has been configured: container state improper"
                    .to_owned(),
                remedy: format!("the container must run and be in a network: cala start {}", id.short()),
            });
        }
        container.config.networks.iter().try_for_each(|network| self.reload_holder(&network.network))?;
        Ok(id)
    }

    fn reload_holder(&self, network: &str) -> Result<()> {
        let asked = HolderClient::connect(self.run_root(), network).and_then(|mut holder| holder.reload());
        match asked {
            // Nobody uses it: whoever does next reads the new record.
            Err(HolderError::NotRunning { .. } | HolderError::Closed) => Ok(()),
            done => Ok(done?),
        }
    }
}
