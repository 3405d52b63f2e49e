//! M: process 1 of its own pid namespace in U, the owner of the truth about one container.
//!
//! 1. New session, name, lock of the container (OFD), log, socket; then `Hello` to whoever spawned it.
//! 2. One poll(2) loop: signals, listening socket, clients, streams of the container and of its execs. Nothing in it
//!    waits for a client, a disk or a process.
//! 3. The container's end: every byte it wrote is drained first, then state, events, `--rm`, then everybody is told.
//! 4. The end of M, once its clients have what is theirs.
//!
//! `start` makes the container, `exec` further processes, `requests` answers clients, `settle` is the end.

mod client;
mod exec;
mod group;
mod listeners;
mod networks;
mod own_files;
mod process;
mod remove;
mod requests;
mod restart;
mod secrets;
mod settle;
mod start;
mod stop;
mod streams;
mod volumes;
mod waiting;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cala_runtime::cgroup::Cgroup;
use cala_spec::{ContainerState, Event, event::EventKind};
use cala_sys::poll::{self, Interest, Ready};
use cala_sys::signal::SignalFd;

use crate::RunPlan;
use crate::events::append_event;
use crate::launcher::{failed, failure_of};
use crate::log::{LogWriter, Stream};
use crate::protocol::{ExitInfo, Failure, NewLimits, PROTOCOL, Reply, SOCKET_NAME};
use crate::record;
use client::{Client, MAX_HELD, Mode};
use networks::Networks;
use process::{Owner, Process, Session};
use restart::Restarts;
use waiting::Waiting;

/// Signals that come as records: ends of children, and requests to end.
const SIGNALS: [i32; 4] = [libc_signal::CHLD, libc_signal::TERM, libc_signal::INT, libc_signal::HUP];

/// Numbers of signal(7) that are the same on every architecture of Linux but for CHLD, which is 17 where Cala runs.
mod libc_signal {
    pub(super) const HUP: i32 = 1;
    pub(super) const INT: i32 = 2;
    pub(super) const TERM: i32 = 15;
    pub(super) const CHLD: i32 = 17;
}

/// Bytes read of a stream at once: what a pipe holds (pipe(7)).
const PIECE: usize = 64 << 10;

/// How long no client is let in when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long clients that may still ask something keep an ended monitor alive.
const LINGER: Duration = Duration::from_secs(2);

/// What stays of the plan once the container runs.
#[derive(Debug)]
struct Facts {
    id: String,
    name: String,
    container_dir: PathBuf,
    run_dir: PathBuf,
    name_file: PathBuf,
    events_dir: PathBuf,
    tmp_dir: Option<PathBuf>,
    anonymous_volumes: Vec<PathBuf>,
    id_file: Option<PathBuf>,
    pid_file: Option<PathBuf>,
    plan_path: PathBuf,
    rm: bool,
    durable: bool,
    stop_signal: i32,
    stop_timeout: Duration,
    /// How long it may run.
    timeout: Option<Duration>,
    image: String,
    labels: std::collections::BTreeMap<String, String>,
}

/// A stop under way.
#[derive(Debug)]
struct Stopping {
    /// When SIGKILL follows; `None` once it was sent.
    deadline: Option<Instant>,
    killed: bool,
}

/// What a descriptor in the loop belongs to.
#[derive(Debug, Clone, Copy)]
enum Token {
    Signals,
    Listener,
    Client(usize),
    Output(Owner, Stream),
    Input(Owner),
    Lease(usize),
}

#[derive(Debug)]
struct Monitor {
    facts: Facts,
    /// Until the start.
    plan: Option<Box<RunPlan>>,
    lock: Option<File>,
    listener: Option<UnixListener>,
    /// No descriptor was left for another client: when to try again.
    accept_again: Option<Instant>,
    signals: SignalFd,
    namespace: OwnedFd,
    log: LogWriter,
    cgroup: Option<Cgroup>,
    /// Its place in its networks, while it runs.
    networks: Option<Networks>,
    clients: Vec<Client>,
    /// Made and not yet let go.
    waiting: Option<Waiting>,
    container: Option<Process>,
    sessions: Vec<Session>,
    next_session: u64,
    state: ContainerState,
    stopping: Option<Stopping>,
    restarts: Restarts,
    /// When it is killed, however it does.
    run_until: Option<Instant>,
    /// Limits that were changed since the plan was made.
    changed: NewLimits,
    exit: Option<ExitInfo>,
    /// Set once everything is settled: only clients are served to their end.
    settled: Option<Instant>,
    /// Files of a removed container and its volumes; clients that are behind still read the log there.
    trash: Vec<PathBuf>,
}

/// Is the monitor; `lock` is the run root's, when this U was made for it. Returns its exit code when the container has ended and everybody was told.
pub(crate) fn run(control: UnixStream, plan: Box<RunPlan>, plan_path: &Path, lock: Option<OwnedFd>) -> i32 {
    let mut control = match Client::new(control, Mode::Messages) {
        Ok(control) => control,
        Err(_) => return 125,
    };
    let monitor = Monitor::prepare(plan, plan_path);
    // The socket is there, or this launch has failed: the next launcher may look.
    drop(lock);
    match monitor {
        Ok(mut monitor) => {
            control
                .reply(&Reply::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() });
            monitor.clients.push(control);
            // An error of poll(2) itself leaves nothing that could be told to anybody.
            i32::from(monitor.serve().is_err())
        }
        Err(failure) => {
            control.reply(&Reply::Error(failure));
            125
        }
    }
}

