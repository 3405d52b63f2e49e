//! The socket towards the container, with the client's own address where it can be had.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use cala_sys::ip;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::super::route::Route;

/// Silence after which a client is asked whether it is still there, how long until it is asked again, and how often.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_COUNT: u32 = 9;

/// Begins to connect; EINPROGRESS is success.
pub(super) fn connect(route: Route, port: u16) -> io::Result<OwnedFd> {
    let to = SocketAddr::new(route.to, port);
    let Some(client) = route.from else { return start(to, None) };
    // With the client's own port too, if it is free towards this container; then with its address; then as the gateway.
    start(to, Some(client))
        .or_else(|_| start(to, Some(SocketAddr::new(client.ip(), 0))))
        .or_else(|error| if out_of_descriptors(&error) { Err(error) } else { start(to, None) })
}

/// Whether this process or the machine has no descriptor left.
pub(super) fn out_of_descriptors(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

fn start(to: SocketAddr, from: Option<SocketAddr>) -> io::Result<OwnedFd> {
    let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    if let Some(from) = from {
        ip::set_transparent(&socket, to.is_ipv6())?;
        if from.port() == 0 {
            ip::set_bind_address_no_port(&socket)?;
        } else {
            // The same client may talk to two containers from one port.
            sockopt::set_socket_reuseaddr(&socket, true)?;
        }
        rustix::net::bind(&socket, &from)?;
    }
    match rustix::net::connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Prepares a listener; accepted sockets inherit all of it.
pub(super) fn prepare_listener(listener: &OwnedFd) -> io::Result<()> {
    if sockopt::socket_type(listener)? != SocketType::STREAM || !sockopt::socket_acceptconn(listener)? {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = rustix::fs::fcntl_getfl(listener)?;
    rustix::fs::fcntl_setfl(listener, flags | rustix::fs::OFlags::NONBLOCK)?;
    sockopt::set_tcp_nodelay(listener, true)?;
    sockopt::set_socket_keepalive(listener, true)?;
    sockopt::set_tcp_keepidle(listener, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(listener, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(listener, KEEPALIVE_COUNT)?;
    Ok(())
}

/// Answers without pacing to a client on this machine: the host's choice (bbr, say) is for its real networks, and costs
/// a timer per answer.
pub(super) fn do_not_pace(client: &OwnedFd, address: SocketAddr) {
    if address.ip().to_canonical().is_loopback() {
        let _ = sockopt::set_tcp_congestion(client, "reno");
    }
}
