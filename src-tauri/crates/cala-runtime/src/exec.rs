//! A further process in a running container.

use std::os::fd::BorrowedFd;

use oci_spec::runtime::{Process, Spec};

use crate::seccomp::Instruction;
use crate::{IdMapPlan, StartError, Started, Stdio};

/// What [`exec`] needs.
#[derive(Debug)]
pub struct ExecRequest<'a> {
    /// Pidfd of the container's process 1.
    pub target: BorrowedFd<'a>,
    /// The container's configuration: says which namespaces are its own.
    pub spec: &'a Spec,
    /// The process to run; `user.username` as in [`Container`](crate::Container).
    pub process: &'a Process,
    /// As the container was created with.
    pub id_map: Option<&'a IdMapPlan>,
    /// The compiled filter; `None` is unconfined.
    pub seccomp: Option<&'a [Instruction]>,
    /// The container's cgroup directory.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// Standard streams.
    pub stdio: Stdio<'a>,
    /// Rows and columns of a terminal made here.
    pub console_size: Option<(u16, u16)>,
}

/// Runs a process in the namespaces of a running container. It becomes a child of the caller.
///
/// # Errors
///
/// As [`Created::start`](crate::Created::start).
pub fn exec(_request: &ExecRequest<'_>) -> Result<Started, StartError> {
    Err(StartError::Refused("not there yet".into()))
}
