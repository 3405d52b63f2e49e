//! The one epoll(7) of the name server, and what its tokens mean.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::table::Key;

/// Events taken at once.
const EVENTS: usize = 128;

/// Where in a token its kind is.
const KIND_SHIFT: u32 = 56;

/// Whose descriptor an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// The handle was dropped.
    Stop,
    /// A UDP socket of ours, by its number.
    Datagrams(usize),
    /// A TCP listener of ours, by its number.
    Listener(usize),
    /// A client's connection.
    Client(Key),
    /// A question that somebody else was asked.
    Pending(Key),
    /// The holder of another network.
    Peer(Key),
}

impl Token {
    fn to_u64(self) -> u64 {
        let (kind, rest) = match self {
            Self::Stop => (0, 0),
            Self::Datagrams(number) => (1, number as u64),
            Self::Listener(number) => (2, number as u64),
            Self::Client(key) => (3, key.to_bits()),
            Self::Pending(key) => (4, key.to_bits()),
            Self::Peer(key) => (5, key.to_bits()),
        };
        kind << KIND_SHIFT | rest
    }

    fn from_u64(bits: u64) -> Self {
        let rest = bits & ((1 << KIND_SHIFT) - 1);
        let number = || usize::try_from(rest).unwrap_or(usize::MAX);
        match bits >> KIND_SHIFT {
            1 => Self::Datagrams(number()),
            2 => Self::Listener(number()),
            3 => Self::Client(Key::from_bits(rest)),
            4 => Self::Pending(Key::from_bits(rest)),
            5 => Self::Peer(Key::from_bits(rest)),
            _ => Self::Stop,
        }
    }
}

/// What happened on a descriptor. An error or an end counts as both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Happened {
    pub(super) token: Token,
    pub(super) read: bool,
    pub(super) write: bool,
}

#[derive(Debug)]
pub(super) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(super) fn add(&self, fd: impl AsFd, token: Token, read: bool, write: bool) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token.to_u64()), flags(read, write))?)
    }

    pub(super) fn modify(&self, fd: impl AsFd, token: Token, read: bool, write: bool) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, EventData::new_u64(token.to_u64()), flags(read, write))?)
    }

    /// Waits no more for a descriptor that lives on.
    pub(super) fn forget(&self, fd: impl AsFd) {
        // One that is not waited for is what was wanted.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something happens or the time is over.
    pub(super) fn wait(&self, timeout: Option<Duration>, happened: &mut Vec<Happened>) -> io::Result<()> {
        happened.clear();
        let timeout = timeout.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        let mut room = [const { MaybeUninit::<Event>::uninit() }; EVENTS];
        let events = match epoll::wait(&self.epoll, &mut room, timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        happened.extend(events.iter().map(|event| {
            let flags = event.flags;
            let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            Happened {
                token: Token::from_u64(event.data.u64()),
                read: broken || flags.contains(EventFlags::IN),
                write: broken || flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }
}

fn flags(read: bool, write: bool) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, read);
    flags.set(EventFlags::OUT, write);
    flags
}
