//! The listening sockets of published ports, opened in the host's network namespace, which the monitor never leaves.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use cala_spec::{ErrorKind, PortMapping, Protocol};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use crate::launcher::failed;
use crate::protocol::Failure;

/// Connections that wait to be accepted, at most.
const BACKLOG: i32 = 4096;

/// A published port with its sockets: IPv4, IPv6, or both.
#[derive(Debug)]
pub(super) struct Listening {
    mapping: PortMapping,
    sockets: Vec<OwnedFd>,
}

impl Listening {
    /// Opens the sockets. A host without IPv6 has the IPv4 one only.
    pub(super) fn open(mapping: &PortMapping) -> Result<Self, Failure> {
        let port = mapping.host_port;
        let addresses: Vec<IpAddr> = match mapping.host_ip {
            Some(address) => vec![address],
            None => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        };
        let mut sockets = Vec::new();
        for address in &addresses {
            match listen(SocketAddr::new(*address, port), mapping.protocol) {
                Ok(socket) => sockets.push(socket),
                Err(error) if mapping.host_ip.is_none() && address.is_ipv6() && no_ipv6(&error) => {}
                Err(error) => return Err(failure(mapping, *address, &error)),
            }
        }
        Ok(Self { mapping: mapping.clone(), sockets })
    }

    pub(super) fn mapping(&self) -> &PortMapping {
        &self.mapping
    }

    pub(super) fn sockets(&self) -> Vec<BorrowedFd<'_>> {
        self.sockets.iter().map(|socket| socket.as_fd()).collect()
    }
}

fn no_ipv6(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(errno, Some(rustix::io::Errno::AFNOSUPPORT | rustix::io::Errno::ADDRNOTAVAIL))
}

fn listen(address: SocketAddr, protocol: Protocol) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let kind = match protocol {
        Protocol::Tcp => SocketType::STREAM,
        Protocol::Udp => SocketType::DGRAM,
    };
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if protocol == Protocol::Tcp {
        // Connections of an earlier container may still be ending.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    if protocol == Protocol::Tcp {
        rustix::net::listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}

fn failure(mapping: &PortMapping, address: IpAddr, error: &io::Error) -> Failure {
    let place = SocketAddr::new(address, mapping.host_port);
    let (kind, code, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            ErrorKind::Conflict,
            "port_in_use",
            format!(
                "`cala network doctor {}/{}` tells who holds it and which port is free",
                mapping.host_port, mapping.protocol
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            ErrorKind::Forbidden,
            "port_privileged",
            format!(
                "choose a port from 1024 on, or let users listen on it: sudo sysctl net.ipv4.ip_unprivileged_port_start={}",
                mapping.host_port
            ),
        ),
        io::ErrorKind::AddrNotAvailable => (
            ErrorKind::InvalidArgument,
            "address_not_here",
            "`ip address` lists the host's addresses".to_owned(),
        ),
        _ => (ErrorKind::Unavailable, "port_not_opened", String::new()),
    };
    Failure {
        kind,
        code: code.to_owned(),
        hints: if hint.is_empty() { Vec::new() } else { vec![hint] },
        ..failed(format!("cannot listen on {place}/{}: {error}", mapping.protocol))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(host_ip: Option<IpAddr>, host_port: u16, protocol: Protocol) -> PortMapping {
        PortMapping { host_ip, host_port, container_port: 80, protocol }
    }

    #[test]
    fn a_port_that_is_taken_is_named_with_a_hint() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let address = Some(Ipv4Addr::LOCALHOST.into());
        let failure = Listening::open(&mapping(address, port, Protocol::Tcp)).unwrap_err();
        assert_eq!(failure.code, "port_in_use");
        assert!(
            failure.message.starts_with(&format!("cannot listen on 127.0.0.1:{port}/tcp")),
            "{failure:?}"
        );
        // The same number of the other protocol is another port.
        let udp = Listening::open(&mapping(address, port, Protocol::Udp)).unwrap();
        assert_eq!(udp.sockets().len(), 1);
    }

    #[test]
    fn an_address_that_is_not_here_is_said() {
        let address = Some("192.0.2.1".parse().unwrap());
        let failure = Listening::open(&mapping(address, 40_000, Protocol::Tcp)).unwrap_err();
        assert_eq!(failure.code, "address_not_here");
    }
}
