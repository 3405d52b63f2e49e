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
pub mod command_line;
mod config;
mod containers;
mod engine;
mod error;
mod events;
mod filter;
mod images;
mod info;
mod logs;
mod networks;
mod oci;
mod options;
mod processes;
mod programs;
mod secrets;
mod stats;
mod system;
mod time;
mod timezone;
pub mod view;
mod volumes;
mod watch;

/// A connection to the streams of a container or of a command in it.
pub use cala_monitor::Attachment;
/// The frames that an [`Attachment`] carries.
pub use cala_monitor::frames;

/// Forms and types that images are saved and pushed in.
pub use cala_store::archive::ArchiveFormat;
pub use cala_store::export::{CompressionFormat, ManifestType};
pub use containers::{ExecStarted, Stopped};
pub use engine::Engine;
pub use error::EngineError;
pub use events::EventReader;
pub use images::{EmbeddedImage, ImageFormat, Transport, embedded_image};
pub use logs::{LogLine, LogReader};
pub use options::{
    AttachOptions, CloneOptions, CommitOptions, ContainerFilter, CopyEnd, CopyOptions, EngineOptions,
    EventOptions, ExecOptions, ImageFilter, ImportOptions, LogOptions, LoginOptions, PullOptions,
    PushOptions, RemoveOptions, Retry, SaveOptions, SaveTarget, SearchOptions, TerminalSize, UpdateOptions,
    WaitCondition,
};
pub use stats::StatsReader;
pub use system::{CheckOptions, PruneOptions};

use cala_spec::progress::PullProgress;

/// Shorthand.
pub type Result<T> = std::result::Result<T, EngineError>;

/// How progress of a pull is told; called often, must return quickly.
pub type Progress<'a> = &'a (dyn Fn(PullProgress) + Send + Sync);

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
