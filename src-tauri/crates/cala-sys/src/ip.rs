//! ip(7), ipv6(7): sockets with addresses that are not ours, and the address that a datagram was sent to.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd as _};

use nix::cmsg_space;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage,
};

/// The address of ours that a datagram came to or leaves from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Local {
    /// The address; never an IPv4 address in IPv6 form.
    pub address: IpAddr,
    /// The interface, used for link-local addresses only.
    pub interface: u32,
}

/// A datagram that was received.
#[derive(Debug, Clone, Copy)]
pub struct Received {
    /// Its bytes in the buffer; a longer datagram was cut.
    pub bytes: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// Where it was sent to, if [`receive_destination`] was asked for.
    pub to: Option<Local>,
}

fn set_flag(socket: impl AsFd, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    let value: libc::c_int = 1;
    let size =
        libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `value` is valid for reading `size` bytes and the descriptor is open for the call.
    let done = unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets a socket bind to and send from any address (IP_TRANSPARENT, IPV6_TRANSPARENT).
///
/// # Errors
/// EPERM without CAP_NET_ADMIN over the socket's network namespace.
pub fn set_transparent(socket: impl AsFd, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set_flag(socket, libc::SOL_IPV6, libc::IPV6_TRANSPARENT)
    } else {
        set_flag(socket, libc::SOL_IP, libc::IP_TRANSPARENT)
    }
}

/// A bind to port 0 leaves the choice of a port to connect(2), so that it is used up per destination only
/// (IP_BIND_ADDRESS_NO_PORT; for IPv6 sockets too).
///
/// # Errors
/// Those of setsockopt(2).
pub fn set_bind_address_no_port(socket: impl AsFd) -> io::Result<()> {
    set_flag(socket, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT)
}

/// From now on datagrams come with the address that they were sent to (IP_PKTINFO, IPV6_RECVPKTINFO).
///
/// # Errors
/// Those of setsockopt(2).
pub fn receive_destination(socket: impl AsFd, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set_flag(socket, libc::SOL_IPV6, libc::IPV6_RECVPKTINFO)
    } else {
        set_flag(socket, libc::SOL_IP, libc::IP_PKTINFO)
    }
}

/// Receives one datagram without waiting.
///
/// # Errors
/// Those of recvmsg(2): EAGAIN when there is none, an earlier ICMP error of a connected socket.
pub fn receive_from(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control = cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo);
    let fd = socket.as_fd().as_raw_fd();
    let mut parts = [IoSliceMut::new(buffer)];
    let message = nix::sys::socket::recvmsg::<SockaddrStorage>(
        fd,
        &mut parts,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    )?;
    let from = message.address.as_ref().and_then(to_std).ok_or(io::ErrorKind::InvalidData)?;
    let to = message.cmsgs()?.find_map(|entry| destination(&entry));
    Ok(Received { bytes: message.bytes, from, to })
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

fn destination(entry: &ControlMessageOwned) -> Option<Local> {
    match entry {
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Local {
            address: std::net::Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into(),
            interface: u32::try_from(info.ipi_ifindex).unwrap_or(0),
        }),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Local {
            address: std::net::Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical(),
            interface: info.ipi6_ifindex,
        }),
        _ => None,
    }
}

/// Sends one datagram without waiting, from an address of ours. `to` must be of the socket's family.
///
/// # Errors
/// Those of sendmsg(2): EAGAIN when there is no room, EINVAL for an address that is not ours any more.
pub fn send_from(socket: impl AsFd, bytes: &[u8], to: SocketAddr, from: Local) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    let parts = [IoSlice::new(bytes)];
    match to {
        SocketAddr::V4(to) => {
            let IpAddr::V4(address) = from.address else { return Err(io::ErrorKind::InvalidInput.into()) };
            let source = libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
            let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: source };
            let control = [ControlMessage::Ipv4PacketInfo(&info)];
            nix::sys::socket::sendmsg(
                fd,
                &parts,
                &control,
                MsgFlags::MSG_DONTWAIT,
                Some(&SockaddrIn::from(to)),
            )?;
        }
        SocketAddr::V6(to) => {
            let address = match from.address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            let interface = if address.is_unicast_link_local() { from.interface } else { 0 };
            let source = libc::in6_addr { s6_addr: address.octets() };
            let info = libc::in6_pktinfo { ipi6_addr: source, ipi6_ifindex: interface };
            let control = [ControlMessage::Ipv6PacketInfo(&info)];
            nix::sys::socket::sendmsg(
                fd,
                &parts,
                &control,
                MsgFlags::MSG_DONTWAIT,
                Some(&SockaddrIn6::from(to)),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn exchange(bind: &str, ipv6: bool) {
        let server = UdpSocket::bind(bind).unwrap();
        receive_destination(&server, ipv6).unwrap();
        let client = UdpSocket::bind(bind).unwrap();
        client.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        client.send(b"question").unwrap();
        let mut buffer = [0; 64];
        let received = loop {
            match receive_from(&server, &mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                other => break other.unwrap(),
            }
        };
        assert_eq!(&buffer[..received.bytes], b"question");
        assert_eq!(received.from, client.local_addr().unwrap());
        let to = received.to.unwrap();
        assert!(to.address.is_loopback());
        send_from(&server, b"answer", received.from, to).unwrap();
        let bytes = client.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..bytes], b"answer");
    }

    #[test]
    fn an_answer_leaves_from_the_address_that_was_asked() {
        exchange("127.0.0.1:0", false);
        exchange("[::1]:0", true);
    }
}
