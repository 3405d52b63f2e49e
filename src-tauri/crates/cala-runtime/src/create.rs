//! The caller's side of a start: clone, maps, waiting for the stage.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cala_sys::clone::{CloneFlags, Cloned, clone3};
use cala_sys::prctl;
use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType, Spec};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::channel::{self, GO, Report, START};
use crate::error::Step;
use crate::namespaces::Namespaces;
use crate::{Container, StartError, idmap, stage};

/// A container whose process waits just before `execve`. Dropping it ends the process.
#[derive(Debug)]
pub struct Created {
    child: Child,
    channel: OwnedFd,
    console: Option<OwnedFd>,
}

/// A process that runs. Dropping this leaves it running.
#[derive(Debug)]
pub struct Started {
    /// The process (pidfd_open(2)); a child of the caller.
    pub pidfd: OwnedFd,
    /// Its pid in the caller's pid namespace.
    pub pid: i32,
    /// Its pid in the pid namespace of the /proc that the caller sees; 0 when it is not visible there.
    pub proc_pid: i32,
    /// Master of the terminal that was made inside.
    pub console: Option<OwnedFd>,
}

impl Created {
    /// The process.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.child.pidfd.as_fd()
    }

    /// Its pid in the caller's pid namespace.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.pid
    }

    /// Its pid in the pid namespace of the /proc that the caller sees.
    #[must_use]
    pub fn proc_pid(&self) -> i32 {
        self.child.proc_pid
    }

    /// Lets the program run and waits until it does.
    ///
    /// # Errors
    ///
    /// [`StartError::CommandNotFound`], [`StartError::NotExecutable`], or the step that failed. The process has ended
    /// and been reaped then.
    pub fn start(self) -> Result<Started, StartError> {
        channel::say(&self.channel, START).step(|| "let the container start".into())?;
        match channel::receive(&self.channel).step(|| "wait for the container's start".into())? {
            Report::Closed => Ok(self.child.release(self.console)),
            Report::Failed(error) => Err(error),
            Report::Ready | Report::Descriptor(..) => Err(out_of_order()),
        }
    }

    /// Leaves the process waiting at its [`Gate`](crate::Gate): somebody else starts it.
    #[must_use]
    pub fn leave(self) -> Started {
        self.child.release(self.console)
    }
}

/// Makes everything up to just before `execve`.
///
/// # Errors
///
/// The step that failed; nothing is left behind then.
pub fn create(container: &Container<'_>) -> Result<Created, StartError> {
    refuse_unsupported(container.spec)?;
    let namespaces = Namespaces::of(container.spec)?;
    let (ours, theirs) = channel::pair().step(|| "make a socket pair".into())?;
    let dumpable = Dumpable::raise().step(|| "become dumpable".into())?;
    let Some((child, in_cgroup)) = clone(container, &namespaces)? else {
        drop(ours);
        stage::run(container, &namespaces, theirs)
    };
    drop(theirs);
    if !in_cgroup && let Some(cgroup) = container.cgroup {
        move_into(cgroup, child.pid).step(|| "move the container into its cgroup".into())?;
    }
    if let Some(map) = container.id_map.as_ref().filter(|_| namespaces.new.contains(CloneFlags::NEWUSER)) {
        let pid = if child.proc_pid > 0 { child.proc_pid } else { child.pid };
        idmap::write(map, pid)?;
    }
    drop(dumpable);
    // A stage that has failed already says why below.
    let _ = channel::say(&ours, GO);
    let mut console = None;
    loop {
        match channel::receive(&ours).step(|| "wait for the container's set-up".into())? {
            Report::Ready => return Ok(Created { child, channel: ours, console }),
            Report::Descriptor(fd, _) => console = Some(fd),
            Report::Failed(error) => return Err(error),
            Report::Closed => return Err(killed()),
        }
    }
}

