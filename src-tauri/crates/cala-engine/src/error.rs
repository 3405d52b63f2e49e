//! Why the engine could not do something.

use cala_spec::{Classify, ErrorKind, Hints};

/// An act of the engine that failed. Failures of the rooms below are forwarded as they are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The request is wrong; the text says what.
    #[error("{0}")]
    Invalid(String),
    /// No container has this name or id.
    #[error("no container with name or ID \"{0}\" found: no such container")]
    NoSuchContainer(String),
    /// Not there yet.
    #[error("{what} is not there yet")]
    NotYet {
        /// What was asked for.
        what: String,
    },
}

impl Classify for EngineError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Invalid(_) => ErrorKind::InvalidArgument,
            Self::NoSuchContainer(_) => ErrorKind::NotFound,
            Self::NotYet { .. } => ErrorKind::NotSupported,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid_argument",
            Self::NoSuchContainer(_) => "no_such_container",
            Self::NotYet { .. } => "not_yet",
        }
    }

    fn hints(&self) -> Hints {
        Hints::none()
    }
}
