//! Whether a container reaches another, or anything else: tried for real, from its own network namespace.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::time::Duration;

use cala_holder::HolderClient;
use cala_holder::protocol::Reach;
use cala_spec::container::NetworkMode;
use cala_spec::{Network, Protocol};
use cala_store::{Container, StoreError};

use super::explain::{self, Port, Why};
use super::sockets::{self, Socket};
use crate::containers::outward_address;
use crate::view::{ReachAttempt, ReachOutcome, ReachReason, ReachReport};
use crate::{Engine, EngineError, Result};

/// How long one attempt waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the host's resolvers are waited for.
const RESOLVE_LIMIT: Duration = Duration::from_secs(3);

/// How long a holder is waited for.
const HOLDER_LIMIT: Duration = Duration::from_secs(5);

/// Names of the host that every network with a way out answers.
const HOST_NAMES: [&str; 2] = ["host.containers.internal", "host.docker.internal"];

/// What is to be reached.
enum Target {
    Container(Box<Container>),
    /// Addresses of something that is no container, or of one by a name of its network.
    Addresses(Vec<IpAddr>),
    /// Nobody has this name.
    Unknown,
}

/// Who asks.
struct Asker {
    container: Container,
    networks: Vec<Network>,
    holders: Vec<(String, HolderClient)>,
}

impl Engine {
    /// Whether a container reaches another one, a name or an address (`web`, `web:80`, `10.0.0.5:80`, `[fd00::1]:80`):
    /// tried for real. A container that stands in another's network counts as that one. What is not reached is an answer,
    /// with its reason, and no error.
    ///
    /// # Errors
    /// When there is no such container to ask from, the target cannot be read, or a network's holder does not answer.
    pub fn network_reach(&self, from: &str, to: &str) -> Result<ReachReport> {
        let (to, port) = split(to)?;
        let container = self.in_its_network(from)?;
        let report = ReachReport {
            from: container.config.name.to_string(),
            to: to.to_owned(),
            port: port.map(|port| port.number),
            protocol: port.map_or(Protocol::Tcp, |port| port.protocol),
            reached: false,
            names: Vec::new(),
            attempts: Vec::new(),
            listening: Vec::new(),
            reason: None,
            message: String::new(),
            hints: Vec::new(),
        };
        if let Some(why) = cannot_take_part(&container) {
            return Ok(explain::not_reached(report, why));
        }
        let mut asker = self.asker(container)?;
        match self.target(&mut asker, to)? {
            Target::Container(other) => self.reach_container(&mut asker, &other, report),
            Target::Addresses(addresses) => reach_outside(&mut asker, &addresses, report),
            Target::Unknown => {
                let why = Why::new(ReachReason::UnknownName, format!("nobody has the name {to}"))
                    .hint("`cala ps --all` lists the containers, `cala network inspect` who is in a network");
                Ok(explain::not_reached(report, why))
            }
        }
    }

    /// A container, or the one whose network it uses.
    fn in_its_network(&self, name: &str) -> Result<Container> {
        let store = self.store()?;
        let container = store.container(&store.resolve_container(name)?)?;
        match &container.config.spec.network {
            NetworkMode::Container(other) => Ok(store.container(&store.resolve_container(other)?)?),
            _ => Ok(container),
        }
    }

    fn asker(&self, container: Container) -> Result<Asker> {
        let mut holders = Vec::new();
        for status in &container.state.networks {
            let client = HolderClient::connect_within(self.run_root(), &status.network, HOLDER_LIMIT)?;
            holders.push((status.network.clone(), client));
        }
        let networks = self.networks_of(&container.config)?;
        Ok(Asker { container, networks, holders })
    }

