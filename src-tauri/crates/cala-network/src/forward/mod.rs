//! The data path of published ports.
//!
//! Listeners belong to the host's network namespace, the threads that accept from them to the network's: a connection is
//! two sockets of the kernel and bytes moved between them. The container sees the client's own address (IP_TRANSPARENT,
//! ip(7)), or the gateway's where that could not be answered.

mod budget;
mod command;
mod pipes;
mod poller;
mod published;
mod route;
mod slots;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use cala_spec::port::{PortMapping, Protocol};
use ipnet::IpNet;

use self::budget::{Account, Budget, Counter, Share};
use self::command::Command;
use self::poller::Inbox;
use self::published::Published;

/// Stack of the threads, bytes.
const STACK: usize = 256 << 10;

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
pub struct Forwarder {
    tcp: Carrier,
    udp: Carrier,
    budget: Arc<Budget>,
    books: Mutex<Books>,
}

/// Counts that outlive what they count.
#[derive(Debug, Default)]
struct Books {
    shares: HashMap<Vec<IpAddr>, Weak<Share>>,
    counters: HashMap<PortMapping, Weak<Counter>>,
}

/// A thread and its mailbox.
#[derive(Debug)]
struct Carrier {
    inbox: Arc<Inbox<Command>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// Starts the data path in the calling thread's network namespace.
///
/// # Errors
/// eventfd(2), epoll_create1(2), no thread to be had.
pub fn spawn(local: LocalAddresses) -> io::Result<Forwarder> {
    spawn_within(local, Budget::of_this_process())
}

fn spawn_within(local: LocalAddresses, budget: Arc<Budget>) -> io::Result<Forwarder> {
    // Connections to containers never leave this machine: no pacing, whatever the host's own choice is.
    let _ = std::fs::write("/proc/sys/net/ipv4/tcp_congestion_control", "reno");
    let tcp = Carrier::spawn("forward-tcp", local.clone(), tcp::run)?;
    let udp = Carrier::spawn("forward-udp", local, udp::run)?;
    Ok(Forwarder { tcp, udp, budget, books: Mutex::default() })
}

impl Forwarder {
    /// Publishes a port: one or two listening stream sockets for TCP, bound datagram sockets for UDP. A port that is
    /// published already gets the new listeners and target; its open connections go on.
    ///
    /// # Errors
    /// No listener, no address, or a listener of the wrong kind (InvalidInput); those of epoll_ctl(2).
    pub fn publish(&self, port: &PortMapping, listeners: Vec<OwnedFd>, target: Target) -> io::Result<()> {
        if listeners.is_empty() || target.addresses.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let account = self.books().account(port, &target.addresses, &self.budget);
        let published = Arc::new(Published { port: port.clone(), target, account });
        self.carrier(port.protocol).ask(|done| Command::Publish { published, listeners, done })
    }

    /// Withdraws a port: its listeners are closed here when this returns; open connections (TCP) go on. Nothing happens
    /// for a port that is not published.
    pub fn unpublish(&self, port: &PortMapping) {
        let _ = self.carrier(port.protocol).ask(|done| Command::Unpublish { port: port.clone(), done });
    }

    /// A container is gone: resets the connections to these addresses and withdraws the ports that lead there.
    pub fn forget(&self, addresses: &[IpAddr]) {
        for carrier in [&self.tcp, &self.udp] {
            let _ = carrier.ask(|done| Command::Forget { addresses: addresses.to_vec(), done });
        }
    }

    /// Open connections (TCP) or flows (UDP) through a port, those of a withdrawn port included while they last.
    #[must_use]
    pub fn connections(&self, port: &PortMapping) -> u32 {
        self.books().counters.get(port).and_then(Weak::upgrade).map_or(0, |counter| counter.open())
    }

    fn carrier(&self, protocol: Protocol) -> &Carrier {
        match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn account(&mut self, port: &PortMapping, container: &[IpAddr], budget: &Arc<Budget>) -> Account {
        self.shares.retain(|_, share| share.strong_count() > 0);
        self.counters.retain(|_, counter| counter.strong_count() > 0);
        let share = self.shares.get(container).and_then(Weak::upgrade).unwrap_or_default();
        let counter = self.counters.get(port).and_then(Weak::upgrade).unwrap_or_default();
        self.shares.insert(container.to_vec(), Arc::downgrade(&share));
        self.counters.insert(port.clone(), Arc::downgrade(&counter));
        Account { budget: budget.clone(), share, counter }
    }
}

impl Carrier {
    fn spawn(
        name: &str,
        local: LocalAddresses,
        body: fn(Arc<Inbox<Command>>, LocalAddresses) -> io::Result<()>,
    ) -> io::Result<Self> {
        let inbox = Inbox::new()?;
        let letters = inbox.clone();
        let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK);
        let thread = builder.spawn(move || body(letters, local))?;
        Ok(Self { inbox, thread: Some(thread) })
    }

    /// Gives an order and waits until it has been carried out.
    fn ask(&self, command: impl FnOnce(SyncSender<io::Result<()>>) -> Command) -> io::Result<()> {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(gone());
        }
        let (done, answer) = sync_channel(1);
        self.inbox.post(command(done));
        answer.recv().map_err(|_| gone())?
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.inbox.post(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
