//! The networks and ports of a container: of the wish, of what is stored, of what its monitor is told.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use cala_holder::HolderClient;
use cala_holder::protocol::Launch;
use cala_monitor::{Membership, NetworkPlan};
use cala_network::files;
use cala_spec::container::NetworkMode;
use cala_spec::network::{DEFAULT_NETWORK, DNS_DOMAIN};
use cala_spec::{
    ContainerConfig, ContainerSpec, InvalidValue, Network, NetworkAttachment, PortMapping, Protocol,
};

use crate::view::{PortHolder, PortSocket};
use crate::{Engine, EngineError, Result};

/// The word of `--add-host` for the host's own address.
const HOST_GATEWAY: &str = "host-gateway";

impl Engine {
    /// Reads the values of `--network`: where the network comes from, and the networks to be in.
    ///
    /// # Errors
    /// A value that does not fit, or kinds that exclude each other.
    pub fn parse_networks(values: &[String]) -> Result<(NetworkMode, Vec<NetworkAttachment>)> {
        Ok(cala_network::mode::parse(values)?)
    }

    /// The networks of a wish by id, in the order of their interfaces. Nothing is made but the default network.
    pub(super) fn attachments(&self, spec: &ContainerSpec) -> Result<Vec<NetworkAttachment>> {
        if spec.network != NetworkMode::Bridge {
            return Ok(Vec::new());
        }
        let default =
            [NetworkAttachment { network: DEFAULT_NETWORK.to_owned(), ..NetworkAttachment::default() }];
        let wished = if spec.networks.is_empty() { &default[..] } else { &spec.networks };
        let mut all: Vec<NetworkAttachment> = Vec::with_capacity(wished.len());
        for attachment in wished {
            let attachment = self.attachment(attachment)?;
            if all.iter().any(|known| known.network == attachment.network) {
                return Err(EngineError::invalid(
                    "network_named_twice",
                    format!("network {} is named twice", attachment.network),
                ));
            }
            all.push(attachment);
        }
        Ok(all)
    }

    /// One network of a wish by id, its fixed addresses checked.
    pub(super) fn attachment(&self, wish: &NetworkAttachment) -> Result<NetworkAttachment> {
        let network = self.network(&wish.network)?;
        let fixed = wish.ip.map(IpAddr::from).into_iter().chain(wish.ip6.map(IpAddr::from));
        for address in fixed {
            if !network.subnets.iter().any(|subnet| subnet.subnet.contains(&address)) {
                let subnets: Vec<String> =
                    network.subnets.iter().map(|subnet| subnet.subnet.to_string()).collect();
                return Err(InvalidValue::new(
                    "address_outside_subnet",
                    format!("requested static ip {address} not in any subnet on network {}", network.name),
                )
                .allowing(format!("its addresses are those of {}", subnets.join(" and ")))
                .into());
            }
        }
        Ok(NetworkAttachment { network: network.id, ..wish.clone() })
    }

    /// What a wish for ports comes to, before the container is made: what cannot be is refused, a taken port is said with
    /// who holds it, port 0 becomes a free one.
    pub(super) fn ports(
        &self,
        spec: &ContainerSpec,
        attachments: &[NetworkAttachment],
        exposed: &[String],
    ) -> Result<Vec<PortMapping>> {
        let mut wished = spec.ports.clone();
        if spec.publish_all {
            wished.extend(exposed.iter().filter_map(|port| exposed_port(port)));
        }
        if wished.is_empty() {
            return Ok(Vec::new());
        }
        match &spec.network {
            NetworkMode::Bridge => self.refuse_internal(attachments)?,
            private if private.is_private() => {}
            // Said once, by whoever begins.
            NetworkMode::Host => return Ok(Vec::new()),
            mode => {
                return Err(EngineError::invalid(
                    "ports_without_network",
                    format!("ports cannot be published with --network {mode}"),
                ));
            }
        }
        let mut chosen: Vec<PortMapping> = Vec::with_capacity(wished.len());
        for mapping in wished {
            let mapping = self.reserve(mapping)?;
            if !chosen.contains(&mapping) {
                chosen.push(mapping);
            }
        }
        Ok(chosen)
    }

    fn refuse_internal(&self, attachments: &[NetworkAttachment]) -> Result<()> {
        let networks = attachments.iter().map(|attachment| self.network(&attachment.network));
        let networks = networks.collect::<Result<Vec<Network>>>()?;
        if networks.iter().any(|network| !network.internal) {
            return Ok(());
        }
        let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
        Err(InvalidValue::new(
            "network_internal",
            format!("ports cannot be published: {} is internal, without a way in or out", names.join(", ")),
        )
        .allowing("add a network that is not internal with another --network")
        .into())
    }

    /// Tries a port, and chooses one for port 0. The monitor opens it for good at the start.
    pub(super) fn reserve(&self, mapping: PortMapping) -> Result<PortMapping> {
        let address = mapping.host_address();
        match try_to_listen(address, mapping.protocol) {
            Ok(port) => Ok(PortMapping { host_port: port, ..mapping }),
            Err(error) => Err(self.port_refused(address, mapping.protocol, &error)),
        }
    }

