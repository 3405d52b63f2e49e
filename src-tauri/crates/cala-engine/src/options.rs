//! What the methods of the engine are told, beyond the object they act on.

use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::Duration;

use cala_spec::container::PullPolicy;
use cala_spec::{ByteSize, ContainerName, Platform, RestartPolicy};
use cala_store::archive::ArchiveFormat;

use crate::images::ImageFormat;
use cala_store::export::{CompressionFormat, ManifestType};

/// Where the engine keeps things and finds its programs.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// Data root (`--root`); `$XDG_DATA_HOME/cala` by default.
    pub root: Option<PathBuf>,
    /// Run root (`--runroot`); `$XDG_RUNTIME_DIR/cala` by default.
    pub runroot: Option<PathBuf>,
    /// Directory of `cala-monitor` and the other programs; found beside the running program by default.
    pub programs: Option<PathBuf>,
}

/// How an image is pulled.
#[derive(Debug, Clone, Default)]
pub struct PullOptions {
    /// The platform wanted; the host's by default.
    pub platform: Option<Platform>,
    /// When the registry is asked; `None` means always, as `pull` does.
    pub policy: Option<PullPolicy>,
    /// `Some(false)`: plain HTTP and unverified certificates are fine; `None`: as registries.conf says.
    pub tls_verify: Option<bool>,
    /// `user` and `password` for this pull only.
    pub credentials: Option<(String, String)>,
    /// The file with credentials (`--authfile`).
    pub authfile: Option<PathBuf>,
    /// A directory with certificates (`--cert-dir`).
    pub cert_dir: Option<PathBuf>,
    /// What is done about failures of the network.
    pub retry: Retry,
}

/// How often a registry is asked again that does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first (`--retry`); a few by default.
    pub count: Option<u32>,
    /// Wait before the first of them (`--retry-delay`), doubled before each further one.
    pub delay: Option<Duration>,
}

/// How an image is pushed.
#[derive(Debug, Clone, Default)]
pub struct PushOptions {
    /// `Some(false)`: plain HTTP and unverified certificates are fine; `None`: as registries.conf says.
    pub tls_verify: Option<bool>,
    /// `user` and `password` for this push only.
    pub credentials: Option<(String, String)>,
    /// The file with credentials (`--authfile`).
    pub authfile: Option<PathBuf>,
    /// A directory with certificates (`--cert-dir`).
    pub cert_dir: Option<PathBuf>,
    /// What is done about failures of the network.
    pub retry: Retry,
    /// The type of the manifest; the image's own by default.
    pub manifest: Option<ManifestType>,
    /// All layers in this compression; by default only uncompressed ones are compressed, by gzip, and those of `dir:` not.
    pub compression: Option<CompressionFormat>,
    /// The level of what is compressed.
    pub level: Option<i32>,
    /// Compress also the layers of `dir:`.
    pub compress: bool,
}

/// How registries are searched.
#[derive(Debug, Clone, Default)]
pub struct SearchOptions {
    /// `Some(false)`: plain HTTP and unverified certificates are fine; `None`: as registries.conf says.
    pub tls_verify: Option<bool>,
    /// `user` and `password` for this search only.
    pub credentials: Option<(String, String)>,
    /// The file with credentials (`--authfile`).
    pub authfile: Option<PathBuf>,
    /// A directory with certificates (`--cert-dir`).
    pub cert_dir: Option<PathBuf>,
    /// Most results of each registry; a few by default.
    pub limit: Option<usize>,
    /// `key=value`: `stars`, `is-official`, `is-automated`.
    pub filters: Vec<String>,
}

/// Where `save` writes to.
#[derive(Debug)]
pub enum SaveTarget {
    /// A file, or a directory for the forms that are one.
    Path(PathBuf),
    /// An open file, maybe a pipe.
    Stream(std::fs::File),
}

/// How images are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveOptions {
    /// The form.
    pub format: ArchiveFormat,
    /// Compress uncompressed layers; only for a directory of one image.
    pub compress: bool,
    /// Leave uncompressed layers so; OCI layouts have them compressed by default.
    pub uncompressed: bool,
    /// All names are images; else those after the first are further names of it.
    pub several: bool,
}

/// How `login` signs in.
#[derive(Debug, Clone, Default)]
pub struct LoginOptions {
    /// `Some(false)`: plain HTTP and unverified certificates are fine.
    pub tls_verify: Option<bool>,
    /// The file that credentials are written to (`--authfile`).
    pub authfile: Option<PathBuf>,
    /// A directory with certificates (`--cert-dir`).
    pub cert_dir: Option<PathBuf>,
}

/// Rows and columns of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// Which streams of a container a client wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "three streams and a request for the past, as in Docker's attach"
)]
pub struct AttachOptions {
    /// Send input.
    pub stdin: bool,
    /// Receive the output.
    pub stdout: bool,
    /// Receive the error output.
    pub stderr: bool,
    /// The client's terminal, for a container with a terminal.
    pub size: Option<TerminalSize>,
    /// First what the container wrote before.
    pub logs: bool,
}

impl AttachOptions {
    /// All three streams, nothing of the past.
    #[must_use]
    pub fn all() -> Self {
        Self { stdin: true, stdout: true, stderr: true, size: None, logs: false }
    }
}

/// A further command in a running container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-exec(1)")]
pub struct ExecOptions {
    /// The command and its arguments, at least one word.
    pub command: Vec<String>,
    /// Environment as `(name, value)`, added to the container's.
    pub env: Vec<(String, String)>,
    /// Working directory; the container's by default.
    pub workdir: Option<String>,
    /// `user[:group]`; the container's by default.
    pub user: Option<String>,
    /// A terminal for it (`-t`).
    pub tty: bool,
    /// Keep standard input open (`-i`).
    pub interactive: bool,
    /// All capabilities.
    pub privileged: bool,
    /// Do not wait and do not attach (`-d`).
    pub detach: bool,
    /// The client's terminal.
    pub size: Option<TerminalSize>,
}

