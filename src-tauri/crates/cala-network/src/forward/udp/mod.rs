//! UDP: a thread with a table of flows. A flow is a socket that is connected to the container and has the client's
//! address; answers leave by the listener, from the address that the client had asked.

mod flow;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cala_sys::ip::{self, Local};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, sockopt};

use self::flow::{Flow, Key, Pairs};
use super::LocalAddresses;
use super::command::Command;
use super::poller::{INBOX, Inbox, Poller};
use super::published::Published;
use super::route::routes;
use super::slots::Slots;

/// Datagrams taken from a socket before it is another one's turn.
const TURN: usize = 64;

/// Bytes of the largest datagram.
const BUFFER: usize = 64 << 10;

/// How often silent flows are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Flows looked at to find one that makes place.
const CANDIDATES: usize = 16;

/// Tokens: `index << 1 | kind`.
const FLOW: u64 = 0;
const LISTENER: u64 = 1;

#[derive(Debug)]
struct Listener {
    socket: OwnedFd,
    published: Arc<Published>,
}

struct Carrier {
    poller: Poller,
    inbox: Arc<Inbox<Command>>,
    local: LocalAddresses,
    listeners: Slots<Listener>,
    flows: Slots<Flow>,
    table: HashMap<Key, usize>,
    pairs: Pairs,
    /// Where the next search for a flow that makes place begins.
    hand: usize,
    swept: Instant,
    buffer: Box<[u8]>,
}

/// Carries datagrams until it is told to stop; the body of a thread.
///
/// # Errors
/// epoll_create1(2), epoll_wait(2).
pub(super) fn run(inbox: Arc<Inbox<Command>>, local: LocalAddresses) -> io::Result<()> {
    let poller = Poller::new()?;
    inbox.register(&poller)?;
    let mut carrier = Carrier {
        poller,
        inbox,
        local,
        listeners: Slots::default(),
        flows: Slots::default(),
        table: HashMap::new(),
        pairs: Pairs::new(),
        hand: 0,
        swept: Instant::now(),
        buffer: vec![0; BUFFER].into(),
    };
    let mut happened = Vec::new();
    loop {
        let timeout = (carrier.flows.len() > 0).then_some(SWEEP);
        carrier.poller.wait(timeout, &mut happened)?;
        for &(token, _) in &happened {
            let index = usize::try_from(token >> 1).unwrap_or(usize::MAX);
            if token == INBOX {
                if !carrier.obey() {
                    return Ok(());
                }
            } else if token & 1 == LISTENER {
                carrier.take_from_clients(index);
            } else {
                carrier.take_from_container(index);
            }
        }
        carrier.sweep();
    }
}

impl Carrier {
    fn obey(&mut self) -> bool {
        for command in self.inbox.take() {
            match command {
                Command::Publish { published, listeners, done } => {
                    let _ = done.send(self.publish(&published, listeners));
                }
                Command::Unpublish { port, done } => {
                    self.close_listeners(|published| published.port == port);
                    let _ = done.send(Ok(()));
                }
                Command::Forget { addresses, done } => {
                    self.close_listeners(|published| published.leads_to(&addresses));
                    self.close_flows(|flow| addresses.contains(&flow.to.ip()));
                    let _ = done.send(Ok(()));
                }
                // Of TCP.
                Command::Adopt(_) => {}
                Command::Stop => return false,
            }
        }
        true
    }

    fn publish(&mut self, published: &Arc<Published>, sockets: Vec<OwnedFd>) -> io::Result<()> {
        for socket in &sockets {
            prepare_listener(socket)?;
        }
        self.close_listeners(|old| old.port == published.port);
        for socket in sockets {
            let index = self.listeners.insert(Listener { socket, published: published.clone() });
            let Some(listener) = self.listeners.get_mut(index) else { continue };
            self.poller.add(&listener.socket, (index as u64) << 1 | LISTENER, EventFlags::IN)?;
        }
        Ok(())
    }

    /// Closes listeners and their flows, whose answers would have no way out.
    fn close_listeners(&mut self, condition: impl Fn(&Published) -> bool) {
        for index in self.listeners.indices(|listener| condition(&listener.published)) {
            if let Some(listener) = self.listeners.remove(index) {
                self.poller.delete(&listener.socket);
            }
            self.close_flows(|flow| flow.key.listener == index);
        }
    }

