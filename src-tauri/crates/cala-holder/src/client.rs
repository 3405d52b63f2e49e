//! How a holder is reached, started and asked: blocking, each wait with a limit.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use cala_spec::port::PortMapping;
use cala_sys::flock::{FileLock, Mode};

use crate::HolderError;
use crate::framing::{Inbox, Message, encode};
use crate::paths;
use crate::protocol::{Attach, Attached, Launch, Names, PROTOCOL, Reach, Reply, Request, Snapshot, WITHIN};

/// How long an answer is waited for; generous, because a machine may be overloaded.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// How long a holder's start may take, and how long it is waited for that another's start is done.
pub const START_LIMIT: Duration = Duration::from_secs(30);

/// How long the first and the longest pause is between looks at a holder that somebody else is starting or that is ending.
const PAUSES: (Duration, Duration) = (Duration::from_micros(500), Duration::from_millis(10));

/// What a call waits longer for a `Reach` than the holder does for its answer.
const REACH_MARGIN: Duration = Duration::from_secs(5);

/// A connection to the holder of a network.
#[derive(Debug)]
pub struct HolderClient {
    stream: UnixStream,
    inbox: Inbox,
    limit: Duration,
}

/// The place of a container in a network: it lasts as long as this connection. It is readable (poll it by
/// [`AsFd`]) only when the holder has died.
#[derive(Debug)]
pub struct Lease {
    client: HolderClient,
    attached: Attached,
    namespace: OwnedFd,
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

    fn of(stream: UnixStream, limit: Duration) -> Self {
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

    /// Tries to connect from a container to an address, waiting at most `patience` for an answer.
    ///
    /// # Errors
    /// [`HolderError::Refused`] with the code `not_in_network` when the container is not here, `too_busy`.
    pub fn reach(
        &mut self,
        from: &str,
        to: IpAddr,
        port: Option<u16>,
        patience: Duration,
    ) -> Result<Reach, HolderError> {
        let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Reach { from: from.to_owned(), to, port, timeout_ms };
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

    fn done(&mut self, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<(), HolderError> {
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

    fn expect_hello(&mut self) -> Result<(), HolderError> {
        match self.answer()?.0 {
            Reply::Hello { protocol: PROTOCOL, .. } => Ok(()),
            Reply::Hello { protocol, version } => Err(HolderError::Protocol {
                detail: format!("protocol {protocol} of version {version}, this is {PROTOCOL}"),
            }),
            other => Err(unexpected(&other)),
        }
    }

    fn send(&mut self, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<(), HolderError> {
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

/// How a holder is started.
struct Spawner<'a> {
    program: &'a Path,
    /// The caller is in U.
    within: bool,
}

impl Spawner<'_> {
    fn ensure(
        &self,
        launch: &Launch,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<HolderClient, HolderError> {
        let network = network_of(launch)?;
        let deadline = Instant::now() + START_LIMIT;
        let mut pause = PAUSES.0;
        loop {
            match HolderClient::connect(&launch.run_root, network) {
                // Not there yet, or just ending.
                Err(HolderError::NotRunning { .. } | HolderError::Closed) => {}
                result => return result,
            }
            if let Some(lock) = try_lock(launch)? {
                return self.spawn(launch, &lock, namespace);
            }
            if Instant::now() >= deadline {
                return Err(HolderError::Silent);
            }
            wait(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    fn spawn(
        &self,
        launch: &Launch,
        lock: &FileLock,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<HolderClient, HolderError> {
        let (ours, theirs) = UnixStream::pair().map_err(HolderError::io("make a socket pair"))?;
        let short = network_of(launch)?;
        let short = short.get(..12).unwrap_or(short);
        let program = cala_sys::spawn::Program::new(self.program).arg(short).stdin(OwnedFd::from(theirs));
        let program = if self.within { program.arg(WITHIN) } else { program };
        let mut launcher = program
            .spawn()
            .map_err(|source| HolderError::Spawn { program: self.program.to_owned(), source })?;
        let mut client = HolderClient::of(ours, START_LIMIT);
        let fds: Vec<BorrowedFd<'_>> = std::iter::once(lock.as_fd()).chain(namespace).collect();
        let greeted = client
            .send(&hello(), &[])
            .and_then(|()| client.send(&Request::Launch(launch.clone()), &fds))
            .and_then(|()| client.expect_hello());
        // It ends as soon as the holder is there, or has said why not. An error means that somebody else reaped it.
        let _ = launcher.wait();
        client.limit = ANSWER_LIMIT;
        greeted.map(|()| client)
    }
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

impl AsFd for HolderClient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl HolderError {
    fn io(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { act, source }
    }
}

/// The id of the network that is launched: the name of its directory.
fn network_of(launch: &Launch) -> Result<&str, HolderError> {
    let name = launch.network_dir.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| HolderError::Protocol {
        detail: format!("`{}` names no network", launch.network_dir.display()),
    })
}

fn try_lock(launch: &Launch) -> Result<Option<FileLock>, HolderError> {
    let path = paths::lock(&launch.run_root, network_of(launch)?);
    let taken = paths::prepare(&launch.run_root).and_then(|()| FileLock::try_take(&path, Mode::Exclusive));
    taken.map_err(|source| HolderError::Lock { path, source })
}

fn hello() -> Request {
    Request::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn no_descriptor() -> HolderError {
    HolderError::Protocol { detail: "the descriptor is missing".to_owned() }
}

fn unexpected(reply: &Reply) -> HolderError {
    HolderError::Protocol { detail: format!("{reply:?}") }
}

/// There is nothing to wait on but time: the lock's holder is about to listen or about to end.
fn wait(pause: Duration) {
    // An error here only makes the wait shorter.
    let _ = cala_sys::poll::wait::<()>(&[], Instant::now().checked_add(pause), &mut Vec::new());
}
