//! One client of a UDP port, and the socket that speaks to the container for it.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use cala_sys::ip::{self, Local};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use super::super::budget::Place;
use super::super::route::Route;

/// Silence after which a flow is over: one that was never answered, and another (as the kernel's own connection
/// tracking).
const UNANSWERED: Duration = Duration::from_secs(30);
const ANSWERED: Duration = Duration::from_secs(180);

/// Bytes of a first datagram that are kept, to be said again on another way.
const KEPT: usize = 2048;

/// Who speaks through which listener to which address of the host: a client may use two ports that lead to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) listener: usize,
    pub(super) client: SocketAddr,
    pub(super) local: Local,
}

/// The pairs (client, container) that a socket with the client's own address has now. Two such sockets would take each
/// other's answers.
pub(super) type Pairs = HashSet<(SocketAddr, SocketAddr)>;

/// A flow.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) key: Key,
    pub(super) socket: OwnedFd,
    pub(super) to: SocketAddr,
    pair: Option<(SocketAddr, SocketAddr)>,
    /// Further ways to try, the next one last.
    rest: Vec<Route>,
    first: Option<Box<[u8]>>,
    answered: bool,
    used: Instant,
    _place: Place,
}

impl Flow {
    /// A socket on the first way that can be had.
    pub(super) fn open(
        key: Key,
        mut ways: Vec<Route>,
        port: u16,
        pairs: &mut Pairs,
        place: Place,
    ) -> Option<Self> {
        let (socket, to, pair) = next_socket(&mut ways, port, pairs)?;
        Some(Self {
            key,
            socket,
            to,
            pair,
            rest: ways,
            first: None,
            answered: false,
            used: Instant::now(),
            _place: place,
        })
    }

    /// Sends a datagram of the client; what does not go is lost, as datagrams are.
    pub(super) fn send(&mut self, bytes: &[u8], now: Instant) -> Result<(), Errno> {
        self.used = now;
        if !self.answered && !self.rest.is_empty() && self.first.is_none() && bytes.len() <= KEPT {
            self.first = Some(bytes.into());
        }
        let refused = |error| matches!(error, Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH);
        match rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL) {
            // The answer to an earlier datagram.
            Err(error) if refused(error) && !self.has_other_way() => {
                let _ = rustix::net::send(&self.socket, bytes, SendFlags::NOSIGNAL);
                Ok(())
            }
            Err(error) if refused(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Receives a datagram of the container.
    pub(super) fn receive(&mut self, buffer: &mut [u8], now: Instant) -> Result<usize, Errno> {
        let (bytes, _) = rustix::net::recv(&self.socket, buffer, RecvFlags::empty())?;
        self.used = now;
        self.answered = true;
        self.first = None;
        self.rest.clear();
        Ok(bytes)
    }

    /// Whether nobody has answered and there is another address to ask.
    pub(super) fn has_other_way(&self) -> bool {
        !self.answered && !self.rest.is_empty()
    }

    /// Goes the next way and says the first datagram again.
    pub(super) fn next_way(&mut self, pairs: &mut Pairs) -> bool {
        let port = self.to.port();
        let Some((socket, to, pair)) = next_socket(&mut self.rest, port, pairs) else { return false };
        self.close(pairs);
        (self.socket, self.to, self.pair) = (socket, to, pair);
        if let Some(first) = self.first.take() {
            let _ = rustix::net::send(&self.socket, &first, SendFlags::NOSIGNAL);
        }
        true
    }

    /// Its pair may be used again.
    pub(super) fn close(&self, pairs: &mut Pairs) {
        if let Some(pair) = self.pair {
            pairs.remove(&pair);
        }
    }

    /// How long it has been silent.
    pub(super) fn silent(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.used)
    }

    /// Whether it has been silent for too long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.silent(now) >= if self.answered { ANSWERED } else { UNANSWERED }
    }
}

type Opened = (OwnedFd, SocketAddr, Option<(SocketAddr, SocketAddr)>);

fn next_socket(ways: &mut Vec<Route>, port: u16, pairs: &mut Pairs) -> Option<Opened> {
    while let Some(way) = ways.pop() {
        let to = SocketAddr::new(way.to, port);
        let pair = way.from.map(|client| (client, to)).filter(|pair| !pairs.contains(pair));
        if let Some(pair) = pair
            && let Ok(socket) = connect(to, way.from)
        {
            pairs.insert(pair);
            return Some((socket, to, Some(pair)));
        }
        if let Ok(socket) = connect(to, None) {
            return Some((socket, to, None));
        }
    }
    None
}

fn connect(to: SocketAddr, from: Option<SocketAddr>) -> io::Result<OwnedFd> {
    let family = if to.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    if let Some(from) = from {
        ip::set_transparent(&socket, to.is_ipv6())?;
        // The same client may talk to two containers from one port.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        rustix::net::bind(&socket, &from)?;
    }
    rustix::net::connect(&socket, &to)?;
    Ok(socket)
}
