//! What the caller decides before a container is made: plain data.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use oci_spec::runtime::Spec;

use crate::seccomp::Instruction;

/// Everything that [`create`](crate::create()) needs.
#[derive(Debug)]
pub struct Container<'a> {
    /// The OCI configuration. `linux.seccomp`, `linux.uid_mappings`, `linux.gid_mappings`, `linux.resources` and
    /// `hooks` are not looked at: [`Self::seccomp`], [`Self::id_map`] and [`Self::cgroup`] say it.
    ///
    /// `process.user.username` may hold `user[:group]` as a person wrote it; it is resolved inside the root file
    /// system and then replaces uid and gid. `HOME` is added when `process.env` has none.
    pub spec: &'a Spec,
    /// Where the root file system comes from.
    pub rootfs: RootfsPlan<'a>,
    /// The maps of the container's user namespace; `None` makes no user namespace.
    pub id_map: Option<IdMapPlan>,
    /// The compiled filter ([`seccomp::default_filter`](crate::seccomp::default_filter)); `None` is unconfined.
    pub seccomp: Option<&'a [Instruction]>,
    /// A directory of cgroup v2 that the container is born in.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// Standard streams.
    pub stdio: Stdio<'a>,
    /// Rows and columns of a terminal made here.
    pub console_size: Option<(u16, u16)>,
    /// Keep a small init as process 1, which forwards signals and reaps (`--init`).
    pub init: bool,
    /// Make the working directory when it is not there: the image's, not one that a person names.
    pub make_workdir: bool,
    /// Volumes that something is to be done about before they are mounted.
    pub volumes: &'a [Volume],
    /// Files that are in no layer.
    pub secrets: Secrets<'a>,
    /// Name a user that is only a number in the container's /etc/passwd and /etc/group, as Podman does.
    pub name_user: bool,
    /// Groups of the container that its process is in too, names or numbers; resolved as the user is.
    pub groups: &'a [String],
    /// Where the process waits for its start; `None` is a socket of [`Created`](crate::Created).
    pub gate: Option<Gate<'a>>,
}

/// The root file system.
#[derive(Debug, Clone, Copy)]
pub enum RootfsPlan<'a> {
    /// An overlay mounted in the container's own namespaces.
    Overlay {
        /// Directories of the layers, the lowest first; at least one.
        lower: &'a [PathBuf],
        /// The writable layer.
        upper: &'a Path,
        /// Work directory on the same file system as `upper`.
        work: &'a Path,
        /// An existing empty directory to mount on.
        merged: &'a Path,
        /// No syncing of the writable layer: for containers that are removed when they end.
        volatile: bool,
    },
    /// An existing directory.
    Directory(&'a Path),
}

/// A directory that the configuration binds into the container, before that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The directory; nobody else touches `copying` and `copied` beside it.
    pub data: PathBuf,
    /// Its place in the container.
    pub destination: PathBuf,
    /// What it gets of the image's directory there.
    pub fill: Fill,
    /// Give all that is in it to the container's user.
    pub chown: bool,
    /// User and group that one with something to fill is given to, whatever the image has there.
    pub owner: (Option<u32>, Option<u32>),
}

/// Files on a tmpfs of the container alone.
#[derive(Debug, Clone, Copy)]
pub struct Secrets<'a> {
    /// An existing directory to mount the tmpfs on; not looked at when there is no file.
    pub scratch: &'a Path,
    /// The files.
    pub files: &'a [SecretFile],
}

/// One of them.
#[derive(Debug, Clone)]
pub struct SecretFile {
    /// The file that its bytes are read from.
    pub source: PathBuf,
    /// Its absolute path in the container.
    pub destination: PathBuf,
    /// Its owner in the container.
    pub uid: u32,
    /// Its group in the container.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
}

/// What a volume gets of the image's directory at its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fill {
    /// Nothing: it has been used before.
    #[default]
    Nothing,
    /// Owner, mode and extended attributes.
    Attributes,
    /// These and, if the volume is empty, the content.
    Content,
}

/// Standard input, output and error of the process.
#[derive(Debug, Clone, Copy)]
pub enum Stdio<'a> {
    /// Three descriptors.
    Fds([BorrowedFd<'a>; 3]),
    /// A terminal made in the container's own devpts; its master comes back in [`Started`](crate::Started).
    Terminal,
}

/// The maps of a user namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMapPlan {
    /// Lines of `uid_map`.
    pub uid: Vec<IdLine>,
    /// Lines of `gid_map`.
    pub gid: Vec<IdLine>,
    /// Who writes them.
    pub writer: IdWriter,
}

/// A line of `uid_map` or `gid_map` (user_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdLine {
    /// First id inside.
    pub inside: u32,
    /// First id in the caller's user namespace.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Who writes the maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IdWriter {
    /// The caller itself, one `write` each.
    #[default]
    Direct,
    /// The set-user-ID programs `newuidmap` and `newgidmap`.
    Newuidmap,
}

impl IdMapPlan {
    /// Whether `uid` is mapped.
    #[must_use]
    pub fn has_uid(&self, uid: u32) -> bool {
        contains(&self.uid, uid)
    }

    /// Whether `gid` is mapped.
    #[must_use]
    pub fn has_gid(&self, gid: u32) -> bool {
        contains(&self.gid, gid)
    }

    /// Whether only one user id is mapped (no subordinate range).
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self.uid.as_slice(), [line] if line.count == 1)
    }
}

fn contains(lines: &[IdLine], id: u32) -> bool {
    lines.iter().any(|line| id >= line.inside && id - line.inside < line.count)
}

/// Two pipes by which another process than the creator lets the container start (`cala-oci start`).
#[derive(Debug, Clone, Copy)]
pub struct Gate<'a> {
    /// A byte read here starts the program.
    pub start: BorrowedFd<'a>,
    /// Closed without a byte when the program runs; else an error report.
    pub report: BorrowedFd<'a>,
}