/// How a container is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RemoveOptions {
    /// Also when it runs: it is stopped first.
    pub force: bool,
    /// Also its anonymous volumes.
    pub volumes: bool,
    /// Time between the stop signal and SIGKILL for `force`; the container's own by default.
    pub timeout: Option<Duration>,
    /// Also, and first, the containers that cannot be without it (`--depend`).
    pub depend: bool,
}

/// What `update` changes; `None` leaves what is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct UpdateOptions {
    /// Bytes of memory; 0 is no limit.
    pub memory: Option<ByteSize>,
    /// CPUs, 1.5 is one and a half; 0 is no limit.
    pub cpus: Option<f64>,
    /// Processes and threads; 0 and less are no limit.
    pub pids_limit: Option<i64>,
    /// What is done when it ends.
    pub restart: Option<RestartPolicy>,
}

/// How `container clone` makes its copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CloneOptions {
    /// Its name; the original's with `-clone` by default.
    pub name: Option<ContainerName>,
    /// Another image.
    pub image: Option<String>,
    /// Other limits.
    pub limits: UpdateOptions,
    /// Remove the original.
    pub destroy: bool,
    /// Also when it runs.
    pub force: bool,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitCondition {
    /// The container does not run: exited, or never started is waited for until it exits.
    #[default]
    Stopped,
    /// It was made and has never run.
    Created,
    /// It is made ready and waits for its start.
    Initialized,
    /// It runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It was asked to stop.
    Stopping,
    /// It is gone.
    Removed,
    /// Its health check says that it is well.
    Healthy,
    /// Its health check says that it is not.
    Unhealthy,
}

/// Which containers `containers` lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFilter {
    /// Not only those that run (`-a`). A `status` filter implies it.
    pub all: bool,
    /// Only the newest n, of any status (`--last`).
    pub last: Option<usize>,
    /// `key=value` as given with `--filter`: `id`, `name`, `label`, `status`, `ancestor`, `exited`, `before`, `since`, `volume`,
    /// `network`. Values of one key are alternatives, labels and different keys must all hold.
    pub filters: Vec<String>,
    /// Compute sizes, which reads whole directories.
    pub size: bool,
}

/// Which images `images` lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFilter {
    /// Only those of this name or id.
    pub reference: Option<String>,
    /// `key=value`: `dangling`, `label`, `reference`, `before`, `since`, `id`, `containers`.
    pub filters: Vec<String>,
}

/// Which lines of a log are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Go on until the container has ended.
    pub follow: bool,
    /// Not before this time, nanoseconds since the Unix epoch.
    pub since_ns: Option<i64>,
    /// Not after this time, nanoseconds since the Unix epoch.
    pub until_ns: Option<i64>,
    /// Only the last n lines.
    pub tail: Option<u64>,
}

/// Which events are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventOptions {
    /// Not before this time, nanoseconds since the Unix epoch; without it a stream starts now.
    pub since_ns: Option<i64>,
    /// Not after this time, nanoseconds since the Unix epoch; in the future: the stream ends then.
    pub until_ns: Option<i64>,
    /// `key=value`: `container`, `event`, `image`, `label`, `type`, `volume`, `network`.
    pub filters: Vec<String>,
    /// Go on with what happens from now on.
    pub stream: bool,
}

/// One end of a copy.
#[derive(Debug)]
pub enum CopyEnd<'a> {
    /// A path of the host as a person wrote it; its end (`/`, `/.`) says what is meant.
    Host(String),
    /// A path in a container.
    Container {
        /// Name, id or unique id prefix.
        name: String,
        /// As a person wrote it; a relative one begins at the container's working directory.
        path: String,
    },
    /// A tar archive, compressed or not, read from or written to this descriptor.
    Archive(BorrowedFd<'a>),
}

/// A copy. At least one end is a container.
#[derive(Debug)]
pub struct CopyOptions<'a> {
    /// From where.
    pub from: CopyEnd<'a>,
    /// To where.
    pub to: CopyEnd<'a>,
    /// Copies in a container belong to its user (`--archive`); else they keep their owners.
    pub archive: bool,
    /// A file may take the place of a directory, and a directory that of a file.
    pub overwrite: bool,
}

/// How an image is made of a container.
#[derive(Debug, Clone, Default)]
pub struct CommitOptions {
    /// The image's name; without one it has none.
    pub name: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// A word about it.
    pub message: Option<String>,
    /// Instructions of a Containerfile that change its configuration.
    pub changes: Vec<String>,
    /// The container stands still while its files are read.
    pub pause: bool,
    /// One layer with everything in it.
    pub squash: bool,
    /// The form of manifest and configuration.
    pub format: ImageFormat,
    /// The places where the container has volumes and folders are those of the image too.
    pub include_volumes: bool,
}

/// How an image is made of an archive.
#[derive(Debug, Clone, Default)]
pub struct ImportOptions {
    /// The image's name; without one it has none.
    pub name: Option<String>,
    /// A word about it.
    pub message: Option<String>,
    /// Instructions of a Containerfile that make its configuration.
    pub changes: Vec<String>,
    /// The operating system; `linux` by default.
    pub os: Option<String>,
    /// The architecture; the host's by default.
    pub architecture: Option<String>,
    /// The variant of the architecture.
    pub variant: Option<String>,
}
