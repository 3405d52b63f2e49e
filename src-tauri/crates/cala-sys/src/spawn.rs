//! posix_spawn(3): starting a program of ours with exactly the descriptors, the environment and the directory that it
//! is meant to have. `std::process` does the work; this fixes what must not vary.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A program about to be started: empty environment, working directory `/`, a process group of its own (a Ctrl-C in
/// the caller's terminal is not for it), standard streams on `/dev/null` unless given.
///
/// std opens everything close-on-exec, so nothing else is inherited by accident.
#[derive(Debug)]
pub struct Program {
    command: Command,
}

impl Program {
    /// The program at this path; no search along PATH.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let mut command = Command::new(path);
        command
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self { command }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Descriptor 0.
    #[must_use]
    pub fn stdin(mut self, fd: OwnedFd) -> Self {
        self.command.stdin(fd);
        self
    }

    /// Descriptor 1.
    #[must_use]
    pub fn stdout(mut self, fd: OwnedFd) -> Self {
        self.command.stdout(fd);
        self
    }

    /// Descriptor 2.
    #[must_use]
    pub fn stderr(mut self, fd: OwnedFd) -> Self {
        self.command.stderr(fd);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// Those of posix_spawn(3): no such program, not executable, no process allowed (EAGAIN).
    pub fn spawn(mut self) -> io::Result<Child> {
        self.command.spawn()
    }
}