    fn target(&self, asker: &mut Asker, text: &str) -> Result<Target> {
        if let Ok(address) = text.parse() {
            return Ok(Target::Addresses(vec![address]));
        }
        match self.in_its_network(text) {
            Ok(container) if container.config.spec.network == NetworkMode::Host => {
                return Ok(Target::Addresses(outward_address().into_iter().collect()));
            }
            Ok(container) => return Ok(Target::Container(Box::new(container))),
            Err(EngineError::Store(StoreError::NoSuchContainer(_))) => {}
            Err(error) => return Err(error),
        }
        if HOST_NAMES.contains(&text) {
            let host = Self::host_address(&asker.networks);
            return Ok(host.map_or(Target::Unknown, |host| Target::Addresses(vec![host])));
        }
        let mut addresses = asker.resolve(text)?;
        if addresses.is_empty() {
            addresses = ask_the_host(text);
        }
        Ok(if addresses.is_empty() { Target::Unknown } else { Target::Addresses(addresses) })
    }

    fn reach_container(
        &self,
        asker: &mut Asker,
        other: &Container,
        mut report: ReachReport,
    ) -> Result<ReachReport> {
        let name = other.config.name.to_string();
        if let Some(why) = cannot_take_part(other) {
            return Ok(explain::not_reached(report, why));
        }
        let listening = listening(other, report.protocol);
        report.listening = listening.iter().map(|socket| socket.local.to_string()).collect();
        let common: Vec<Network> = asker.networks.iter().filter(|n| is_in(other, &n.id)).cloned().collect();
        if common.is_empty() {
            return Ok(explain::not_reached(report, nothing_in_common(asker, other)));
        }
        for network in &common {
            report.names.extend(names(other, network));
            for address in addresses_in(other, &network.id) {
                let port = port_of(&report);
                let mut attempt = asker.attempt(Some(&network.name), address, port)?;
                if attempt.outcome == ReachOutcome::Silent && explain::taken(port, address, &listening) {
                    attempt.outcome = ReachOutcome::Taken;
                }
                report.attempts.push(attempt);
            }
        }
        report.names.sort_unstable();
        report.names.dedup();
        // The name before the aliases.
        if let Some(place) = report.names.iter().position(|known| *known == name) {
            report.names[..=place].rotate_right(1);
        }
        let outcome = explain::outcome(&report.attempts);
        Ok(finish(report, &name, outcome, |port| explain::of_container(&name, port, outcome, &listening)))
    }
}

impl Asker {
    fn name(&self) -> &str {
        self.container.config.name.as_str()
    }

    /// What a name means in the container's networks.
    fn resolve(&mut self, name: &str) -> Result<Vec<IpAddr>> {
        let name = name.to_ascii_lowercase();
        let name = name.trim_end_matches('.');
        let name = name.strip_suffix(&format!(".{}", cala_spec::network::DNS_DOMAIN)).unwrap_or(name);
        for (_, holder) in &mut self.holders {
            let addresses = holder.resolve(name)?;
            if !addresses.is_empty() {
                return Ok(addresses);
            }
        }
        Ok(Vec::new())
    }

    /// Any of the holders tries it from the container's own namespace.
    fn attempt(&mut self, network: Option<&str>, to: IpAddr, port: Option<Port>) -> Result<ReachAttempt> {
        let id = self.container.config.id.to_string();
        let number = port.map(|port| port.number);
        let protocol = port.map_or(Protocol::Tcp, |port| port.protocol);
        let outcome = match self.holders.first_mut() {
            Some((_, holder)) => match holder.reach(&id, to, number, protocol, PATIENCE)? {
                Reach::Answered => ReachOutcome::Answered,
                Reach::Refused => ReachOutcome::Refused,
                Reach::Silent => ReachOutcome::Silent,
                Reach::Unreachable => ReachOutcome::Unreachable,
            },
            None => ReachOutcome::Unreachable,
        };
        Ok(ReachAttempt { network: network.map(str::to_owned), address: to.to_string(), outcome })
    }

