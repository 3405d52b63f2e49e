//! Why something about networks failed.

use cala_spec::{Classify, ErrorKind, Hints, InvalidValue};
use ipnet::IpNet;

/// An act on networks that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A kind of network that Cala will have and does not have yet.
    #[error("network mode \"{0}\" is not there yet")]
    NotYet(String),
    /// A value does not fit its option.
    #[error(transparent)]
    Value(#[from] InvalidValue),
    /// Something of Podman's that Cala's networks do not have.
    #[error("{what} is not supported")]
    NotSupported {
        /// What was asked for.
        what: String,
        /// What to do instead.
        instead: String,
    },
    /// The name belongs to another network.
    #[error("network name {0} already used: network already exists")]
    NameInUse(String),
    /// Addresses of the subnet belong to somebody.
    #[error("subnet {subnet} is already used on the host or by another config")]
    SubnetInUse {
        /// The subnet that was asked for.
        subnet: IpNet,
        /// By whom, as [`crate::subnets::Taken`] says it.
        by: String,
    },
    /// All private ranges are used up.
    #[error("could not find free subnet from subnet pools")]
    PoolExhausted,
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
            Self::Value(error) => error.kind(),
            Self::NotYet(_) | Self::NotSupported { .. } => ErrorKind::NotSupported,
            Self::NameInUse(_) | Self::SubnetInUse { .. } => ErrorKind::Conflict,
            Self::PoolExhausted => ErrorKind::Unavailable,
            Self::Socket(_) | Self::List { .. } => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Value(error) => error.code(),
            Self::NotYet(_) => "network_not_yet",
            Self::NotSupported { .. } => "network_not_supported",
            Self::NameInUse(_) => "network_name_in_use",
            Self::SubnetInUse { .. } => "subnet_in_use",
            Self::PoolExhausted => "subnets_exhausted",
            Self::Socket(_) | Self::List { .. } => "netlink_unavailable",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::NotYet(_) => Hints::from(
                "use --network none (loopback only) or --network host (the host's own network) for now",
            ),
            Self::Value(error) => error.hints(),
            Self::NotSupported { instead, .. } => Hints::from(instead.clone()),
            Self::NameInUse(name) => Hints::from(format!(
                "choose another name, or remove that one with `cala network rm {name}`; --ignore takes it as it is"
            )),
            Self::SubnetInUse { by, .. } => Hints::from(format!("{by} has addresses of it"))
                .and("leave out --subnet and a free one is chosen"),
            Self::PoolExhausted => {
                Hints::from("`cala network prune` removes networks that no container is in")
                    .and("or name a subnet that is free with --subnet")
            }
            Self::Socket(_) | Self::List { .. } => Hints::none(),
        }
    }
}
