//! `cala-oci`: create, start, state, kill and delete of a bundle, with the command line of other OCI runtimes.
//!
//! ```text
//! cala-oci [--root DIR] create [--bundle DIR] [--pid-file FILE] ID
//! cala-oci start ID | state ID | kill ID [SIGNAL] | delete [--force] ID | run [--bundle DIR] ID
//! ```
//!
//! State is kept in `$XDG_RUNTIME_DIR/cala/oci/ID`: `state.json`, and two pipes through which `start` reaches the process
//! that waits: a byte into `start` lets it run, `report` is closed when it does or says why not.

mod arguments;
mod bundle;
mod commands;
mod state;

use std::ffi::CString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::process::ExitCode;

use cala_spec::error::chain;
use cala_spec::{Classify, ErrorKind, Hints};

use crate::StartError;

/// Why a command of `cala-oci` failed.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// There is no such container.
    #[error("no such container: {0}")]
    NoSuchContainer(String),
    /// The container is not in the state that the command needs.
    #[error("container `{id}` is {status}")]
    WrongState {
        /// Which one.
        id: String,
        /// What it is.
        status: &'static str,
    },
    /// The bundle's configuration cannot be read.
    #[error("cannot parse `{}`", path.display())]
    Configuration {
        /// config.json or state.json.
        path: PathBuf,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A file operation failed.
    #[error("cannot {act} `{}`", path.display())]
    Io {
        /// What was done.
        act: &'static str,
        /// To which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The container did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its seccomp profile is not usable.
    #[error(transparent)]
    Seccomp(#[from] crate::seccomp::SeccompError),
    /// Its cgroup could not be made.
    #[error(transparent)]
    Cgroup(#[from] crate::cgroup::CgroupError),
}

impl Classify for OciError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage(_) | Self::Configuration { .. } => ErrorKind::InvalidArgument,
            Self::NoSuchContainer(_) => ErrorKind::NotFound,
            Self::WrongState { .. } => ErrorKind::Conflict,
            Self::Io { .. } => ErrorKind::Internal,
            Self::Start(error) => error.kind(),
            Self::Seccomp(error) => error.kind(),
            Self::Cgroup(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::NoSuchContainer(_) => "no_such_container",
            Self::WrongState { .. } => "wrong_state",
            Self::Configuration { .. } => "bundle_invalid",
            Self::Io { .. } => "oci_failed",
            Self::Start(error) => error.code(),
            Self::Seccomp(error) => error.code(),
            Self::Cgroup(error) => error.code(),
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::Start(error) => error.hints(),
            Self::Cgroup(error) => error.hints(),
            _ => Hints::none(),
        }
    }
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    if let Err(error) = protect() {
        let error = OciError::Io { act: "execute", path: "/proc/self/exe".into(), source: error };
        return ExitCode::from(report(&error));
    }
    run(std::env::args().skip(1))
}

/// Rule R5: goes on in a program that nobody can change. Afterwards it is one, so this happens once.
fn protect() -> io::Result<()> {
    if !crate::protected::is_changeable()? {
        return Ok(());
    }
    let args: Result<Vec<_>, _> = std::env::args_os().map(|arg| CString::new(arg.into_vec())).collect();
    let env: Result<Vec<_>, _> = std::env::vars_os()
        .map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect();
    Err(crate::protected::execute_again(&args?, &env?))
}

/// Tells what went wrong; the exit status.
fn report(error: &OciError) -> u8 {
    let mut text = format!("Error: {}\n", chain(error));
    for hint in error.hints().iter() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // With standard error gone there is nobody to tell.
    let _ = io::stderr().write_all(text.as_bytes());
    error.kind().exit_code()
}

/// Runs the program with these arguments, the first is the command.
#[must_use]
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    match arguments::parse(arguments).and_then(commands::run) {
        Ok(code) => ExitCode::from(code),
        Err(error) => ExitCode::from(report(&error)),
    }
}
