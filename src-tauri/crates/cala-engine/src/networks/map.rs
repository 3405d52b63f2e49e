//! All networks, who is in them and how they lead out, at one moment.

use std::collections::BTreeMap;
use std::time::Duration;

use cala_holder::HolderClient;
use cala_holder::protocol::{Member, Snapshot};
use cala_spec::{NetworkAttachment, NetworkStatus};
use cala_store::{Container, ContainerEntry, NetworkEntry};

use super::list::summary_of;
use crate::view::{MapContainer, MapEndpoint, MapLive, MapNetwork, MapPort, MapUplink, NetworkMap};
use crate::{Engine, Result};

/// How long a holder is waited for; one that does not answer is shown by what is recorded.
const HOLDER_LIMIT: Duration = Duration::from_millis(500);

/// What the holders say, by network.
type Snapshots = BTreeMap<String, Snapshot>;

impl Engine {
    /// The whole picture: networks with their uplinks, containers with their addresses, names and ports. It changes with the
    /// events `connect`, `disconnect`, `publish`, `unpublish`, those of networks, and starts and ends of containers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn network_map(&self) -> Result<NetworkMap> {
        let networks = self.all_networks()?;
        let containers = self.store()?.containers()?;
        let snapshots = self.snapshots(&networks);
        let mapped = networks.iter().map(|network| map_network(network, snapshots.get(network.id())));
        let sound = containers.iter().filter_map(ContainerEntry::sound);
        Ok(NetworkMap {
            networks: mapped.collect(),
            containers: sound.map(|container| map_container(container, &networks, &snapshots)).collect(),
        })
    }

    /// Asks all holders at once, so that one that hangs costs its time only once.
    fn snapshots(&self, networks: &[NetworkEntry]) -> Snapshots {
        let ask = |id: &str| HolderClient::connect_within(self.run_root(), id, HOLDER_LIMIT)?.snapshot();
        let ask = &ask;
        std::thread::scope(|scope| {
            let asked: Vec<_> = networks
                .iter()
                .map(|network| (network.id(), scope.spawn(move || ask(network.id()).ok())))
                .collect();
            let answers = asked.into_iter().map(|(id, thread)| (id, thread.join().ok().flatten()));
            answers.filter_map(|(id, snapshot)| Some((id.to_owned(), snapshot?))).collect()
        })
    }
}

fn map_network(network: &NetworkEntry, snapshot: Option<&Snapshot>) -> MapNetwork {
    MapNetwork {
        network: summary_of(network),
        holder_pid: snapshot.map_or(0, |snapshot| snapshot.pid),
        uplink: match (snapshot, network.sound()) {
            (_, Some(network)) if network.internal => MapUplink::Internal,
            (Some(snapshot), _) => uplink(&snapshot.uplink),
            (None, _) => MapUplink::Idle,
        },
    }
}

/// A holder's words for its way out.
fn uplink(text: &str) -> MapUplink {
    match (text, text.strip_prefix("none: ")) {
        (_, Some(reason)) => MapUplink::Down { reason: reason.to_owned() },
        ("starting", None) => MapUplink::Starting,
        (program, None) => MapUplink::Ready { program: program.to_owned() },
    }
}

fn map_container(container: &Container, networks: &[NetworkEntry], snapshots: &Snapshots) -> MapContainer {
    let Container { config, state, .. } = container;
    let id = config.id.to_string();
    let member = |network: &str| {
        let snapshot = snapshots.get(network)?;
        snapshot.containers.iter().find(|member| member.container == id)
    };
    let endpoint = |wish: &NetworkAttachment| {
        let network = networks.iter().find(|network| network.id() == wish.network);
        let answers = network.and_then(NetworkEntry::sound).is_some_and(|network| network.dns_enabled);
        let member = member(&wish.network);
        let recorded = state.networks.iter().find(|status| container.alive && status.network == wish.network);
        MapEndpoint {
            network: wish.network.clone(),
            names: if answers { names(container, wish) } else { Vec::new() },
            live: member.map(|member| &member.status).or(recorded).map(|status| live(status, member)),
        }
    };
    let endpoints: Vec<MapEndpoint> = config.networks.iter().map(endpoint).collect();
    let open_in = |port| {
        let through = config.networks.iter().filter_map(|wish| member(&wish.network).map(|m| (wish, m)));
        through.into_iter().find(|(_, member)| member.ports.contains(port)).map(|(w, _)| w.network.clone())
    };
    MapContainer {
        name: config.name.to_string(),
        state: state.status,
        network_mode: config.spec.network.to_string(),
        endpoints,
        ports: config
            .ports
            .iter()
            .map(|port| MapPort { port: port.clone(), network: open_in(port) })
            .collect(),
        id,
    }
}

/// Its name, its aliases, its short id: what the network's name server answers.
fn names(container: &Container, wish: &NetworkAttachment) -> Vec<String> {
    let config = &container.config;
    let mut names = vec![config.name.to_string()];
    names.extend(wish.aliases.iter().cloned());
    names.push(config.id.short().to_owned());
    names.dedup();
    names
}

