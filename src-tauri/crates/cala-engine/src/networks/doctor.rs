//! Whether a port of the host can be published, and who has it if not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

use cala_spec::{PortMapping, Protocol};
use cala_store::{Container, ContainerEntry};

use super::sockets::{self, Socket};
use crate::view::{PortHolder, PortReport, PortSocket};
use crate::{Engine, EngineError, Result};

/// From here on ports are open to everybody where the system does not say otherwise (ip-sysctl.rst).
const USUAL_START: u16 = 1024;

/// What is proposed for a port that may not be opened lies this far above it: 8080 for 80, 8443 for 443.
const ABOVE_PRIVILEGED: u16 = 8000;

impl Engine {
    /// Looks at a port of the host: who has it, whether it may be opened, which one is free instead.
    ///
    /// # Errors
    /// For port 0; when the containers cannot be listed.
    pub fn port_doctor(&self, port: u16, protocol: Protocol) -> Result<PortReport> {
        if port == 0 {
            return Err(EngineError::invalid("invalid_port", "port numbers are 1 to 65535"));
        }
        let containers = self.store()?.containers()?;
        let containers: Vec<&Container> = containers.iter().filter_map(ContainerEntry::sound).collect();
        let all = sockets::of(Path::new("/proc/net"), protocol);
        let tried = try_to_open(port, protocol);
        let allowed = tried != Err(ErrorKind::PermissionDenied);
        let holding = holding(&all, port, tried == Err(ErrorKind::AddrInUse));
        let free = holding.is_empty() && tried != Err(ErrorKind::AddrInUse);
        let next_free =
            if free && allowed { None } else { next_free(port, allowed, protocol, &all, &containers) };
        let sockets = told(&holding, port, protocol, &containers);
        let publisher = containers.iter().find(|container| {
            let ports = &container.config.ports;
            container.alive && ports.iter().any(|p| p.host_port == port && p.protocol == protocol)
        });
        let publisher = publisher.map(|container| container.config.name.as_str());
        let hints = hints((port, protocol), allowed, free, &sockets, publisher);
        Ok(PortReport { port, protocol, free, allowed, sockets, next_free, hints })
    }
}

/// Opens and closes a port on every address.
fn try_to_open(port: u16, protocol: Protocol) -> std::result::Result<(), ErrorKind> {
    let address = (Ipv4Addr::UNSPECIFIED, port);
    let opened = match protocol {
        Protocol::Tcp => TcpListener::bind(address).map(drop),
        Protocol::Udp => UdpSocket::bind(address).map(drop),
    };
    opened.map_err(|error| error.kind())
}

/// The sockets that have the port: those that listen, else those whose connections keep it.
fn holding(all: &[Socket], port: u16, taken: bool) -> Vec<Socket> {
    let here = || all.iter().copied().filter(|socket| socket.local.port() == port);
    let open: Vec<Socket> = here().filter(|socket| socket.open).collect();
    if open.is_empty() && taken { here().filter(|socket| socket.inode != 0).collect() } else { open }
}

fn told(holding: &[Socket], port: u16, protocol: Protocol, containers: &[&Container]) -> Vec<PortSocket> {
    let published = |socket: &Socket| {
        let container = containers.iter().find(|container| {
            let leads = |mapping: &PortMapping| publishes(mapping, socket, port, protocol);
            container.alive && container.config.ports.iter().any(leads)
        });
        container.map(|container| of_container(container))
    };
    let unknown: Vec<u64> =
        holding.iter().filter(|socket| published(socket).is_none()).map(|socket| socket.inode).collect();
    let owners = if unknown.is_empty() { BTreeMap::new() } else { sockets::owners(&unknown) };
    let holder = |socket: &Socket| {
        published(socket).unwrap_or_else(|| match owners.get(&socket.inode) {
            Some(pid) => of_process(*pid, containers),
            None => PortHolder::AnotherUser { uid: socket.uid },
        })
    };
    holding
        .iter()
        .map(|socket| PortSocket { address: socket.local.to_string(), holder: holder(socket) })
        .collect()
}

/// Whether this socket is the one that a published port is listened on.
fn publishes(mapping: &PortMapping, socket: &Socket, port: u16, protocol: Protocol) -> bool {
    let address = socket.local.ip();
    let there = mapping.host_ip.map_or(address.is_unspecified(), |wanted| wanted == address);
    there && mapping.host_port == port && mapping.protocol == protocol
}

fn of_container(container: &Container) -> PortHolder {
    PortHolder::Container { id: container.config.id.to_string(), name: container.config.name.to_string() }
}

/// A process in a container is the container: it has opened the port in the host's own network.
fn of_process(pid: i32, containers: &[&Container]) -> PortHolder {
    let line: BTreeSet<i32> = sockets::ancestry(pid).collect();
    let within = |container: &&&Container| {
        let state = &container.state;
        container.alive && [state.pid, state.monitor_pid].iter().any(|pid| *pid > 1 && line.contains(pid))
    };
    match containers.iter().find(within) {
        Some(container) => of_container(container),
        None => PortHolder::Process { pid, program: sockets::program(pid) },
    }
}

