//! Why something with files of containers failed, in Podman's words.

use std::io;

use cala_spec::{Classify, ErrorKind, Hints};

use crate::decompress::DecompressError;
use crate::tar::TarError;

/// Why something with files of containers failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// A path is not there.
    #[error("\"{path}\" could not be found on {place}: {}", reason(.cause))]
    NotFound {
        /// As the person wrote it.
        path: String,
        /// `the host`, `container NAME`.
        place: String,
        /// What the kernel said; part of the line, so no source of it.
        cause: io::Error,
    },
    /// What was asked for does not go together.
    #[error("{0}")]
    Refused(String),
    /// What comes by standard input is no archive.
    #[error("source must be a (compressed) tar archive when copying from stdin")]
    NoArchive,
    /// An archive is bad.
    #[error("reading tar stream")]
    Tar(#[from] TarError),
    /// A compressed stream is bad.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// The container cannot be reached or mounted.
    #[error("cannot open the files of container {name}: {reason}")]
    View { name: String, reason: String },
    /// The file system refuses.
    #[error("{side}: cannot {act} {path:?}: {}", reason(.cause))]
    File {
        /// `copying to container`, …
        side: &'static str,
        act: &'static str,
        path: String,
        cause: io::Error,
    },
    /// Nobody takes what is written.
    #[error("cannot write the archive")]
    Output(#[source] io::Error),
}

/// What the system said, without Rust's number and capital letter.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl FilesError {
    fn full(&self) -> bool {
        let (Self::File { cause, .. } | Self::Output(cause)) = self else { return false };
        matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl Classify for FilesError {
    fn kind(&self) -> ErrorKind {
        match self {
            _ if self.full() => ErrorKind::Unavailable,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::Refused(_) | Self::NoArchive | Self::Tar(_) | Self::Decompress(_) => {
                ErrorKind::InvalidArgument
            }
            Self::View { .. } | Self::File { .. } | Self::Output(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            _ if self.full() => "no_space",
            Self::NotFound { .. } => "path_not_found",
            Self::Refused(_) => "copy_refused",
            Self::NoArchive | Self::Tar(_) | Self::Decompress(_) => "archive_damaged",
            Self::View { .. } => "container_files_unreachable",
            Self::File { .. } | Self::Output(_) => "copy_failed",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            _ if self.full() => {
                Hints::from("free some space, for example with `cala rmi` of images not needed")
            }
            _ => Hints::none(),
        }
    }
}
