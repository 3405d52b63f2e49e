//! The caller's side of a start: clone, maps, waiting for the stage.

use std::os::fd::{BorrowedFd, OwnedFd};

use crate::{Container, StartError};

/// A container whose process waits just before `execve`. Dropping it ends the process.
#[derive(Debug)]
pub struct Created {
    started: Started,
}

/// A process that runs.
#[derive(Debug)]
pub struct Started {
    /// The process (pidfd_open(2)); a child of the caller.
    pub pidfd: OwnedFd,
    /// Its pid in the caller's pid namespace.
    pub pid: i32,
    /// Its pid in the pid namespace of the /proc that the caller sees; 0 when there is no such.
    pub proc_pid: i32,
    /// Master of the terminal that was made inside.
    pub console: Option<OwnedFd>,
}

impl Created {
    /// The process.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd;
        self.started.pidfd.as_fd()
    }

    /// Its pid in the caller's pid namespace.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.started.pid
    }

    /// Lets the program run and waits until it does.
    ///
    /// # Errors
    ///
    /// [`StartError::CommandNotFound`], [`StartError::NotExecutable`], or the step that failed. The process has ended
    /// and been reaped then.
    pub fn start(self) -> Result<Started, StartError> {
        Err(StartError::Refused("not there yet".into()))
    }
}

/// Makes everything up to just before `execve`.
///
/// # Errors
///
/// The step that failed; nothing is left behind then.
pub fn create(_container: &Container<'_>) -> Result<Created, StartError> {
    Err(StartError::Refused("not there yet".into()))
}
