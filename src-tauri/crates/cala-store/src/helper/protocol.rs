//! What engine and `cala-store` say to each other: u32 little-endian length, then JSON; plain data, no I/O.

use std::path::PathBuf;

use cala_spec::{Digest, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::files::{FilesDone, FilesRequest};

/// The version of this protocol that both sides must speak.
pub const PROTOCOL: u32 = 1;

/// The largest message in bytes; a layer's bytes never come this way.
pub const MAX_MESSAGE: usize = 1 << 20;

/// A layer to unpack; its bytes come through the descriptor sent along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackRequest {
    /// Media type of the descriptor; the stream's own magic number decides where both disagree.
    pub media_type: String,
    /// Digest of the uncompressed tar, from the image's configuration.
    pub diff_id: Digest,
    /// The diff ids below it, lowest first; empty for the lowest layer.
    pub parent_diff_ids: Vec<Digest>,
    /// Digest of the blob as registries and progress name it; for messages only.
    #[serde(default)]
    pub blob: Option<Digest>,
}

/// A layer that stands unpacked in `layers/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackedLayer {
    /// Name of its directory below `layers/`.
    pub key: String,
    /// Bytes of its regular files, each inode counted once.
    pub size: u64,
    /// Whether it stood there before.
    pub existed: bool,
    /// Device nodes and sockets that were left out.
    #[serde(default)]
    pub dropped: u64,
    /// Files whose owner could not be kept (single-id mode).
    #[serde(default)]
    pub squashed: u64,
}

/// Owner and mode of a layer's root directory, when the layer has an entry for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootAttributes {
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// Owner inside the container.
    pub uid: u32,
    /// Group inside the container.
    pub gid: u32,
    /// Seconds since the Unix epoch.
    #[serde(default)]
    pub mtime: i64,
}

/// What a directory occupies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Allocated bytes, each inode counted once.
    pub allocated: u64,
    /// Bytes of the regular files as `stat` tells them, each inode counted once.
    pub size: u64,
    /// Number of inodes, the directory itself included.
    pub inodes: u64,
}

/// What the engine asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// First message: version of the protocol and the data root that everything below happens in.
    Hello {
        /// [`PROTOCOL`] of the sender.
        protocol: u32,
        /// Version of the sender, for error messages only.
        version: String,
        /// The data root.
        data: PathBuf,
        /// The run root: a monitor alive there hands out its user namespace, which is faster than making one.
        #[serde(default)]
        run_root: Option<PathBuf>,
        /// Stay in the namespaces of the sender, which is in U: what is mounted is mounted there.
        #[serde(default)]
        stay: bool,
    },
    /// Unpack the layer that the descriptor sent along delivers.
    UnpackLayer {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// The layer.
        layer: UnpackRequest,
    },
    /// Remove a directory or file below the data root, with everything in it.
    RemoveTree {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// Absolute, or relative to the data root.
        path: PathBuf,
    },
    /// Count what a directory below the data root occupies.
    DiskUsage {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// Absolute, or relative to the data root.
        path: PathBuf,
    },
    /// Make `upper`, `work` and `merged` in a container's directory.
    MakeContainerDirs {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// Absolute, or relative to the data root.
        path: PathBuf,
        /// Keys of the image's layers, lowest first: `upper` takes over the root's owner and mode.
        layers: Vec<String>,
    },
    /// Change the owner of one file or directory below the data root.
    ChangeOwner {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// Absolute, or relative to the data root.
        path: PathBuf,
        /// Owner inside the container.
        uid: u32,
        /// Group inside the container.
        gid: u32,
    },
    /// Write a directory below the data root as a tar into the descriptor sent along.
    ExportTree {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// Absolute, or relative to the data root.
        path: PathBuf,
    },
    /// Unpack the archive that the descriptor sent along delivers, and move what is in it into a directory below the data
    /// root.
    ImportTree {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// An empty directory to unpack in, on the same file system; absolute, or relative to the data root.
        staging: PathBuf,
        /// Absolute, or relative to the data root.
        path: PathBuf,
    },
    /// Do something with files of containers; bytes come or go through the descriptor sent along.
    Files {
        /// Number by which the answer is recognised.
        ticket: u64,
        /// What.
        request: FilesRequest,
    },
    /// Remove what interrupted work left in `tmp/`.
    Sweep {
        /// Number by which the answer is recognised.
        ticket: u64,
    },
    /// A request of a later version.
    #[serde(other)]
    Unknown,
}

/// What `cala-store` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Response {
    /// First message.
    Hello {
        /// [`PROTOCOL`] of the sender.
        protocol: u32,
        /// Version of the sender, for error messages only.
        version: String,
    },
    /// The layer stands.
    Layer {
        /// Number of the request.
        ticket: u64,
        /// The layer.
        layer: UnpackedLayer,
    },
    /// What a directory occupies.
    Usage {
        /// Number of the request.
        ticket: u64,
        /// The figures.
        usage: Usage,
    },
    /// The files are where they were to go.
    Files {
        /// Number of the request.
        ticket: u64,
        /// What there is to tell.
        done: FilesDone,
    },
    /// Done; nothing to tell.
    Done {
        /// Number of the request.
        ticket: u64,
    },
    /// It failed; nothing of it is left.
    Failed {
        /// Number of the request; 0 when none could be read.
        ticket: u64,
        /// Why.
        failure: Failure,
    },
    /// An answer of a later version.
    #[serde(other)]
    Unknown,
}

/// An error as it travels between the programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: ErrorKind,
    /// Its stable word.
    pub code: String,
    /// The error and its causes.
    pub message: String,
    /// What a person can do about it.
    #[serde(default)]
    pub hints: Vec<String>,
}
