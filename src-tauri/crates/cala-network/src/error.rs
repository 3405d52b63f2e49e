//! Why something about networks failed.

use cala_spec::{Classify, ErrorKind, Hints};

/// An act on networks that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A kind of network that Cala will have and does not have yet.
    #[error("network mode \"{0}\" is not there yet")]
    NotYet(String),
    /// The kernel's rtnetlink socket cannot be opened.
    #[error("cannot open a netlink socket")]
    Socket(#[source] std::io::Error),
    /// The kernel did not answer a question about interfaces.
    #[error("cannot list the host's {what}")]
    List {
        /// `interfaces`, `addresses` or `routes`.
        what: &'static str,
        /// What the kernel said.
        #[source]
        source: rtnetlink::Error,
    },
}

impl Classify for NetworkError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotYet(_) => ErrorKind::NotSupported,
            Self::Socket(_) | Self::List { .. } => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotYet(_) => "network_not_yet",
            Self::Socket(_) | Self::List { .. } => "netlink_unavailable",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::NotYet(_) => Hints::from(
                "use --network none (loopback only) or --network host (the host's own network) for now",
            ),
            Self::Socket(_) | Self::List { .. } => Hints::none(),
        }
    }
}