impl Monitor {
    fn prepare(plan: Box<RunPlan>, plan_path: &Path) -> Result<Self, Failure> {
        let act = |act: &'static str| move |error: io::Error| failed(format!("cannot {act}: {error}"));
        detach().map_err(act("detach from the caller's session"))?;
        let lock = lock(&plan.container_dir)?;
        let log = LogWriter::open(plan.log.clone()).map_err(act("open the container's log"))?;
        let signals = SignalFd::new(&SIGNALS).map_err(act("receive signals"))?;
        let namespace = cala_userns::own_namespace().map_err(act("open the user namespace"))?;
        let listener = listen(&plan.run_dir).map_err(act("listen on the container's socket"))?;
        Ok(Self {
            facts: Facts::of(&plan, plan_path),
            restarts: Restarts::new(plan.restart),
            run_until: None,
            changed: NewLimits::default(),
            plan: Some(plan),
            lock: Some(lock),
            listener: Some(listener),
            accept_again: None,
            signals,
            namespace,
            log,
            cgroup: None,
            networks: None,
            clients: Vec::new(),
            waiting: None,
            container: None,
            sessions: Vec::new(),
            next_session: 0,
            state: ContainerState::default(),
            stopping: None,
            exit: None,
            settled: None,
            trash: Vec::new(),
        })
    }

    fn serve(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        while !self.is_finished() {
            let interests = self.interests();
            poll::wait(&interests, self.deadline(), &mut ready)?;
            for event in &ready {
                self.handle(*event);
            }
            self.advance(Instant::now());
        }
        if self.settled.is_none() {
            self.abandon();
        }
        self.drop_cgroup();
        self.empty_trash();
        Ok(())
    }

