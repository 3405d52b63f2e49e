//! What can go wrong between the engine and a monitor, and inside one.

use std::io;
use std::path::PathBuf;

use cala_spec::{Classify, ErrorKind, Hints};

use crate::protocol::Failure;

/// A failed act of a monitor or of its client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// The program `cala-monitor` cannot be started.
    #[error("cannot start `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No monitor answers: the container does not run.
    #[error("container is not running")]
    NotRunning {
        /// The socket that was tried.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The monitor ended in the middle of a conversation; its container ended with it.
    #[error("the container's monitor has ended")]
    Closed,
    /// The connection broke.
    #[error("cannot {act}")]
    Io {
        /// What was tried, as an infinitive.
        act: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The other side speaks another language.
    #[error("the monitor answered something unexpected: {detail}")]
    Protocol {
        /// What.
        detail: String,
    },
    /// The container's command does not exist (127).
    #[error("{message}: OCI runtime attempted to invoke a command that was not found")]
    CommandNotFound {
        /// One line.
        message: String,
    },
    /// The container's command cannot be executed (126).
    #[error("{message}: OCI permission denied")]
    NotExecutable {
        /// One line.
        message: String,
    },
    /// A step of the start failed (125).
    #[error("cannot start the container: {step}: {detail}")]
    StartFailed {
        /// The step.
        step: String,
        /// Why it failed.
        detail: String,
        /// What to do about it.
        hints: Vec<String>,
    },
    /// The monitor refused.
    #[error("{}", .0.message)]
    Refused(Box<Failure>),
}

impl MonitorError {
    pub(crate) fn io(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { act, source }
    }
}

/// The codes that a monitor sends of itself, as constants for [`Classify::code`]; it passes on those of holders too.
const CODES: [&str; 28] = [
    "address_not_here",
    "already_connected",
    "already_running",
    "cgroup_controller_missing",
    "cgroup_failed",
    "container_ended",
    "controller_missing",
    "exec_failed",
    "invalid_request",
    "launch_failed",
    "no_cgroup",
    "no_way_out",
    "not_connected",
    "port_not_opened",
    "port_not_published",
    "port_privileged",
    "no_user_namespaces",
    "no_subordinate_ids",
    "no_uidmap_programs",
    "protocol_mismatch",
    "signal_failed",
    "seccomp_profile_invalid",
    "start_failed",
    "start_refused",
    "unknown_request",
    "user_not_found",
    "user_namespace_failed",
    "workdir_not_found",
];

impl From<Failure> for MonitorError {
    fn from(failure: Failure) -> Self {
        match (failure.kind, failure.step.clone()) {
            // Not the command is what is missing: no more is to be said about it.
            (ErrorKind::CommandNotExecutable, _)
                if matches!(failure.code.as_str(), "user_not_found" | "workdir_not_found") =>
            {
                Self::Refused(Box::new(Failure { step: None, ..failure }))
            }
            (ErrorKind::CommandNotFound, _) => Self::CommandNotFound { message: failure.message },
            (ErrorKind::CommandNotExecutable, _) => Self::NotExecutable { message: failure.message },
            (_, Some(step)) => Self::StartFailed { step, detail: failure.message, hints: failure.hints },
            (_, None) => Self::Refused(Box::new(Failure { step: None, ..failure })),
        }
    }
}

impl Classify for MonitorError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Spawn { .. } | Self::Protocol { .. } | Self::StartFailed { .. } => ErrorKind::Internal,
            Self::NotRunning { .. } => ErrorKind::Conflict,
            Self::Closed | Self::Io { .. } => ErrorKind::Unavailable,
            Self::CommandNotFound { .. } => ErrorKind::CommandNotFound,
            Self::NotExecutable { .. } => ErrorKind::CommandNotExecutable,
            Self::Refused(failure) => failure.kind,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "monitor_missing",
            Self::NotRunning { .. } => "not_running",
            Self::Closed => "monitor_ended",
            Self::Io { .. } => "monitor_unreachable",
            Self::Protocol { .. } => "monitor_protocol",
            Self::CommandNotFound { .. } => "command_not_found",
            Self::NotExecutable { .. } => "command_not_executable",
            Self::StartFailed { .. } => "start_failed",
            Self::Refused(failure) => {
                let known = CODES.iter().chain(&cala_holder::error::CODES);
                known.copied().find(|code| *code == failure.code).unwrap_or("monitor_refused")
            }
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::Spawn { .. } => Hints::from("`cala-monitor` belongs beside `cala`, or in ../libexec/cala"),
            Self::StartFailed { hints, .. } => all(hints),
            Self::Refused(failure) => all(&failure.hints),
            Self::NotRunning { .. }
            | Self::Closed
            | Self::Io { .. }
            | Self::Protocol { .. }
            | Self::CommandNotFound { .. }
            | Self::NotExecutable { .. } => Hints::none(),
        }
    }
}

fn all(lines: &[String]) -> Hints {
    lines.iter().fold(Hints::none(), |hints, line| hints.and(line.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_monitor_and_of_its_holders_reach_the_faces() {
        let code = |code: &str| {
            let failure = Failure { code: code.to_owned(), ..crate::launcher::failed("why".to_owned()) };
            MonitorError::from(failure).code()
        };
        assert_eq!(code("already_connected"), "already_connected");
        assert_eq!(code("address_taken"), "address_taken");
        assert_eq!(code("never heard of"), "monitor_refused");
    }
}
