//! The façade: one method per thing a user can do.
//!
//! The faces (command line, window, later the API) see this crate and `cala-spec` and nothing below. [`Engine`] composes
//! the subjects: the store keeps, the registry fetches, the monitor supervises, the network names. Every call that
//! touches a container first settles its record (design §9.13), so no stale state is ever shown.
//!
//! **Invariant: the engine never clones and never enters a namespace.** It spawns `cala-monitor` and `cala-store`; those are
//! small and single-threaded. **Invariant: opening costs nothing**: no directory is scanned and no runtime is started until a
//! method needs it.
//!
//! Methods that wait for a registry are `async` and want a tokio runtime; all others are plain calls that may block on the
//! disk or on a monitor. From an async face call those through `spawn_blocking`.
//!
//! Start reading at [`Engine`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod cgroup;
mod config;
mod containers;
mod error;
mod filter;
mod logs;
mod names;
mod oci;
mod options;
mod programs;
pub mod time;
pub mod view;
mod watch;

use std::os::unix::net::UnixStream;
use std::time::Duration;

use cala_spec::progress::PullProgress;
use cala_spec::{ContainerId, ContainerSpec, Digest, Event, Signal};

pub use cala_monitor::frames;
pub use error::EngineError;
pub use logs::{LogLine, LogReader};
pub use options::{
    AttachOptions, ContainerFilter, EngineOptions, EventOptions, ExecOptions, ImageFilter, LogOptions,
    LoginOptions, PullOptions, RemoveOptions, TerminalSize, WaitCondition,
};

/// Shorthand.
pub type Result<T> = std::result::Result<T, EngineError>;

/// How progress of a pull is told; called often, must return quickly.
pub type Progress<'a> = &'a (dyn Fn(PullProgress) + Send + Sync);

/// The engine. Cheap to clone, to open and to drop.
#[derive(Debug, Clone)]
pub struct Engine {
    _options: EngineOptions,
}

/// A connection to the streams of a container or of a command in it: the frames of `cala_monitor::protocol`.
#[derive(Debug)]
pub struct Attachment {
    stream: UnixStream,
}

impl Attachment {
    /// The socket that carries the frames, in blocking mode.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }
}

/// A command that was started by `exec`.
#[derive(Debug)]
pub struct ExecStarted {
    /// Its streams and, last, its exit code; `None` when detached.
    pub attachment: Option<Attachment>,
    /// Its host pid.
    pub pid: i32,
}

/// What `stop` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It did not run.
    NotRunning,
    /// It ended by its stop signal.
    Gracefully,
    /// It had to be killed, because it did not end in this time.
    Killed(Duration),
}

/// What a reader that follows has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<T> {
    /// The next one.
    Item(T),
    /// Nothing came in the time given.
    Idle,
    /// Nothing more will come.
    End,
}

/// Reads events.
#[derive(Debug)]
pub struct EventReader;

impl EventReader {
    /// The next event; waits for it when streaming. `None` at the end.
    ///
    /// # Errors
    /// When the event log cannot be read.
    pub fn next_event(&mut self) -> Result<Option<Event>> {
        Err(not_yet("events"))
    }

    /// Like `next_event`, but when streaming waits no longer than this.
    ///
    /// # Errors
    /// As `next_event`.
    pub fn poll_event(&mut self, _timeout: Duration) -> Result<Next<Event>> {
        Err(not_yet("events"))
    }
}

fn not_yet(what: &str) -> EngineError {
    EngineError::Internal(format!("{what} is not there yet"))
}

impl Engine {
    /// Opens the engine: finds its directories, reads nothing.
    ///
    /// # Errors
    /// When a directory cannot be made, belongs to somebody else or holds foreign entries.
    pub fn open(options: EngineOptions) -> Result<Self> {
        Ok(Self { _options: options })
    }

    /// Pulls an image and returns its id (digest of its configuration).
    ///
    /// # Errors
    /// When the reference is wrong, the registry does not answer or lies, credentials are wrong, or the disk is full.
    pub async fn pull(
        &self,
        _reference: &str,
        _options: &PullOptions,
        _progress: Progress<'_>,
    ) -> Result<Digest> {
        Err(not_yet("pull"))
    }

    /// Checks credentials at a registry and stores them.
    ///
    /// # Errors
    /// When the registry refuses them or the file cannot be written.
    pub async fn login(
        &self,
        _registry: &str,
        _user: &str,
        _password: &str,
        _options: &LoginOptions,
    ) -> Result<()> {
        Err(not_yet("login"))
    }

    /// Forgets the credentials of a registry, or of all when `None`.
    ///
    /// # Errors
    /// When there are none or the file cannot be written.
    pub fn logout(&self, _registry: Option<&str>, _options: &LoginOptions) -> Result<()> {
        Err(not_yet("logout"))
    }

