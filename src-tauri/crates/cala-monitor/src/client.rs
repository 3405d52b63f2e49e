//! How the engine talks to a monitor: blocking, over its socket.

mod changes;

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use crate::MonitorError;
use crate::protocol::{
    AttachOptions, ExecRequest, ExitInfo, MAX_MESSAGE, PROTOCOL, Reply, Request, SOCKET_NAME, StatusInfo,
    encode_message,
};

/// Limit of every answer that does not wait for the container itself. Generous, because a machine may be overloaded.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// A connection to a monitor.
#[derive(Debug)]
pub struct MonitorClient {
    stream: UnixStream,
}

/// What the start of a container tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedInfo {
    /// Host pid of the first process.
    pub pid: i32,
    /// What is not as it should be although the program runs.
    pub warning: Option<String>,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopOutcome {
    /// Whether SIGKILL was needed.
    pub killed: bool,
}

/// What the start of an exec tells.
#[derive(Debug)]
pub struct ExecStarted {
    /// Its streams; `None` if detached.
    pub attachment: Option<Attachment>,
    /// Host pid of the process.
    pub pid: i32,
}

/// A connection that carries [`crate::frames`] from here on.
#[derive(Debug)]
pub struct Attachment {
    stream: UnixStream,
}

impl Attachment {
    /// The socket: read frames of the monitor, write frames of the client. Blocking, without time-outs.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }
}

impl MonitorClient {
    /// Starts a monitor for the plan and waits until it answers. The container is not started.
    ///
    /// The monitor goes on when the caller ends. Its launcher has ended and is waited for on return.
    ///
    /// # Errors
    /// [`MonitorError::Spawn`] without the program; [`MonitorError::Refused`] with the code `already_running` when the
    /// container has a monitor, and with those of cala-userns when the machine does not allow a start.
    pub fn spawn(program: &Path, plan_path: &Path, run_dir: &Path) -> Result<Self, MonitorError> {
        let (ours, theirs) = UnixStream::pair().map_err(MonitorError::io("make a socket pair"))?;
        let short = run_dir.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let short = short.get(..12).unwrap_or(short);
        let mut launcher = cala_sys::spawn::Program::new(program)
            .arg(short)
            .stdin(OwnedFd::from(theirs))
            .spawn()
            .map_err(|source| MonitorError::Spawn { program: program.to_owned(), source })?;
        let mut client = Self { stream: ours };
        let greeted = client.launch(plan_path, run_dir);
        wait_for_launcher(&mut launcher);
        greeted.map(|()| client)
    }

    fn launch(&mut self, plan: &Path, run_dir: &Path) -> Result<(), MonitorError> {
        let mut bytes = message(&hello())?;
        bytes.extend(message(&Request::Launch { plan: plan.to_owned(), run_dir: run_dir.to_owned() })?);
        self.patience(Some(ANSWER_LIMIT))?;
        self.write(&bytes)?;
        self.expect_hello()
    }

    /// Connects to the monitor of a running container.
    ///
    /// # Errors
    /// [`MonitorError::NotRunning`] when there is none; [`MonitorError::Protocol`] when it speaks another version.
    pub fn connect(run_dir: &Path) -> Result<Self, MonitorError> {
        let socket = run_dir.join(SOCKET_NAME);
        let stream =
            cala_sys::scm::connect(&socket).map_err(|source| MonitorError::NotRunning { socket, source })?;
        let mut client = Self { stream };
        client.patience(Some(ANSWER_LIMIT))?;
        client.send(&hello())?;
        client.expect_hello()?;
        Ok(client)
    }

