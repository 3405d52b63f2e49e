//! One connection of a client: what it still has to send, and how it is read and written without waiting.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Instant;

use cala_holder::framing::{Broken, Inbox, Message, encode};
use cala_holder::protocol::Reply;
use cala_sys::poll::{self, Interest};

/// Bytes that are held for a client that does not read; beyond, nothing more is read of it.
const MAX_HELD: usize = 256 << 10;

/// Bytes read at once.
const PIECE: usize = 4096;

/// An answer on its way out.
#[derive(Debug)]
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    /// Goes with the first byte.
    fd: Option<Rc<OwnedFd>>,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: UnixStream,
    /// Which it is; never used again.
    pub(super) number: u64,
    inbox: Inbox,
    out: VecDeque<Outgoing>,
    /// `Hello` has come.
    pub(super) greeted: bool,
    /// Its last request is answered later; the next one waits.
    pub(super) waits: bool,
    /// It is closed when everything has gone out.
    pub(super) closing: bool,
    pub(super) gone: bool,
    /// When it last said something.
    pub(super) heard: Instant,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, number: u64) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            number,
            inbox: Inbox::default(),
            out: VecDeque::new(),
            greeted: false,
            waits: false,
            closing: false,
            gone: false,
            heard: Instant::now(),
        })
    }

    /// Reads what is there.
    pub(super) fn read(&mut self) -> Result<(), Broken> {
        let mut piece = [0; PIECE];
        match cala_sys::scm::receive(&self.stream, &mut piece) {
            Ok((0, _)) => self.gone = true,
            Ok((count, fds)) => {
                self.heard = Instant::now();
                return self.inbox.push(piece.get(..count).unwrap_or_default(), fds);
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.gone = true,
        }
        Ok(())
    }

    /// The next complete request, unless the last one still waits for its answer.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Broken> {
        if self.waits || self.closing || self.gone {
            return Ok(None);
        }
        let taken = self.inbox.take();
        if matches!(taken, Ok(None)) {
            self.inbox.shrink();
        }
        taken
    }

    /// Queues an answer and sends what goes.
    pub(super) fn reply(&mut self, reply: &Reply, fd: Option<Rc<OwnedFd>>) {
        match encode(reply) {
            Ok(bytes) => self.out.push_back(Outgoing { bytes, sent: 0, fd }),
            Err(_) => self.gone = true,
        }
        self.flush();
    }

    /// Sends what goes without waiting.
    pub(super) fn flush(&mut self) {
        while let Some(first) = self.out.front_mut() {
            let rest = first.bytes.get(first.sent..).unwrap_or_default();
            let fds: Vec<_> = first.fd.iter().map(|fd| fd.as_fd()).collect();
            match cala_sys::scm::send(&self.stream, rest, &fds) {
                Ok(count) => {
                    first.sent += count;
                    first.fd = None;
                    if first.sent == first.bytes.len() {
                        self.out.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.gone = true;
                    return;
                }
            }
        }
        // The memory of a burst is given back.
        self.out = VecDeque::new();
    }

    /// Whether the other side is gone, though that was not yet told.
    pub(super) fn is_hung_up(&self) -> bool {
        let interest = [Interest { fd: self.stream.as_fd(), read: false, write: false, token: () }];
        let mut ready = Vec::new();
        let asked = poll::wait(&interest, Some(Instant::now()), &mut ready);
        self.gone || asked.is_err() || ready.iter().any(|event| event.hangup)
    }

    pub(super) fn wants_read(&self) -> bool {
        let held: usize = self.out.iter().map(|outgoing| outgoing.bytes.len() - outgoing.sent).sum();
        // While a request waits, its client's end must still be seen: by the hang-up, which is always told.
        !self.waits && !self.closing && held < MAX_HELD
    }

    pub(super) fn wants_write(&self) -> bool {
        !self.out.is_empty()
    }

    /// Whether nothing more is to be done with it.
    pub(super) fn is_finished(&self) -> bool {
        self.gone || (self.closing && self.out.is_empty())
    }
}
