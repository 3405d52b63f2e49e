//! Following events as they happen.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cala_spec::Event;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify;

use super::CURRENT;
use super::read::{EventReader, open_full, parse_line};

/// How many segments that were read before are kept open.
const MAX_PREVIOUS: usize = 8;

/// Waits for events. Everything that is written after [`EventFollower::open`] returned is seen once, across rotations.
#[derive(Debug)]
pub struct EventFollower {
    directory: PathBuf,
    watch: OwnedFd,
    /// Segments read before, the oldest first: a writer that opened one before it was renamed may still add to it.
    previous: VecDeque<Tail>,
    current: Option<Tail>,
    /// Full segments of the time before, still to be told.
    history: Option<EventReader>,
    since_ns: Option<i64>,
    ready: VecDeque<Event>,
    stop: Option<OwnedFd>,
}

/// An open segment, read up to its position.
#[derive(Debug)]
struct Tail {
    file: File,
    /// The beginning of a line whose end has not been written yet.
    rest: Vec<u8>,
}

impl EventFollower {
    /// Begins to follow the log in `directory` at its present end.
    ///
    /// # Errors
    /// Failed system calls; `EMFILE` among them when the user's inotify instances are used up.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let mut follower = Self::watch(directory)?;
        if let Some(tail) = &mut follower.current {
            tail.file.seek(SeekFrom::End(0))?;
        }
        Ok(follower)
    }

    /// As [`EventFollower::open`], but first tells what happened from `since_ns` (nanoseconds since the Unix epoch) on;
    /// between past and present nothing is lost and nothing told twice.
    ///
    /// # Errors
    /// As [`EventFollower::open`].
    pub fn open_since(directory: &Path, since_ns: i64) -> io::Result<Self> {
        let mut follower = Self::watch(directory)?;
        let inode = follower.current.as_ref().and_then(Tail::inode);
        let full = open_full(directory, Some(since_ns), inode)?;
        follower.history = Some(EventReader::of(full, Some(since_ns)));
        follower.since_ns = Some(since_ns);
        Ok(follower)
    }

    fn watch(directory: &Path) -> io::Result<Self> {
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let flags =
            inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_FROM;
        inotify::add_watch(&watch, directory, flags)?;
        Ok(Self {
            directory: directory.to_owned(),
            watch,
            previous: VecDeque::new(),
            current: Tail::open(&directory.join(CURRENT))?,
            history: None,
            since_ns: None,
            ready: VecDeque::new(),
            stop: None,
        })
    }

    /// Ends the waiting when `stop` becomes readable or is hung up (the read end of a pipe, an eventfd).
    #[must_use]
    pub fn with_stop(mut self, stop: OwnedFd) -> Self {
        self.stop = Some(stop);
        self
    }

    /// The next event; `None` after `timeout` (`None`: no limit), or at once when it was stopped.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn next_event(&mut self, timeout: Option<Duration>) -> io::Result<Option<Event>> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if let Some(event) = self.history.as_mut().and_then(Iterator::next) {
                return Ok(Some(event));
            }
            self.history = None;
            while let Some(event) = self.ready.pop_front() {
                if self.since_ns.is_none_or(|since| event.time_ns >= since) {
                    return Ok(Some(event));
                }
            }
            // Changes noticed up to here are read below; later ones wake the wait.
            self.drain_watch()?;
            self.read_new()?;
            if self.ready.is_empty() && !self.wait(deadline)? {
                return Ok(None);
            }
        }
    }

    /// False at the deadline or when stopped.
    fn wait(&self, deadline: Option<Instant>) -> io::Result<bool> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(false);
        }
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = vec![PollFd::new(&self.watch, PollFlags::IN)];
        if let Some(stop) = &self.stop {
            fds.push(PollFd::new(stop, PollFlags::IN));
        }
        match rustix::event::poll(&mut fds, left.as_ref()) {
            Ok(0) => Ok(false),
            Ok(_) => Ok(fds.get(1).is_none_or(|stop| stop.revents().is_empty())),
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    fn drain_watch(&self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.watch, &mut buffer);
        loop {
            match reader.next() {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read_new(&mut self) -> io::Result<()> {
        for tail in &mut self.previous {
            tail.read_into(&mut self.ready)?;
        }
        if let Some(tail) = &mut self.current {
            tail.read_into(&mut self.ready)?;
        }
        let named = std::fs::metadata(self.directory.join(CURRENT)).ok().map(|meta| meta.ino());
        let open = self.current.as_ref().and_then(Tail::inode);
        if named.is_none() || named == open {
            return Ok(());
        }
        // Renamed and begun anew. What came into the old one between the read above and now is read next time.
        if let Some(next) = Tail::open(&self.directory.join(CURRENT))? {
            let between = self.open_between(open, next.inode())?;
            self.previous.extend(self.current.replace(next));
            self.previous.extend(between);
            self.previous.drain(..self.previous.len().saturating_sub(MAX_PREVIOUS));
            return self.read_new();
        }
        Ok(())
    }

    /// In a burst several segments may fill up between two looks: those that lie between the one read and the next.
    fn open_between(&self, read: Option<u64>, next: Option<u64>) -> io::Result<Vec<Tail>> {
        let mut full = open_full(&self.directory, None, next)?;
        let inode = |file: &File| file.metadata().ok().map(|meta| meta.ino());
        let Some(at) = full.iter().position(|file| read.is_some() && inode(file) == read) else {
            return Ok(Vec::new());
        };
        Ok(full.drain(at + 1..).map(|file| Tail { file, rest: Vec::new() }).collect())
    }
}

impl AsFd for EventFollower {
    /// Becomes readable when there may be something new: for event loops, with a zero timeout after it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

impl Tail {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Self { file, rest: Vec::new() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn inode(&self) -> Option<u64> {
        self.file.metadata().ok().map(|meta| meta.ino())
    }

    fn read_into(&mut self, ready: &mut VecDeque<Event>) -> io::Result<()> {
        self.file.read_to_end(&mut self.rest)?;
        let end = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in self.rest.drain(..end).collect::<Vec<u8>>().split(|byte| *byte == b'\n') {
            ready.extend(parse_line(line));
        }
        Ok(())
    }
}