    fn done(&mut self, request: &Request) -> Result<(), MonitorError> {
        match self.ask(request)? {
            Reply::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Makes the container up to just before its program runs.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn init(&mut self) -> Result<(), MonitorError> {
        self.done(&Request::Init)
    }

    /// Starts the container and returns when its program runs.
    ///
    /// # Errors
    /// [`MonitorError::CommandNotFound`], [`MonitorError::NotExecutable`], [`MonitorError::StartFailed`].
    pub fn start(&mut self) -> Result<StartedInfo, MonitorError> {
        match self.ask(&Request::Start)? {
            Reply::Started { pid, warning } => Ok(StartedInfo { pid, warning }),
            other => Err(unexpected(other)),
        }
    }

    /// Attaches to the container's streams.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] when the container has ended; errors of the connection.
    pub fn attach(mut self, options: AttachOptions) -> Result<Attachment, MonitorError> {
        match self.ask(&Request::Attach(options))? {
            Reply::Attached => self.into_attachment(),
            other => Err(unexpected(other)),
        }
    }

    /// Attaches and then starts the container, so that no output is missed.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn attach_and_start(
        mut self,
        options: AttachOptions,
    ) -> Result<(StartedInfo, Attachment), MonitorError> {
        match self.ask(&Request::AttachAndStart(options))? {
            Reply::Started { pid, warning } => Ok((StartedInfo { pid, warning }, self.into_attachment()?)),
            other => Err(unexpected(other)),
        }
    }

    /// Runs another process in the container.
    ///
    /// # Errors
    /// As [`Self::start`]; [`MonitorError::Refused`] when the container does not run.
    pub fn exec(mut self, request: ExecRequest) -> Result<ExecStarted, MonitorError> {
        let detached = request.detach;
        match self.ask(&Request::Exec(request))? {
            Reply::ExecStarted { pid } if detached => Ok(ExecStarted { attachment: None, pid }),
            Reply::ExecStarted { pid } => Ok(ExecStarted { attachment: Some(self.into_attachment()?), pid }),
            other => Err(unexpected(other)),
        }
    }

    /// Sends a signal to the container's first process.
    ///
    /// # Errors
    /// [`MonitorError::Refused`] for a number that is no signal and when the container does not run.
    pub fn signal(&mut self, signal: i32) -> Result<(), MonitorError> {
        match self.ask(&Request::Signal { signal })? {
            Reply::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    /// Stops the container and returns when its end is recorded. `None` means the container's own signal and time-out.
    ///
    /// # Errors
    /// Errors of the connection; [`MonitorError::Closed`] also when the monitor was killed meanwhile.
    pub fn stop(
        &mut self,
        signal: Option<i32>,
        timeout: Option<Duration>,
    ) -> Result<StopOutcome, MonitorError> {
        self.stop_by(signal, timeout, false)
    }

    /// As [`Self::stop`] with the container's own signal; the container stays also with `--rm`.
    ///
    /// # Errors
    /// As [`Self::stop`].
    pub fn stop_and_keep(&mut self, timeout: Option<Duration>) -> Result<StopOutcome, MonitorError> {
        self.stop_by(None, timeout, true)
    }

    fn stop_by(
        &mut self,
        signal: Option<i32>,
        timeout: Option<Duration>,
        keep: bool,
    ) -> Result<StopOutcome, MonitorError> {
        let timeout_ms = timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        self.patience(None)?;
        let reply = self.ask(&Request::Stop { signal, timeout_ms, keep })?;
        self.patience(Some(ANSWER_LIMIT))?;
        match reply {
            Reply::Stopped { killed } => Ok(StopOutcome { killed }),
            other => Err(unexpected(other)),
        }
    }

    /// Waits until the container has ended and its end is recorded.
    ///
    /// # Errors
    /// [`MonitorError::Closed`] when the monitor was killed: the container's code is 137 then.
    pub fn wait(mut self) -> Result<ExitInfo, MonitorError> {
        self.patience(None)?;
        match self.ask(&Request::Wait)? {
            Reply::Exited(info) => Ok(info),
            other => Err(unexpected(other)),
        }
    }

    /// Asks for the end without waiting for it: the returned socket gets one message, [`Reply::Exited`], then. For
    /// async callers: read it with [`crate::protocol::take_message`].
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn into_waiter(mut self) -> Result<UnixStream, MonitorError> {
        self.patience(None)?;
        self.send(&Request::Wait)?;
        Ok(self.stream)
    }

    /// How the container is doing.
    ///
    /// # Errors
    /// Errors of the connection.
    pub fn status(&mut self) -> Result<StatusInfo, MonitorError> {
        match self.ask(&Request::Status)? {
            Reply::Status(info) => Ok(info),
            other => Err(unexpected(other)),
        }
    }

    fn into_attachment(self) -> Result<Attachment, MonitorError> {
        self.patience(None)?;
        Ok(Attachment { stream: self.stream })
    }

    fn patience(&self, limit: Option<Duration>) -> Result<(), MonitorError> {
        let set = self.stream.set_read_timeout(limit).and_then(|()| self.stream.set_write_timeout(limit));
        set.map_err(MonitorError::io("set a time limit on the monitor's socket"))
    }

    fn ask(&mut self, request: &Request) -> Result<Reply, MonitorError> {
        self.send(request)?;
        match self.receive()? {
            Reply::Error(failure) => Err(failure.into()),
            reply => Ok(reply),
        }
    }

    fn expect_hello(&mut self) -> Result<(), MonitorError> {
        match self.receive()? {
            Reply::Hello { protocol: PROTOCOL, .. } => Ok(()),
            Reply::Hello { protocol, version } => Err(MonitorError::Protocol {
                detail: format!("protocol {protocol} of version {version}, this is {PROTOCOL}"),
            }),
            Reply::Error(failure) => Err(failure.into()),
            other => Err(unexpected(other)),
        }
    }

    fn send(&mut self, request: &Request) -> Result<(), MonitorError> {
        let bytes = message(request)?;
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), MonitorError> {
        match self.stream.write_all(bytes) {
            // The reason of a hang-up may still be readable.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(MonitorError::io("write to the monitor")),
        }
    }

    fn receive(&mut self) -> Result<Reply, MonitorError> {
        let mut head = [0; 4];
        self.read(&mut head)?;
        let length = u32::from_le_bytes(head) as usize;
        if length > MAX_MESSAGE {
            return Err(MonitorError::Protocol { detail: format!("a message of {length} bytes") });
        }
        let mut body = vec![0; length];
        self.read(&mut body)?;
        serde_json::from_slice(&body).map_err(|error| MonitorError::Protocol { detail: error.to_string() })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), MonitorError> {
        self.stream.read_exact(buffer).map_err(|source| match source.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => MonitorError::Closed,
            _ => MonitorError::Io { act: "read from the monitor", source },
        })
    }
}

fn hello() -> Request {
    Request::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
}

fn message(request: &Request) -> Result<Vec<u8>, MonitorError> {
    encode_message(request).map_err(|error| MonitorError::Protocol { detail: error.to_string() })
}

fn unexpected(reply: Reply) -> MonitorError {
    match reply {
        Reply::Error(failure) => failure.into(),
        other => MonitorError::Protocol { detail: format!("{other:?}") },
    }
}

/// The launcher ends as soon as the monitor is there, or has said why not; nothing is left to reap.
fn wait_for_launcher(launcher: &mut Child) {
    // An error here means that somebody else reaped it, which is as good.
    let _ = launcher.wait();
}
