//! Why a container or a process in it did not start.

use std::io;

use cala_spec::{Classify, ErrorKind, Hints};

/// A failed start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The command is neither in `PATH` nor at its path.
    #[error("executable file `{command}` not found in $PATH: No such file or directory")]
    CommandNotFound {
        /// The first argument.
        command: String,
    },
    /// The command is there but cannot be executed.
    #[error("cannot execute `{command}`: {reason}")]
    NotExecutable {
        /// The first argument.
        command: String,
        /// Why: permission denied, a directory, exec format error.
        reason: String,
    },
    /// The user of the process cannot be found out.
    #[error("{0}")]
    User(String),
    /// The working directory is not there, or is no directory.
    #[error("{text}")]
    WorkingDirectory {
        /// What is wrong with it, in Podman's words.
        text: String,
        /// For an exec, whose exit status then is the one of a command that is not there, as Podman has it.
        exec: bool,
    },
    /// The configuration asks for what is impossible or refused.
    #[error("{0}")]
    Refused(String),
    /// A step of the set-up failed.
    #[error("cannot {step}")]
    Step {
        /// What was being done, with its nouns: `mount \`proc\` on \`/proc\``.
        step: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl StartError {
    pub(crate) fn step(step: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Step { step: step.into(), source: source.into() }
    }

    /// The exit status of a command that fails in this way: 125, 126 or 127 (podman-run(1)).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.kind().exit_code()
    }
}

impl Classify for StartError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::CommandNotFound { .. } => ErrorKind::CommandNotFound,
            Self::WorkingDirectory { exec: true, .. } => ErrorKind::CommandNotFound,
            // Podman's exit status for what the image lacks is that of a command that cannot be executed.
            Self::NotExecutable { .. } | Self::WorkingDirectory { .. } | Self::User(_) => {
                ErrorKind::CommandNotExecutable
            }
            Self::Refused(_) => ErrorKind::InvalidArgument,
            Self::Step { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::CommandNotFound { .. } => "command_not_found",
            Self::NotExecutable { .. } => "command_not_executable",
            Self::User(_) => "user_not_found",
            Self::WorkingDirectory { .. } => "workdir_not_found",
            Self::Refused(_) => "start_refused",
            Self::Step { .. } => "start_failed",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::CommandNotFound { .. } => Hints::from(
                "the command must be in the image: look with `cala run --rm -it IMAGE sh`, or check --entrypoint",
            ),
            _ => Hints::none(),
        }
    }
}

/// Names the step that failed.
pub(crate) trait Step<T> {
    /// `what` is a sentence that follows "cannot", with its nouns.
    fn step(self, what: impl FnOnce() -> String) -> Result<T, StartError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, StartError> {
        self.map_err(|error| StartError::step(what(), error))
    }
}
