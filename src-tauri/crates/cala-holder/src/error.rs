//! What can go wrong between a client and the holder of a network.

use std::io;
use std::path::PathBuf;

use cala_spec::{Classify, ErrorKind, Hints};

use crate::protocol::Failure;

/// A failed act of a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HolderError {
    /// The program `cala-netns` cannot be started.
    #[error("cannot start `{}`", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The network has no holder: no container is in it.
    #[error("network is not in use")]
    NotRunning {
        /// The socket that was tried.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another holder lives or is being started.
    #[error("the network has a holder already")]
    AlreadyHeld,
    /// The lock of the network cannot be taken.
    #[error("cannot lock `{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The holder ended in the middle of a conversation.
    #[error("the network's holder has ended")]
    Closed,
    /// No answer within the time limit.
    #[error("the network's holder does not answer")]
    Silent,
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
    #[error("the network's holder answered something unexpected: {detail}")]
    Protocol {
        /// What.
        detail: String,
    },
    /// The holder refused.
    #[error("{}", .0.message)]
    Refused(Box<Failure>),
}

/// The codes that a holder sends, as constants for [`Classify::code`].
pub const CODES: [&str; 22] = [
    "address_outside_subnet",
    "address_taken",
    "already_attached",
    "already_held",
    "interface_taken",
    "invalid_mac_address",
    "invalid_request",
    "launch_failed",
    "mac_address_taken",
    "netlink_failed",
    "network_internal",
    "no_subordinate_ids",
    "no_uidmap_programs",
    "no_user_namespaces",
    "not_attached",
    "not_in_network",
    "pool_exhausted",
    "protocol_mismatch",
    "publish_failed",
    "too_busy",
    "unknown_request",
    "user_namespace_failed",
];

impl From<Failure> for HolderError {
    fn from(failure: Failure) -> Self {
        if failure.code == "already_held" { Self::AlreadyHeld } else { Self::Refused(Box::new(failure)) }
    }
}

impl Classify for HolderError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Spawn { .. } | Self::Protocol { .. } | Self::Lock { .. } => ErrorKind::Internal,
            Self::NotRunning { .. } | Self::AlreadyHeld => ErrorKind::Conflict,
            Self::Closed | Self::Silent | Self::Io { .. } => ErrorKind::Unavailable,
            Self::Refused(failure) => failure.kind,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "holder_missing",
            Self::NotRunning { .. } => "network_not_in_use",
            Self::AlreadyHeld => "already_held",
            Self::Lock { .. } => "holder_lock_failed",
            Self::Closed => "holder_ended",
            Self::Silent => "holder_silent",
            Self::Io { .. } => "holder_unreachable",
            Self::Protocol { .. } => "holder_protocol",
            Self::Refused(failure) => {
                CODES.iter().find(|code| **code == failure.code).copied().unwrap_or("holder_refused")
            }
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::Spawn { .. } => Hints::from("`cala-netns` belongs beside `cala`, or in ../libexec/cala"),
            Self::Refused(failure) => {
                failure.hints.iter().fold(Hints::none(), |hints, line| hints.and(line.clone()))
            }
            Self::NotRunning { .. }
            | Self::AlreadyHeld
            | Self::Lock { .. }
            | Self::Closed
            | Self::Silent
            | Self::Io { .. }
            | Self::Protocol { .. } => Hints::none(),
        }
    }
}