/// The next one that can be opened and that no container, running or not, publishes.
fn next_free(
    port: u16,
    allowed: bool,
    protocol: Protocol,
    all: &[Socket],
    containers: &[&Container],
) -> Option<u16> {
    let open = all.iter().filter(|socket| socket.open).map(|socket| socket.local.port());
    let mappings = containers.iter().flat_map(|container| &container.config.ports);
    let wished = mappings.filter(|mapping| mapping.protocol == protocol).map(|mapping| mapping.host_port);
    let taken: BTreeSet<u16> = open.chain(wished).collect();
    let first = if allowed { port.saturating_add(1) } else { port.saturating_add(ABOVE_PRIVILEGED) };
    candidates(first).find(|port| !taken.contains(port) && try_to_open(*port, protocol).is_ok())
}

/// From here upward, then from the first one that is open to everybody.
fn candidates(first: u16) -> impl Iterator<Item = u16> {
    (first..=u16::MAX).chain(USUAL_START..first)
}

/// `publisher` is the container that publishes the port, if one does.
fn hints(
    (port, protocol): (u16, Protocol),
    allowed: bool,
    free: bool,
    sockets: &[PortSocket],
    publisher: Option<&str>,
) -> Vec<String> {
    let mut hints = Vec::new();
    if !allowed {
        hints.push(format!(
            "ports below {} are for the administrator; to let every user open this one: sudo sysctl net.ipv4.ip_unprivileged_port_start={port}",
            unprivileged_start().unwrap_or(USUAL_START)
        ));
    }
    if let Some(name) = publisher {
        hints.push(format!("`cala unpublish {name} {port}/{protocol}` frees it"));
    } else if sockets.iter().any(|socket| matches!(socket.holder, PortHolder::AnotherUser { .. })) {
        let list = if protocol == Protocol::Tcp { "-ltnp" } else { "-lunp" };
        hints.push(format!("the administrator sees the process: sudo ss {list} sport = :{port}"));
    } else if sockets.is_empty() && !free {
        hints.push(
            "something has it that the system does not list, for a moment or in another way".to_owned(),
        );
    }
    hints
}

/// The first port that every user may open.
fn unprivileged_start() -> Option<u16> {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(local: &str, open: bool) -> Socket {
        Socket { local: local.parse().unwrap(), open, uid: 0, inode: 5 }
    }

    #[test]
    fn those_that_listen_hold_a_port_else_its_connections() {
        let all = [socket("0.0.0.0:80", true), socket("10.0.0.1:80", false), socket("10.0.0.1:81", false)];
        assert_eq!(holding(&all, 80, true), all[..1]);
        assert_eq!(holding(&all, 81, true), all[2..]);
        assert_eq!(holding(&all, 81, false), []);
        assert_eq!(holding(&all, 82, true), []);
    }

    #[test]
    fn a_published_port_has_its_own_sockets_only() {
        let mapping = |text: &str| cala_spec::port::parse_publish(text).unwrap().remove(0);
        let tcp = Protocol::Tcp;
        assert!(publishes(&mapping("80:8"), &socket("0.0.0.0:80", true), 80, tcp));
        assert!(publishes(&mapping("80:8"), &socket("[::]:80", true), 80, tcp));
        assert!(!publishes(&mapping("80:8"), &socket("127.0.0.1:80", true), 80, tcp));
        assert!(publishes(&mapping("127.0.0.1:80:8"), &socket("127.0.0.1:80", true), 80, tcp));
        assert!(!publishes(&mapping("127.0.0.1:80:8"), &socket("0.0.0.0:80", true), 80, tcp));
        assert!(!publishes(&mapping("80:8"), &socket("0.0.0.0:80", true), 80, Protocol::Udp));
    }

    #[test]
    fn a_taken_port_is_told_with_its_process_and_the_next_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let all = sockets::of(Path::new("/proc/net"), Protocol::Tcp);
        let told = told(&holding(&all, port, true), port, Protocol::Tcp, &[]);
        let [PortSocket { address, holder: PortHolder::Process { pid, .. } }] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(*address, format!("127.0.0.1:{port}"));
        assert_eq!(u32::try_from(*pid).unwrap(), std::process::id());
        let next = next_free(port, true, Protocol::Tcp, &all, &[]).unwrap();
        assert_ne!(next, port);
    }

    #[test]
    fn every_port_is_a_candidate_once() {
        assert_eq!(candidates(65_534).take(3).collect::<Vec<_>>(), [65_534, 65_535, 1024]);
        assert_eq!(candidates(8080).count(), usize::from(u16::MAX - USUAL_START) + 1);
    }

    #[test]
    fn who_may_not_open_a_port_is_told_the_setting() {
        let told = hints((80, Protocol::Tcp), false, true, &[], None);
        assert!(told.iter().any(|hint| hint.contains("ip_unprivileged_port_start=80")), "{told:?}");
        let other = PortSocket { address: "0.0.0.0:80".into(), holder: PortHolder::AnotherUser { uid: 0 } };
        let told = hints((80, Protocol::Tcp), true, false, &[other], None);
        assert!(told.iter().any(|hint| hint.contains("ss -ltnp")), "{told:?}");
        let told = hints((80, Protocol::Udp), true, false, &[], Some("web"));
        assert_eq!(told, ["`cala unpublish web 80/udp` frees it"]);
    }
}
