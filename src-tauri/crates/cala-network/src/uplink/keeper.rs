//! Keeps a network's uplink going.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

use cala_spec::network::Network;

use super::UplinkError;

/// How the way out is now.
#[derive(Debug)]
pub enum Status {
    /// The network is internal: there is none and will be none.
    Internal,
    /// It was started and is not ready yet.
    Starting,
    /// There is one.
    Ready {
        /// `pasta` or `slirp4netns`.
        program: &'static str,
    },
    /// There is none now; the keeper goes on trying.
    Down(UplinkError),
}

/// A network's uplink and what it takes to keep it. Lives on the host thread: poll [`Keeper::fds`] until
/// [`Keeper::deadline`], then call [`Keeper::turn`].
#[derive(Debug)]
pub struct Keeper {
    namespace: OwnedFd,
    status: Status,
}

impl Keeper {
    /// Starts the uplink of the network with the namespace `n`. Returns before it is ready.
    ///
    /// # Errors
    /// [`UplinkError::Link`], [`UplinkError::Watch`]: no sockets. A missing program or route is a [`Status`].
    pub fn start(n: BorrowedFd<'_>, network: &Network) -> Result<Self, UplinkError> {
        let namespace = n.try_clone_to_owned().map_err(UplinkError::Watch)?;
        let status = if network.internal { Status::Internal } else { Status::Starting };
        Ok(Self { namespace, status })
    }

    /// What to poll for reading.
    #[must_use]
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let _ = &self.namespace;
        Vec::new()
    }

    /// When to call [`Keeper::turn`] even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Does what is to do now; never waits. Whether the status has changed.
    pub fn turn(&mut self) -> bool {
        false
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Ends the program and waits for its end.
    pub fn end(self) {}
}
