//! Messages and descriptors over a socket (cmsg(3), `SCM_RIGHTS`), and the start of the program at its other end.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;

use cala_sys::scm;
use cala_sys::spawn::Program;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::protocol::MAX_MESSAGE;

/// How much a layer's pipe holds in bytes: the kernel's default upper bound for unprivileged users.
const PIPE_SIZE: usize = 1 << 20;

/// One end of the conversation.
#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    bytes: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl Connection {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, bytes: Vec::new(), descriptors: VecDeque::new() }
    }

    /// A second handle for the other direction; what was received so far stays with the first.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self::new(self.socket.try_clone()?))
    }

    pub(super) fn shut_down(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Sends one message, with a descriptor beside its first byte.
    pub(super) fn send(
        &mut self,
        message: &impl Serialize,
        descriptor: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let body = serde_json::to_vec(message)?;
        let length = u32::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut frame = length.to_le_bytes().to_vec();
        frame.extend_from_slice(&body);
        let mut sent = 0;
        while let Some(rest) = frame.get(sent..).filter(|rest| !rest.is_empty()) {
            let beside: &[BorrowedFd<'_>] = if sent == 0 { descriptor.as_slice() } else { &[] };
            match scm::send(&self.socket, rest, beside) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Receives one message; its descriptors queue up for [`Self::descriptor`].
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` at the end of the conversation.
    pub(super) fn receive<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        loop {
            if let Some(message) = self.take_message()? {
                return Ok(serde_json::from_slice(&message)?);
            }
            self.fill()?;
        }
    }

    /// The descriptor that came with the message just received.
    pub(super) fn descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    fn take_message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(head) = self.bytes.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(*head)).unwrap_or(usize::MAX);
        if length > MAX_MESSAGE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "message too large"));
        }
        if self.bytes.len() < 4 + length {
            return Ok(None);
        }
        let rest = self.bytes.split_off(4 + length);
        let mut message = std::mem::replace(&mut self.bytes, rest);
        message.drain(..4);
        Ok(Some(message))
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        let (count, descriptors) = loop {
            match scm::receive(&self.socket, &mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.descriptors.extend(descriptors);
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        Ok(())
    }
}

/// The two ends of a pipe for a layer's bytes, read end first, as large as the kernel allows.
pub(super) fn layer_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // Best effort: a user who has many pipes open gets the default of 64 KiB.
    let _ = rustix::pipe::fcntl_setpipe_size(&write, PIPE_SIZE);
    Ok((read, write))
}

/// Starts `program` with the socket as its standard input, everything else on `/dev/null`.
pub(super) fn spawn(program: &Path, socket: UnixStream) -> io::Result<Child> {
    Program::new(program).stdin(OwnedFd::from(socket)).spawn()
}

/// The socket that this program was started with.
pub(super) fn inherited() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}
