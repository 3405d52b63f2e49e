//! Why a layer could not be unpacked.

use std::io;
use std::os::fd::AsFd;

use cala_spec::{Classify, Digest, ErrorKind, Hints};

use crate::decompress::DecompressError;
use crate::tar::{TarError, shown};

/// Why a layer could not be unpacked. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// The compressed stream is bad.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// The archive is bad.
    #[error(transparent)]
    Tar(TarError),
    /// The bytes are not those that the image's configuration names.
    #[error("digest of the unpacked layer is {got}, expected {expected}")]
    Digest {
        /// As the configuration says.
        expected: Digest,
        /// As it came out.
        got: Digest,
    },
    /// An entry that a layer must not have.
    #[error("refused entry `{path}`: {why}")]
    Hostile {
        /// Its path, escaped and shortened.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A hard link to a file that is in no layer.
    #[error("hard link `{path}` points to `{source_path}`, which does not exist")]
    LinkSource {
        /// Its path.
        path: String,
        /// Where it points.
        source_path: String,
    },
    /// An owner outside the user's id range.
    #[error("`{path}` belongs to {uid}:{gid}, which is outside the ids available to this user")]
    IdNotMapped {
        /// Its path.
        path: String,
        /// Owner.
        uid: u64,
        /// Group.
        gid: u64,
    },
    /// More entries than any sensible layer has.
    #[error("layer has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// The disk is full but for what is kept.
    #[error(
        "no space left for the layer: {free} bytes are free, {keep} are kept, at least {needed} more are needed"
    )]
    NoSpace {
        /// Free bytes.
        free: u64,
        /// Bytes that stay free.
        keep: u64,
        /// Bytes that the next file needs.
        needed: u64,
    },
    /// The file system has no inode left.
    #[error("no inodes left for the layer")]
    NoInodes,
    /// A layer below this one, whose directories it needs, is not there.
    #[error("layer {diff_id} below this one is not there")]
    ParentMissing {
        /// The layer below.
        diff_id: Digest,
    },
    /// The file system refuses.
    #[error("cannot {act} `{path}`")]
    File {
        /// `create`, `write`, …
        act: &'static str,
        /// The entry's path, escaped and shortened.
        path: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    /// The file system refuses to `act` on an entry.
    pub(crate) fn file(act: &'static str, path: &[u8], source: impl Into<io::Error>) -> Self {
        let path = if path.is_empty() { "/".to_owned() } else { shown(path) };
        Self::File { act, path, source: source.into() }
    }

    pub(super) fn hostile(path: &[u8], why: &'static str) -> Self {
        Self::Hostile { path: shown(path), why }
    }

    pub(super) fn link_source(path: &[u8], source: &[u8]) -> Self {
        Self::LinkSource { path: shown(path), source_path: shown(source) }
    }

    /// ENOSPC means two things; the file system that holds `place` tells which.
    pub(crate) fn told_by(self, place: impl AsFd) -> Self {
        let out_of_inodes =
            || cala_sys::file::free_space(place).is_ok_and(|free| free.inodes == 0 && free.bytes > 0);
        if self.is_file_without_space() && out_of_inodes() { Self::NoInodes } else { self }
    }

    fn is_file_without_space(&self) -> bool {
        let full = |source: &io::Error| {
            matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        };
        matches!(self, Self::File { source, .. } if full(source))
    }

    fn is_no_space(&self) -> bool {
        matches!(self, Self::NoSpace { .. } | Self::NoInodes) || self.is_file_without_space()
    }
}

impl From<TarError> for UnpackError {
    /// What the pipeline put into an I/O error comes out again.
    fn from(error: TarError) -> Self {
        match error {
            TarError::Read(source) => match source.downcast::<DecompressError>() {
                Ok(error) => Self::Decompress(error),
                Err(source) => Self::Tar(TarError::Read(source)),
            },
            error => Self::Tar(error),
        }
    }
}

impl Classify for UnpackError {
    fn kind(&self) -> ErrorKind {
        match self {
            _ if self.is_no_space() => ErrorKind::Unavailable,
            Self::Decompress(DecompressError::Unsupported { .. }) => ErrorKind::NotSupported,
            Self::Decompress(DecompressError::Read(_)) | Self::ParentMissing { .. } => ErrorKind::Unavailable,
            Self::IdNotMapped { .. } => ErrorKind::Forbidden,
            Self::File { .. } => ErrorKind::Internal,
            _ => ErrorKind::InvalidArgument,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            _ if self.is_no_space() => "no_space",
            Self::Decompress(DecompressError::Unsupported { .. }) => "not_supported",
            Self::Decompress(DecompressError::Bomb { .. }) | Self::TooManyEntries { .. } => "layer_too_large",
            Self::Digest { .. } => "layer_digest_mismatch",
            Self::IdNotMapped { .. } => "layer_id_not_mapped",
            Self::ParentMissing { .. } => "layer_parent_missing",
            Self::File { .. } => "store_io",
            _ => "layer_damaged",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            _ if self.is_no_space() => {
                Hints::from("free some space, for example with `cala rmi` of images not needed")
            }
            Self::IdNotMapped { uid, gid, .. } => {
                let needed = (*uid).max(*gid).saturating_add(1);
                Hints::from(format!("give the user {needed} or more ids in /etc/subuid and /etc/subgid"))
            }
            _ => Hints::none(),
        }
    }
}
