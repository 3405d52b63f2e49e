//! Everything known of one network, in Podman's form.

use std::time::Duration;

use cala_holder::HolderClient;
use cala_spec::NetworkStatus;
use cala_store::{Container, ContainerEntry};

use super::list::summary;
use crate::view::{NetworkAddress, NetworkContainer, NetworkEndpointAddresses, NetworkInspect};
use crate::{Engine, Result};

/// How long a holder is waited for.
const HOLDER_LIMIT: Duration = Duration::from_secs(2);

impl Engine {
    /// Everything known of a network, with the containers that run in it.
    ///
    /// # Errors
    /// When there is none or it is damaged.
    pub fn inspect_network(&self, name: &str) -> Result<NetworkInspect> {
        let network = self.network(name)?;
        let containers = self.store()?.containers()?;
        let members = containers
            .iter()
            .filter_map(ContainerEntry::sound)
            .filter_map(|container| Some((container.config.id.to_string(), member(container, &network.id)?)))
            .collect();
        let uplink = self.uplink(&network.id);
        Ok(NetworkInspect { network: summary(&network), uplink, containers: members })
    }

    /// The way out of a network in use, as its holder says.
    fn uplink(&self, network: &str) -> Option<String> {
        let holder = HolderClient::connect_within(self.run_root(), network, HOLDER_LIMIT);
        Some(holder.ok()?.snapshot().ok()?.uplink)
    }
}

/// The container's place in the network while it runs.
fn member(container: &Container, network: &str) -> Option<NetworkContainer> {
    if !container.alive {
        return None;
    }
    let here: Vec<&NetworkStatus> =
        container.state.networks.iter().filter(|status| status.network == network).collect();
    (!here.is_empty()).then(|| NetworkContainer {
        name: container.config.name.to_string(),
        interfaces: here.into_iter().map(|status| (status.interface.clone(), addresses(status))).collect(),
    })
}

fn addresses(status: &NetworkStatus) -> NetworkEndpointAddresses {
    let of = |address: &ipnet::IpNet| NetworkAddress {
        ipnet: address.to_string(),
        gateway: status.gateways.iter().find(|gateway| address.contains(*gateway)).map(ToString::to_string),
    };
    NetworkEndpointAddresses {
        subnets: status.addresses.iter().map(of).collect(),
        mac_address: status.mac.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_with_the_gateway_of_their_subnet() {
        let status = NetworkStatus {
            network: "n".to_owned(),
            interface: "eth0".to_owned(),
            mac: "02:42:0a:59:00:02".to_owned(),
            addresses: vec!["10.89.0.2/24".parse().unwrap(), "fd00::2/64".parse().unwrap()],
            gateways: vec!["10.89.0.1".parse().unwrap()],
            dns: Vec::new(),
            aliases: Vec::new(),
        };
        let shown = serde_json::to_value(addresses(&status)).unwrap();
        let expected = serde_json::json!({
            "subnets": [{"ipnet": "10.89.0.2/24", "gateway": "10.89.0.1"}, {"ipnet": "fd00::2/64"}],
            "mac_address": "02:42:0a:59:00:02",
        });
        assert_eq!(shown, expected);
    }
}
