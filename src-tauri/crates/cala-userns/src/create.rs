//! Making U and joining it. Only for single-threaded programs just after their start.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Child;

use cala_sys::clone::{CloneFlags, Cloned, clone3, exit};
use cala_sys::pidfd::PidFd;
use cala_sys::spawn::Program;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::thread::LinkNameSpaceType;

use crate::preflight::find_program;
use crate::{IdPlan, UsernsError, find_live, plan};

/// The exit code of a clone whose maps could not be written; its parent tells why.
const ABANDONED: i32 = 125;

/// Joins U: afterwards the caller is uid 0 and gid 0 in it, with all capabilities there.
///
/// # Errors
/// [`UsernsError::Join`].
pub fn join(namespace: BorrowedFd<'_>) -> Result<(), UsernsError> {
    rustix::thread::move_into_link_name_space(namespace, Some(LinkNameSpaceType::User))
        .map_err(|error| UsernsError::Join(error.into()))
}

/// Clones a child inside a fresh U and writes its maps (newuidmap and newgidmap run at once); the child then runs `f` and
/// ends with the exit code that it returns.
///
/// # Errors
/// [`UsernsError::Create`], [`UsernsError::NoUidmapProgram`], [`UsernsError::MapRefused`], [`UsernsError::WriteMap`].
/// The child is gone then and `f` has not run.
pub fn clone_in_new(plan: &IdPlan, flags: CloneFlags, f: impl FnOnce() -> i32) -> Result<PidFd, UsernsError> {
    match fork_in_new(plan, flags)? {
        Some(pidfd) => Ok(pidfd),
        None => exit(f()),
    }
}

/// What the child of [`clone_shared`] is told.
#[derive(Debug)]
pub struct Entered {
    /// The lock of the run root, when U was made: to be held until the child's socket hands U out, so that there is one
    /// U per run root. Dropping it lets the next in.
    pub lock: Option<OwnedFd>,
}

/// Clones a child into the U of the run root: joins it if a monitor is alive, else makes it under
/// `run_root/userns.lock`. The child runs `f` and ends with the exit code that it returns.
///
/// # Errors
/// Those of [`join`] and [`clone_in_new`], [`UsernsError::Lock`].
pub fn clone_shared(
    run_root: &Path,
    flags: CloneFlags,
    f: impl FnOnce(Entered) -> i32,
) -> Result<PidFd, UsernsError> {
    if let Some(namespace) = find_live(run_root) {
        return clone_in(namespace.as_fd(), flags, f);
    }
    let lock = lock(&run_root.join("userns.lock"))?;
    // Whoever had the lock has a listening socket by now.
    if let Some(namespace) = find_live(run_root) {
        drop(lock);
        return clone_in(namespace.as_fd(), flags, f);
    }
    clone_in_new(&plan()?, flags, move || f(Entered { lock: Some(lock) }))
}

/// Clones a child into this user namespace, which may be the one that the caller is in already; afterwards the caller is
/// in it too. The child runs `f` and ends with the exit code that it returns.
///
/// # Errors
/// [`UsernsError::Join`], [`UsernsError::Create`].
pub fn clone_in(
    namespace: BorrowedFd<'_>,
    flags: CloneFlags,
    f: impl FnOnce(Entered) -> i32,
) -> Result<PidFd, UsernsError> {
    // Joining one's own is refused (EINVAL).
    if !is_own(namespace).map_err(UsernsError::Join)? {
        join(namespace)?;
    }
    match clone3(flags, None).map_err(UsernsError::Create)? {
        Cloned::Parent { pidfd, .. } => Ok(PidFd::from(pidfd)),
        Cloned::Child => exit(f(Entered { lock: None })),
    }
}

fn is_own(namespace: BorrowedFd<'_>) -> io::Result<bool> {
    let (own, other) = (rustix::fs::fstat(crate::own_namespace()?)?, rustix::fs::fstat(namespace)?);
    Ok((own.st_dev, own.st_ino) == (other.st_dev, other.st_ino))
}

