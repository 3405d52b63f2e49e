//! A terminal or pipes connected to a container: bytes both ways, signals, window sizes, detach keys.
//!
//! Three threads. This one writes what the container says; one reads standard input; one takes signals. Whoever ends
//! first says how in `Shared` and shuts the connection down, so that this thread wakes up. **Invariant: the terminal is
//! as it was** when [`session`] returns, panics, or a signal ends the program (`terminal::Raw`). **Invariant: losing the
//! terminal ends this program only**, never the container.

mod detach;
mod signals;
mod terminal;

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use cala_engine::frames::{self, Frame, FrameDecoder, FrameKind};
use cala_engine::{Attachment, TerminalSize};

use crate::failure::Failure;
use crate::output;

pub(crate) use detach::DetachKeys;
pub(crate) use terminal::{is_terminal, read_hidden, size};

/// How to send a signal when the connection is busy.
pub(crate) type Kill = Arc<dyn Fn(i32) + Send + Sync>;

/// What is connected.
pub(crate) struct Session {
    /// Forward standard input.
    pub(crate) stdin: bool,
    /// The container has a terminal.
    pub(crate) tty: bool,
    /// Forward signals instead of ending by them.
    pub(crate) proxy_signals: bool,
    /// Keys that end the session and leave the container running.
    pub(crate) detach_keys: DetachKeys,
    /// Another way to the container for signals.
    pub(crate) kill: Option<Kill>,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The process ended with this code.
    Exited(i32),
    /// The person pressed the detach keys.
    Detached,
    /// A signal that is not forwarded ended this program.
    Signal(i32),
    /// The connection ended without a word.
    Lost,
}

/// What the threads share.
struct Shared {
    end: Mutex<Option<End>>,
    writer: Mutex<UnixStream>,
    /// The same connection, to be shut without waiting for a writer.
    stream: UnixStream,
}

impl Shared {
    fn finish(&self, end: End) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).write_all(frame)
    }

    /// Sends unless another thread is stuck in sending.
    fn try_send(&self, frame: &[u8]) -> bool {
        match self.writer.try_lock() {
            Ok(mut writer) => writer.write_all(frame).is_ok(),
            Err(_) => false,
        }
    }
}

/// Connects this program's streams until the process ends, the person detaches or the terminal is lost.
pub(crate) fn session(attachment: Attachment, session: Session) -> Result<End, Failure> {
    let broken = |error: io::Error| Failure::io("attaching", &error);
    let mut reader = attachment.into_stream();
    let stream = reader.try_clone().map_err(broken)?;
    let writer = Mutex::new(reader.try_clone().map_err(broken)?);
    let shared = Arc::new(Shared { end: Mutex::new(None), writer, stream });
    // Dropped on every way out, a panic included: the terminal is given back.
    let raw = if session.tty && session.stdin && is_terminal() { terminal::Raw::enter() } else { None };
    let Session { stdin, tty, proxy_signals, detach_keys, kill } = session;
    signals::forward(Arc::clone(&shared), proxy_signals, tty, kill).map_err(broken)?;
    if stdin {
        let keys = if tty { detach_keys } else { DetachKeys::none() };
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || send_input(&shared, keys, tty));
    }
    let end = receive(&mut reader);
    drop(raw);
    let said = shared.end.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (end, said) {
        (Ok(End::Exited(code)), _) => Ok(End::Exited(code)),
        (_, Some(said)) => Ok(said),
        (end, None) => end,
    }
}

/// Writes what the container says until it ends.
fn receive(reader: &mut UnixStream) -> Result<End, Failure> {
    let mut decoder = FrameDecoder::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(End::Lost),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(End::Lost),
        };
        decoder.push(&buffer[..count]);
        while let Some(frame) = decoder.next_frame().map_err(|error| Failure::new(error.to_string()))? {
            if let Some(end) = show(&frame)? {
                return Ok(end);
            }
        }
    }
}

fn show(frame: &Frame) -> Result<Option<End>, Failure> {
    match frame.kind {
        FrameKind::Stdout => output::data(&frame.payload)?,
        FrameKind::Stderr => {
            let mut err = io::stderr().lock();
            err.write_all(&frame.payload).map_err(|error| output::lost(&error))?;
        }
        FrameKind::Exit => return Ok(Some(End::Exited(frame.number().unwrap_or(125)))),
        FrameKind::Error => return Err(Failure::new(String::from_utf8_lossy(&frame.payload))),
        FrameKind::Stdin | FrameKind::StdinEof | FrameKind::Resize | FrameKind::Signal => {}
    }
    Ok(None)
}

/// Sends standard input until it ends.
fn send_input(shared: &Shared, mut keys: DetachKeys, tty: bool) {
    let mut input = io::stdin().lock();
    let mut buffer = vec![0; 32 << 10];
    loop {
        let count = match input.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        if count == 0 {
            // A terminal in raw mode has no end of input: it went away, and the container is not to notice.
            if !(tty && is_terminal()) {
                let _ = shared.send(&frames::encode(FrameKind::StdinEof, b""));
            }
            return;
        }
        let (bytes, detached) = keys.filter(&buffer[..count]);
        if !bytes.is_empty() && shared.send(&frames::encode(FrameKind::Stdin, &bytes)).is_err() {
            return;
        }
        if detached {
            return shared.finish(End::Detached);
        }
    }
}

/// The window's size, when there is a window.
pub(crate) fn window(tty: bool) -> Option<TerminalSize> {
    if tty { size() } else { None }
}

/// The exit code that a session's end means; `lost` tells what became of a process whose connection ended.
pub(crate) fn exit_code(end: End, lost: impl FnOnce() -> Result<i32, Failure>) -> Result<u8, Failure> {
    let code = match end {
        End::Exited(code) => code,
        End::Detached => 0,
        End::Signal(signal) => 128 + signal,
        End::Lost => lost()?,
    };
    Ok(u8::try_from(code & 0xff).unwrap_or(125))
}
