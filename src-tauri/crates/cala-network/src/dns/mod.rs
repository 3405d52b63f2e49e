//! The name server of a network: names of containers, and the host's resolvers for all others.
//!
//! One thread with one epoll(7) in the network's namespace, on the gateways' addresses, over UDP and TCP. What leads out
//! goes through sockets of the host's network namespace ([`HostSockets`]), so that a resolver on the host's loopback
//! answers too. Messages are read and made by `hickory-proto`; what is forwarded stays as it was, but for its id.

mod clients;
mod exchange;
mod fairness;
mod listen;
mod name;
mod peers;
mod pending;
mod poller;
mod question;
mod server;
mod servers;
mod table;
#[cfg(test)]
mod tests;
mod upstream;
mod wire;
mod zone;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::EventfdFlags;
use rustix::net::{AddressFamily, SocketType};

use self::server::{Server, Setup};
pub use self::zone::Zone;

/// Where name servers are asked.
const PORT: u16 = 53;

/// The host's resolvers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Bytes of the thread's stack.
const STACK: usize = 128 << 10;

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
pub struct DnsHandle {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the name server of a network in the calling thread's network namespace, on port 53 of these addresses.
/// `run_root` is where the holders of other networks are found.
///
/// # Errors
/// Those of socket(2), bind(2), epoll_create1(2) and clone(2).
pub fn spawn(
    listen: &[IpAddr],
    zone: Arc<Zone>,
    host: Box<dyn HostSockets>,
    run_root: PathBuf,
) -> io::Result<DnsHandle> {
    let listen = listen.iter().map(|address| SocketAddr::new(*address, PORT)).collect();
    start(Setup { listen, zone, host, run_root, resolv_conf: RESOLV_CONF.into(), port: PORT })
}

fn start(setup: Setup) -> io::Result<DnsHandle> {
    let stop = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let mut server = Server::new(setup, Arc::clone(&stop))?;
    let thread = std::thread::Builder::new().name("dns".to_owned()).stack_size(STACK);
    // A defect that some message brings to light costs that message, not the network's names.
    let body = move || while catch_unwind(AssertUnwindSafe(|| server.serve())).is_err() {};
    Ok(DnsHandle { stop, thread: Some(thread.spawn(body)?) })
}

impl Drop for DnsHandle {
    fn drop(&mut self) {
        // It has room, and the thread never waits for anything else for long.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
