//! How a holder is reached and asked: blocking, each wait with a limit.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use cala_spec::port::Protocol;

use crate::framing::{Inbox, Message, encode};
use crate::protocol::{Attach, Launch, PROTOCOL, Reach, Reply, Request, Snapshot};
use crate::spawner::{Spawner, try_lock};
use crate::{HolderError, Lease, paths};

/// How long an answer is waited for; generous, because a machine may be overloaded.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How long a holder's start may take, and how long it is waited for that another's start is done.
pub const START_LIMIT: Duration = Duration::from_secs(30);

/// What a call waits longer for a `Reach` than the holder does for its answer.
const REACH_MARGIN: Duration = Duration::from_secs(5);

/// A connection to the holder of a network.
#[derive(Debug)]
pub struct HolderClient {
    pub(crate) stream: UnixStream,
    inbox: Inbox,
    pub(crate) limit: Duration,
}

impl HolderClient {
    /// Connects to the holder of a network.
    ///
    /// # Errors
    /// [`HolderError::NotRunning`] when there is none; [`HolderError::Closed`] when it is ending;
    /// [`HolderError::Silent`]; [`HolderError::Protocol`] when it speaks another version.
    pub fn connect(run_root: &Path, network: &str) -> Result<Self, HolderError> {
        Self::connect_within(run_root, network, ANSWER_LIMIT)
    }