fn live(status: &NetworkStatus, member: Option<&Member>) -> MapLive {
    MapLive {
        interface: status.interface.clone(),
        mac_address: status.mac.clone(),
        addresses: status.addresses.iter().map(ToString::to_string).collect(),
        gateways: status.gateways.iter().map(ToString::to_string).collect(),
        connections: member.map_or(0, |member| member.connections),
    }
}

#[cfg(test)]
mod tests {
    use cala_spec::port::parse_publish;
    use cala_spec::{ContainerConfig, ContainerId, ContainerSpec, ContainerState, Digest, Network};

    use super::*;

    /// A container on network `n`, published and running, as `Container` stores it.
    fn container(alive: bool) -> Container {
        let status = status();
        let attachment = NetworkAttachment {
            network: "n".to_owned(),
            aliases: vec!["w".to_owned()],
            ..NetworkAttachment::default()
        };
        Container {
            config: ContainerConfig {
                id: ContainerId::from_random([7; 32]),
                name: "web".parse().unwrap(),
                created_ns: 0,
                image: String::new(),
                image_id: Digest::sha256(&[1; 32]),
                layers: Vec::new(),
                args: Vec::new(),
                entrypoint_len: 0,
                env: Vec::new(),
                workdir: String::new(),
                user: String::new(),
                hostname: String::new(),
                labels: BTreeMap::new(),
                stop_signal: 15,
                stop_timeout: 10,
                networks: vec![attachment],
                ports: parse_publish("8080:80").unwrap(),
                exposed_ports: Vec::new(),
                spec: ContainerSpec::default(),
            },
            state: ContainerState { networks: vec![status], ..ContainerState::default() },
            alive,
        }
    }

    fn status() -> NetworkStatus {
        NetworkStatus {
            network: "n".to_owned(),
            interface: "eth0".to_owned(),
            mac: "02:42:0a:59:00:02".to_owned(),
            addresses: vec!["10.89.0.2/24".parse().unwrap()],
            gateways: Vec::new(),
            dns: Vec::new(),
            aliases: Vec::new(),
        }
    }

    fn network(dns_enabled: bool) -> NetworkEntry {
        NetworkEntry::Sound(Box::new(Network {
            id: "n".to_owned(),
            name: "shop".to_owned(),
            driver: "bridge".to_owned(),
            created_ns: 0,
            subnets: Vec::new(),
            internal: false,
            dns_enabled,
            dns_servers: Vec::new(),
            labels: BTreeMap::new(),
            options: BTreeMap::new(),
        }))
    }

    #[test]
    fn what_the_holder_knows_comes_before_the_record() {
        let running = container(true);
        let recorded = map_container(&running, &[network(true)], &Snapshots::new());
        let [endpoint] = recorded.endpoints.as_slice() else { panic!("{recorded:?}") };
        assert_eq!(endpoint.names[..2], ["web", "w"]);
        assert_eq!(endpoint.live.as_ref().unwrap().addresses, ["10.89.0.2/24"]);
        assert_eq!(recorded.ports[0].network, None, "nobody says that it is open");

        let mut live = status();
        live.addresses = vec!["10.89.0.9/24".parse().unwrap()];
        let member = Member {
            container: running.config.id.to_string(),
            name: "web".to_owned(),
            status: live,
            ports: running.config.ports.clone(),
            connections: 3,
        };
        let snapshot = Snapshot { pid: 5, uplink: "pasta".to_owned(), containers: vec![member] };
        let snapshots = Snapshots::from([("n".to_owned(), snapshot)]);
        let mapped = map_container(&running, &[network(false)], &snapshots);
        let live = mapped.endpoints[0].live.as_ref().unwrap();
        assert_eq!((live.addresses[0].as_str(), live.connections), ("10.89.0.9/24", 3));
        assert_eq!(mapped.ports[0].network.as_deref(), Some("n"));
        assert!(mapped.endpoints[0].names.is_empty(), "the network answers no names");
        assert_eq!(map_network(&network(true), snapshots.get("n")).holder_pid, 5);
    }

    #[test]
    fn what_does_not_run_has_no_addresses() {
        let mapped = map_container(&container(false), &[network(true)], &Snapshots::new());
        assert_eq!(mapped.endpoints[0].live, None);
        assert_eq!(map_network(&network(true), None).uplink, MapUplink::Idle);
    }

    #[test]
    fn the_words_of_a_holder_become_a_state() {
        assert_eq!(uplink("pasta"), MapUplink::Ready { program: "pasta".to_owned() });
        assert_eq!(uplink("starting"), MapUplink::Starting);
        let down = MapUplink::Down { reason: "pasta is not installed".to_owned() };
        assert_eq!(uplink("none: pasta is not installed"), down);
        let json = serde_json::to_value(down).unwrap();
        assert_eq!(json, serde_json::json!({"state": "down", "reason": "pasta is not installed"}));
    }
}
