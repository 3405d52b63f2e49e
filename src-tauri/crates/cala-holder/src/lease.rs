//! The place of a container in a network, as long as a connection lasts.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cala_spec::port::PortMapping;

use crate::protocol::{Attached, Names, Request};
use crate::{HolderClient, HolderError};

/// The place of a container in a network: it lasts as long as this connection. It is readable (poll it by
/// [`AsFd`]) only when the holder has died.
#[derive(Debug)]
pub struct Lease {
    pub(crate) client: HolderClient,
    pub(crate) attached: Attached,
    pub(crate) namespace: OwnedFd,
}

impl Lease {
    /// What the container got.
    #[must_use]
    pub fn attached(&self) -> &Attached {
        &self.attached
    }

    /// The network's namespace: to be kept, and handed to [`HolderClient::ensure`] when the holder has died.
    #[must_use]
    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// Takes the namespace out; the lease ends.
    #[must_use]
    pub fn into_namespace(self) -> OwnedFd {
        self.namespace
    }

    /// Publishes a port through its listening sockets, one or two.
    ///
    /// # Errors
    /// [`HolderError::Refused`] with the codes `network_internal`, `publish_failed`; errors of the connection.
    pub fn publish(&mut self, port: &PortMapping, listeners: &[BorrowedFd<'_>]) -> Result<(), HolderError> {
        self.client.done(&Request::Publish { port: port.clone() }, listeners)
    }

    /// Withdraws a port; open connections go on.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn unpublish(&mut self, port: &PortMapping) -> Result<(), HolderError> {
        self.client.done(&Request::Unpublish { port: port.clone() }, &[])
    }

    /// Gives the container another set of names.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn update(&mut self, names: &Names) -> Result<(), HolderError> {
        self.client.done(&Request::Update(names.clone()), &[])
    }

    /// Leaves the network; names, ports and link are gone on return. The link of a container that has `ended` goes with its
    /// namespace and is not waited for.
    ///
    /// # Errors
    /// Errors of the connection, after which they go all the same.
    pub fn detach(mut self, ended: bool) -> Result<(), HolderError> {
        self.client.done(&Request::Detach { ended }, &[])
    }

    /// The connection, for questions of other kinds.
    pub fn client(&mut self) -> &mut HolderClient {
        &mut self.client
    }
}

impl AsFd for Lease {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.stream.as_fd()
    }
}