/// For a helper program just after its start: it goes on as uid 0 in U, the run root's if a monitor is alive there, else
/// a private one.
///
/// Making one takes a clone: the caller then goes on in the child, while the original process only waits, ends with
/// the child's exit code, and takes the child with it when it is killed.
///
/// # Errors
/// As [`clone_in_new`] and [`join`].
pub fn enter_for_helper(run_root: Option<&Path>) -> Result<(), UsernsError> {
    if let Some(namespace) = run_root.and_then(find_live) {
        // Started from within U, as by `cala unshare`, it is there already.
        return if is_own(namespace.as_fd()).map_err(UsernsError::Join)? {
            Ok(())
        } else {
            join(namespace.as_fd())
        };
    }
    let Some(child) = fork_in_new(&plan()?, CloneFlags::NONE)? else {
        return die_with_parent();
    };
    exit(child.wait().map_or(ABANDONED, cala_sys::pidfd::Exit::code))
}

fn die_with_parent() -> Result<(), UsernsError> {
    let kill = rustix::process::Signal::KILL;
    rustix::process::set_parent_process_death_signal(Some(kill))
        .map_err(|error| UsernsError::Create(error.into()))?;
    // It may have died before the line above: then our parent is somebody else, outside this pid namespace or init.
    if rustix::process::getppid().is_none_or(rustix::process::Pid::is_init) {
        exit(ABANDONED);
    }
    Ok(())
}

/// `None` in the child.
fn fork_in_new(plan: &IdPlan, flags: CloneFlags) -> Result<Option<PidFd>, UsernsError> {
    let (mut wait, mut go) = io::pipe().map_err(UsernsError::Create)?;
    match clone3(flags | CloneFlags::NEWUSER, None).map_err(UsernsError::Create)? {
        Cloned::Child => {
            drop(go);
            // End of file: the parent gave up (and says why) or was killed.
            if wait.read_exact(&mut [0]).is_err() {
                exit(ABANDONED);
            }
            Ok(None)
        }
        Cloned::Parent { pid, pidfd } => {
            drop(wait);
            let pidfd = PidFd::from(pidfd);
            let written =
                write_maps(plan, pid).and_then(|()| go.write_all(&[1]).map_err(UsernsError::Create));
            if written.is_err() {
                drop(go);
                // It ends by itself at the end of file; here it is only reaped.
                let _ = pidfd.wait();
            }
            written.map(|()| Some(pidfd))
        }
    }
}

fn write_maps(plan: &IdPlan, pid: i32) -> Result<(), UsernsError> {
    if !plan.direct {
        let users = MapProgram::start("newuidmap", pid, &IdPlan::arguments(&plan.uid))?;
        let groups = MapProgram::start("newgidmap", pid, &IdPlan::arguments(&plan.gid));
        // Both are waited for, whatever the first says.
        let users = users.finish(&plan.user);
        let groups = groups.and_then(|groups| groups.finish(&plan.user));
        return users.and(groups);
    }
    if plan.single {
        // A group map without privilege needs this first (user_namespaces(7)).
        write_proc(pid, "setgroups", "deny")?;
    }
    write_proc(pid, "uid_map", &IdPlan::map_text(&plan.uid))?;
    write_proc(pid, "gid_map", &IdPlan::map_text(&plan.gid))
}

fn write_proc(pid: i32, file: &'static str, text: &str) -> Result<(), UsernsError> {
    fs::write(format!("/proc/{pid}/{file}"), text).map_err(|source| UsernsError::WriteMap { file, source })
}

struct MapProgram {
    name: &'static str,
    child: Child,
    complaint: io::PipeReader,
}

impl MapProgram {
    fn start(name: &'static str, pid: i32, arguments: &[String]) -> Result<Self, UsernsError> {
        let path = find_program(name)?;
        let (complaint, stderr) = io::pipe().map_err(UsernsError::Create)?;
        let program = arguments.iter().fold(Program::new(&path).arg(pid.to_string()), Program::arg);
        let child =
            program.stderr(stderr.into()).spawn().map_err(|source| UsernsError::Read { path, source })?;
        Ok(Self { name, child, complaint })
    }

    fn finish(mut self, user: &str) -> Result<(), UsernsError> {
        let status = self.child.wait().map_err(UsernsError::Create)?;
        if status.success() {
            return Ok(());
        }
        let mut message = String::new();
        // The program has ended: what it said is in the pipe.
        let _ = self.complaint.read_to_string(&mut message);
        let message = message.trim().replace('\n', "; ");
        Err(UsernsError::MapRefused { program: self.name, user: user.to_owned(), message })
    }
}

/// Waits for the lock; a holder keeps it for milliseconds and the kernel drops it when it dies.
fn lock(path: &Path) -> Result<OwnedFd, UsernsError> {
    let failed = |error: rustix::io::Errno| UsernsError::Lock { path: path.to_owned(), source: error.into() };
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
    loop {
        match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
    }
}