    /// Why the networks have no way out, if none of those that should have one does.
    fn uplink_problem(&mut self) -> Option<String> {
        let internal: Vec<&str> =
            self.networks.iter().filter(|n| n.internal).map(|n| n.id.as_str()).collect();
        let outward = self.holders.iter_mut().filter(|(id, _)| !internal.contains(&id.as_str()));
        let uplinks = outward.filter_map(|(_, holder)| Some(holder.snapshot().ok()?.uplink));
        let problems: Option<Vec<String>> =
            uplinks.map(|uplink| uplink.strip_prefix("none: ").map(str::to_owned)).collect();
        problems?.into_iter().next()
    }
}

fn reach_outside(asker: &mut Asker, addresses: &[IpAddr], mut report: ReachReport) -> Result<ReachReport> {
    for address in addresses {
        let network = asker.networks.iter().find(|n| n.subnets.iter().any(|s| s.subnet.contains(address)));
        let network = network.map(|network| network.name.clone());
        report.attempts.push(asker.attempt(network.as_deref(), *address, port_of(&report))?);
        if explain::outcome(&report.attempts) == ReachOutcome::Answered {
            break;
        }
    }
    let outcome = explain::outcome(&report.attempts);
    let first = addresses.first().copied().unwrap_or(IpAddr::from([0; 4]));
    if report.to.parse::<IpAddr>().is_err() {
        report.names.push(report.to.clone());
    }
    let uplink = if outcome == ReachOutcome::Answered { None } else { asker.uplink_problem() };
    let internal = asker.networks.iter().all(|network| network.internal)
        && report.attempts.iter().all(|attempt| attempt.network.is_none());
    let (from, to) = (asker.name().to_owned(), report.to.clone());
    Ok(finish(report, &to, outcome, |_| {
        explain::of_outside(&from, &to, first, outcome, internal, uplink.as_deref())
    }))
}

fn finish(
    report: ReachReport,
    to: &str,
    outcome: ReachOutcome,
    why: impl FnOnce(Option<Port>) -> Why,
) -> ReachReport {
    let port = port_of(&report);
    if !matches!(outcome, ReachOutcome::Answered | ReachOutcome::Taken) {
        let why = why(port);
        return explain::not_reached(report, why);
    }
    let message = explain::success(&report.from, to, port, &report.names);
    ReachReport { reached: true, message, ..report }
}

fn port_of(report: &ReachReport) -> Option<Port> {
    report.port.map(|number| Port { number, protocol: report.protocol })
}

/// Why this container can neither ask nor be asked.
fn cannot_take_part(container: &Container) -> Option<Why> {
    let name = &container.config.name;
    match &container.config.spec.network {
        NetworkMode::Bridge => {}
        private if private.is_private() => {}
        mode => {
            return Some(
                Why::new(
                    ReachReason::NoNetwork,
                    format!("{name} is in no network: it was made with --network {mode}"),
                )
                .hint("make it anew without that option"),
            );
        }
    }
    if !container.alive || container.state.pid == 0 {
        return Some(
            Why::new(ReachReason::NotRunning, format!("{name} is not running"))
                .hint(format!("`cala start {name}` starts it")),
        );
    }
    container.state.networks.is_empty().then(|| {
        Why::new(ReachReason::NoNetwork, format!("{name} is connected to no network"))
            .hint(format!("`cala network connect NETWORK {name}` connects it"))
    })
}

fn nothing_in_common(asker: &Asker, other: &Container) -> Why {
    let (from, to) = (asker.name(), other.config.name.as_str());
    let private = |container: &Container| container.config.spec.network.is_private();
    if let Some(alone) = [&asker.container, other].into_iter().find(|container| private(container)) {
        let (alone, mode) = (&alone.config.name, alone.config.spec.network.as_str());
        return Why::new(ReachReason::NoCommonNetwork, format!("{from} and {to} are in no common network"))
            .hint(format!("{alone} has a network of its own ({mode}); make it anew in one of the other's"));
    }
    let network = asker.networks.iter().find(|network| network.dns_enabled).or(asker.networks.first());
    let network = network.map_or("NETWORK", |network| network.name.as_str());
    Why::new(ReachReason::NoCommonNetwork, format!("{from} and {to} are in no common network"))
        .hint(format!("`cala network connect {network} {to}` puts {to} into a network of {from}"))
}

