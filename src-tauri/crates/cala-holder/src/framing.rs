//! Messages and descriptors on a stream socket: how they are cut apart again.
//!
//! The kernel delivers descriptors with the bytes that they were sent with and ends a read there (unix(7)). They were sent
//! with the first byte of their message, so they belong to the message that contains the last byte of that read. Pure;
//! used by both sides.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use serde::Serialize;

use crate::protocol::{MAX_DESCRIPTORS, MAX_MESSAGE};

/// Bytes of the length before a message.
const HEAD: usize = 4;

/// Descriptors that may wait for the rest of their message; more come from nobody who keeps to the protocol.
const MAX_WAITING: usize = 4 * MAX_DESCRIPTORS;

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The announced length exceeds [`MAX_MESSAGE`].
    #[error("a message of {0} bytes")]
    TooLong(usize),
    /// More descriptors than any message has.
    #[error("too many descriptors")]
    TooManyDescriptors,
}

/// A message with what came beside it.
#[derive(Debug)]
pub struct Message {
    /// JSON.
    pub body: Vec<u8>,
    /// The descriptors, in the order they were sent.
    pub fds: Vec<OwnedFd>,
}

/// Bytes and descriptors that were read and are not yet taken as messages.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// Descriptors, each with the position in `bytes` at which the read that brought it ended.
    fds: VecDeque<(usize, OwnedFd)>,
}

impl Inbox {
    /// Adds what one recvmsg(2) gave.
    ///
    /// # Errors
    /// [`Broken::TooManyDescriptors`]; those at hand are closed then.
    pub fn push(&mut self, bytes: &[u8], fds: Vec<OwnedFd>) -> Result<(), Broken> {
        self.bytes.extend_from_slice(bytes);
        let end = self.bytes.len();
        self.fds.extend(fds.into_iter().map(|fd| (end, fd)));
        if self.fds.len() > MAX_WAITING {
            self.fds.clear();
            return Err(Broken::TooManyDescriptors);
        }
        Ok(())
    }

    /// Takes the first complete message; `None` means that more bytes are needed.
    ///
    /// # Errors
    /// [`Broken::TooLong`].
    pub fn take(&mut self) -> Result<Option<Message>, Broken> {
        let Some(head) = self.bytes.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*head) as usize;
        if length > MAX_MESSAGE {
            return Err(Broken::TooLong(length));
        }
        let end = HEAD + length;
        if self.bytes.len() < end {
            return Ok(None);
        }
        let rest = self.bytes.split_off(end);
        let mut body = std::mem::replace(&mut self.bytes, rest);
        body.drain(..HEAD);
        let mut fds = Vec::new();
        while self.fds.front().is_some_and(|(position, _)| *position <= end) {
            fds.extend(self.fds.pop_front().map(|(_, fd)| fd));
        }
        for (position, _) in &mut self.fds {
            *position -= end;
        }
        Ok(Some(Message { body, fds }))
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.fds.is_empty()
    }

    /// Gives the memory of a burst back.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.fds.shrink_to_fit();
    }
}

/// A JSON message with its length before it.
///
/// # Errors
/// An error of serialisation, which the types of [`crate::protocol`] do not have.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = vec![0; HEAD];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - HEAD).unwrap_or(u32::MAX);
    if let Some(head) = bytes.get_mut(..HEAD) {
        head.copy_from_slice(&length.to_le_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::protocol::{Launch, PROTOCOL, Request};

    fn hello() -> Request {
        Request::Hello { protocol: PROTOCOL, version: "1".into() }
    }

    #[test]
    fn messages_survive_any_cut() {
        let second = Request::Resolve { name: "web".into() };
        let mut stream = encode(&hello()).unwrap();
        stream.extend(encode(&second).unwrap());
        for step in 1..stream.len() {
            let (mut inbox, mut seen) = (Inbox::default(), Vec::new());
            for piece in stream.chunks(step) {
                inbox.push(piece, Vec::new()).unwrap();
                while let Some(message) = inbox.take().unwrap() {
                    seen.push(serde_json::from_slice::<Request>(&message.body).unwrap());
                }
            }
            assert_eq!(seen, [hello(), second.clone()], "step {step}");
            assert!(inbox.is_empty());
        }
    }

    #[test]
    fn descriptors_stay_with_their_message() {
        let (a, b) = UnixStream::pair().unwrap();
        let launch = Request::Launch(Launch { network_dir: "/n".into(), run_root: "/r".into() });
        let null = std::fs::File::open("/dev/null").unwrap();
        for size in [1, 3, 7, 4096] {
            cala_sys::scm::send(&a, &encode(&hello()).unwrap(), &[]).unwrap();
            cala_sys::scm::send(&a, &encode(&launch).unwrap(), &[null.as_fd(), null.as_fd()]).unwrap();
            cala_sys::scm::send(&a, &encode(&hello()).unwrap(), &[]).unwrap();
            let (mut inbox, mut counts, mut buffer) = (Inbox::default(), Vec::new(), vec![0; size]);
            while counts.len() < 3 {
                let (count, fds) = cala_sys::scm::receive(&b, &mut buffer).unwrap();
                inbox.push(&buffer[..count], fds).unwrap();
                while let Some(message) = inbox.take().unwrap() {
                    counts.push(message.fds.len());
                }
            }
            assert_eq!(counts, [0, 2, 0], "reads of {size}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_much_is_refused() {
        let mut inbox = Inbox::default();
        inbox.push(&u32::MAX.to_le_bytes(), Vec::new()).unwrap();
        assert!(matches!(inbox.take(), Err(Broken::TooLong(_))));
        let mut inbox = Inbox::default();
        let fds = (0..=MAX_WAITING).map(|_| std::fs::File::open("/dev/null").unwrap().into()).collect();
        assert_eq!(inbox.push(b"x", fds), Err(Broken::TooManyDescriptors));
        assert!(inbox.fds.is_empty());
    }

    #[test]
    fn the_words_for_the_user_namespace_are_those_that_cala_userns_sends() {
        let hello: Request = serde_json::from_slice(cala_userns::wire::HELLO).unwrap();
        assert!(matches!(hello, Request::Hello { protocol: PROTOCOL, .. }));
        let ask: Request = serde_json::from_slice(cala_userns::wire::ASK).unwrap();
        assert_eq!(ask, Request::UserNamespace);
    }
}
