//! What the creator and the new process say to each other, over a socket that keeps message borders.
//!
//! New process → creator: [`Report`]. Creator → new process: [`GO`] when the id maps are written and the process is in
//! its cgroup, [`START`] when the program may run. The socket is close-on-exec: its end without a report means that the
//! program runs. A creator that is gone shows as end of file too, and the new process exits.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::StartError;

/// Maps are written.
pub(crate) const GO: u8 = b'G';
/// Run the program.
pub(crate) const START: u8 = b'S';

/// Longest message; longer texts are cut.
const MAX: usize = 4096;

/// What the new process reports.
#[derive(Debug)]
pub(crate) enum Report {
    /// Everything is made; it waits for the start.
    Ready,
    /// Descriptor beside it: the terminal's master, or the pidfd of a process of `exec`.
    Descriptor(OwnedFd, i32),
    /// It failed and ends.
    Failed(StartError),
    /// The socket was closed: `execve` has happened, or the process was killed.
    Closed,
}

/// Both ends.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Says one byte. An end of the other side shows when reading.
pub(crate) fn say(socket: impl AsFd, byte: u8) -> io::Result<()> {
    cala_sys::scm::send(socket, &[byte], &[]).map(|_| ())
}

/// Waits for exactly this byte.
pub(crate) fn expect(fd: impl AsFd, byte: u8) -> io::Result<()> {
    let mut buffer = [0];
    loop {
        match rustix::io::read(&fd, &mut buffer) {
            Ok(1) if buffer[0] == byte => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reports that all is made.
pub(crate) fn report_ready(socket: impl AsFd) -> io::Result<()> {
    say(socket, b'R')
}

/// Hands over a descriptor with a number beside it.
pub(crate) fn report_descriptor(socket: impl AsFd, fd: impl AsFd, number: i32) -> io::Result<()> {
    let mut message = vec![b'D'];
    message.extend(number.to_le_bytes());
    cala_sys::scm::send(socket, &message, &[fd.as_fd()]).map(|_| ())
}

/// Reports a failure; the creator may be gone, which is nobody's concern then.
pub(crate) fn report_failure(socket: impl AsFd, error: &StartError) {
    let _ = rustix::io::write(socket, &encode(error));
}

/// Waits for the next report.
pub(crate) fn receive(socket: impl AsFd) -> io::Result<Report> {
    let mut buffer = [0; MAX];
    let (length, fds) = loop {
        match cala_sys::scm::receive(&socket, &mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    let bytes = buffer.get(..length).unwrap_or_default();
    match (bytes, fds.into_iter().next()) {
        ([], _) => Ok(Report::Closed),
        ([b'R'], _) => Ok(Report::Ready),
        ([b'D', a, b, c, d], Some(fd)) => Ok(Report::Descriptor(fd, i32::from_le_bytes([*a, *b, *c, *d]))),
        _ => Ok(Report::Failed(decode(bytes))),
    }
}

/// A failure as bytes: kind, errno, two texts with a zero between them.
pub(crate) fn encode(error: &StartError) -> Vec<u8> {
    let (kind, errno, first, second) = match error {
        StartError::CommandNotFound { command } => (b'1', 0, command.as_str(), ""),
        StartError::NotExecutable { command, reason } => (b'2', 0, command.as_str(), reason.as_str()),
        StartError::User(text) => (b'3', 0, text.as_str(), ""),
        StartError::WorkingDirectory { text, exec } => {
            (b'6', 0, text.as_str(), if *exec { "exec" } else { "" })
        }
        StartError::Refused(text) => (b'4', 0, text.as_str(), ""),
        StartError::Step { step, source } => (b'5', source.raw_os_error().unwrap_or(0), step.as_str(), ""),
    };
    let mut message = vec![kind];
    message.extend(errno.to_le_bytes());
    message.extend(first.bytes().take(MAX / 2));
    message.push(0);
    message.extend(second.bytes().take(MAX / 4));
    message
}

/// The failure that [`encode`] wrote; whatever else was written becomes a failure too.
pub(crate) fn decode(bytes: &[u8]) -> StartError {
    let [kind, a, b, c, d, rest @ ..] = bytes else {
        return StartError::Refused("the new process answered nonsense".into());
    };
    let errno = i32::from_le_bytes([*a, *b, *c, *d]);
    let text = String::from_utf8_lossy(rest);
    let (first, second) = text.split_once('\0').unwrap_or((&text, ""));
    let first = first.to_owned();
    match kind {
        b'1' => StartError::CommandNotFound { command: first },
        b'2' => StartError::NotExecutable { command: first, reason: second.into() },
        b'3' => StartError::User(first),
        b'4' => StartError::Refused(first),
        b'6' => StartError::WorkingDirectory { text: first, exec: second == "exec" },
        _ => {
            let source =
                if errno == 0 { io::ErrorKind::Other.into() } else { io::Error::from_raw_os_error(errno) };
            StartError::Step { step: first, source }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_survive_the_way() {
        for error in [
            StartError::CommandNotFound { command: "a".into() },
            StartError::NotExecutable { command: "a".into(), reason: "b c".into() },
            StartError::User("u".into()),
            StartError::Refused("r".into()),
            StartError::WorkingDirectory { text: "w".into(), exec: true },
            StartError::WorkingDirectory { text: "w".into(), exec: false },
            StartError::step("mount `x`", io::Error::from_raw_os_error(13)),
        ] {
            assert_eq!(format!("{:?}", decode(&encode(&error))), format!("{error:?}"));
        }
    }
}