fn is_in(container: &Container, network: &str) -> bool {
    container.state.networks.iter().any(|status| status.network == network)
}

fn addresses_in(container: &Container, network: &str) -> Vec<IpAddr> {
    let here = container.state.networks.iter().filter(|status| status.network == network);
    here.flat_map(|status| &status.addresses).map(ipnet::IpNet::addr).collect()
}

/// The names that a network answers for a container that runs in it.
fn names(container: &Container, network: &Network) -> Vec<String> {
    if !network.dns_enabled {
        return Vec::new();
    }
    let here = container.state.networks.iter().filter(|status| status.network == network.id);
    let aliases = here.flat_map(|status| &status.aliases).cloned();
    std::iter::once(container.config.name.to_string()).chain(aliases).collect()
}

/// Where a container takes connections or datagrams.
fn listening(container: &Container, protocol: Protocol) -> Vec<Socket> {
    let net = PathBuf::from(format!("/proc/{}/net", container.state.pid));
    sockets::of(&net, protocol).into_iter().filter(|socket| socket.open).collect()
}

/// What the host's resolvers know, which a network asks too. A host whose resolvers are silent has them asked for long by
/// getaddrinfo(3), which nothing cuts short: the thread is left to it.
fn ask_the_host(name: &str) -> Vec<IpAddr> {
    let (tell, told) = std::sync::mpsc::channel();
    let name = name.to_owned();
    let thread = std::thread::Builder::new().name("resolve".to_owned()).spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs().map(|all| all.map(|address| address.ip()).collect());
        // Nobody may wait any more.
        let _ = tell.send(found.unwrap_or_default());
    });
    thread.ok().and_then(|_| told.recv_timeout(RESOLVE_LIMIT).ok()).unwrap_or_default()
}

/// A target and its port: `web`, `web:80`, `web:53/udp`, `10.0.0.5`, `10.0.0.5:80`, `fd00::1`, `[fd00::1]:80`.
fn split(text: &str) -> Result<(&str, Option<Port>)> {
    let wrong = || {
        EngineError::invalid(
            "invalid_target",
            format!("{text:?} is neither a container, a name nor an address, with a port or without"),
        )
    };
    if text.parse::<IpAddr>().is_ok() {
        return Ok((text, None));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            let _: std::net::Ipv6Addr = host.parse().map_err(|_| wrong())?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(wrong)?) };
            (host, port)
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(read_port);
    match port {
        Some(None) => Err(wrong()),
        _ if host.is_empty() => Err(wrong()),
        port => Ok((host, port.flatten())),
    }
}

/// `80`, `80/tcp`, `53/udp`.
fn read_port(text: &str) -> Option<Port> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some(Port { number, protocol: protocol.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_names_or_addresses_with_a_port_or_without() {
        let tcp = |number| Port { number, protocol: Protocol::Tcp };
        for (text, expected) in [
            ("web", ("web", None)),
            ("web:80", ("web", Some(tcp(80)))),
            ("web:80/tcp", ("web", Some(tcp(80)))),
            ("web:53/udp", ("web", Some(Port { number: 53, protocol: Protocol::Udp }))),
            ("10.0.0.5", ("10.0.0.5", None)),
            ("10.0.0.5:80", ("10.0.0.5", Some(tcp(80)))),
            ("fd00::1", ("fd00::1", None)),
            ("[fd00::1]:80", ("fd00::1", Some(tcp(80)))),
            ("[fd00::1]", ("fd00::1", None)),
        ] {
            assert_eq!(split(text).ok(), Some(expected), "{text}");
        }
        for bad in [
            "",
            ":80",
            "web:",
            "web:0",
            "web:x",
            "web:80/icmp",
            "web:80/",
            "web:/udp",
            "web:1:2",
            "[fd00::1",
            "[web]:80",
            "[::1]80",
        ] {
            assert!(split(bad).is_err(), "{bad}");
        }
    }
}
