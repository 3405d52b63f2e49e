//! Sockets towards the resolvers, all of the host's network namespace.
//!
//! Each question over UDP has a socket, a source port and an id of its own while it waits, connected, so that the kernel drops
//! what comes from elsewhere and says at once when nobody listens. A socket is used again after it was unbound: the next
//! connect(2) gives it another random port.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, RecvFlags, SocketType};

use super::HostSockets;
use super::servers::Servers;
use super::wire;

/// Unused sockets that are kept, of each family.
const MAX_SPARE: usize = 32;

/// How long the host's own addresses are taken to be the same.
const HOST_TRUST: Duration = Duration::from_secs(1);

/// Destinations that no network of its own has: the address from which they would be reached is the host's outward one.
/// Nothing is sent there.
const OUTWARD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111)),
];

pub(super) struct Upstream {
    host: Box<dyn HostSockets>,
    pub(super) servers: Servers,
    spare: Vec<(AddressFamily, UdpSocket)>,
    of_host: Option<(Instant, Vec<IpAddr>)>,
}

/// A question that was sent over UDP.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) socket: UdpSocket,
    pub(super) server: SocketAddr,
    id: u16,
}

/// A question that goes over TCP.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) stream: TcpStream,
    pub(super) server: SocketAddr,
    id: u16,
    out: Vec<u8>,
    written: usize,
    inbox: Vec<u8>,
}

/// What came of a look at a socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Answered(Vec<u8>),
    Failed,
}

impl Upstream {
    pub(super) fn new(host: Box<dyn HostSockets>, resolv_conf: PathBuf, port: u16) -> Self {
        Self { host, servers: Servers::new(resolv_conf, port), spare: Vec::new(), of_host: None }
    }

    /// Sends a question.
    pub(super) fn ask(&mut self, server: SocketAddr, question: &[u8]) -> io::Result<Sent> {
        let family = family(server);
        let socket = match self.spare.iter().position(|(of, _)| *of == family) {
            Some(index) => self.spare.swap_remove(index).1,
            None => UdpSocket::from(self.host.open(family, SocketType::DGRAM)?),
        };
        socket.connect(server)?;
        let (id, message) = renumbered(question)?;
        socket.send(&message)?;
        Ok(Sent { socket, server, id })
    }

    /// Takes a socket back; it must not be polled any more.
    pub(super) fn take_back(&mut self, sent: Sent) {
        let family = family(sent.server);
        if self.spare.len() >= 2 * MAX_SPARE || rustix::net::connect_unspec(&sent.socket).is_err() {
            return;
        }
        // It has no port now, so nothing more arrives; what came late goes.
        let mut byte = [0_u8; 1];
        while rustix::net::recv(&sent.socket, &mut byte, RecvFlags::DONTWAIT).is_ok() {}
        self.spare.push((family, sent.socket));
    }

    /// Begins to ask over TCP.
    pub(super) fn connect(&self, server: SocketAddr, question: &[u8]) -> io::Result<Stream> {
        let stream = TcpStream::from(self.host.open(family(server), SocketType::STREAM)?);
        match rustix::net::connect(&stream, &server) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let (id, message) = renumbered(question)?;
        let out = wire::with_length(&message);
        Ok(Stream { stream, server, id, out, written: 0, inbox: Vec::new() })
    }

    /// The host's own outward addresses, as its routes say.
    pub(super) fn host_addresses(&mut self, now: Instant) -> Vec<IpAddr> {
        if let Some((since, addresses)) = &self.of_host
            && now.saturating_duration_since(*since) < HOST_TRUST
        {
            return addresses.clone();
        }
        let addresses: Vec<IpAddr> = OUTWARD.iter().filter_map(|outward| self.source(*outward)).collect();
        self.of_host = Some((now, addresses.clone()));
        addresses
    }

    fn source(&self, outward: IpAddr) -> Option<IpAddr> {
        let to = SocketAddr::new(outward, 53);
        let socket = UdpSocket::from(self.host.open(family(to), SocketType::DGRAM).ok()?);
        socket.connect(to).ok()?;
        let address = socket.local_addr().ok()?.ip();
        (!address.is_loopback() && !address.is_unspecified()).then_some(address)
    }
}

impl Sent {
    /// Looks for the answer; what is none is thrown away.
    pub(super) fn look(&self, question: &[u8], buffer: &mut [u8]) -> Progress {
        loop {
            match self.socket.recv(buffer) {
                Ok(count) => {
                    let message = buffer.get(..count).unwrap_or_default();
                    if wire::answers(message, question, self.id) {
                        return Progress::Answered(message.to_vec());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Waiting,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Progress::Failed,
            }
        }
    }
}

impl Stream {
    /// Whether something is left to write.
    pub(super) fn is_writing(&self) -> bool {
        self.written < self.out.len()
    }

    /// Writes and reads as far as it goes without waiting.
    pub(super) fn look(&mut self, question: &[u8], buffer: &mut [u8]) -> Progress {
        match self.exchange(buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Not connected yet.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
            Err(_) => return Progress::Failed,
        }
        match wire::first_message(&self.inbox) {
            Some((message, _)) if wire::answers(message, question, self.id) => {
                Progress::Answered(message.to_vec())
            }
            Some(_) => Progress::Failed,
            None => Progress::Waiting,
        }
    }

    fn exchange(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        while let Some(rest) = self.out.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.written += self.stream.write(rest)?;
        }
        loop {
            let count = self.stream.read(buffer)?;
            self.inbox.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if wire::first_message(&self.inbox).is_some() {
                return Ok(());
            }
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

/// The question with a random id.
fn renumbered(question: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut id = [0; 2];
    getrandom::fill(&mut id)?;
    let (id, mut message) = (u16::from_be_bytes(id), question.to_vec());
    wire::set_id(&mut message, id);
    Ok((id, message))
}

fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    }
}
