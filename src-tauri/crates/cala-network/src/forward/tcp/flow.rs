//! One connection: two sockets and what is on its way between them.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};

use super::super::budget::Place;
use super::super::pipes::{Pipe, Pipes};
use super::super::route::Route;

/// Bytes copied at once, and the size of the thread's buffer.
pub(super) const BUFFER: usize = 64 << 10;

/// Bytes that one flow may move before it is another one's turn.
const TURN: usize = 1 << 20;

/// Reads in a row that filled the buffer until a flow is moved by splice(2): below, copying is cheaper than two more
/// descriptors.
const FULL_READS: u8 = 2;

/// One end of a connection, and what epoll last said of it (edge-triggered).
#[derive(Debug)]
pub(super) struct Side {
    pub(super) socket: OwnedFd,
    readable: bool,
    writable: bool,
    /// The peer has closed or reset: there is something to read even after a short read.
    hung_up: bool,
}

impl Side {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self { socket, readable: false, writable: false, hung_up: false }
    }

    /// Another epoll instance will say anew what is ready.
    fn forget(&mut self) {
        (self.readable, self.writable, self.hung_up) = (false, false, false);
    }

    fn note(&mut self, flags: EventFlags) {
        let over = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        self.hung_up |= over;
        self.readable |= over || flags.contains(EventFlags::IN);
        self.writable |= flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR);
    }
}

/// What has been read and not yet been written.
#[derive(Debug, Default)]
enum Pending {
    #[default]
    Nothing,
    Bytes {
        bytes: Box<[u8]>,
        written: usize,
    },
    Piped(Pipe),
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Direction {
    pending: Pending,
    /// The reader has come to the end of the stream.
    ended: bool,
    /// The end has been passed on.
    finished: bool,
    full_reads: u8,
    /// Moves much: it gets a pipe as soon as nothing is pending.
    big: bool,
    /// Moved something since the last look.
    active: bool,
}

/// How far a direction came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Until one of the sockets has news.
    Waiting,
    /// Its turn is over, there may be more.
    Again,
    /// Everything and the end have been passed on.
    Finished,
    /// The connection was reset.
    Reset,
    /// The writer's peer takes no more.
    Refused,
}

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits for an event.
    Waiting,
    /// It wants another turn.
    Again,
    /// Both directions have ended.
    Ended,
    /// It was reset.
    Reset,
}

/// What the flows of a thread use together.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) buffer: Box<[u8]>,
    pub(super) pipes: Pipes,
    /// Whether flows are moved by splice(2) here; if not they are copied until they are handed over.
    pub(super) splices: bool,
}

/// A connection that waits for the container's answer.
#[derive(Debug)]
pub(super) struct Connecting {
    /// Further ways to try, the next one last.
    pub(super) rest: Vec<Route>,
    /// The container's port.
    pub(super) port: u16,
    /// When to give up.
    pub(super) deadline: Instant,
}

/// A connection.
#[derive(Debug)]
pub(in super::super) struct Flow {
    pub(super) client: Side,
    pub(super) server: Side,
    pub(super) connecting: Option<Connecting>,
    /// The container's address.
    pub(super) to: IpAddr,
    up: Direction,
    down: Direction,
    broken: bool,
    /// In the list of those that want another turn.
    pub(super) queued: bool,
    _place: Place,
}

impl Flow {
    pub(super) fn new(
        client: OwnedFd,
        server: OwnedFd,
        to: IpAddr,
        connecting: Connecting,
        place: Place,
    ) -> Self {
        Self {
            client: Side::new(client),
            server: Side::new(server),
            connecting: Some(connecting),
            to,
            up: Direction::default(),
            down: Direction::default(),
            broken: false,
            queued: false,
            _place: place,
        }
    }

    /// Takes note of an event.
    pub(super) fn note(&mut self, of_client: bool, flags: EventFlags) {
        if of_client { self.client.note(flags) } else { self.server.note(flags) }
    }

    /// Moves what can be moved.
    pub(super) fn advance(&mut self, tools: &mut Tools) -> Progress {
        let up = self.up.pump(&mut self.client, &mut self.server, tools);
        let down = self.down.pump(&mut self.server, &mut self.client, tools);
        let steps = [up, down];
        self.broken |= steps.contains(&Step::Refused);
        if steps.contains(&Step::Reset) {
            return Progress::Reset;
        }
        if steps.contains(&Step::Again) {
            return Progress::Again;
        }
        let over = |step| matches!(step, Step::Finished | Step::Refused);
        match (over(up) && over(down), self.broken) {
            (true, false) => Progress::Ended,
            // What the one who takes no more had still said is passed on first, as far as the other takes it.
            (true, true) => Progress::Reset,
            (false, true) if steps.contains(&Step::Waiting) => Progress::Reset,
            (false, _) => Progress::Waiting,
        }
    }

