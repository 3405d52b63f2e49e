//! Why there is no way out.

use std::io;

use cala_spec::{Classify, ErrorKind, Hints};

use super::program::Kind;
use crate::link::LinkError;

/// Why a network has no uplink now.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UplinkError {
    /// No program that may be the network's uplink is installed.
    #[error("{missing}")]
    NoProgram {
        /// Which.
        missing: String,
        /// The package of the one to be preferred.
        package: &'static str,
    },
    /// The host has no default route, so there is nothing to go out by.
    #[error("the host has no default route")]
    NoRoute,
    /// Taps cannot be made.
    #[error("cannot open /dev/net/tun")]
    NoTun(#[source] io::Error),
    /// The program does not start.
    #[error("cannot start {program}")]
    Spawn {
        /// `pasta` or `slirp4netns`.
        program: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program ended before or after it was ready.
    #[error("{program} ended{detail}")]
    Ended {
        /// `pasta` or `slirp4netns`.
        program: &'static str,
        /// `: ` and what it said last, or empty.
        detail: String,
    },
    /// The program did not make its interface in time.
    #[error("{program} made no interface within {seconds} seconds")]
    Late {
        /// `pasta` or `slirp4netns`.
        program: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// The interface could not be configured, or a namespace not be entered.
    #[error("cannot configure the uplink")]
    Link(#[from] LinkError),
    /// A socket for the host's route events cannot be had.
    #[error("cannot watch the host's routes")]
    Watch(#[source] io::Error),
}

impl UplinkError {
    /// None of these programs is installed.
    pub(super) fn none_of(kinds: &[Kind]) -> Self {
        let missing = match kinds {
            [one] => format!("{} is not installed", one.name()),
            _ => "neither pasta nor slirp4netns is installed".to_owned(),
        };
        Self::NoProgram { missing, package: kinds.first().unwrap_or(&Kind::Pasta).package() }
    }
}

impl Classify for UplinkError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoProgram { .. } => "uplink_no_program",
            Self::NoRoute => "uplink_no_route",
            Self::NoTun(_) => "uplink_no_tun",
            Self::Spawn { .. } => "uplink_not_started",
            Self::Ended { .. } => "uplink_ended",
            Self::Late { .. } => "uplink_late",
            Self::Link(_) => "uplink_not_configured",
            Self::Watch(_) => "uplink_no_watch",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::NoProgram { package, .. } => Hints::from(format!("install the package {package}")),
            Self::NoRoute => {
                Hints::from("connect the host to a network; containers get a way out by themselves then")
            }
            Self::NoTun(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Hints::from("let users make taps: run chmod 0666 /dev/net/tun as root")
            }
            Self::NoTun(_) => Hints::from("load the kernel's module: run modprobe tun as root"),
            _ => Hints::none(),
        }
    }
}
