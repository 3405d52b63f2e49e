//! A process of the container, its first one or one of an exec: descriptor, streams, end.

use std::time::{Duration, Instant};

use cala_sys::pidfd::{self, Exit, PidFd};

use super::client::{Client, Mode};
use super::streams::{Read, Streams};
use super::{Monitor, PIECE, libc_signal};
use crate::log::Stream;
use crate::record;

/// How long a terminal may still deliver what was written to it before the end: the kernel moves its bytes by a worker
/// of its own. Pipes need no time at all.
const TERMINAL_DRAIN: Duration = Duration::from_millis(200);

/// Whose streams or process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Container,
    Session(u64),
}

/// A process that the monitor started.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) pidfd: PidFd,
    /// Its pid in the monitor's namespace.
    pub(super) pid: i32,
    pub(super) streams: Streams,
    exit: Option<(Exit, Instant)>,
}

/// An exec.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) process: Process,
}

impl Process {
    pub(super) fn new(started: cala_runtime::Started, mut streams: Streams) -> std::io::Result<Self> {
        if let Some(console) = started.console {
            streams = Streams::terminal(console)?;
        }
        Ok(Self { pidfd: PidFd::from(started.pidfd), pid: started.pid, streams, exit: None })
    }

    /// When it is given up to wait for the rest of its output; `None` while it lives.
    pub(super) fn drain_deadline(&self) -> Option<Instant> {
        self.exit.map(|(_, deadline)| deadline)
    }

    /// Its end, once all of its output was read.
    fn drained(&self, now: Instant) -> Option<Exit> {
        let (exit, deadline) = self.exit?;
        // Pipes were read until they were empty when the end came; whoever else holds them is not waited for.
        let complete = self.streams.ended() || self.streams.console.is_none() || now >= deadline;
        complete.then_some(exit)
    }
}

impl Monitor {
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner> + use<> {
        let sessions: Vec<Owner> =
            self.sessions.iter().map(|session| Owner::Session(session.number)).collect();
        self.container.is_some().then_some(Owner::Container).into_iter().chain(sessions)
    }

    pub(super) fn session(&self, number: u64) -> Option<&Session> {
        self.sessions.iter().find(|session| session.number == number)
    }

    pub(super) fn process(&self, owner: Owner) -> Option<&Process> {
        match owner {
            Owner::Container => self.container.as_ref(),
            Owner::Session(number) => self.session(number).map(|session| &session.process),
        }
    }

    pub(super) fn process_mut(&mut self, owner: Owner) -> Option<&mut Process> {
        match owner {
            Owner::Container => self.container.as_mut(),
            Owner::Session(number) => self
                .sessions
                .iter_mut()
                .find(|session| session.number == number)
                .map(|session| &mut session.process),
        }
    }

    pub(super) fn client_of(&self, number: u64) -> Option<&Client> {
        self.clients.iter().find(|client| matches!(client.mode, Mode::Exec { session } if session == number))
    }

    fn client_of_mut(&mut self, number: u64) -> Option<&mut Client> {
        self.clients
            .iter_mut()
            .find(|client| matches!(client.mode, Mode::Exec { session } if session == number))
    }

    /// Signals that have arrived: children that ended are reaped, a request to end begins a stop.
    pub(super) fn take_signals(&mut self) {
        let mut end = false;
        while let Ok(Some(arrived)) = self.signals.read() {
            end |= arrived.signal != libc_signal::CHLD;
        }
        while let Ok(Some((pid, exit))) = pidfd::reap_any() {
            self.ended(pid, exit);
        }
        if end {
            if self.waiting.is_some() {
                self.end_waiting();
            } else if self.is_running() {
                self.begin_stop(None, None);
            } else if self.settled.is_none() {
                self.abandon();
            }
        }
    }

    fn ended(&mut self, pid: i32, exit: Exit) {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.pid() == pid) {
            return self.waiting_ended(exit);
        }
        let deadline = Instant::now() + TERMINAL_DRAIN;
        let container = self.container.iter_mut();
        let mut all = container.chain(self.sessions.iter_mut().map(|session| &mut session.process));
        // Others are stages of the runtime that had nobody else to reap them.
        if let Some(process) = all.find(|process| process.pid == pid) {
            process.exit = Some((exit, deadline));
        }
    }

    /// Reads one piece of a stream and hands it to whom it concerns. True when there may be more.
    pub(super) fn move_output(&mut self, owner: Owner, stream: Stream) -> bool {
        let mut buffer = Vec::with_capacity(PIECE);
        let Some(process) = self.process_mut(owner) else { return false };
        if process.streams.read(stream, &mut buffer) != Read::Bytes {
            return false;
        }
        let bytes = buffer.as_slice();
        match owner {
            Owner::Container => self.distribute(stream, bytes),
            Owner::Session(number) => {
                if let Some(client) = self.client_of_mut(number) {
                    client.frame(stream.frame(), bytes);
                }
            }
        }
        true
    }

    /// To the log, and to clients that are up to date. One that does not read goes on from the log later.
    fn distribute(&mut self, stream: Stream, bytes: &[u8]) {
        for client in &mut self.clients {
            if client.is_live() && client.held() > super::MAX_HELD {
                client.fall_behind(&self.log);
            }
        }
        self.log.append(stream, bytes, record::now_ns());
        for client in &mut self.clients {
            if client.is_live() && client.wants(stream.frame()) {
                client.frame(stream.frame(), bytes);
            }
        }
    }

    /// Reads everything that is there.
    pub(super) fn drain(&mut self, owner: Owner) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            while self.move_output(owner, stream) {}
        }
    }

    /// Tells the clients of execs that have ended, after their last byte.
    pub(super) fn finish_sessions(&mut self, now: Instant) {
        let ended: Vec<u64> = self
            .sessions
            .iter()
            .filter(|session| session.process.exit.is_some())
            .map(|session| session.number)
            .collect();
        for number in ended {
            self.drain(Owner::Session(number));
            let Some(exit) = self.session(number).and_then(|session| session.process.drained(now)) else {
                continue;
            };
            self.sessions.retain(|session| session.number != number);
            self.event("exec_died", Some(exit.code()));
            if let Some(client) = self.client_of_mut(number) {
                client.finish(exit.code());
            }
        }
    }

    /// Settles the container once it has ended and its last byte is in the log.
    pub(super) fn finish_container(&mut self, now: Instant) {
        if self.container.as_ref().is_none_or(|process| process.exit.is_none()) {
            return;
        }
        self.drain(Owner::Container);
        if let Some(exit) = self.container.as_ref().and_then(|process| process.drained(now)) {
            self.settle(exit);
        }
    }

    /// A client has gone: the input of its exec ends, a terminal is hung up so that no shell is left behind.
    pub(super) fn detached(&mut self, client: &Client) {
        if let Mode::Exec { session } = client.mode
            && let Some(process) = self.process_mut(Owner::Session(session))
        {
            process.streams.hang_up();
        }
    }

    /// Ends the execs that the container's end has not taken along (a shared pid namespace).
    pub(super) fn kill_sessions(&self) {
        for session in &self.sessions {
            // One that has ended already is as good.
            let _ = session.process.pidfd.send_signal(9);
        }
    }
}