    fn close_flows(&mut self, condition: impl Fn(&Flow) -> bool) {
        for index in self.flows.indices(condition) {
            self.close(index);
        }
    }

    fn close(&mut self, index: usize) {
        if let Some(flow) = self.flows.remove(index) {
            flow.close(&mut self.pairs);
            self.table.remove(&flow.key);
        }
    }

    fn take_from_clients(&mut self, listener: usize) {
        let now = Instant::now();
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..TURN {
            let Some(Listener { socket, .. }) = self.listeners.get_mut(listener) else { break };
            let received = match ip::receive_from(&*socket, &mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An ICMP error of some client.
                Err(_) => continue,
            };
            let Some(to) = received.to else { continue };
            let key = Key { listener, client: received.from, local: stable(to) };
            if let Some(index) = self.table.get(&key).copied().or_else(|| self.open(key)) {
                self.send(index, &buffer[..received.bytes], now);
            }
        }
        self.buffer = buffer;
    }

    fn send(&mut self, index: usize, bytes: &[u8], now: Instant) {
        let Some(flow) = self.flows.get_mut(index) else { return };
        if flow.send(bytes, now).is_err() {
            self.next_way(index);
            if let Some(flow) = self.flows.get_mut(index) {
                let _ = flow.send(bytes, now);
            }
        }
    }

    /// A new flow; an old one of the container makes place if need be.
    fn open(&mut self, key: Key) -> Option<usize> {
        let published = self.listeners.get_mut(key.listener)?.published.clone();
        let place = published.account.take().or_else(|| {
            self.make_place(&published.target.addresses);
            published.account.take()
        })?;
        let mut ways = routes(key.client, &published.target, &self.local);
        ways.reverse();
        let flow = Flow::open(key, ways, published.port.container_port, &mut self.pairs, place)?;
        let index = self.flows.insert(flow);
        self.table.insert(key, index);
        self.watch(index);
        Some(index)
    }

    fn watch(&mut self, index: usize) {
        let Some(flow) = self.flows.get_mut(index) else { return };
        if self.poller.add(&flow.socket, (index as u64) << 1 | FLOW, EventFlags::IN).is_err() {
            self.close(index);
        }
    }

    /// Ends the most silent of some flows of a container.
    fn make_place(&mut self, addresses: &[IpAddr]) {
        let now = Instant::now();
        let mut worst: Option<(Duration, usize)> = None;
        let mut seen = 0;
        for _ in 0..self.flows.places() {
            self.hand = (self.hand + 1) % self.flows.places();
            let Some(flow) = self.flows.get_mut(self.hand) else { continue };
            if addresses.contains(&flow.to.ip()) {
                worst = worst.max(Some((flow.silent(now), self.hand)));
                seen += 1;
            }
            if seen == CANDIDATES {
                break;
            }
        }
        if let Some((_, index)) = worst {
            self.close(index);
        }
    }

    fn take_from_container(&mut self, index: usize) {
        let now = Instant::now();
        for _ in 0..TURN {
            let Some(flow) = self.flows.get_mut(index) else { return };
            match flow.receive(&mut self.buffer, now) {
                Ok(bytes) => {
                    let Key { listener, client, local } = flow.key;
                    let Some(listener) = self.listeners.get_mut(listener) else { return };
                    let _ = ip::send_from(&listener.socket, &self.buffer[..bytes], client, local);
                }
                Err(Errno::AGAIN) => return,
                Err(_) if flow.has_other_way() => return self.next_way(index),
                // Nobody listens there now; the client's next datagram asks again.
                Err(_) => {}
            }
        }
    }

    fn next_way(&mut self, index: usize) {
        let Some(flow) = self.flows.get_mut(index) else { return };
        // The old socket leaves epoll when it is closed.
        if flow.next_way(&mut self.pairs) {
            self.watch(index);
        }
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        if now.duration_since(self.swept) >= SWEEP {
            self.swept = now;
            self.close_flows(|flow| flow.is_over(now));
        }
    }
}

/// The same for every datagram of a flow: the interface matters for link-local addresses only.
fn stable(local: Local) -> Local {
    let scoped = matches!(local.address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    Local { interface: if scoped { local.interface } else { 0 }, ..local }
}

fn prepare_listener(socket: &OwnedFd) -> io::Result<()> {
    if sockopt::socket_type(socket)? != SocketType::DGRAM {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    ip::receive_destination(socket, sockopt::socket_domain(socket)? == AddressFamily::INET6)
}