    /// As [`Self::connect`]; this limit holds for this and each further answer.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn connect_within(run_root: &Path, network: &str, limit: Duration) -> Result<Self, HolderError> {
        let socket = paths::socket(run_root, network);
        let stream =
            cala_sys::scm::connect(&socket).map_err(|source| HolderError::NotRunning { socket, source })?;
        let mut client = Self::of(stream, limit);
        client.send(&hello(), &[])?;
        client.expect_hello()?;
        Ok(client)
    }

    /// Starts the holder of a network that has none, with the namespace that the network has already, if it has. The holder
    /// goes on when the caller ends. Its launcher has ended and is waited for on return.
    ///
    /// # Errors
    /// [`HolderError::AlreadyHeld`] when there is one; [`HolderError::Spawn`] without the program;
    /// [`HolderError::Refused`] when the machine does not allow it.
    pub fn spawn(
        program: &Path,
        launch: &Launch,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<Self, HolderError> {
        let lock = try_lock(launch)?.ok_or(HolderError::AlreadyHeld)?;
        Spawner { program, within: false }.spawn(launch, &lock, namespace)
    }

    /// Connects to the holder of a network, or starts one: whoever gets the network's lock does, and hands it over. Any
    /// number may do this at once; all end at the same holder. For callers outside U: the engine.
    ///
    /// # Errors
    /// As [`Self::spawn`] and [`Self::connect`]; [`HolderError::Silent`] when another's start comes to no end.
    pub fn ensure(
        program: &Path,
        launch: &Launch,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<Self, HolderError> {
        Spawner { program, within: false }.ensure(launch, namespace)
    }

    /// As [`Self::ensure`], for callers in U: monitors. U is not looked for then, which would ask the caller, who waits.
    ///
    /// # Errors
    /// As [`Self::ensure`].
    pub fn ensure_within(
        program: &Path,
        launch: &Launch,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<Self, HolderError> {
        Spawner { program, within: true }.ensure(launch, namespace)
    }

    pub(crate) fn of(stream: UnixStream, limit: Duration) -> Self {
        Self { stream, inbox: Inbox::default(), limit }
    }

    /// Joins a container, whose network namespace is `container`, to the network. The connection becomes its lease.
    ///
    /// # Errors
    /// [`HolderError::Refused`] with the codes `address_taken`, `address_outside_subnet`, `pool_exhausted`,
    /// `mac_address_taken`, `already_attached`, `netlink_failed`.
    pub fn attach(mut self, attach: &Attach, container: BorrowedFd<'_>) -> Result<Lease, HolderError> {
        self.begin_attach(attach, container)?;
        self.finish_attach()
    }

    /// The first half of [`Self::attach`]: asks without waiting, so that several networks can be joined at once.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn begin_attach(&mut self, attach: &Attach, container: BorrowedFd<'_>) -> Result<(), HolderError> {
        self.send(&Request::Attach(Box::new(attach.clone())), &[container])
    }

    /// The second half of [`Self::attach`].
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn finish_attach(mut self) -> Result<Lease, HolderError> {
        match self.answer()? {
            (Reply::Attached(attached), fds) => {
                let namespace = fds.into_iter().next().ok_or_else(no_descriptor)?;
                Ok(Lease { client: self, attached, namespace })
            }
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// The addresses of a name, or the empty list; the name may be an address (the answer is empty unless it is here).
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn resolve(&mut self, name: &str) -> Result<Vec<IpAddr>, HolderError> {
        match self.ask(&Request::Resolve { name: name.to_owned() }, &[])? {
            (Reply::Resolved { addresses }, _) => Ok(addresses),
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// What is in the network now.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn snapshot(&mut self) -> Result<Snapshot, HolderError> {
        match self.ask(&Request::Snapshot, &[])? {
            (Reply::Snapshot(snapshot), _) => Ok(snapshot),
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// Tries to connect from a container to an address, or to have a datagram answered there, waiting at most `patience`.
    ///
    /// # Errors
    /// [`HolderError::Refused`] with the code `not_in_network` when the container is not here, `too_busy`.
    pub fn reach(
        &mut self,
        from: &str,
        to: IpAddr,
        port: Option<u16>,
        protocol: Protocol,
        patience: Duration,
    ) -> Result<Reach, HolderError> {
        let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Reach { from: from.to_owned(), to, port, protocol, timeout_ms };
        let usual = std::mem::replace(&mut self.limit, patience.saturating_add(REACH_MARGIN));
        let answer = self.ask(&request, &[]);
        self.limit = usual;
        match answer? {
            (Reply::Reach(reach), _) => Ok(reach),
            (other, _) => Err(unexpected(&other)),
        }
    }

    /// Has the network's record read again.
    ///
    /// # Errors
    /// Errors of the connection; [`HolderError::Refused`] when the record cannot be read.
    pub fn reload(&mut self) -> Result<(), HolderError> {
        self.done(&Request::Reload, &[])
    }

    /// The descriptor of U.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn user_namespace(&mut self) -> Result<OwnedFd, HolderError> {
        match self.ask(&Request::UserNamespace, &[])? {
            (Reply::UserNamespace, fds) => fds.into_iter().next().ok_or_else(no_descriptor),
            (other, _) => Err(unexpected(&other)),
        }
    }

    pub(crate) fn done(&mut self, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<(), HolderError> {
        match self.ask(request, fds)? {
            (Reply::Done, _) => Ok(()),
            (other, _) => Err(unexpected(&other)),
        }
    }

    fn ask(
        &mut self,
        request: &Request,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(Reply, Vec<OwnedFd>), HolderError> {
        self.send(request, fds)?;
        self.answer()
    }

    fn answer(&mut self) -> Result<(Reply, Vec<OwnedFd>), HolderError> {
        let message = self.receive()?;
        match serde_json::from_slice(&message.body) {
            Ok(Reply::Error(failure)) => Err(failure.into()),
            Ok(reply) => Ok((reply, message.fds)),
            Err(error) => Err(HolderError::Protocol { detail: error.to_string() }),
        }
    }

    pub(crate) fn expect_hello(&mut self) -> Result<(), HolderError> {
        match self.answer()?.0 {
            Reply::Hello { protocol: PROTOCOL, .. } => Ok(()),
            Reply::Hello { protocol, version } => Err(HolderError::Protocol {
                detail: format!("protocol {protocol} of version {version}, this is {PROTOCOL}"),
            }),
            other => Err(unexpected(&other)),
        }
    }

    pub(crate) fn send(&mut self, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<(), HolderError> {
        let bytes = encode(request).map_err(|error| HolderError::Protocol { detail: error.to_string() })?;
        let act = HolderError::io("set a time limit on the holder's socket");
        self.stream.set_write_timeout(Some(self.limit)).map_err(act)?;
        let (mut sent, mut beside) = (0, fds);
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            match cala_sys::scm::send(&self.stream, rest, beside) {
                Ok(count) => (sent, beside) = (sent + count, &[]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(HolderError::Silent),
                // The reason of a hang-up may still be readable.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(HolderError::io("write to the network's holder")(error)),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Message, HolderError> {
        let deadline = Instant::now().checked_add(self.limit);
        let mut buffer = [0; 4096];
        loop {
            let taken = self.inbox.take();
            if let Some(message) =
                taken.map_err(|broken| HolderError::Protocol { detail: broken.to_string() })?
            {
                return Ok(message);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(HolderError::Silent);
            }
            let act = HolderError::io("set a time limit on the holder's socket");
            self.stream.set_read_timeout(left).map_err(act)?;
            match cala_sys::scm::receive(&self.stream, &mut buffer) {
                Ok((0, _)) => return Err(HolderError::Closed),
                Ok((count, fds)) => self
                    .inbox
                    .push(buffer.get(..count).unwrap_or_default(), fds)
                    .map_err(|broken| HolderError::Protocol { detail: broken.to_string() })?,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return Err(HolderError::Silent),
                    io::ErrorKind::ConnectionReset => return Err(HolderError::Closed),
                    _ => return Err(HolderError::io("read from the network's holder")(error)),
                },
            }
        }
    }
}

impl AsFd for HolderClient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl HolderError {
    pub(crate) fn io(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { act, source }
    }
}

pub(crate) fn hello() -> Request {
    Request::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn no_descriptor() -> HolderError {
    HolderError::Protocol { detail: "the descriptor is missing".to_owned() }
}

fn unexpected(reply: &Reply) -> HolderError {
    HolderError::Protocol { detail: format!("{reply:?}") }
}
