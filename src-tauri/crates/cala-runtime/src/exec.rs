//! A further process in a running container.
//!
//! A pid namespace is entered by children only, so there are two new processes: one that enters the container's
//! namespaces, and its child that becomes the program. The kernel is asked to make the latter a child of the caller
//! (CLONE_PARENT), who can so wait for it; the former ends at once.
//!
//! Neither can be looked into from inside (rule R5): they become non-dumpable before they enter.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cala_sys::clone::{self, CloneFlags, Cloned, clone3};
use cala_sys::{credentials, exec as sys_exec, namespace, prctl};
use oci_spec::runtime::{Process, Spec};

use crate::channel::{self, GO, Report};
use crate::create::{Child, killed, move_into};
use crate::error::Step;
use crate::process::{self, Launch, MissingDirectory};
use crate::seccomp::Instruction;
use crate::{IdMapPlan, StartError, Started, Stdio, devices, namespaces};

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
    /// Groups that it is in besides its user's, as in [`Container`](crate::Container).
    pub groups: &'a [String],
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
pub fn exec(request: &ExecRequest<'_>) -> Result<Started, StartError> {
    let (ours, theirs) = channel::pair().step(|| "make a socket pair".into())?;
    let mut in_cgroup = request.cgroup.is_some();
    let cloned = match clone3(CloneFlags::NONE, request.cgroup) {
        Err(_) if in_cgroup => {
            in_cgroup = false;
            clone3(CloneFlags::NONE, None)
        }
        other => other,
    };
    let (pid, pidfd) = match cloned.step(|| "clone".into())? {
        Cloned::Child => {
            drop(ours);
            enter(request, theirs)
        }
        Cloned::Parent { pid, pidfd } => (pid, pidfd),
    };
    drop(theirs);
    let middle = Child::new(pidfd, pid);
    if !in_cgroup && let Some(cgroup) = request.cgroup {
        move_into(cgroup, pid).step(|| "move the process into the container's cgroup".into())?;
    }
    let _ = channel::say(&ours, GO);
    let outcome = follow(&ours);
    middle.reap();
    outcome
}

/// Collects the reports of both until both have closed their end.
fn follow(channel: &OwnedFd) -> Result<Started, StartError> {
    let (mut child, mut console, mut failure) = (None, None, None);
    loop {
        match channel::receive(channel).step(|| "wait for the new process".into())? {
            Report::Descriptor(fd, 0) => console = Some(fd),
            Report::Descriptor(fd, pid) => child = Some(Child::new(fd, pid)),
            Report::Failed(error) => failure = Some(error),
            Report::Ready => {}
            Report::Closed => break,
        }
    }
    match (failure, child) {
        (Some(error), _) => Err(error),
        (None, Some(child)) => Ok(child.release(console)),
        (None, None) => Err(killed()),
    }
}

/// The first new process: enters, clones the second, tells the caller of it and ends.
fn enter(request: &ExecRequest<'_>, channel: OwnedFd) -> ! {
    let entered = channel::expect(&channel, GO)
        .step(|| "wait for the caller".into())
        .and_then(|()| enter_namespaces(request))
        .and_then(|()| clone3(CloneFlags::PARENT, None).step(|| "clone".into()));
    match entered {
        Ok(Cloned::Child) => become_program(request, channel),
        Ok(Cloned::Parent { pid, pidfd }) => {
            let told = channel::report_descriptor(&channel, &pidfd, pid);
            clone::exit(i32::from(told.is_err()))
        }
        Err(error) => {
            channel::report_failure(&channel, &error);
            clone::exit(1)
        }
    }
}

fn enter_namespaces(request: &ExecRequest<'_>) -> Result<(), StartError> {
    sys_exec::reset_signals();
    sys_exec::close_on_exec_from(3).step(|| "mark descriptors close-on-exec".into())?;
    prctl::set_dumpable(false).step(|| "become unreadable".into())?;
    namespace::join(request.target, namespaces::own(request.spec)).step(|| "enter the container".into())
}

/// The second new process.
fn become_program(request: &ExecRequest<'_>, channel: OwnedFd) -> ! {
    let error = match prepare(request, &channel) {
        Ok(program) => program.run(),
        Err(error) => error,
    };
    channel::report_failure(&channel, &error);
    clone::exit(1)
}

fn prepare<'a>(request: &ExecRequest<'a>, channel: &OwnedFd) -> Result<process::Program<'a>, StartError> {
    if namespaces::own(request.spec).contains(CloneFlags::NEWUSER) {
        credentials::set_gid(0).step(|| "become group 0 of the container".into())?;
        credentials::set_uid(0).step(|| "become user 0 of the container".into())?;
        prctl::set_dumpable(false).step(|| "become unreadable".into())?;
    }
    let launch = Launch {
        process: request.process,
        id_map: request.id_map,
        groups: request.groups,
        seccomp: request.seccomp,
    };
    let root = process::open_root()?;
    let terminal = match request.stdio {
        Stdio::Fds(_) => None,
        Stdio::Terminal => {
            let (master, slave) = devices::open_terminal(root.as_fd(), request.console_size)?;
            channel::report_descriptor(channel, &master, 0).step(|| "hand over the terminal".into())?;
            Some(slave)
        }
    };
    let surroundings = launch.look_around(root.as_fd(), MissingDirectory::RefuseExec)?;
    drop(root);
    process::new_session(terminal.as_ref())?;
    process::take_stdio(request.stdio, terminal.as_ref(), &surroundings.user)?;
    launch.settle(surroundings)
}