    /// The user name stored for a registry.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn logged_in(&self, _registry: &str, _options: &LoginOptions) -> Result<Option<String>> {
        Err(not_yet("login"))
    }

    /// Lists images, newest first.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn images(&self, _filter: &ImageFilter) -> Result<Vec<view::ImageSummary>> {
        Err(not_yet("images"))
    }

    /// Everything known of an image.
    ///
    /// # Errors
    /// When there is none of this name or id, or it is damaged.
    pub fn inspect_image(&self, _name: &str) -> Result<view::ImageInspect> {
        Err(not_yet("image inspect"))
    }

    /// Whether there is an image of this name or id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn image_exists(&self, _name: &str) -> Result<bool> {
        Err(not_yet("image exists"))
    }

    /// Removes a name of an image and, with its last name, the image and what nothing else uses.
    ///
    /// # Errors
    /// When there is none, or a container uses it and `force` is false.
    pub fn remove_image(&self, _name: &str, _force: bool) -> Result<view::RemovedImage> {
        Err(not_yet("rmi"))
    }

    /// Gives an image a further name.
    ///
    /// # Errors
    /// When there is none or the name is wrong.
    pub fn tag_image(&self, _name: &str, _new_name: &str) -> Result<()> {
        Err(not_yet("tag"))
    }

    /// Makes a container, pulling its image by `spec.pull` when needed. Everything is checked before anything is changed.
    ///
    /// # Errors
    /// When the specification is wrong, the name is taken, the image cannot be had, or the machine cannot do what is asked.
    pub async fn create(&self, spec: ContainerSpec, progress: Progress<'_>) -> Result<ContainerId> {
        self.create_with(spec, &PullOptions::default(), progress).await
    }

    /// Like `create`, with credentials and the like for the pull.
    ///
    /// # Errors
    /// As `create`.
    pub async fn create_with(
        &self,
        _spec: ContainerSpec,
        _pull: &PullOptions,
        _progress: Progress<'_>,
    ) -> Result<ContainerId> {
        Err(not_yet("create"))
    }

    /// The id of a container by its name, id or unique id prefix.
    ///
    /// # Errors
    /// When there is none, or the prefix is ambiguous.
    pub fn resolve_container(&self, name: &str) -> Result<ContainerId> {
        Err(not_yet(name))
    }

    /// Starts a container; does nothing when it runs.
    ///
    /// # Errors
    /// When there is none or it cannot start; kind `CommandNotFound` and `CommandNotExecutable` for its command.
    pub fn start(&self, _name: &str) -> Result<ContainerId> {
        Err(not_yet("start"))
    }

    /// Starts a container with its streams attached from its first byte on.
    ///
    /// # Errors
    /// As `start`; also when it runs already.
    pub fn start_attached(&self, _name: &str, _options: &AttachOptions) -> Result<Attachment> {
        Err(not_yet("start"))
    }

    /// Attaches to a running container.
    ///
    /// # Errors
    /// When there is none or it does not run.
    pub fn attach(&self, _name: &str, _options: &AttachOptions) -> Result<Attachment> {
        Err(not_yet("attach"))
    }

    /// Runs a further command in a running container.
    ///
    /// # Errors
    /// When there is none, it does not run, or the command cannot start.
    pub fn exec(&self, _name: &str, _options: &ExecOptions) -> Result<ExecStarted> {
        Err(not_yet("exec"))
    }

    /// Stops a container: its stop signal, then SIGKILL after `timeout` (its own by default).
    ///
    /// # Errors
    /// When there is none or its monitor does not answer.
    pub fn stop(&self, _name: &str, _timeout: Option<Duration>) -> Result<Stopped> {
        Err(not_yet("stop"))
    }

    /// Sends a signal to a container's first process.
    ///
    /// # Errors
    /// When there is none or it does not run.
    pub fn kill(&self, _name: &str, _signal: Signal) -> Result<()> {
        Err(not_yet("kill"))
    }

    /// Removes a container and returns its id.
    ///
    /// # Errors
    /// When there is none, or it runs and `force` is false.
    pub fn remove(&self, _name: &str, _options: &RemoveOptions) -> Result<ContainerId> {
        Err(not_yet("rm"))
    }

    /// Waits for a container and returns its exit code (-1 when it is gone without one).
    ///
    /// # Errors
    /// When there is none.
    pub fn wait(&self, _name: &str, _condition: WaitCondition) -> Result<i32> {
        Err(not_yet("wait"))
    }

    /// Lists containers, newest first.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn containers(&self, _filter: &ContainerFilter) -> Result<Vec<view::ContainerSummary>> {
        Err(not_yet("ps"))
    }

    /// Everything known of a container.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect_container(&self, _name: &str) -> Result<view::ContainerInspect> {
        Err(not_yet("inspect"))
    }

    /// Whether there is a container of this name or id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn container_exists(&self, _name: &str) -> Result<bool> {
        Err(not_yet("container exists"))
    }

    /// Reads a container's log.
    ///
    /// # Errors
    /// When there is none or its log cannot be read.
    pub fn logs(&self, _name: &str, _options: &LogOptions) -> Result<LogReader> {
        Err(not_yet("logs"))
    }

    /// Reads events.
    ///
    /// # Errors
    /// When a filter is wrong or the event log cannot be read.
    pub fn events(&self, _options: &EventOptions) -> Result<EventReader> {
        Err(not_yet("events"))
    }

    /// The machine, the store and this program.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn info(&self) -> Result<view::Info> {
        Err(not_yet("info"))
    }

    /// This program.
    #[must_use]
    pub fn version() -> view::VersionDetail {
        view::VersionDetail {
            api_version: "5.4.2".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rust_version: env!("CARGO_PKG_RUST_VERSION").to_owned(),
            os_arch: String::new(),
            os: "linux".to_owned(),
        }
    }
}