    fn interests(&self) -> Vec<Interest<'_, Token>> {
        let mut list = Vec::with_capacity(8 + self.clients.len());
        list.push(Interest { fd: self.signals.as_fd(), read: true, write: false, token: Token::Signals });
        if let Some(listener) = self.listener.as_ref().filter(|_| self.accept_again.is_none()) {
            list.push(Interest { fd: listener.as_fd(), read: true, write: false, token: Token::Listener });
        }
        for (index, client) in self.clients.iter().enumerate() {
            let (read, write) = (self.may_read(client), client.wants_write());
            list.push(Interest { fd: client.stream.as_fd(), read, write, token: Token::Client(index) });
        }
        for (index, fd) in self.networks.iter().flat_map(Networks::leases) {
            list.push(Interest { fd, read: true, write: false, token: Token::Lease(index) });
        }
        for owner in self.owners() {
            let Some(process) = self.process(owner) else { continue };
            for stream in [Stream::Stdout, Stream::Stderr] {
                if let Some(fd) = process.streams.output(stream).filter(|_| self.may_drain(owner)) {
                    list.push(Interest { fd, read: true, write: false, token: Token::Output(owner, stream) });
                }
            }
            if let Some(fd) = process.streams.wants_write() {
                list.push(Interest { fd, read: false, write: true, token: Token::Input(owner) });
            }
        }
        list
    }

    fn handle(&mut self, event: Ready<Token>) {
        match event.token {
            Token::Signals => self.take_signals(),
            Token::Listener => self.accept(),
            Token::Client(index) => self.serve_client(index, event),
            Token::Output(owner, stream) => {
                self.move_output(owner, stream);
            }
            Token::Input(owner) => {
                if let Some(process) = self.process_mut(owner) {
                    process.streams.write_input();
                }
            }
            Token::Lease(index) => {
                if let Some(networks) = &mut self.networks {
                    networks.lost(index, Instant::now());
                }
            }
        }
    }

    fn accept(&mut self) {
        let Some(listener) = &self.listener else { return };
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let ours = rustix::process::getuid().as_raw();
                    if cala_sys::scm::peer_uid(&stream).is_ok_and(|uid| uid == ours)
                        && let Ok(client) = Client::new(stream, Mode::Greeting)
                    {
                        self.clients.push(client);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.accept_again = Instant::now().checked_add(ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    /// What follows from time and from what has just been handled.
    fn advance(&mut self, now: Instant) {
        self.escalate(now);
        self.end_overdue(now);
        self.finish_sessions(now);
        self.finish_container(now);
        self.restart(now);
        let mut index = 0;
        while let Some(client) = self.clients.get(index) {
            if client.is_finished() {
                let client = self.clients.swap_remove(index);
                self.detached(&client);
            } else {
                index += 1;
            }
        }
        if let Some(networks) = &mut self.networks {
            networks.revive(now);
        }
        if self.accept_again.is_some_and(|again| now >= again) {
            self.accept_again = None;
        }
    }

    /// The next moment at which something is due without anybody's doing.
    fn deadline(&self) -> Option<Instant> {
        let stop = self.stopping.as_ref().and_then(|stopping| stopping.deadline);
        let drain = self.container.iter().chain(self.sessions.iter().map(|session| &session.process));
        let drain = drain.filter_map(Process::drain_deadline).min();
        let linger = self.settled.filter(|_| self.lingers()).map(|at| at + LINGER);
        let holder = self.networks.as_ref().and_then(Networks::deadline);
        [stop, drain, linger, self.accept_again, holder, self.restarts.deadline(), self.run_until]
            .into_iter()
            .flatten()
            .min()
    }

    fn lingers(&self) -> bool {
        self.clients.iter().any(|client| matches!(client.mode, Mode::Messages | Mode::Greeting))
    }

    fn is_finished(&self) -> bool {
        match self.settled {
            Some(_) if !self.sessions.is_empty() => false,
            Some(at) => {
                let streaming =
                    self.clients.iter().any(|client| !matches!(client.mode, Mode::Messages | Mode::Greeting));
                !streaming && (self.clients.is_empty() || at.elapsed() >= LINGER)
            }
            // Nobody is left who could ask for the start.
            None => self.plan.is_some() && self.clients.is_empty(),
        }
    }

    /// Whether more of a client's bytes may be taken now.
    fn may_read(&self, client: &Client) -> bool {
        match client.mode {
            Mode::Greeting | Mode::Messages => client.held() < MAX_HELD,
            Mode::Attached { .. } => {
                self.container.as_ref().is_none_or(|process| process.streams.takes_input())
            }
            Mode::Exec { session } => {
                self.session(session).is_none_or(|session| session.process.streams.takes_input())
            }
        }
    }

    /// Whether a process's output may be read: the container's always, an exec's when its client keeps up.
    fn may_drain(&self, owner: Owner) -> bool {
        match owner {
            Owner::Container => true,
            Owner::Session(number) => self.client_of(number).is_none_or(|client| client.held() < MAX_HELD),
        }
    }

    fn event(&self, action: &str, exit_code: Option<i32>) {
        let event = Event {
            time_ns: record::now_ns(),
            kind: EventKind::Container,
            action: action.to_owned(),
            id: self.facts.id.clone(),
            name: self.facts.name.clone(),
            image: Some(self.facts.image.clone()),
            exit_code,
            attributes: self.facts.labels.clone(),
        };
        // A full disk leaves a gap in the events; the container goes on.
        let _ = append_event(&self.facts.events_dir, &event);
    }

    fn write_state(&self) {
        // A full disk must not hold the container up; whoever reads a stale state sees by the lock what holds.
        let _ = record::write_state(&self.facts.container_dir, &self.state, self.facts.durable);
    }

    fn is_running(&self) -> bool {
        self.state.status.has_run()
    }
}

impl Facts {
    fn of(plan: &RunPlan, plan_path: &Path) -> Self {
        Self {
            id: plan.id.to_string(),
            name: plan.name.clone(),
            container_dir: plan.container_dir.clone(),
            run_dir: plan.run_dir.clone(),
            name_file: plan.name_file.clone(),
            events_dir: plan.events_dir.clone(),
            tmp_dir: plan.tmp_dir(),
            anonymous_volumes: plan.anonymous_volumes.clone(),
            id_file: plan.id_file.clone(),
            pid_file: plan.pid_file.clone(),
            plan_path: plan_path.to_owned(),
            rm: plan.rm,
            durable: plan.durable && !plan.rm,
            stop_signal: plan.stop_signal,
            stop_timeout: Duration::from_secs(plan.stop_timeout_s),
            timeout: (plan.timeout_s > 0).then(|| Duration::from_secs(plan.timeout_s.into())),
            image: plan.image.clone(),
            labels: plan.labels.clone(),
        }
    }
}

/// A session of its own, so that no terminal's signals arrive, and a name.
fn detach() -> io::Result<()> {
    rustix::process::setsid()?;
    rustix::thread::set_name(c"cala:monitor")?;
    Ok(())
}

/// The container's lock; it is ours until we end, whatever ends us.
fn lock(container_dir: &Path) -> Result<File, Failure> {
    let path = container_dir.join("lock");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| failed(format!("cannot open `{}`: {error}", path.display())))?;
    match cala_sys::ofd_lock::try_lock(&file) {
        Ok(true) => Ok(file),
        Ok(false) => Err(Failure {
            kind: cala_spec::ErrorKind::Conflict,
            code: "already_running".to_owned(),
            message: "container is already running".to_owned(),
            step: None,
            hints: Vec::new(),
        }),
        Err(error) => Err(failed(format!("cannot lock `{}`: {error}", path.display()))),
    }
}

/// The socket, in a directory of its own. One that is left of a killed monitor goes: we hold the lock.
fn listen(run_dir: &Path) -> io::Result<UnixListener> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(run_dir)?;
    let path = run_dir.join(SOCKET_NAME);
    let listener = match cala_sys::scm::listen(&path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            fs::remove_file(&path)?;
            cala_sys::scm::listen(&path)?
        }
        result => result?,
    };
    listener.set_nonblocking(true)?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(listener)
}
