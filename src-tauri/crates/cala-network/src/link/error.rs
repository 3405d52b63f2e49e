//! Why the kernel did not do something to links.

use std::io;

use cala_spec::{Classify, ErrorKind, Hints};

/// An act on a network's namespace that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A netlink socket cannot be had or does not answer.
    #[error("cannot talk to the kernel by netlink")]
    Socket(#[source] io::Error),
    /// The kernel refused.
    #[error("cannot {act}")]
    Refused {
        /// What was tried, with its nouns: `make the bridge br0`.
        act: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A namespace cannot be entered.
    #[error("cannot enter the container's network namespace")]
    Enter(#[source] io::Error),
    /// A setting below /proc/sys/net cannot be made.
    #[error("cannot set net.{name}")]
    Sysctl {
        /// Its name with slashes, without `net/`.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Classify for LinkError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Socket(_) => "netlink_unavailable",
            Self::Refused { .. } => "link_refused",
            Self::Enter(_) => "netns_not_entered",
            Self::Sysctl { .. } => "net_sysctl_refused",
        }
    }

    fn hints(&self) -> Hints {
        Hints::none()
    }
}