/// What would be a promise of confinement or of work that is not kept is refused, not passed over.
fn refuse_unsupported(spec: &Spec) -> Result<(), StartError> {
    let process = spec.process().as_ref();
    let set =
        |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty() && text != "unconfined");
    if process.is_some_and(|process| set(process.selinux_label())) {
        return Err(StartError::Refused("SELinux labels are not supported".into()));
    }
    if process.is_some_and(|process| set(process.apparmor_profile())) {
        return Err(StartError::Refused("AppArmor profiles are not supported".into()));
    }
    let entries = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    let joins_pid = |entry: &LinuxNamespace| entry.typ() == LinuxNamespaceType::Pid && entry.path().is_some();
    if entries.is_some_and(|entries| entries.iter().any(joins_pid)) {
        return Err(StartError::Refused("joining an existing pid namespace is not supported yet".into()));
    }
    Ok(())
}

/// Clones; `None` in the new process. The flag says whether it was born in its cgroup.
fn clone(container: &Container<'_>, namespaces: &Namespaces) -> Result<Option<(Child, bool)>, StartError> {
    // The root of a cgroup namespace is where its maker is at that time: the stage unshares it when it has arrived.
    let flags = namespaces.new.without(CloneFlags::NEWCGROUP);
    let mut in_cgroup = container.cgroup.is_some();
    let cloned = match clone3(flags, container.cgroup) {
        // Not allowed from here, or no threaded-domain rules met: moving it afterwards may be.
        Err(error) if in_cgroup && error.kind() != io::ErrorKind::ResourceBusy => {
            in_cgroup = false;
            clone3(flags, None)
        }
        other => other,
    };
    match cloned.step(|| "clone into new namespaces".into())? {
        Cloned::Child => Ok(None),
        Cloned::Parent { pid, pidfd } => Ok(Some((Child::new(pidfd, pid), in_cgroup))),
    }
}

pub(crate) fn move_into(cgroup: BorrowedFd<'_>, pid: i32) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, openat};
    let file = openat(cgroup, c"cgroup.procs", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(file, pid.to_string().as_bytes())?;
    Ok(())
}

pub(crate) fn out_of_order() -> StartError {
    StartError::Refused("the new process answered out of order".into())
}

pub(crate) fn killed() -> StartError {
    StartError::Refused("the new process was killed while it was being set up".into())
}

/// A new process: ended and reaped when dropped, unless released.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pidfd: OwnedFd,
    pub(crate) pid: i32,
    pub(crate) proc_pid: i32,
    guard: Guard,
}

impl Child {
    pub(crate) fn new(pidfd: OwnedFd, pid: i32) -> Self {
        let proc_pid = idmap::proc_pid(&pidfd).unwrap_or(0);
        Self { pidfd, pid, proc_pid, guard: Guard(Pid::from_raw(pid)) }
    }

    pub(crate) fn release(mut self, console: Option<OwnedFd>) -> Started {
        self.guard.0 = None;
        Started { pidfd: self.pidfd, pid: self.pid, proc_pid: self.proc_pid, console }
    }

    /// Waits for its end.
    pub(crate) fn reap(mut self) {
        if let Some(pid) = self.guard.0.take() {
            reap(pid);
        }
    }
}

/// Ends and reaps a child of ours. By pid: nobody else reaps it, so the number cannot be another's.
#[derive(Debug)]
struct Guard(Option<Pid>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            let _ = kill_process(pid, Signal::KILL);
            reap(pid);
        }
    }
}

fn reap(pid: Pid) {
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED) {}
}

/// While this lives, this process is dumpable, so that the child's /proc files belong to us and not to root: a child
/// inherits it.
pub(crate) struct Dumpable {
    restore: bool,
}

impl Dumpable {
    pub(crate) fn raise() -> io::Result<Self> {
        let restore = !prctl::is_dumpable()?;
        if restore {
            prctl::set_dumpable(true)?;
        }
        Ok(Self { restore })
    }
}

impl Drop for Dumpable {
    fn drop(&mut self) {
        if self.restore {
            let _ = prctl::set_dumpable(false);
        }
    }
}
