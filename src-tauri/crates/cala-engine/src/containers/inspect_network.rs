//! The addresses and ports of a container, as `inspect` shows them.

use std::collections::BTreeMap;

use cala_spec::container::NetworkMode;
use cala_spec::{ContainerConfig, ContainerState, NetworkAttachment, NetworkStatus, PortMapping};
use cala_store::Store;

use crate::view::{NetworkEndpoint, NetworkSettings};

pub(super) fn network_settings(
    store: &Store,
    config: &ContainerConfig,
    state: &ContainerState,
) -> NetworkSettings {
    let mut networks = BTreeMap::new();
    for attachment in &config.networks {
        let status = state.networks.iter().find(|status| status.network == attachment.network);
        let name = store.network(&attachment.network).map_or_else(|_| attachment.network.clone(), |n| n.name);
        networks.insert(name, endpoint(attachment, status, config.id.short()));
    }
    if config.spec.network.is_private() {
        let own = state.networks.first().map(addresses).unwrap_or_default();
        networks.insert(config.spec.network.as_str().to_owned(), own);
    }
    if networks.is_empty() {
        let name = config.spec.network.as_str();
        networks.insert(
            name.to_owned(),
            NetworkEndpoint { network_id: name.to_owned(), ..NetworkEndpoint::default() },
        );
    }
    // Docker's older form tells of the first network only.
    let first = state.networks.first().map(addresses).unwrap_or_default();
    NetworkSettings {
        gateway: first.gateway,
        ip_address: first.ip_address,
        ip_prefix_len: first.ip_prefix_len,
        ipv6_gateway: first.ipv6_gateway,
        global_ipv6_address: first.global_ipv6_address,
        global_ipv6_prefix_len: first.global_ipv6_prefix_len,
        mac_address: first.mac_address,
        ports: settings_ports(config),
        endpoint_id: String::new(),
        link_local_i_pv6_address: String::new(),
        link_local_i_pv6_prefix_len: 0,
        bridge: String::new(),
        sandbox_id: String::new(),
        hairpin_mode: false,
        sandbox_key: if state.pid > 0 { format!("/proc/{}/ns/net", state.pid) } else { String::new() },
        networks,
    }
}

fn endpoint(attachment: &NetworkAttachment, status: Option<&NetworkStatus>, short: &str) -> NetworkEndpoint {
    let mut aliases = attachment.aliases.clone();
    aliases.push(short.to_owned());
    NetworkEndpoint {
        network_id: attachment.network.clone(),
        aliases,
        ..status.map(addresses).unwrap_or_default()
    }
}

fn addresses(status: &NetworkStatus) -> NetworkEndpoint {
    let address = |v4: bool| status.addresses.iter().find(|address| address.addr().is_ipv4() == v4);
    let gateway = |v4: bool| status.gateways.iter().find(|gateway| gateway.is_ipv4() == v4);
    let text = |address: Option<&ipnet::IpNet>| address.map(|a| a.addr().to_string()).unwrap_or_default();
    let length = |address: Option<&ipnet::IpNet>| address.map_or(0, ipnet::IpNet::prefix_len);
    NetworkEndpoint {
        gateway: gateway(true).map(ToString::to_string).unwrap_or_default(),
        ip_address: text(address(true)),
        ip_prefix_len: length(address(true)),
        ipv6_gateway: gateway(false).map(ToString::to_string).unwrap_or_default(),
        global_ipv6_address: text(address(false)),
        global_ipv6_prefix_len: length(address(false)),
        mac_address: status.mac.clone(),
        network_id: status.network.clone(),
        aliases: Vec::new(),
        ..NetworkEndpoint::default()
    }
}

/// `80/tcp` to the addresses of the host that lead there.
pub(super) fn bindings(ports: &[PortMapping]) -> BTreeMap<String, serde_json::Value> {
    let mut all: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for port in ports {
        let address = port.host_address();
        let binding = serde_json::json!({
            "HostIp": address.ip().to_string(), "HostPort": address.port().to_string(),
        });
        let list = all
            .entry(format!("{}/{}", port.container_port, port.protocol))
            .or_insert_with(|| serde_json::Value::Array(Vec::new()));
        if let serde_json::Value::Array(list) = list {
            list.push(binding);
        }
    }
    all
}

/// As `--network` took it, but for the options of a network of its own, which Podman does not show either.
pub(super) fn network_mode(mode: &NetworkMode) -> String {
    if mode.is_private() { mode.as_str().to_owned() } else { mode.to_string() }
}

/// Published ports, and null for what the image exposes; nothing in another's network.
fn settings_ports(config: &ContainerConfig) -> BTreeMap<String, serde_json::Value> {
    let mut all = bindings(&config.ports);
    if config.spec.network.is_own() {
        for port in &config.exposed_ports {
            all.entry(port.clone()).or_insert(serde_json::Value::Null);
        }
    }
    all
}

/// What the image exposes and what is published, each with an empty object.
pub(super) fn exposed_ports(config: &ContainerConfig) -> BTreeMap<String, serde_json::Value> {
    let published = config.ports.iter().map(|port| format!("{}/{}", port.container_port, port.protocol));
    let all = config.exposed_ports.iter().cloned().chain(published);
    all.map(|port| (port, serde_json::Value::Object(serde_json::Map::new()))).collect()
}
