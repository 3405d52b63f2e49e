//! socket(7), SO_ATTACH_REUSEPORT_CBPF: which of several sockets on one port a datagram comes to.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _};

/// Where in an IPv4 and an IPv6 header the last four bytes of the source address begin and end (RFC 791, RFC 8200).
const SOURCE_V4: u32 = 12;
const SOURCE_V6: u32 = 8 + 12;

/// Instructions of classic BPF (linux/bpf_common.h): load a word at a constant, bitwise and with a constant, return the
/// accumulator.
const LOAD_WORD: u16 = 0x20;
const AND: u16 = 0x54;
const RETURN: u16 = 0x16;

/// Has the datagrams of one client come to the same socket of a group (SO_REUSEPORT) always: the one whose number, in the
/// order in which they were bound, is the last bits of the client's address. `sockets` is how many there are, a power of
/// two; called once, on any of them.
///
/// # Errors
/// Those of setsockopt(2): EINVAL for a socket without SO_REUSEPORT.
pub fn steer_by_client(socket: impl AsFd, ipv6: bool, sockets: u32) -> io::Result<()> {
    // Offsets from here on count from the network header (linux/filter.h).
    let network_header = libc::SKF_NET_OFF.cast_unsigned();
    let source = network_header.wrapping_add(if ipv6 { SOURCE_V6 } else { SOURCE_V4 });
    let instruction = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    let mut program =
        [instruction(LOAD_WORD, source), instruction(AND, sockets.saturating_sub(1)), instruction(RETURN, 0)];
    let header = libc::sock_fprog { len: 3, filter: program.as_mut_ptr() };
    let size =
        libc::socklen_t::try_from(size_of::<libc::sock_fprog>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `header` is valid for reading `size` bytes and names the three instructions of `program`, which the kernel
    // copies before the call returns; the descriptor is open for the call.
    let done = unsafe {
        libc::setsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const header).cast(),
            size,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::net::{AddressFamily, SocketType, sockopt};

    use super::*;

    fn bound(address: SocketAddr) -> UdpSocket {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket: OwnedFd = rustix::net::socket(family, SocketType::DGRAM, None).unwrap();
        sockopt::set_socket_reuseport(&socket, true).unwrap();
        rustix::net::bind(&socket, &address).unwrap();
        let socket = UdpSocket::from(socket);
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    }

    #[test]
    fn a_client_s_last_bits_choose_the_socket() {
        let first = bound("127.0.0.1:0".parse().unwrap());
        let address = first.local_addr().unwrap();
        let sockets = [first, bound(address), bound(address), bound(address)];
        steer_by_client(&sockets[0], false, 4).unwrap();
        for client in 1..=8_u8 {
            let from = UdpSocket::bind(SocketAddr::from(([127, 0, 7, client], 0))).unwrap();
            for _ in 0..3 {
                from.send_to(&[client], address).unwrap();
                let mut byte = [0];
                sockets[usize::from(client % 4)].recv(&mut byte).unwrap();
                assert_eq!(byte, [client]);
            }
        }
    }

    #[test]
    fn an_ipv6_client_s_last_bits_do_too() {
        let first = bound("[::1]:0".parse().unwrap());
        let address = first.local_addr().unwrap();
        let sockets = [first, bound(address)];
        steer_by_client(&sockets[0], true, 2).unwrap();
        for _ in 0..8 {
            UdpSocket::bind("[::1]:0").unwrap().send_to(b"x", address).unwrap();
            sockets[1].recv(&mut [0]).unwrap();
        }
    }
}
