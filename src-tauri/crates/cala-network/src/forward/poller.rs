//! One thread's epoll(7) and the mailbox by which other threads reach it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec};

/// Events taken at once.
const EVENTS: usize = 256;

/// The token of the mailbox.
pub(super) const INBOX: u64 = u64::MAX;

/// An epoll instance.
pub(super) struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poller {
    /// epoll_create1(2).
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)?, events: Vec::with_capacity(EVENTS) })
    }

    /// Waits for `flags` on a descriptor; its events carry the token.
    pub(super) fn add(&self, fd: impl AsFd, token: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), flags)?)
    }

    /// Waits no more; a descriptor that is not waited for is no error.
    pub(super) fn delete(&self, fd: impl AsFd) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something happens or the time is over and puts (token, flags) into `happened`.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
        happened: &mut Vec<(u64, EventFlags)>,
    ) -> io::Result<()> {
        self.events.clear();
        happened.clear();
        let timeout = timeout.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, spare, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        happened.extend(self.events.iter().map(|event| (event.data.u64(), event.flags)));
        Ok(())
    }
}

/// A mailbox with an eventfd(2) that wakes its reader.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    letters: Mutex<Vec<T>>,
    bell: OwnedFd,
}

impl<T> Inbox<T> {
    /// eventfd(2).
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { letters: Mutex::new(Vec::new()), bell }))
    }

    /// Lays a letter in and wakes the reader.
    pub(super) fn post(&self, letter: T) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// All letters.
    pub(super) fn take(&self) -> Vec<T> {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Rings at this poller with the token [`INBOX`].
    pub(super) fn register(&self, poller: &Poller) -> io::Result<()> {
        poller.add(&self.bell, INBOX, EventFlags::IN)
    }
}