    fn port_refused(&self, address: SocketAddr, protocol: Protocol, error: &std::io::Error) -> EngineError {
        use std::io::ErrorKind;
        let text = format!("cannot listen on {address}/{protocol}: {error}");
        let port = address.port();
        match error.kind() {
            ErrorKind::AddrInUse => {
                let holder = self
                    .port_holder(address, protocol)
                    .map_or_else(String::new, |who| format!("{who} has it; "));
                let suffix = if protocol == Protocol::Udp { "/udp" } else { "" };
                EngineError::PortInUse {
                    message: text,
                    remedy: format!(
                        "{holder}choose another port of the host, or leave it out for a free one; `cala network doctor {port}{suffix}` tells which is free"
                    ),
                }
            }
            ErrorKind::PermissionDenied => EngineError::PortRefused {
                message: text,
                remedy: format!(
                    "choose a port from 1024 on, or let users listen on it: sudo sysctl net.ipv4.ip_unprivileged_port_start={port}"
                ),
            },
            _ => EngineError::PortRefused {
                message: text,
                remedy: "`ip address` lists the addresses of this host".to_owned(),
            },
        }
    }

    /// Who has a port of the host, by whichever socket is in the way of this address.
    fn port_holder(&self, wanted: SocketAddr, protocol: Protocol) -> Option<String> {
        let in_the_way = |socket: &&PortSocket| {
            let ip = socket.address.parse().map(|address: SocketAddr| address.ip());
            ip.is_ok_and(|ip| ip == wanted.ip() || ip.is_unspecified() || wanted.ip().is_unspecified())
        };
        let found = self.port_doctor(wanted.port(), protocol).ok()?;
        Some(match &found.sockets.iter().find(in_the_way)?.holder {
            PortHolder::Container { name, .. } => format!("container {name}"),
            PortHolder::Process { pid, program } => format!("{program} (pid {pid})"),
            PortHolder::AnotherUser { .. } => "another user's process".to_owned(),
        })
    }

    /// What the monitor is told; empty without networks of the container's own.
    pub(super) fn network_plan(&self, config: &ContainerConfig, dir: &Path) -> Result<NetworkPlan> {
        if config.spec.network != NetworkMode::Bridge && !config.spec.network.is_private() {
            let join = self.joined(&config.spec.network)?;
            return Ok(NetworkPlan { join, ..NetworkPlan::default() });
        }
        let memberships = config.networks.iter().map(|attachment| self.membership(config, attachment));
        let memberships = memberships.chain(self.private_membership(config).transpose());
        let own_resolvers = !config.spec.dns.is_empty();
        Ok(NetworkPlan {
            run_root: self.run_root().to_owned(),
            program: self.program("cala-netns"),
            memberships: memberships.collect::<Result<_>>()?,
            ports: config.ports.clone(),
            hosts: (!config.spec.no_hosts).then(|| dir.join("hosts")),
            resolv: (!own_resolvers).then(|| dir.join("resolv.conf")),
            own_names: own_names(config),
            join: None,
        })
    }

    pub(super) fn membership(
        &self,
        config: &ContainerConfig,
        wish: &NetworkAttachment,
    ) -> Result<Membership> {
        let network = self.network(&wish.network)?;
        let mut aliases = wish.aliases.clone();
        aliases.push(config.id.short().to_owned());
        Ok(Membership {
            network_dir: self.store()?.network_dir(&network.id),
            interface: wish.interface_name.clone(),
            aliases,
            addresses: wish.ip.map(IpAddr::from).into_iter().chain(wish.ip6.map(IpAddr::from)).collect(),
            mac: wish.mac.clone(),
            internal: network.internal,
        })
    }

    /// The other container of `--network container:X` by its id, because names change.
    pub(super) fn resolve_joined(&self, spec: &mut ContainerSpec) -> Result<()> {
        if let NetworkMode::Container(other) = &mut spec.network {
            *other = self.resolve_container(other)?.to_string();
        }
        Ok(())
    }

    /// The namespace file of another's network.
    fn joined(&self, mode: &NetworkMode) -> Result<Option<PathBuf>> {
        match mode {
            NetworkMode::Container(id) => {
                let id = self.resolve_container(id)?;
                let container = self.sound(&id)?;
                if !container.alive || container.state.pid == 0 {
                    return Err(super::wrong_state(
                        format!("container {} whose network is joined is not running", id.short()),
                        format!("`cala start {}` starts it", container.config.name),
                    ));
                }
                Ok(Some(PathBuf::from(format!("/proc/{}/ns/net", container.state.pid))))
            }
            NetworkMode::Ns(path) => Ok(Some(PathBuf::from(path))),
            _ => Ok(None),
        }
    }

