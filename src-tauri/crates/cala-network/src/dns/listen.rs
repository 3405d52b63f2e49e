//! The sockets on which questions come in.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::sockopt;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// UDP sockets on one address. The kernel chooses by the client's address, so that each client fills one queue only: a
/// flood loses packets of its own and of those clients only whose addresses have the same last bits.
const QUEUES: u32 = 32;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

pub(super) fn datagrams(address: SocketAddr) -> io::Result<Vec<UdpSocket>> {
    let mut sockets = Vec::new();
    for _ in 0..QUEUES {
        let socket = open(address, SocketType::DGRAM)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        rustix::net::bind(&socket, &address)?;
        if sockets.is_empty() {
            // Without it the kernel chooses by address and port together, which only a flood from many ports defeats.
            let _ = cala_sys::reuseport::steer_by_client(&socket, address.is_ipv6(), QUEUES);
        }
        sockets.push(UdpSocket::from(socket));
    }
    Ok(sockets)
}

pub(super) fn connections(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = open(address, SocketType::STREAM)?;
    // Connections of a former holder may still be on their way out.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// A socket that can be bound although the address is not usable yet (IPv6 duplicate address detection).
fn open(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, kind, flags, None)?;
    if address.is_ipv4() {
        sockopt::set_ip_freebind(&socket, true)?;
    } else {
        sockopt::set_ipv6_v6only(&socket, true)?;
        sockopt::set_ipv6_freebind(&socket, true)?;
    }
    Ok(socket)
}
