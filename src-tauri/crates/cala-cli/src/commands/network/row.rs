//! A network as templates see it: Podman's field names, in the order of its own report.

use cala_engine::view::{NetworkInspect, NetworkSummary};

use crate::template::Value;

/// A row of a list: short id, labels in one text.
pub(super) fn listed(network: &NetworkSummary, whole: bool) -> Value {
    let id = if whole { network.id.clone() } else { network.id.chars().take(12).collect() };
    let labels: Vec<String> = network.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let driver = if network.damaged.is_some() { "damaged" } else { &network.driver };
    let fields = fields(network, Value::text(id), Value::text(driver), Value::text(labels.join(",")));
    Value::structure("network.ListPrintReports", fields)
}

/// A network with its containers.
pub(crate) fn inspected(network: &NetworkInspect) -> Value {
    let NetworkInspect { network, uplink, containers } = network;
    let id = Value::text(network.id.as_str());
    let mut fields = fields(network, id, Value::text(network.driver.as_str()), Value::of(&network.labels));
    fields.push(("Uplink".to_owned(), Value::text(uplink.as_deref().unwrap_or_default())));
    fields.push(("Containers".to_owned(), Value::of(containers)));
    Value::structure("Network", fields)
}

fn fields(network: &NetworkSummary, id: Value, driver: Value, labels: Value) -> Vec<(String, Value)> {
    let fields: [(&str, Value); 14] = [
        ("Name", Value::text(network.name.as_str())),
        ("ID", id),
        ("Driver", driver),
        ("NetworkInterface", Value::text(network.network_interface.as_str())),
        ("Created", Value::Time(network.created.as_str().into())),
        ("Subnets", Value::of(&network.subnets)),
        ("Routes", Value::list(Vec::new())),
        ("IPv6Enabled", Value::Bool(network.ipv6_enabled)),
        ("Internal", Value::Bool(network.internal)),
        ("DNSEnabled", Value::Bool(network.dns_enabled)),
        ("NetworkDNSServers", Value::of(&network.network_dns_servers)),
        ("Labels", labels),
        ("Options", Value::of(&network.options)),
        ("IPAMOptions", Value::of(&network.ipam_options)),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
