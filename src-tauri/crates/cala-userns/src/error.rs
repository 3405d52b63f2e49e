//! Why U cannot be made or joined, and the exact remedy.

use std::io;
use std::path::PathBuf;

use cala_spec::{Classify, ErrorKind, Hints};

use crate::plan::subordinate_hint;
use crate::preflight;

/// A failed act on the way into U.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsernsError {
    /// A setting of the system forbids user namespaces.
    #[error("user namespaces are not allowed: {setting} is {value}")]
    Disabled {
        /// The sysctl.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// newuidmap or newgidmap is not installed.
    #[error("`{program}` is not installed")]
    NoUidmapProgram {
        /// Which.
        program: &'static str,
    },
    /// newuidmap or newgidmap refused.
    #[error("`{program}` refused the ids of `{user}`: {message}")]
    MapRefused {
        /// Which.
        program: &'static str,
        /// The user's name.
        user: String,
        /// What it said.
        message: String,
    },
    /// The kernel refused a new user namespace.
    #[error("cannot create a user namespace")]
    Create(#[source] io::Error),
    /// A map could not be written.
    #[error("cannot write the id map `{file}`")]
    WriteMap {
        /// The file below /proc/PID.
        file: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel refused to join U.
    #[error("cannot join the user namespace of the running containers")]
    Join(#[source] io::Error),
    /// A file could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The lock of the run root could not be taken.
    #[error("cannot lock `{}`", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Classify for UsernsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Disabled { .. } | Self::MapRefused { .. } | Self::Create(_) | Self::WriteMap { .. } => {
                ErrorKind::Forbidden
            }
            Self::NoUidmapProgram { .. } => ErrorKind::NotSupported,
            Self::Join(_) | Self::Read { .. } | Self::Lock { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Disabled { .. } => "no_user_namespaces",
            Self::NoUidmapProgram { .. } => "no_uidmap_programs",
            Self::MapRefused { .. } => "no_subordinate_ids",
            Self::Create(_)
            | Self::WriteMap { .. }
            | Self::Join(_)
            | Self::Read { .. }
            | Self::Lock { .. } => "user_namespace_failed",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::Disabled { setting, .. } => Hints::from(preflight::remedy(setting)),
            Self::NoUidmapProgram { .. } => Hints::from("sudo apt install uidmap")
                .and("on Fedora and Arch the programs are in the package `shadow-utils` or `shadow`"),
            Self::MapRefused { user, .. } => Hints::from(subordinate_hint(user)),
            Self::Create(_) | Self::WriteMap { .. } => preflight::restrictions(),
            Self::Join(_) | Self::Read { .. } | Self::Lock { .. } => Hints::none(),
        }
    }
}
