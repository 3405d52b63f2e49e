//! Whether a container can reach an address: tried for real, from the container's own network namespace.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use cala_holder::protocol::Reach;
use cala_spec::Protocol as PortProtocol;
use cala_sys::netns;

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};

/// Longest wait for an answer; who asks for more gets this.
const MAX_PATIENCE: Duration = Duration::from_secs(60);

/// Between two echo requests.
const PING_PAUSE: Duration = Duration::from_millis(500);

/// Header of an echo request (RFC 792, RFC 4443) and a few bytes by which the answer is known.
const ECHO_LENGTH: usize = 16;

/// What is to be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    pub(super) to: IpAddr,
    /// `None` asks by an echo request.
    pub(super) port: Option<u16>,
    pub(super) protocol: PortProtocol,
}

/// Tries it. Takes as long as it takes, at most `patience`.
pub(super) fn try_to(namespace: &OwnedFd, target: Target, patience: Duration) -> Reach {
    let Target { to, port, protocol } = target;
    let patience = patience.clamp(Duration::from_millis(1), MAX_PATIENCE);
    let tried = netns::run_in(namespace.as_fd(), || match port {
        Some(port) if protocol == PortProtocol::Udp => send(SocketAddr::new(to, port), patience),
        Some(port) => connect(SocketAddr::new(to, port), patience),
        None => ping(to, patience),
    });
    // Without a thread or the namespace there is no way.
    tried.unwrap_or(Reach::Unreachable)
}

fn connect(to: SocketAddr, patience: Duration) -> Reach {
    match TcpStream::connect_timeout(&to, patience) {
        Ok(_) => Reach::Answered,
        Err(error) => verdict(&error),
    }
}

fn send(to: SocketAddr, patience: Duration) -> Reach {
    match send_until(to, Instant::now() + patience) {
        Ok(()) => Reach::Answered,
        Err(error) => verdict(&error),
    }
}

/// Sends empty datagrams until something comes back: an answer, or the word of the other side that nothing takes them
/// (ICMP port unreachable, an error of a connected socket, udp(7)).
fn send_until(to: SocketAddr, deadline: Instant) -> io::Result<()> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(to)?;
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.send(&[])?;
        if wait_readable(&socket, deadline.min(now + PING_PAUSE))? {
            return socket.recv(&mut [0; 1]).map(drop);
        }
    }
}

fn verdict(error: &io::Error) -> Reach {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Reach::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Reach::Silent,
        _ => Reach::Unreachable,
    }
}

fn ping(to: IpAddr, patience: Duration) -> Reach {
    match ping_until(to, Instant::now() + patience) {
        Ok(()) => Reach::Answered,
        Err(error) => verdict(&error),
    }
}

fn ping_until(to: IpAddr, deadline: Instant) -> io::Result<()> {
    let (family, protocol) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let socket = raw(family, protocol)?;
    rustix::net::connect(&socket, &SocketAddr::new(to, 0))?;
    let mark = rustix::process::getpid().as_raw_nonzero().get().to_be_bytes();
    let mut socket = std::fs::File::from(socket);
    let mut sequence = 0_u16;
    loop {
        let now = Instant::now();
        if now >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Resolving the neighbour may have failed for the one before (EHOSTUNREACH).
        socket.write_all(&echo(to, sequence, mark))?;
        sequence = sequence.wrapping_add(1);
        let pause = deadline.min(now + PING_PAUSE);
        while wait_readable(&socket, pause)? {
            let mut packet = [0; 256];
            let count = socket.read(&mut packet)?;
            if is_answer(to, packet.get(..count).unwrap_or_default(), mark) {
                return Ok(());
            }
        }
    }
}

fn raw(family: AddressFamily, protocol: Protocol) -> io::Result<OwnedFd> {
    Ok(socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol))?)
}

fn wait_readable(socket: &impl AsFd, deadline: Instant) -> io::Result<bool> {
    let interest = [cala_sys::poll::Interest { fd: socket.as_fd(), read: true, write: false, token: () }];
    let mut ready = Vec::new();
    cala_sys::poll::wait(&interest, Some(deadline), &mut ready)?;
    Ok(!ready.is_empty())
}

/// An echo request. The kernel writes the checksum for IPv6.
fn echo(to: IpAddr, sequence: u16, mark: [u8; 4]) -> [u8; ECHO_LENGTH] {
    let [a, b, c, d] = mark;
    let [high, low] = sequence.to_be_bytes();
    let kind = if to.is_ipv4() { 8 } else { 128 };
    let mut packet = [kind, 0, 0, 0, c, d, high, low, b'c', b'a', b'l', b'a', a, b, c, d];
    if to.is_ipv4() {
        let [high, low] = checksum(&packet).to_be_bytes();
        packet[2] = high;
        packet[3] = low;
    }
    packet
}

fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).map(|pair| {
        u32::from(pair.first().copied().unwrap_or(0)) << 8 | u32::from(pair.get(1).copied().unwrap_or(0))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// A raw IPv4 socket gives the IP header too.
fn is_answer(to: IpAddr, packet: &[u8], mark: [u8; 4]) -> bool {
    let (skip, kind) = match (to, packet.first()) {
        (IpAddr::V4(_), Some(first)) => (usize::from(first & 0xf) * 4, 0),
        _ => (0, 129),
    };
    let message = packet.get(skip..).unwrap_or_default();
    message.first() == Some(&kind) && message.get(12..ECHO_LENGTH) == Some(mark.as_slice())
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn an_echo_request_has_a_checksum_that_makes_the_sum_zero() {
        let packet = echo("10.0.0.1".parse().unwrap(), 7, [1, 2, 3, 4]);
        assert_eq!(checksum(&packet), 0);
        let mut answer = vec![0x45; 20];
        answer.extend(packet);
        answer[20] = 0;
        assert!(is_answer("10.0.0.1".parse().unwrap(), &answer, [1, 2, 3, 4]));
        assert!(!is_answer("10.0.0.1".parse().unwrap(), &answer, [1, 2, 3, 5]));
        assert!(!is_answer("10.0.0.1".parse().unwrap(), &answer[..8], [1, 2, 3, 4]));
    }

    #[test]
    fn errors_are_told_apart() {
        for (errno, expected) in [
            (Errno::CONNREFUSED, Reach::Refused),
            (Errno::TIMEDOUT, Reach::Silent),
            (Errno::HOSTUNREACH, Reach::Unreachable),
            (Errno::NETUNREACH, Reach::Unreachable),
        ] {
            assert_eq!(verdict(&errno.into()), expected);
        }
    }
}
