//! The data path of published ports.
//!
//! Listeners belong to the host's network namespace, the threads that accept from them to the network's: a connection is
//! two sockets of the kernel and bytes moved between them. The container sees the client's own address (IP_TRANSPARENT,
//! ip(7)), or the gateway's where that could not be answered.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use cala_spec::port::PortMapping;
use ipnet::IpNet;

/// What is local in the network: clients from there are shown to containers with the gateway's address.
#[derive(Debug, Clone, Default)]
pub struct LocalAddresses {
    /// Addresses of the bridge.
    pub gateways: Vec<IpAddr>,
    /// The network's subnets.
    pub subnets: Vec<IpNet>,
}

/// Where the connections of a published port go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The container's addresses in this network, at least one; at most one of each family is used.
    pub addresses: Vec<IpAddr>,
    /// Whether clients keep their own address: the container's default route leads through this network. Without it the
    /// container sees the gateway.
    pub keep_client: bool,
}

/// The threads that carry published ports; they end when this is dropped.
#[derive(Debug)]
pub struct Forwarder {}

/// Starts the data path in the calling thread's network namespace.
///
/// # Errors
/// eventfd(2), epoll_create1(2), no thread to be had.
pub fn spawn(local: LocalAddresses) -> io::Result<Forwarder> {
    let _ = local;
    Ok(Forwarder {})
}

impl Forwarder {
    /// Publishes a port: one or two listening stream sockets for TCP, bound datagram sockets for UDP. A port that is
    /// published already gets the new listeners and target; its open connections go on.
    ///
    /// # Errors
    /// No listener, no address, or a listener of the wrong kind (EINVAL); those of epoll_ctl(2).
    pub fn publish(&self, port: &PortMapping, listeners: Vec<OwnedFd>, target: Target) -> io::Result<()> {
        let _ = (port, listeners, target);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Withdraws a port: its listeners are closed here when this returns; open connections go on. Nothing happens for a
    /// port that is not published.
    pub fn unpublish(&self, port: &PortMapping) {
        let _ = port;
    }

    /// A container is gone: resets the connections to these addresses and withdraws the ports that lead there.
    pub fn forget(&self, addresses: &[IpAddr]) {
        let _ = addresses;
    }

    /// Open connections (TCP) or flows (UDP) through a port, those of a withdrawn port included while they last.
    #[must_use]
    pub fn connections(&self, port: &PortMapping) -> u32 {
        let _ = port;
        0
    }
}
