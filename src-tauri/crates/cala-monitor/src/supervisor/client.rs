//! One connection: what it is for, what it still has to send, and how it is read and written without waiting.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use crate::frames::{FrameDecoder, FrameKind, encode_into};
use crate::log::{LogWriter, Pumped, Replay};
use crate::protocol::{AttachOptions, Reply, encode_message};

/// Bytes that are held for a client that does not read. Beyond, an attached client falls back to the log, and an
/// exec's output is not read.
pub(crate) const MAX_HELD: usize = 128 << 10;

/// A replay goes on when no more than this is held.
const LOW: usize = 32 << 10;

/// Bytes read of a client at once.
const PIECE: usize = 16 << 10;

/// What a connection is for.
#[derive(Debug)]
pub(crate) enum Mode {
    /// `Hello` has not come yet.
    Greeting,
    /// Requests and answers.
    Messages,
    /// The container's streams.
    Attached { options: AttachOptions, replay: Option<Replay> },
    /// The streams of the exec with this number.
    Exec { session: u64 },
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    pub(crate) mode: Mode,
    /// Bytes of incomplete messages.
    pub(crate) incoming: Vec<u8>,
    pub(crate) decoder: FrameDecoder,
    out: Vec<u8>,
    sent: usize,
    /// Asked to be told of the end.
    pub(crate) waits: bool,
    /// Asked to be told when the stop has worked.
    pub(crate) stops: bool,
    /// The exit code to be told once everything before it went out.
    exit: Option<i32>,
    closing: bool,
    pub(crate) gone: bool,
}

impl Client {
    pub(crate) fn new(stream: UnixStream, mode: Mode) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            mode,
            incoming: Vec::new(),
            decoder: FrameDecoder::new(),
            out: Vec::new(),
            sent: 0,
            waits: false,
            stops: false,
            exit: None,
            closing: false,
            gone: false,
        })
    }

    /// Reads what is there into a buffer; `None` when there is nothing now. An end or an error makes it gone.
    pub(crate) fn read(&mut self) -> Option<Vec<u8>> {
        let mut piece = vec![0; PIECE];
        match rustix::io::read(&self.stream, &mut piece) {
            Ok(0) => self.gone = true,
            Ok(count) => {
                piece.truncate(count);
                return Some(piece);
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(_) => self.gone = true,
        }
        None
    }

    /// How many bytes it has not taken yet.
    pub(crate) fn held(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Queues a message and sends what goes.
    pub(crate) fn reply(&mut self, reply: &Reply) {
        match encode_message(reply) {
            Ok(bytes) => self.out.extend_from_slice(&bytes),
            Err(_) => self.gone = true,
        }
        self.flush();
    }

    /// A message with a descriptor beside it. Only when nothing is held, which is so for whoever asks one thing.
    pub(crate) fn reply_with(&mut self, reply: &Reply, fd: &OwnedFd) {
        let Ok(bytes) = encode_message(reply) else { return };
        if self.held() > 0
            || cala_sys::scm::send(&self.stream, &bytes, &[fd.as_fd()]).ok() != Some(bytes.len())
        {
            self.gone = true;
        }
    }

    /// Queues a frame and sends what goes.
    pub(crate) fn frame(&mut self, kind: FrameKind, payload: &[u8]) {
        encode_into(&mut self.out, kind, payload);
        self.flush();
    }

    /// Whether an attached client wants frames of this kind.
    pub(crate) fn wants(&self, kind: FrameKind) -> bool {
        let Mode::Attached { options, .. } = &self.mode else {
            return false;
        };
        match kind {
            FrameKind::Stdout => options.stdout,
            FrameKind::Stderr => options.stderr,
            _ => false,
        }
    }

    /// Whether it is attached and up to date, so that new output goes to it at once.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.mode, Mode::Attached { replay: None, .. })
    }

    /// From now on it reads from the log, until it has caught up.
    pub(crate) fn fall_behind(&mut self, log: &LogWriter) {
        if let Mode::Attached { replay, .. } = &mut self.mode {
            match Replay::from_here(log) {
                Ok(reader) => *replay = Some(reader),
                Err(_) => self.gone = true,
            }
        }
    }

    /// It is told the exit code after everything else, then it is closed.
    pub(crate) fn finish(&mut self, code: i32) {
        self.exit = Some(code);
        self.advance();
    }

    /// It is closed after everything that is held went out.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    /// Goes on with a replay when there is room.
    pub(crate) fn pump(&mut self, log: &LogWriter) {
        while self.held() <= LOW {
            let Mode::Attached { options, replay } = &mut self.mode else { break };
            let Some(reader) = replay else { break };
            let options = *options;
            let wanted = |kind| match kind {
                FrameKind::Stdout => options.stdout,
                FrameKind::Stderr => options.stderr,
                _ => false,
            };
            match reader.pump(log, wanted, &mut self.out) {
                Ok(Pumped::More) => {}
                Ok(Pumped::CaughtUp) => *replay = None,
                Err(_) => self.gone = true,
            }
            self.flush();
            if self.gone {
                break;
            }
        }
        self.advance();
    }

    fn advance(&mut self) {
        let behind = matches!(self.mode, Mode::Attached { replay: Some(_), .. });
        if let Some(code) = self.exit
            && !behind
        {
            self.exit = None;
            self.closing = true;
            self.frame(FrameKind::Exit, &code.to_le_bytes());
        }
    }

    /// Whether room to write is waited for.
    pub(crate) fn wants_write(&self) -> bool {
        self.held() > 0 || matches!(self.mode, Mode::Attached { replay: Some(_), .. })
    }

    /// Sends what goes without waiting.
    pub(crate) fn flush(&mut self) {
        while self.held() > 0 {
            let rest = self.out.get(self.sent..).unwrap_or_default();
            match cala_sys::scm::send(&self.stream, rest, &[]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.out.drain(..self.sent);
                    self.sent = 0;
                    return;
                }
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
        // The memory of a burst is given back.
        self.out = Vec::new();
        self.sent = 0;
    }

    /// Whether nothing more is to be done with it.
    pub(crate) fn is_finished(&self) -> bool {
        self.gone || (self.closing && self.held() == 0)
    }
}
