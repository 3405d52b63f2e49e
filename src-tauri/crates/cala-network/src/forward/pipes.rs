//! Pipes for splice(2): a pool, because only flows that move much have one.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, SpliceFlags};

/// Pipes at most. The kernel lets a user have 64 MiB of pipe buffers before new ones become tiny
/// (pipe(7), pipe-user-pages-soft).
const MOST: usize = 128;

/// Bytes of a pipe. Measured, in and out: 32 KiB 11 and 18 Gbit/s, 64 KiB 22 and 20, 128 KiB 25 and 23, 256 KiB 22 and 24;
/// beyond, what is in it has left the processor's cache when it comes out.
const SIZE: usize = 128 << 10;

/// A pipe that the kernel made smaller than this is slower than copying: the user has used up their pipe buffers
/// (pipe(7), pipe-user-pages-soft), perhaps in another program.
const LEAST: usize = 64 << 10;

/// How long nobody tries again after the kernel has given no pipe that is worth it.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes asked for at once: more than a pipe's buffers hold, which are as large as the network's.
const CHUNK: usize = 1 << 20;

/// The pipes of all threads.
#[derive(Debug, Default, Clone)]
pub(super) struct Pipes(Arc<Mutex<Pool>>);

#[derive(Debug, Default)]
struct Pool {
    unused: Vec<(OwnedFd, OwnedFd)>,
    made: usize,
    /// Until when it is not tried to make one.
    paused: Option<Instant>,
}

impl Pipes {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pipe, unless all are in use or none is to be had that is worth it: then bytes are copied.
    pub(super) fn take(&self) -> Option<Pipe> {
        let mut pool = self.pool();
        let ends = match pool.unused.pop() {
            Some(ends) => ends,
            None if pool.made >= MOST || pool.paused.is_some_and(|until| Instant::now() < until) => {
                return None;
            }
            None => {
                let Some(ends) = make() else {
                    pool.paused = Instant::now().checked_add(PAUSE);
                    return None;
                };
                pool.made += 1;
                ends
            }
        };
        Some(Pipe { ends: Some(ends), bytes: 0, pool: self.clone() })
    }

    /// How many there are.
    pub(super) fn made(&self) -> usize {
        self.pool().made
    }

    /// Closes those that nobody uses.
    pub(super) fn trim(&self) {
        let mut pool = self.pool();
        pool.made -= pool.unused.len();
        pool.unused.clear();
    }
}

/// A pipe of a size that is worth it.
fn make() -> Option<(OwnedFd, OwnedFd)> {
    let ends = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
    // Without it the pipe is as large as pipes are.
    let _ = rustix::pipe::fcntl_setpipe_size(&ends.1, SIZE);
    (rustix::pipe::fcntl_getpipe_size(&ends.1).ok()? >= LEAST).then_some(ends)
}

/// A pipe in use; back in the pool when dropped empty, closed when dropped with bytes in it.
#[derive(Debug)]
pub(super) struct Pipe {
    ends: Option<(OwnedFd, OwnedFd)>,
    bytes: usize,
    pool: Pipes,
}

impl Pipe {
    /// Bytes in it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Moves what a socket has received into the (empty) pipe; 0 is the end of its stream.
    pub(super) fn fill(&mut self, socket: &OwnedFd) -> Result<usize, Errno> {
        let Some((_, write)) = &self.ends else { return Ok(0) };
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let moved = rustix::pipe::splice(socket, None, write, None, CHUNK, flags)?;
        self.bytes += moved;
        Ok(moved)
    }

    /// Moves bytes out to a socket.
    pub(super) fn drain(&mut self, socket: &OwnedFd) -> Result<usize, Errno> {
        let Some((read, _)) = &self.ends else { return Ok(0) };
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let moved = rustix::pipe::splice(read, None, socket, None, self.bytes, flags)?;
        self.bytes = self.bytes.saturating_sub(moved);
        Ok(moved)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut pool = self.pool.pool();
        match self.ends.take() {
            Some(ends) if self.bytes == 0 => pool.unused.push(ends),
            _ => pool.made = pool.made.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_is_bounded_and_pipes_come_back() {
        let pipes = Pipes::default();
        let mut held: Vec<Pipe> = std::iter::from_fn(|| pipes.take()).collect();
        assert_eq!(held.len(), MOST);
        held.pop();
        assert!(pipes.take().is_some());
        drop(held);
        pipes.trim();
        assert_eq!(pipes.pool().made, 0);
    }

    #[test]
    fn a_pipe_that_is_too_small_is_none() {
        // An unprivileged user has 64 MiB of them (pipe(7)); whoever uses them up, even in another program, does so for us.
        let large = || {
            let ends = rustix::pipe::pipe().ok()?;
            rustix::pipe::fcntl_setpipe_size(&ends.1, 1 << 20).ok().map(|_| ends)
        };
        let used: Vec<_> = std::iter::from_fn(large).take(200).collect();
        assert!(used.len() < 200, "this user's pipes are not limited");
        let more: Vec<_> = std::iter::from_fn(|| rustix::pipe::pipe().ok()).take(100).collect();
        let pipes = Pipes::default();
        assert!(pipes.take().is_none());
        drop((used, more));
        assert!(pipes.take().is_none(), "not tried again at once");
        pipes.pool().paused = None;
        assert!(pipes.take().is_some());
    }
}