    /// Another socket towards the container.
    pub(super) fn replace_server(&mut self, server: OwnedFd, to: IpAddr) {
        self.server = Side::new(server);
        self.to = to;
    }

    /// Makes it ready for another thread.
    pub(super) fn leave(&mut self) {
        self.client.forget();
        self.server.forget();
        self.queued = false;
    }

    /// Whether it moves much.
    pub(super) fn is_big(&self) -> bool {
        self.up.big || self.down.big
    }

    /// Gives back the pipes of directions that have moved nothing since the last call.
    pub(super) fn release_idle_pipes(&mut self) {
        self.up.release_idle_pipe();
        self.down.release_idle_pipe();
    }

    /// Makes the close of both sockets a reset.
    pub(super) fn reset(&self) {
        for side in [&self.client, &self.server] {
            let _ = rustix::net::sockopt::set_socket_linger(&side.socket, Some(Duration::ZERO));
        }
    }
}

impl Direction {
    fn release_idle_pipe(&mut self) {
        let empty = match &self.pending {
            Pending::Nothing => true,
            Pending::Piped(pipe) => pipe.bytes() == 0,
            Pending::Bytes { .. } => false,
        };
        if !self.active && empty {
            self.pending = Pending::Nothing;
            self.full_reads = 0;
            self.big = false;
        }
        self.active = false;
    }

    fn pump(&mut self, from: &mut Side, to: &mut Side, tools: &mut Tools) -> Step {
        let mut moved = 0;
        loop {
            if self.finished {
                return Step::Finished;
            }
            if !to.writable {
                return Step::Waiting;
            }
            match self.write(to) {
                Ok(true) => {}
                Ok(false) => return Step::Waiting,
                Err(_) => return Step::Refused,
            }
            if self.ended {
                self.finished = true;
                // ENOTCONN: the other side is gone already, its own reads will tell.
                let _ = rustix::net::shutdown(&to.socket, Shutdown::Write);
                self.pending = Pending::Nothing;
                return Step::Finished;
            }
            if moved >= TURN {
                return Step::Again;
            }
            if !from.readable {
                return Step::Waiting;
            }
            match self.read(from, to, tools) {
                Ok(0) => self.ended = true,
                Ok(bytes) => moved += bytes,
                Err(Errno::AGAIN) => {
                    from.readable = false;
                    return Step::Waiting;
                }
                Err(Errno::INTR) => {}
                Err(_) => return Step::Reset,
            }
        }
    }

    /// Writes what is pending; says whether all of it went.
    fn write(&mut self, to: &mut Side) -> Result<bool, Errno> {
        loop {
            let result = match &mut self.pending {
                Pending::Nothing => return Ok(true),
                Pending::Piped(pipe) if pipe.bytes() == 0 => return Ok(true),
                Pending::Piped(pipe) => pipe.drain(&to.socket).map(|_| ()),
                Pending::Bytes { bytes, written } => {
                    rustix::net::send(&to.socket, &bytes[*written..], SendFlags::NOSIGNAL)
                        .map(|count| *written += count)
                }
            };
            match result {
                Ok(()) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    to.writable = false;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
            if matches!(&self.pending, Pending::Bytes { bytes, written } if *written == bytes.len()) {
                self.pending = Pending::Nothing;
            }
        }
    }

    /// Reads once; nothing is pending. Bytes that are copied are sent at once.
    fn read(&mut self, from: &mut Side, to: &mut Side, tools: &mut Tools) -> Result<usize, Errno> {
        self.active = true;
        if self.big && tools.splices && matches!(self.pending, Pending::Nothing) {
            self.pending = tools.pipes.take().map_or(Pending::Nothing, Pending::Piped);
        }
        if let Pending::Piped(pipe) = &mut self.pending {
            return pipe.fill(&from.socket);
        }
        let (count, _) = rustix::net::recv(&from.socket, &mut tools.buffer[..], RecvFlags::empty())?;
        if count == 0 {
            return Ok(0);
        }
        let full = count == tools.buffer.len();
        // A short read has emptied the socket: what comes later is a new edge, except for an end that was told before.
        from.readable = full || from.hung_up;
        self.send(&tools.buffer[..count], to);
        self.full_reads = if full { self.full_reads.saturating_add(1) } else { 0 };
        self.big |= self.full_reads >= FULL_READS;
        Ok(count)
    }

    /// Sends bytes; keeps what does not go. An error is met again by the next write.
    fn send(&mut self, bytes: &[u8], to: &mut Side) {
        let sent = match rustix::net::send(&to.socket, bytes, SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(error) => {
                to.writable = error != Errno::AGAIN;
                0
            }
        };
        if sent < bytes.len() {
            self.pending = Pending::Bytes { bytes: bytes[sent..].into(), written: 0 };
        }
    }
}
