//! The thread that stays in the host's network namespace, where a holder cannot return to once it has left it
//! (setns(2) wants CAP_SYS_ADMIN over the namespace's owner): it opens the sockets by which the host's resolvers are asked.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use crate::SMALL_STACK;
use crate::dns::HostSockets;

type Question = (AddressFamily, SocketType, SyncSender<io::Result<OwnedFd>>);

/// Opens sockets in the host's network namespace; the thread ends with the last of these.
#[derive(Debug)]
pub(super) struct Host {
    ask: Sender<Question>,
}

impl Host {
    /// Starts the thread in the calling thread's network namespace.
    pub(super) fn spawn() -> io::Result<Self> {
        let (ask, questions) = channel();
        let thread = std::thread::Builder::new().name("host".to_owned()).stack_size(SMALL_STACK);
        thread.spawn(move || answer(&questions))?;
        Ok(Self { ask })
    }
}

impl HostSockets for Host {
    fn open(&self, family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
        let (tell, told) = sync_channel(1);
        self.ask.send((family, kind, tell)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        told.recv().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?
    }
}

fn answer(questions: &Receiver<Question>) {
    while let Ok((family, kind, tell)) = questions.recv() {
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None);
        // Nobody waits any more: the socket closes again.
        let _ = tell.send(socket.map_err(io::Error::from));
    }
}
