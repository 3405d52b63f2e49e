//! The first stage of `cala-monitor`: from a fresh process to M, process 1 of its own pid namespace in U.
//!
//! 1. Read `Hello` and `Launch` from descriptor 0, byte by byte no more than these two.
//! 2. Join U, or make it (cala-userns; clone3(2), user_namespaces(7)).
//! 3. Clone M in a new pid namespace (pid_namespaces(7)): when M ends, the kernel ends everything in it.
//! 4. End. M goes on at [`crate::supervisor::run`] and answers `Hello`.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cala_spec::{Classify, ErrorKind};
use cala_sys::clone::CloneFlags;

use crate::protocol::{Failure, MAX_MESSAGE, PROTOCOL, Reply, Request, encode_message};
use crate::{RunPlan, supervisor};

/// Nobody is there to be told: the control socket itself is of no use.
const DEAF: u8 = 125;

/// The program `cala-monitor`: the control socket is descriptor 0, everything else comes over it.
#[must_use]
pub fn main() -> ExitCode {
    let Ok(mut control) = take_control() else {
        return ExitCode::from(DEAF);
    };
    let launched = receive_launch(&mut control).and_then(|(plan, run_dir)| launch(&control, &plan, &run_dir));
    match launched {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            answer(&mut control, Reply::Error(failure));
            ExitCode::from(DEAF)
        }
    }
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

fn launch(control: &UnixStream, plan_path: &Path, run_dir: &Path) -> Result<(), Failure> {
    let plan = read_plan(plan_path)?;
    let run_root =
        run_dir.parent().and_then(Path::parent).ok_or_else(|| invalid("no run root".to_owned()))?;
    let control = control.as_fd().try_clone_to_owned().map_err(|error| invalid(error.to_string()))?;
    let run = |entered| supervisor::run(control.into(), plan, plan_path, entered);
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
