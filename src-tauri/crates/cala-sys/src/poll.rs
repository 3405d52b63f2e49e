//! poll(2): waiting for many descriptors and a deadline at once.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

/// What is waited for on a descriptor, and the caller's mark for it.
#[derive(Debug, Clone, Copy)]
pub struct Interest<'a, T> {
    /// The descriptor.
    pub fd: BorrowedFd<'a>,
    /// Whether bytes to read (or a connection, or an end) are waited for.
    pub read: bool,
    /// Whether room to write is waited for.
    pub write: bool,
    /// The caller's mark.
    pub token: T,
}

/// What happened on a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready<T> {
    /// The caller's mark.
    pub token: T,
    /// A read will not wait (bytes, end of file or an error).
    pub read: bool,
    /// A write will not wait (room or an error).
    pub write: bool,
    /// The other side is gone.
    pub hangup: bool,
}

/// Waits until something happens or the deadline has passed (an empty answer). An interruption by a signal is an empty
/// answer too.
///
/// # Errors
/// Those of poll(2) except EINTR.
pub fn wait<T: Copy>(
    interests: &[Interest<'_, T>],
    deadline: Option<Instant>,
    ready: &mut Vec<Ready<T>>,
) -> io::Result<()> {
    ready.clear();
    let mut fds: Vec<PollFd<'_>> = interests.iter().map(to_poll_fd).collect();
    let timeout = deadline.map(|deadline| timespec(deadline.saturating_duration_since(Instant::now())));
    match rustix::event::poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    for (fd, interest) in fds.iter().zip(interests) {
        let happened = fd.revents();
        if happened.is_empty() {
            continue;
        }
        let broken = happened.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
        ready.push(Ready {
            token: interest.token,
            read: happened.contains(PollFlags::IN) || (broken && interest.read),
            write: happened.contains(PollFlags::OUT) || (broken && interest.write),
            hangup: broken,
        });
    }
    Ok(())
}

fn to_poll_fd<'a, T>(interest: &'a Interest<'_, T>) -> PollFd<'a> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    PollFd::from_borrowed_fd(interest.fd.as_fd(), flags)
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn it_tells_bytes_an_end_and_a_deadline() {
        let (read, mut write) = io::pipe().unwrap();
        let mut ready = Vec::new();
        let interest = [Interest { fd: read.as_fd(), read: true, write: false, token: 7 }];
        wait(&interest, Some(Instant::now()), &mut ready).unwrap();
        assert!(ready.is_empty());
        write.write_all(b"x").unwrap();
        wait(&interest, None, &mut ready).unwrap();
        assert_eq!(ready, [Ready { token: 7, read: true, write: false, hangup: false }]);
        drop(write);
        wait(&interest, None, &mut ready).unwrap();
        assert!(ready[0].hangup);
    }
}
