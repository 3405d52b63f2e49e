//! Waiting for a change in a directory (inotify(7)). Only the engine watches; monitors do not, a user has few instances.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

/// A watched directory.
#[derive(Debug)]
pub(crate) struct DirWatch {
    fd: OwnedFd,
}

impl DirWatch {
    /// Watches for writes, renames, closed files and the end of the directory itself.
    ///
    /// # Errors
    /// When the directory is gone or the user's instances are used up (`fs.inotify.max_user_instances`).
    pub(crate) fn new(dir: &Path) -> io::Result<Self> {
        use inotify::{CreateFlags, WatchFlags};
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&fd, dir, flags)?;
        Ok(Self { fd })
    }

    /// Waits for something to happen, or until the time is over; tells whether something did. What happened is dropped:
    /// the caller looks at the files.
    ///
    /// # Errors
    /// When poll(2) fails.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> io::Result<bool> {
        if !readable(&self.fd, limit)? {
            return Ok(false);
        }
        self.drop_events()?;
        Ok(true)
    }

    /// Waits for something to happen here or for something to read there; tells whether it was the latter.
    ///
    /// # Errors
    /// When poll(2) fails.
    pub(crate) fn wait_or(&self, other: Option<&impl AsFd>) -> io::Result<bool> {
        let Some(other) = other else { return self.wait(None).map(|_| false) };
        loop {
            let mut fds = [PollFd::new(other, PollFlags::IN), PollFd::new(&self.fd, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) if fds.first().is_some_and(|fd| !fd.revents().is_empty()) => return Ok(true),
                Ok(_) => {
                    self.drop_events()?;
                    return Ok(false);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn drop_events(&self) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
        loop {
            match reader.next() {
                Ok(_) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits until a descriptor can be read, has ended, or the time is over.
///
/// # Errors
/// When poll(2) fails.
pub(crate) fn readable(fd: impl AsFd, limit: Option<Duration>) -> io::Result<bool> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
