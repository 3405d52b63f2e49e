//! netdevice(7): the loopback interface, without netlink.

use std::io;
use std::os::fd::AsRawFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// IFF_UP | IFF_RUNNING (linux/if.h), which libc has as wider numbers.
const UP_AND_RUNNING: libc::c_short = 0x41;

/// Brings up `lo` of this network namespace.
///
/// # Errors
///
/// EPERM without CAP_NET_ADMIN there.
pub fn loopback_up() -> io::Result<()> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(io::Error::from)?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: UP_AND_RUNNING },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(*b"lo") {
        *to = from.cast_signed();
    }
    // SAFETY: `request` is a valid `struct ifreq` with a terminated name and flags.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
