//! What clients ask, and the frames they send.

use cala_spec::ErrorKind;
use cala_sys::poll::Ready;

use super::client::{Client, Mode};
use super::networks::Networks;
use super::process::Owner;
use super::{Monitor, Token, failure_of};
use crate::frames::{Frame, FrameKind};
use crate::launcher::{invalid, mismatch};
use crate::log::Replay;
use crate::protocol::{AttachOptions, Failure, NewName, PROTOCOL, Reply, Request, StatusInfo, take_message};

/// The greatest signal number of Linux.
pub(super) const MAX_SIGNAL: i32 = 64;

impl Monitor {
    pub(super) fn serve_client(&mut self, index: usize, event: Ready<Token>) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if event.write {
            client.flush();
            client.pump(&self.log);
        }
        if event.read {
            if let Some(bytes) = client.read() {
                self.take_bytes(index, &bytes);
            }
        } else if event.hangup {
            client.gone = true;
        }
    }

    fn take_bytes(&mut self, index: usize, bytes: &[u8]) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if matches!(client.mode, Mode::Greeting | Mode::Messages) {
            client.incoming.extend_from_slice(bytes);
            self.take_messages(index);
        } else {
            client.decoder.push(bytes);
            self.take_frames(index);
        }
    }

    fn take_messages(&mut self, index: usize) {
        loop {
            let Some(client) = self.clients.get_mut(index) else { return };
            if !matches!(client.mode, Mode::Greeting | Mode::Messages) {
                // The connection has just become a stream; what came behind the request are frames.
                let rest = std::mem::take(&mut client.incoming);
                client.decoder.push(&rest);
                return self.take_frames(index);
            }
            match take_message(&mut client.incoming) {
                Ok(Some(message)) => self.answer(index, &message),
                Ok(None) => {
                    client.incoming.shrink_to_fit();
                    return;
                }
                Err(length) => {
                    client.reply(&Reply::Error(invalid(format!("a message of {length} bytes"))));
                    return client.close();
                }
            }
        }
    }

    fn answer(&mut self, index: usize, message: &[u8]) {
        let reply = match serde_json::from_slice::<Request>(message) {
            Ok(request) => self.fulfil(index, request),
            Err(error) => Err(Failure { code: "unknown_request".to_owned(), ..invalid(error.to_string()) }),
        };
        let Some(client) = self.clients.get_mut(index) else { return };
        match reply {
            Ok(Some(reply)) => client.reply(&reply),
            Ok(None) => {}
            Err(failure) => client.reply(&Reply::Error(failure)),
        }
    }

    /// `Ok(None)`: the answer was given, or comes later.
    fn fulfil(&mut self, index: usize, request: Request) -> Result<Option<Reply>, Failure> {
        let greeted = self.clients.get(index).is_some_and(|client| matches!(client.mode, Mode::Messages));
        match request {
            Request::Hello { protocol, .. } => self.greet(index, protocol),
            _ if !greeted => Err(invalid("the first message must be `hello`".to_owned())),
            Request::Launch { .. } => Err(invalid("this monitor has its plan already".to_owned())),
            Request::Init => self.init_container().map(|()| Some(Reply::Done)),
            Request::Start => self.start_container().map(|pid| Some(self.started(pid))),
            Request::Attach(options) => {
                self.attach(index, options)?;
                Ok(None)
            }
            Request::AttachAndStart(options) => self.attach_and_start(index, options),
            Request::Exec(request) => self.start_exec(index, request),
            Request::Signal { signal } => self.signal(signal),
            Request::Stop { signal, timeout_ms, keep } => self.stop(index, signal, timeout_ms, keep),
            Request::Pause => self.pause(true),
            Request::Unpause => self.pause(false),
            Request::Wait => Ok(self.wait(index)),
            Request::Status => Ok(Some(Reply::Status(self.status()))),
            Request::Restart { policy } => {
                self.restarts.set_policy(policy);
                Ok(Some(Reply::Done))
            }
            Request::Limit(limits) => self.limit(*limits),
            Request::Rename(new) => self.rename(*new),
            Request::Connect(membership) => self.change_networks(|networks| networks.connect(&membership)),
            Request::Disconnect { network } => self.change_networks(|networks| networks.disconnect(&network)),
            Request::Publish { port } => self.change_networks(|networks| networks.publish(&port)),
            Request::Unpublish { port } => self.change_networks(|networks| networks.unpublish(&port)),
            Request::UserNamespace => {
                if let Some(client) = self.clients.get_mut(index) {
                    client.reply_with(&Reply::UserNamespace, &self.namespace);
                }
                Ok(None)
            }
        }
    }

    fn started(&self, pid: i32) -> Reply {
        let problem = self.networks.as_ref().and_then(Networks::uplink_problem);
        let warning =
            problem.map(|problem| format!("the container has no way out of its network: {problem}"));
        Reply::Started { pid, warning }
    }

    /// Changes the networks of the running container and writes down what it has now, also when only a part was done.
    fn change_networks(
        &mut self,
        change: impl FnOnce(&mut Networks) -> Result<(), Failure>,
    ) -> Result<Option<Reply>, Failure> {
        let networks = self.networks.as_mut().filter(|_| self.settled.is_none()).ok_or_else(ended)?;
        let changed = change(networks);
        self.state.networks = networks.statuses();
        self.write_state();
        changed.map(|()| Some(Reply::Done))
    }

    fn rename(&mut self, new: NewName) -> Result<Option<Reply>, Failure> {
        if self.settled.is_some() {
            return Err(ended());
        }
        if let Some(networks) = &mut self.networks {
            networks.rename(&new.name, &new.own_names);
            self.state.networks = networks.statuses();
            self.write_state();
        }
        self.facts.name = new.name;
        self.facts.name_file = new.name_file;
        Ok(Some(Reply::Done))
    }

    fn greet(&mut self, index: usize, protocol: u32) -> Result<Option<Reply>, Failure> {
        if protocol != PROTOCOL {
            return Err(mismatch(protocol));
        }
        if let Some(client) = self.clients.get_mut(index) {
            client.mode = Mode::Messages;
        }
        Ok(Some(Reply::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }))
    }

    /// The client's connection carries frames from here on; the answer goes out before the first.
    fn attach(&mut self, index: usize, options: AttachOptions) -> Result<(), Failure> {
        if self.settled.is_some() {
            return Err(ended());
        }
        self.become_attached(index, options, &Reply::Attached);
        Ok(())
    }

    fn become_attached(&mut self, index: usize, options: AttachOptions, reply: &Reply) {
        // Without its file there is nothing to replay; live output comes all the same.
        let replay = options.logs.then(|| Replay::from_start(&self.log).ok()).flatten();
        let Some(client) = self.clients.get_mut(index) else { return };
        client.reply(reply);
        client.mode = Mode::Attached { options, replay };
        if let (Some((rows, cols)), Some(process)) = (options.size, &self.container) {
            process.streams.resize(rows, cols);
        }
    }

    fn attach_and_start(&mut self, index: usize, options: AttachOptions) -> Result<Option<Reply>, Failure> {
        let pid = self.start_container()?;
        // Nothing of its output was read yet: that happens in the loop.
        let started = self.started(pid);
        self.become_attached(index, options, &started);
        Ok(None)
    }

    fn signal(&mut self, signal: i32) -> Result<Option<Reply>, Failure> {
        if !(1..=MAX_SIGNAL).contains(&signal) {
            return Err(invalid(format!("{signal} is no signal")));
        }
        let process = self.container.as_ref().filter(|_| self.settled.is_none()).ok_or_else(ended)?;
        process.pidfd.send_signal(signal).map_err(|error| Failure {
            kind: ErrorKind::Internal,
            code: "signal_failed".to_owned(),
            message: format!("cannot send signal {signal}: {error}"),
            step: None,
            hints: Vec::new(),
        })?;
        if signal == 9 || signal == self.facts.stop_signal {
            self.restarts.are_unwanted();
        }
        Ok(Some(Reply::Done))
    }

    fn wait(&mut self, index: usize) -> Option<Reply> {
        if let Some(exit) = self.exit {
            return Some(Reply::Exited(exit));
        }
        if let Some(client) = self.clients.get_mut(index) {
            client.waits = true;
        }
        None
    }

    fn status(&self) -> StatusInfo {
        let count = |wanted: fn(&&Client) -> bool| {
            u32::try_from(self.clients.iter().filter(wanted).count()).unwrap_or(u32::MAX)
        };
        StatusInfo {
            status: self.state.status,
            pid: self.state.pid,
            monitor_pid: self.state.monitor_pid,
            execs: u32::try_from(self.sessions.len()).unwrap_or(u32::MAX),
            exec_ids: self.sessions.iter().map(|session| session.id.clone()).collect(),
            attached: count(|client| matches!(client.mode, Mode::Attached { .. })),
            exit: self.exit,
        }
    }

    fn take_frames(&mut self, index: usize) {
        loop {
            let Some(client) = self.clients.get_mut(index) else { return };
            match client.decoder.next_frame() {
                Ok(Some(frame)) => self.take_frame(index, &frame),
                Ok(None) => return,
                Err(_) => {
                    client.gone = true;
                    return;
                }
            }
        }
    }

    fn take_frame(&mut self, index: usize, frame: &Frame) {
        let (owner, input) = match self.clients.get(index).map(|client| &client.mode) {
            Some(Mode::Attached { options, .. }) => (Owner::Container, options.stdin),
            Some(Mode::Exec { session }) => (Owner::Session(*session), true),
            _ => return,
        };
        let Some(process) = self.process_mut(owner) else { return };
        match frame.kind {
            FrameKind::Stdin if input => process.streams.push_input(&frame.payload),
            FrameKind::StdinEof if input => process.streams.end_input(),
            FrameKind::Resize => {
                if let Some(size) = frame.window_size() {
                    process.streams.resize(size.rows, size.cols);
                }
            }
            FrameKind::Signal => {
                if let Some(signal) = frame.number().filter(|signal| (1..=MAX_SIGNAL).contains(signal)) {
                    // One that has just ended gets none.
                    let _ = process.pidfd.send_signal(signal);
                }
            }
            _ => {}
        }
    }
}

/// The container has ended or was never started.
pub(super) fn ended() -> Failure {
    Failure {
        kind: ErrorKind::Conflict,
        code: "container_ended".to_owned(),
        message: "container is not running".to_owned(),
        step: None,
        hints: Vec::new(),
    }
}

/// A failed start as it goes over the socket: the step apart from its cause.
pub(super) fn start_failure(error: &cala_runtime::StartError) -> Failure {
    let failure = failure_of(error);
    match error {
        cala_runtime::StartError::Step { step, source } => {
            Failure { step: Some(step.clone()), message: source.to_string(), ..failure }
        }
        _ => failure,
    }
}
