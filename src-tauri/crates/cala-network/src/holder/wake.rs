//! How other threads come back to the loop: a channel, and an eventfd(2) that makes poll(2) return.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::event::{EventfdFlags, eventfd};

/// The loop's end: readable when there is a message.
#[derive(Debug)]
pub(super) struct Wake(Arc<OwnedFd>);

/// A thread's end.
#[derive(Debug)]
pub(super) struct Notifier<T> {
    sender: Sender<T>,
    wake: Arc<OwnedFd>,
}

/// Both ends, and the messages.
pub(super) fn pair<T>() -> io::Result<(Notifier<T>, Wake, Receiver<T>)> {
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let (sender, receiver) = channel();
    Ok((Notifier { sender, wake: wake.clone() }, Wake(wake), receiver))
}

impl<T> Notifier<T> {
    /// Sends a message. Nothing happens when the loop has ended.
    pub(super) fn send(&self, message: T) {
        if self.sender.send(message).is_ok() {
            // EAGAIN: it is readable already, by 2⁶⁴ messages.
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }
}

impl<T> Clone for Notifier<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), wake: self.wake.clone() }
    }
}

impl Wake {
    /// Makes it unreadable until the next message; to be called before the messages are taken.
    pub(super) fn clear(&self) {
        // EAGAIN: it was not readable.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
