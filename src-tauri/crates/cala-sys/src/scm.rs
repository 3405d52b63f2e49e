//! unix(7): descriptors beside bytes (SCM_RIGHTS), who is on the other side (SO_PEERCRED), and socket paths of any
//! length.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};

/// Bytes of the longest path that fits into `sockaddr_un` with its closing zero.
const MAX_SOCKET_PATH: usize = 107;

/// Most descriptors taken from one message; the kernel closes the rest.
const MAX_FDS: usize = 8;

/// Sends bytes and descriptors in one message. Returns how many bytes went; the descriptors go with the first.
///
/// # Errors
/// Those of sendmsg(2); never SIGPIPE.
pub fn send(socket: impl AsFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(sent)
}

/// Receives bytes and the descriptors beside them (close-on-exec). Zero bytes mean that the peer has closed.
///
/// # Errors
/// Those of recvmsg(2).
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message =
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = Vec::new();
    for entry in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = entry {
            fds.extend(received);
        }
    }
    Ok((message.bytes, fds))
}

/// The user id of whoever connected (as seen in our user namespace), SO_PEERCRED.
///
/// # Errors
/// Those of getsockopt(2).
pub fn peer_uid(socket: impl AsFd) -> io::Result<u32> {
    peer(socket.as_fd()).map(|peer| peer.uid)
}

/// The pid of whoever connected or, for one who has connected, of whoever listens; 0 when it is outside our pid
/// namespace. It lasts no longer than that process.
///
/// # Errors
/// Those of getsockopt(2).
pub fn peer_pid(socket: impl AsFd) -> io::Result<i32> {
    peer(socket.as_fd()).map(|peer| peer.pid)
}

fn peer(socket: BorrowedFd<'_>) -> io::Result<libc::ucred> {
    // Not by rustix: its `UCred` cannot hold the pid 0 of a peer outside our pid namespace.
    let mut peer = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut size =
        libc::socklen_t::try_from(size_of::<libc::ucred>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let fd = socket.as_raw_fd();
    // SAFETY: `peer` is valid for writing `size` bytes, and the descriptor is open for the call.
    let done = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, (&raw mut peer).cast(), &raw mut size)
    };
    if done == 0 { Ok(peer) } else { Err(io::Error::last_os_error()) }
}

/// Connects to a socket at a path of any length.
///
/// # Errors
/// Those of connect(2): ENOENT without the socket, ECONNREFUSED when nobody listens.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return UnixStream::connect(path);
    }
    let (_folder, short) = shorten(path)?;
    UnixStream::connect(short)
}

/// Listens on a socket at a path of any length; the caller has made sure that it does not exist.
///
/// # Errors
/// Those of bind(2): EADDRINUSE when the path exists.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    if path.as_os_str().len() <= MAX_SOCKET_PATH {
        return UnixListener::bind(path);
    }
    let (_folder, short) = shorten(path)?;
    UnixListener::bind(short)
}

/// The same file through a descriptor of its folder, which must live as long as the path is used.
fn shorten(path: &Path) -> io::Result<(OwnedFd, PathBuf)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok((folder, short))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_descriptor_arrives_with_its_bytes() {
        let (a, b) = UnixStream::pair().unwrap();
        let (mut read, write) = io::pipe().unwrap();
        assert_eq!(send(&a, b"x", &[write.as_fd()]).unwrap(), 1);
        drop(write);
        let mut buffer = [0; 8];
        let (count, fds) = receive(&b, &mut buffer).unwrap();
        assert_eq!((count, fds.len()), (1, 1));
        std::fs::File::from(fds.into_iter().next().unwrap()).write_all(b"through").unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
    }

    #[test]
    fn a_path_beyond_the_limit_of_sockaddr_works() {
        let folder =
            std::env::temp_dir().join(format!("cala-scm-{}-{}", std::process::id(), "x".repeat(120)));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("sock");
        let listener = listen(&path).unwrap();
        let client = connect(&path).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!(peer_uid(&server).unwrap(), rustix::process::getuid().as_raw());
        drop(client);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
