//! What the threads are told.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use cala_spec::port::PortMapping;

use super::published::Published;
use super::tcp::Flow;

/// An order; `done` hears when it has been carried out.
#[derive(Debug)]
pub(super) enum Command {
    /// Serve these listeners.
    Publish { published: Arc<Published>, listeners: Vec<OwnedFd>, done: SyncSender<io::Result<()>> },
    /// Close the listeners of a port.
    Unpublish { port: PortMapping, done: SyncSender<io::Result<()>> },
    /// Reset the connections to these addresses, close the listeners that lead there.
    Forget { addresses: Vec<IpAddr>, done: SyncSender<io::Result<()>> },
    /// Carry on with a connection of another thread (TCP).
    Adopt(Box<Flow>),
    /// End.
    Stop,
}
