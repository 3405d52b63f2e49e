//! Listing networks.

use std::collections::BTreeMap;

use cala_spec::Network;
use cala_spec::network::Subnet;
use cala_store::{NetworkEntry, default_network_id};
use ipnet::IpNet;

use crate::filter::{NetworkMatcher, NetworkSubject};
use crate::view::{LeaseRange, NetworkSubnet, NetworkSummary};
use crate::{Engine, Result, time};

/// The bridge in every network's namespace.
const BRIDGE: &str = "br0";

impl Engine {
    /// Lists networks by name. `filters` are `key=value`: `name`, `id`, `driver`, `label`, `label!`, `until`, `dangling`; values of one
    /// key are alternatives, labels and different keys must all hold.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn networks(&self, filters: &[String]) -> Result<Vec<NetworkSummary>> {
        let matcher = NetworkMatcher::for_list(filters, time::now_ns())?;
        Ok(self.matching_networks(&matcher)?.iter().map(summary_of).collect())
    }

    pub(super) fn matching_networks(&self, matcher: &NetworkMatcher) -> Result<Vec<NetworkEntry>> {
        let used = if matcher.asks_for_use() { self.used_networks()? } else { Default::default() };
        let mut entries = self.all_networks()?;
        let no_labels = BTreeMap::new();
        entries.retain(|entry| {
            let network = entry.sound();
            matcher.matches(&NetworkSubject {
                id: entry.id(),
                name: entry.name(),
                driver: network.map_or("", |network| &network.driver),
                labels: network.map_or(&no_labels, |network| &network.labels),
                created_ns: network.map_or(0, |network| network.created_ns),
                in_use: used.contains(entry.id()) || entry.id() == default_network_id(),
            })
        });
        Ok(entries)
    }
}

pub(super) fn summary_of(entry: &NetworkEntry) -> NetworkSummary {
    match entry {
        NetworkEntry::Sound(network) => summary(network),
        NetworkEntry::Damaged(damaged) => NetworkSummary {
            name: entry.name().to_owned(),
            id: damaged.id.clone(),
            driver: String::new(),
            network_interface: String::new(),
            created: time::rfc3339(0),
            subnets: Vec::new(),
            ipv6_enabled: false,
            internal: false,
            dns_enabled: false,
            network_dns_servers: Vec::new(),
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
            ipam_options: BTreeMap::new(),
            damaged: Some(damaged.reason.clone()),
        },
    }
}

pub(super) fn summary(network: &Network) -> NetworkSummary {
    NetworkSummary {
        name: network.name.clone(),
        id: network.id.clone(),
        driver: network.driver.clone(),
        network_interface: BRIDGE.to_owned(),
        created: time::rfc3339(network.created_ns),
        subnets: network.subnets.iter().map(subnet).collect(),
        ipv6_enabled: network.subnets.iter().any(|subnet| matches!(subnet.subnet, IpNet::V6(_))),
        internal: network.internal,
        dns_enabled: network.dns_enabled,
        network_dns_servers: network.dns_servers.iter().map(ToString::to_string).collect(),
        labels: network.labels.clone(),
        options: network.options.clone(),
        ipam_options: [("driver".to_owned(), "host-local".to_owned())].into(),
        damaged: None,
    }
}

fn subnet(subnet: &Subnet) -> NetworkSubnet {
    NetworkSubnet {
        subnet: subnet.subnet.to_string(),
        gateway: subnet.gateway.to_string(),
        lease_range: subnet
            .lease_range
            .map(|(start, end)| LeaseRange { start_ip: start.to_string(), end_ip: end.to_string() }),
    }
}
