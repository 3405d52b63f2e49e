//! A listener of the host's network namespace.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::SocketFlags;

use super::super::budget::Place;
use super::super::published::Published;

/// Connections accepted before it is another one's turn.
pub(super) const TURN: usize = 32;

/// A listener and where its connections go.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: OwnedFd,
    pub(super) published: Arc<Published>,
    /// Not waited for now: no place or no descriptor. Clients wait in the kernel's queue.
    pub(super) paused: bool,
}

/// What came of an accept.
pub(super) enum Accepted {
    /// A client, its address, its place.
    Connection(OwnedFd, SocketAddr, Place),
    /// Nobody is there.
    Nothing,
    /// There is no place.
    Pause,
}

impl Listener {
    pub(super) fn new(socket: OwnedFd, published: Arc<Published>) -> Self {
        Self { socket, published, paused: false }
    }

    /// Takes the next client.
    pub(super) fn accept(&self) -> Accepted {
        let Some(place) = self.published.account.take() else { return Accepted::Pause };
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            match rustix::net::acceptfrom_with(&self.socket, flags) {
                Ok((client, address)) => {
                    let Some(address) = address.and_then(|address| SocketAddr::try_from(address).ok()) else {
                        continue;
                    };
                    return Accepted::Connection(client, address, place);
                }
                Err(Errno::AGAIN) => return Accepted::Nothing,
                Err(
                    Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::INVAL | Errno::BADF,
                ) => {
                    return Accepted::Pause;
                }
                // accept(2): a client that is gone again, errors of its network.
                Err(_) => {}
            }
        }
    }
}
