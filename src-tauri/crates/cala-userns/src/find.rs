//! Finding U: any live monitor or network holder hands out its descriptor.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use cala_sys::poll::Interest;

use crate::wire;

/// How many are asked that do not answer in time, before a new U is made.
const MAX_SILENT: usize = 4;

/// How long one is waited for; it answers in microseconds unless it is stopped or just starting something.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where those who are in U have their sockets, below the run root.
const FOLDERS: [&str; 2] = ["networks", "containers"];

/// Asks the holders and monitors below `run_root/networks/*/sock` and `run_root/containers/*/sock` for the descriptor of
/// U; `None` when none is alive. Sockets without a listener cost microseconds.
#[must_use]
pub fn find_live(run_root: &Path) -> Option<OwnedFd> {
    let folders = FOLDERS.iter().filter_map(|folder| fs::read_dir(run_root.join(folder)).ok());
    let sockets = folders.flatten().filter_map(|entry| Some(entry.ok()?.path().join("sock")));
    // Those that are connected to and say nothing cost time.
    let answers = sockets.filter_map(|socket| cala_sys::scm::connect(&socket).ok()).map(namespace_of);
    answers.take(MAX_SILENT).find_map(Result::ok)
}

/// One that does not answer, because it is just waiting for somebody itself, is looked at instead of asked.
fn namespace_of(stream: UnixStream) -> io::Result<OwnedFd> {
    ask(&stream).or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock => look(&stream),
        _ => Err(error),
    })
}

/// The user namespace of whoever listens; its owner may look.
fn look(stream: &UnixStream) -> io::Result<OwnedFd> {
    let pid = cala_sys::scm::peer_pid(stream)?;
    let namespace = fs::File::open(format!("/proc/{pid}/ns/user"))?.into();
    // The number is that of the listener as long as that is there.
    if hung_up(stream)? { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(namespace) }
}

fn hung_up(stream: &UnixStream) -> io::Result<bool> {
    let interest = [Interest { fd: stream.as_fd(), read: false, write: false, token: () }];
    let mut ready = Vec::new();
    cala_sys::poll::wait(&interest, Some(Instant::now()), &mut ready)?;
    Ok(ready.iter().any(|event| event.hangup))
}

fn ask(mut stream: &UnixStream) -> io::Result<OwnedFd> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut question = Vec::new();
    for message in [wire::HELLO, wire::ASK] {
        let length = u32::try_from(message.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        question.extend_from_slice(&length.to_le_bytes());
        question.extend_from_slice(message);
    }
    stream.write_all(&question)?;
    // The greeting and the answer may come in one piece or in several; the descriptor is what is waited for.
    let mut buffer = [0; 512];
    loop {
        let (count, fds) = cala_sys::scm::receive(stream.as_fd(), &mut buffer)?;
        if let Some(fd) = fds.into_iter().next() {
            return Ok(fd);
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The descriptor of the user namespace that this process is in: what a monitor hands out.
///
/// # Errors
/// Those of opening `/proc/self/ns/user`.
pub fn own_namespace() -> io::Result<OwnedFd> {
    Ok(fs::File::open("/proc/self/ns/user")?.into())
}
