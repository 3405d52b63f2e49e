//! The thread that keeps the uplink going, in the host's network namespace.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use cala_spec::error::chain;
use cala_spec::network::Network;
use cala_spec::{Classify as _, Hints};
use cala_sys::poll::{self, Interest};

use super::control::Notice;
use super::wake::Notifier;
use crate::SMALL_STACK;
use crate::uplink::{Keeper, Status as Kept, UplinkError};

/// What is known of the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// None by intention.
    Internal,
    /// Not yet known.
    Starting,
    /// By this program.
    Ready(&'static str),
    /// None now, for this reason.
    Down(String),
}

impl Status {
    /// Whether there is nothing to wait for.
    pub(super) fn is_settled(&self) -> bool {
        *self != Self::Starting
    }

    /// Why there is none, if there should be one.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Down(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    /// For a person.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Internal => "none: the network is internal".to_owned(),
            Self::Starting => "starting".to_owned(),
            Self::Ready(program) => (*program).to_owned(),
            Self::Down(reason) => format!("none: {reason}"),
        }
    }

    fn of(kept: &Kept) -> Self {
        match kept {
            Kept::Internal => Self::Internal,
            Kept::Starting => Self::Starting,
            Kept::Ready { program } => Self::Ready(program),
            Kept::Down(error) => Self::down(error),
        }
    }

    fn down(error: &UplinkError) -> Self {
        let hints: Hints = error.hints();
        let hints: String = hints.iter().map(|hint| format!("; {hint}")).collect();
        Self::Down(chain(error) + &hints)
    }
}

/// The thread before it is told the network's namespace.
#[derive(Debug)]
pub(super) struct Waiting(SyncSender<(OwnedFd, Network)>);

impl Waiting {
    /// Starts the uplink of the network with this namespace.
    pub(super) fn go(self, namespace: OwnedFd, network: Network) {
        // A thread that is gone was not needed.
        let _ = self.0.send((namespace, network));
    }
}

/// Starts the thread in the calling thread's network namespace.
pub(super) fn spawn(notifier: Notifier<Notice>) -> io::Result<Waiting> {
    let (tell, told) = sync_channel(1);
    let thread = std::thread::Builder::new().name("uplink".to_owned()).stack_size(SMALL_STACK);
    thread.spawn(move || keep(&told, &notifier))?;
    Ok(Waiting(tell))
}

fn keep(told: &Receiver<(OwnedFd, Network)>, notifier: &Notifier<Notice>) {
    let Ok((namespace, network)) = told.recv() else { return };
    let tell = |status| notifier.send(Notice::Uplink(status));
    let mut keeper = match Keeper::start(std::os::fd::AsFd::as_fd(&namespace), &network) {
        Ok(keeper) => keeper,
        Err(error) => return tell(Status::down(&error)),
    };
    drop((namespace, network));
    tell(Status::of(keeper.status()));
    let mut ready = Vec::new();
    loop {
        let fds = keeper.fds();
        let interests: Vec<_> =
            fds.iter().map(|fd| Interest { fd: *fd, read: true, write: false, token: () }).collect();
        let deadline = keeper.deadline();
        if interests.is_empty() && deadline.is_none() {
            return;
        }
        if let Err(error) = poll::wait(&interests, deadline, &mut ready) {
            return tell(Status::Down(error.to_string()));
        }
        drop(interests);
        drop(fds);
        if keeper.turn() {
            tell(Status::of(keeper.status()));
        }
    }
}
