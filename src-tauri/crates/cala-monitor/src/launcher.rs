//! The first stages of `cala-monitor`: from a fresh process to M, process 1 of its own pid namespace in U.
//!
//! The launcher:
//! 1. Read `Hello` and `Launch` from descriptor 0, byte by byte no more than these two.
//! 2. Join U, or make it (cala-userns; clone3(2), user_namespaces(7)).
//! 3. Clone M in a new pid namespace (pid_namespaces(7)): when M ends, the kernel ends everything in it.
//! 4. End.
//!
//! M:
//! 5. Execute this program again, from a file that nobody can change (rule R5), with the control socket as descriptor
//!    0 and the lock of the run root, if U was made, as descriptor 1. Having been executed in U its memory belongs to
//!    U: it may look into its own container's processes, and nobody of the container into its.
//! 6. Read the plan and go on at [`crate::supervisor::run`], which answers `Hello`.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cala_spec::{Classify, ErrorKind};
use cala_sys::clone::CloneFlags;
use cala_userns::Entered;

use crate::protocol::{Failure, MAX_MESSAGE, PROTOCOL, Reply, Request, encode_message};
use crate::{RunPlan, supervisor};

/// Nobody is there to be told: the control socket itself is of no use.
const DEAF: u8 = 125;

/// The third argument of M when descriptor 1 is the lock of the run root.
const LOCKED: &str = "locked";

/// The program `cala-monitor`: the control socket is descriptor 0. A launcher has one argument, by which a person
/// recognises the process; everything else comes over the socket. M has the path of its plan too.
#[must_use]
pub fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (short, plan, locked) = (args.next().unwrap_or_default(), args.next(), args.next());
    let Ok(mut control) = take_control() else {
        return ExitCode::from(DEAF);
    };
    if let Some(plan) = plan {
        return monitor(control, Path::new(&plan), locked.as_deref() == Some(OsStr::new(LOCKED)));
    }
    let launched = receive_launch(&mut control).and_then(|(plan, run_dir)| {
        let run = |entered: Entered| become_monitor(&control, &short, &plan, entered);
        launch(&run_dir, run)
    });
    match launched {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            answer(&mut control, Reply::Error(failure));
            ExitCode::from(DEAF)
        }
    }
}

/// M, as it was executed.
fn monitor(mut control: UnixStream, plan_path: &Path, locked: bool) -> ExitCode {
    let lock = if locked { take_lock() } else { Ok(None) };
    let lock = lock.map_err(|error| failed(format!("cannot keep the run root's lock: {error}")));
    match lock.and_then(|lock| Ok((lock, read_plan(plan_path)?))) {
        Ok((lock, plan)) => {
            let code = supervisor::run(control, plan, plan_path, lock);
            u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(failure) => {
            answer(&mut control, Reply::Error(failure));
            ExitCode::from(DEAF)
        }
    }
}

/// M, as it was cloned: returns only when it could not be executed.
fn become_monitor(control: &UnixStream, short: &OsString, plan: &Path, entered: Entered) -> i32 {
    let error = execute(control, short, plan, entered.lock.as_ref());
    if let Ok(mut control) = control.try_clone() {
        answer(&mut control, Reply::Error(failed(format!("cannot execute the monitor in U: {error}"))));
    }
    DEAF.into()
}

fn execute(control: &UnixStream, short: &OsString, plan: &Path, lock: Option<&OwnedFd>) -> io::Error {
    let streams =
        rustix::stdio::dup2_stdin(control).and_then(|()| lock.map_or(Ok(()), rustix::stdio::dup2_stdout));
    if let Err(error) = streams {
        return error.into();
    }
    let mut args = vec![OsStr::new("cala-monitor"), short, plan.as_os_str()];
    args.extend(lock.map(|_| OsStr::new(LOCKED)));
    let args: Result<Vec<_>, _> = args.into_iter().map(|arg| CString::new(arg.as_bytes())).collect();
    args.map_or_else(io::Error::from, |args| cala_runtime::protected::execute_again(&args, &[]))
}

/// The lock of the run root, moved away from descriptor 1.
fn take_lock() -> io::Result<Option<OwnedFd>> {
    let lock = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(File::open("/dev/null")?)?;
    Ok(Some(lock))
}

/// The control socket, moved away from descriptor 0.
fn take_control() -> io::Result<UnixStream> {
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let null = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    let control = UnixStream::from(control);
    // Refuses what is no socket.
    control.local_addr()?;
    Ok(control)
}

fn receive_launch(control: &mut UnixStream) -> Result<(PathBuf, PathBuf), Failure> {
    match receive(control)? {
        Request::Hello { protocol: PROTOCOL, .. } => {}
        Request::Hello { protocol, .. } => return Err(mismatch(protocol)),
        _ => return Err(invalid("the first message must be `hello`".to_owned())),
    }
    match receive(control)? {
        Request::Launch { plan, run_dir } => Ok((plan, run_dir)),
        _ => Err(invalid("the second message must be `launch`".to_owned())),
    }
}

fn receive(control: &mut UnixStream) -> Result<Request, Failure> {
    let mut head = [0; 4];
    control.read_exact(&mut head).map_err(|error| invalid(error.to_string()))?;
    let length = u32::from_le_bytes(head) as usize;
    if length > MAX_MESSAGE {
        return Err(invalid(format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length];
    control.read_exact(&mut body).map_err(|error| invalid(error.to_string()))?;
    serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))
}

fn launch(run_dir: &Path, run: impl FnOnce(Entered) -> i32) -> Result<(), Failure> {
    let run_root =
        run_dir.parent().and_then(Path::parent).ok_or_else(|| invalid("no run root".to_owned()))?;
    cala_userns::clone_shared(run_root, CloneFlags::NEWPID, run).map_err(|error| failure_of(&error))?;
    Ok(())
}

pub(crate) fn read_plan(path: &Path) -> Result<Box<RunPlan>, Failure> {
    let text =
        std::fs::read(path).map_err(|error| failed(format!("cannot read `{}`: {error}", path.display())))?;
    let plan = serde_json::from_slice(&text);
    plan.map(Box::new).map_err(|error| failed(format!("`{}` is no plan: {error}", path.display())))
}

/// Tells the client, if it is still there.
fn answer(control: &mut UnixStream, reply: Reply) {
    if let Ok(bytes) = encode_message(&reply) {
        let _ = control.write_all(&bytes);
    }
}

/// An error of another room, as it goes over the socket.
pub(crate) fn failure_of(error: &(impl Classify + 'static)) -> Failure {
    Failure {
        kind: error.kind(),
        code: error.code().to_owned(),
        message: cala_spec::error::chain(error),
        step: None,
        hints: error.hints().iter().map(str::to_owned).collect(),
    }
}

pub(crate) fn mismatch(protocol: u32) -> Failure {
    let message = format!("this monitor speaks protocol {PROTOCOL}, not {protocol}");
    Failure {
        kind: ErrorKind::NotSupported,
        code: "protocol_mismatch".to_owned(),
        message,
        step: None,
        hints: Vec::new(),
    }
}

pub(crate) fn invalid(message: String) -> Failure {
    Failure {
        kind: ErrorKind::InvalidArgument,
        code: "invalid_request".to_owned(),
        message,
        step: None,
        hints: Vec::new(),
    }
}

pub(crate) fn failed(message: String) -> Failure {
    Failure {
        kind: ErrorKind::Internal,
        code: "launch_failed".to_owned(),
        message,
        step: None,
        hints: Vec::new(),
    }
}
