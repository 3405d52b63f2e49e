//! What the engine asks for; plain data.

use std::path::PathBuf;

use cala_spec::Digest;
use serde::{Deserialize, Serialize};

/// A container as its files are reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The word that the person used for it, for messages.
    pub name: String,
    /// `D/containers/<id>`.
    pub dir: PathBuf,
    /// Keys of the image's layers, lowest first.
    pub layers: Vec<String>,
    /// Its first process, when it is alive: the tree is then what that sees, mounts included. Without one the caller keeps
    /// the container from being started.
    pub process: Option<ProcessRef>,
    /// Volumes and bind mounts, whose files belong to a stopped container too.
    pub binds: Vec<Bind>,
    /// `user[:group]` whom copied files belong to.
    pub user: String,
    /// Where relative paths begin.
    pub workdir: String,
}

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRef {
    /// Host pid.
    pub pid: i32,
    /// Start time in clock ticks since boot (proc_pid_stat(5), field 22).
    pub start_time: u64,
}

/// Something of the host that a container has at one of its places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: PathBuf,
}

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub enum End {
    /// A path of the host, absolute.
    Host {
        /// As it is used.
        path: String,
        /// As the person wrote it, for messages.
        said: String,
    },
    /// A path in a container.
    Container {
        /// The container.
        view: Box<View>,
        /// As the person wrote it.
        path: String,
    },
    /// A tar archive: the descriptor sent along.
    Archive,
}

/// A copy from one end to the other; one of them is a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRequest {
    /// From where.
    pub from: End,
    /// To where.
    pub to: End,
    /// In a container the copies belong to its user; else they keep their owners.
    pub chown: bool,
    /// A file may take the place of a directory, and a directory that of a file.
    pub overwrite: bool,
}

/// What is to be done with files of containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum FilesRequest {
    /// Copy.
    Copy(Box<CopyRequest>),
    /// Mount the tree on `merged` of the container's directory, in the mount namespace of the program. One that is mounted
    /// stays so.
    Mount {
        /// The container.
        view: Box<View>,
    },
    /// Take it from there.
    Unmount {
        /// The container.
        view: Box<View>,
    },
    /// Write what the writable layer changes into the descriptor: `A`, `C` or `D`, the path, a NUL, for each.
    Changes {
        /// The container.
        view: Box<View>,
    },
    /// Write the whole tree as an archive into the descriptor, without what is mounted in it.
    Export {
        /// The container.
        view: Box<View>,
    },
    /// Write the writable layer, with its whiteouts, as a layer of an image (plain tar) into the descriptor.
    Layer {
        /// The container.
        view: Box<View>,
        /// All of the tree instead of the writable layer.
        squash: bool,
    },
}

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilesDone {
    /// What could not be copied and was left out, one line each.
    pub warnings: Vec<String>,
    /// Of a layer: its bytes.
    pub size: u64,
    /// Of a layer: their digest.
    pub diff_id: Option<Digest>,
}

impl FilesRequest {
    /// Whether a descriptor comes with it.
    #[must_use]
    pub fn has_stream(&self) -> bool {
        match self {
            Self::Copy(copy) => copy.from == End::Archive || copy.to == End::Archive,
            Self::Mount { .. } | Self::Unmount { .. } => false,
            Self::Changes { .. } | Self::Export { .. } | Self::Layer { .. } => true,
        }
    }
}