    /// Starts the holders of a container's networks, or finds them. They live on as long as these connections, until the
    /// monitor has joined the container.
    pub(super) fn holders(&self, config: &ContainerConfig) -> Result<Vec<HolderClient>> {
        let (store, program) = (self.store()?, self.program("cala-netns"));
        let dirs = config.networks.iter().map(|attachment| store.network_dir(&attachment.network));
        dirs.chain(self.private_network_dir(config)?)
            .map(|network_dir| Launch { network_dir, run_root: self.run_root().to_owned() })
            .map(|launch| Ok(HolderClient::ensure(&program, &launch, None)?))
            .collect()
    }

    /// /etc/hosts and /etc/resolv.conf of a container whose network is its own or another's.
    pub(super) fn network_files(&self, config: &ContainerConfig) -> Result<(String, String)> {
        if let NetworkMode::Container(other) = &config.spec.network {
            let dir = self.store()?.container_dir(&self.resolve_container(other)?);
            let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap_or_default();
            return Ok((read("hosts"), read("resolv.conf")));
        }
        let spec = &config.spec;
        let networks = self.networks_of(config)?;
        let host = Self::host_address(&networks);
        let added = spec.add_hosts.iter().map(|text| add_host(text, host)).collect::<Result<Vec<_>>>()?;
        let hosts = files::hosts_of_networks(&added, host);
        let resolv = files::resolv_conf_of_networks(&spec.dns, &search(spec, &networks), &spec.dns_options);
        Ok((hosts, resolv))
    }
}

/// The search domains: those asked for, else the one of the names of containers where a network answers them.
fn search(spec: &ContainerSpec, networks: &[Network]) -> Vec<String> {
    if !spec.dns_search.is_empty() {
        return spec.dns_search.iter().filter(|domain| *domain != ".").cloned().collect();
    }
    let answered = networks.iter().any(|network| network.dns_enabled);
    answered.then(|| DNS_DOMAIN.to_owned()).into_iter().collect()
}

pub(super) fn own_names(config: &ContainerConfig) -> Vec<String> {
    let mut names = vec![config.hostname.clone()];
    if config.name.as_str() != config.hostname {
        names.push(config.name.to_string());
    }
    names
}

/// `80/tcp` of an image's EXPOSE as a wish for a free port of the host.
fn exposed_port(text: &str) -> Option<PortMapping> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    Some(PortMapping {
        host_ip: None,
        host_port: 0,
        container_port: port.parse().ok().filter(|port| *port != 0)?,
        protocol: protocol.parse().ok()?,
    })
}

/// Opens and closes a port; the number that it has.
fn try_to_listen(address: SocketAddr, protocol: Protocol) -> std::io::Result<u16> {
    match protocol {
        Protocol::Tcp => Ok(TcpListener::bind(address)?.local_addr()?.port()),
        Protocol::Udp => Ok(UdpSocket::bind(address)?.local_addr()?.port()),
    }
}

/// `NAME[;NAME…]:ADDRESS` of `--add-host`.
pub(super) fn add_host(text: &str, host: Option<IpAddr>) -> Result<(Vec<String>, IpAddr)> {
    let wrong = |why: &str| {
        EngineError::Value(
            InvalidValue::new("invalid_host", format!("unable to add {text:?} to the hosts file: {why}"))
                .allowing("write NAME:ADDRESS, such as db:10.0.0.5 or gateway:host-gateway"),
        )
    };
    let (names, address) = text.split_once([':', '=']).ok_or_else(|| wrong("the address is missing"))?;
    let names: Vec<String> = names.split(';').map(str::to_owned).collect();
    if names.iter().any(|name| name.is_empty() || name.contains(char::is_whitespace)) {
        return Err(wrong("a name is empty"));
    }
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let address = if address == HOST_GATEWAY {
        host.ok_or_else(|| wrong("the host has no address to the outside"))?
    } else {
        address.parse().map_err(|_| wrong("this is no address"))?
    };
    Ok((names, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_hosts_are_names_and_an_address() {
        let host = "198.51.100.2".parse().ok();
        let read = |text: &str| add_host(text, host).map_err(|error| error.to_string());
        assert_eq!(read("db:10.0.0.5"), Ok((vec!["db".into()], "10.0.0.5".parse().unwrap())));
        assert_eq!(read("a;b:::1"), Ok((vec!["a".into(), "b".into()], "::1".parse().unwrap())));
        assert_eq!(read("gw:host-gateway"), Ok((vec!["gw".into()], host.unwrap())));
        for bad in ["db", ":10.0.0.5", "db:there", "a b:10.0.0.5", "a;:10.0.0.5"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(add_host("gw:host-gateway", None).is_err());
    }

    #[test]
    fn exposed_ports_become_wishes() {
        let shown = |text: &str| exposed_port(text).map(|port| port.to_string());
        assert_eq!(shown("80/tcp"), Some("0.0.0.0:0->80/tcp".into()));
        assert_eq!(shown("53/udp"), Some("0.0.0.0:0->53/udp".into()));
        assert_eq!(shown("80"), Some("0.0.0.0:0->80/tcp".into()));
        for none in ["0/tcp", "x/tcp", "9/sctp"] {
            assert_eq!(shown(none), None, "{none}");
        }
    }
}
