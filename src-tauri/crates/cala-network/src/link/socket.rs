//! A netlink socket that asks one batch at a time and reads every answer (netlink(7), rtnetlink(7)).

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::LinkError;
use super::nft::Rules;

/// How long the kernel may take: it answers while we send, so only a lost answer is ever waited for.
const LIMIT: Duration = Duration::from_secs(5);

/// How long the kernel's link watch may take.
const RUNNING_LIMIT: Duration = Duration::from_millis(200);

/// Bytes of the largest answer: a dump comes in pieces of at most 32 KiB.
const ANSWER: usize = 1 << 15;

/// NLMSG_ERROR: an acknowledgement, with 0 for success.
const ACKNOWLEDGEMENT: u16 = 2;

/// A socket of any netlink family, connected to the kernel.
#[derive(Debug)]
pub(super) struct Channel {
    socket: Socket,
    sequence: u32,
    answer: Vec<u8>,
}

impl Channel {
    pub(super) fn open(family: isize) -> io::Result<Self> {
        let socket = Socket::new(family)?;
        rustix::net::sockopt::set_socket_timeout(
            socket.as_fd(),
            rustix::net::sockopt::Timeout::Recv,
            Some(LIMIT),
        )?;
        // Answers without a copy of the question; an old kernel that cannot is understood too.
        let _ = socket.set_cap_ack(true);
        Ok(Self { socket, sequence: 0, answer: Vec::with_capacity(ANSWER) })
    }

    /// The numbers of the next `count` messages.
    pub(super) fn reserve(&mut self, count: u32) -> u32 {
        let first = self.sequence.wrapping_add(1);
        self.sequence = self.sequence.wrapping_add(count);
        first
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        self.socket.send(bytes, 0).map(drop)
    }

    /// The next datagram.
    pub(super) fn receive(&mut self) -> io::Result<&[u8]> {
        self.answer.clear();
        self.socket.recv(&mut self.answer, 0)?;
        Ok(&self.answer)
    }

    /// Throws away answers that are there already (after an error that ended a batch).
    pub(super) fn drain(&mut self) {
        loop {
            self.answer.clear();
            if self.socket.recv(&mut self.answer, DONT_WAIT).is_err() {
                return;
            }
        }
    }
}

/// MSG_DONTWAIT.
const DONT_WAIT: i32 = 0x40;

/// The messages of a datagram: number, type, and all bytes of each.
pub(super) fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u32, u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
        let sequence = u32_at(bytes, 8)?;
        let message = bytes.get(..length).filter(|_| length >= 16)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((sequence, kind, message))
    })
}

/// What an acknowledgement says: `Some(0)` for success, else a number of errno(3); `None` when the message is none.
pub(super) fn acknowledged(kind: u16, message: &[u8]) -> Option<i32> {
    (kind == ACKNOWLEDGEMENT).then(|| u32_at(message, 16).map_or(0, |code| code.cast_signed().wrapping_neg()))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// One thing to ask of the kernel.
#[derive(Debug)]
pub(crate) struct Request {
    /// What it is for, with its nouns; read only when it fails.
    act: String,
    message: RouteNetlinkMessage,
    flags: u16,
    /// Errors that mean "it is so already".
    tolerated: &'static [i32],
}

impl Request {
    pub(crate) fn new(act: impl Into<String>, message: RouteNetlinkMessage) -> Self {
        Self { act: act.into(), message, flags: 0, tolerated: &[] }
    }

    /// More flags of netlink(7), such as NLM_F_CREATE.
    pub(crate) fn flags(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    /// Numbers of errno(3) that are no error here.
    pub(crate) fn tolerate(mut self, errors: &'static [i32]) -> Self {
        self.tolerated = errors;
        self
    }
}

/// A routing socket: links, addresses, routes and rules of the network namespace in which it was opened, whatever thread
/// uses it.
#[derive(Debug)]
pub struct Link {
    channel: Channel,
    /// Rules of the same namespace; absent where only links and routes are asked for.
    rules: Option<Rules>,
}

impl Link {
    /// Opens one in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`LinkError::Socket`].
    pub fn open() -> Result<Self, LinkError> {
        let rules = Some(Rules::open().map_err(LinkError::Socket)?);
        Ok(Self { rules, ..Self::without_rules()? })
    }

    /// One that never changes rules.
    pub(crate) fn without_rules() -> Result<Self, LinkError> {
        let channel = Channel::open(NETLINK_ROUTE).map_err(LinkError::Socket)?;
        Ok(Self { channel, rules: None })
    }

    /// The rules of the namespace.
    pub(super) fn rules(&mut self) -> Result<&mut Rules, LinkError> {
        self.rules.as_mut().ok_or_else(|| LinkError::Socket(io::ErrorKind::Unsupported.into()))
    }

    /// Asks all of these in one system call; the kernel does them in this order and goes on after a failure. The first
    /// failure is told.
    pub(crate) fn ask(&mut self, requests: Vec<Request>) -> Result<(), LinkError> {
        let all = requests.len();
        let first = self.channel.reserve(u32::try_from(all).unwrap_or(u32::MAX));
        let mut bytes = Vec::with_capacity(1024);
        let mut asked = Vec::with_capacity(all);
        for (sequence, request) in (first..).zip(requests) {
            // A failure is answered anyway; that of the last comes after all others'.
            let last = if asked.len() + 1 == all { NLM_F_ACK } else { 0 };
            push(&mut bytes, request.message, NLM_F_REQUEST | last | request.flags, sequence);
            asked.push((request.act, request.tolerated));
        }
        self.channel.send(&bytes).map_err(LinkError::Socket)?;
        self.acknowledgements(first, asked)
    }

    fn acknowledgements(
        &mut self,
        first: u32,
        asked: Vec<(String, &'static [i32])>,
    ) -> Result<(), LinkError> {
        let mut codes = vec![None; asked.len()];
        while codes.last().is_some_and(Option::is_none) {
            for (sequence, kind, message) in messages(self.channel.receive().map_err(LinkError::Socket)?) {
                let at = usize::try_from(sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                if let (Some(slot), Some(code)) = (codes.get_mut(at), acknowledged(kind, message)) {
                    *slot = Some(code);
                }
            }
        }
        for ((act, tolerated), code) in asked.into_iter().zip(codes) {
            let code = code.unwrap_or(0);
            if code != 0 && !tolerated.contains(&code) {
                return Err(LinkError::Refused { act, source: io::Error::from_raw_os_error(code) });
            }
        }
        Ok(())
    }

    /// The interface with this name.
    pub(crate) fn find(&mut self, name: &str) -> Result<Option<Found>, LinkError> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.answers(RouteNetlinkMessage::GetLink(message), 0) {
            Ok(answers) => Ok(answers.into_iter().find_map(Found::from_answer)),
            Err(error) if error.raw_os_error() == Some(NO_DEVICE) => Ok(None),
            Err(error) => Err(LinkError::Socket(error)),
        }
    }

    /// Waits until an interface carries packets. Both ends of a pair are up, but before the kernel's link watch has seen
    /// it what is sent is lost, and the next attempt comes a second later. Since Linux 6.8 the question itself makes it
    /// look; before, it looks within some milliseconds. One that does not in time will later: no error.
    pub(super) fn wait_running(&mut self, name: &str) -> Result<(), LinkError> {
        let limit = Instant::now() + RUNNING_LIMIT;
        while self.find(name)?.is_some_and(|found| !found.running) && Instant::now() < limit {
            let pause = Instant::now() + Duration::from_millis(1);
            cala_sys::poll::wait::<()>(&[], Some(pause), &mut Vec::new()).map_err(LinkError::Socket)?;
        }
        Ok(())
    }

    /// All answers to a question that lists things.
    pub(crate) fn list(
        &mut self,
        message: RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, LinkError> {
        self.answers(message, NLM_F_DUMP).map_err(LinkError::Socket)
    }

    fn answers(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
        let sequence = self.channel.reserve(1);
        let mut bytes = Vec::with_capacity(128);
        push(&mut bytes, message, NLM_F_REQUEST | flags, sequence);
        self.channel.send(&bytes)?;
        let mut answers = Vec::new();
        loop {
            let mut ended = flags & NLM_F_DUMP != NLM_F_DUMP;
            for (number, kind, message) in messages(self.channel.receive()?) {
                if number != sequence {
                    continue;
                }
                if let Some(code) = acknowledged(kind, message).filter(|code| *code != 0) {
                    return Err(io::Error::from_raw_os_error(code));
                }
                match NetlinkMessage::deserialize(message).map(|message| message.payload) {
                    Ok(NetlinkPayload::InnerMessage(answer)) => answers.push(answer),
                    Ok(NetlinkPayload::Done(_)) => ended = true,
                    // What this version of the decoder does not know is nothing that is asked for here.
                    _ => {}
                }
            }
            if ended {
                return Ok(answers);
            }
        }
    }
}

/// ENOBUFS: more was told than fitted.
pub(crate) const NO_BUFFER: i32 = 105;

/// ENODEV.
pub(super) const NO_DEVICE: i32 = 19;

/// An interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its number.
    pub(crate) index: u32,
    /// It carries packets: it is up, so is its peer, and the kernel has acted upon that (IFF_RUNNING).
    pub(crate) running: bool,
}

impl Found {
    fn from_answer(answer: RouteNetlinkMessage) -> Option<Self> {
        match answer {
            RouteNetlinkMessage::NewLink(link) => Some(Self {
                index: link.header.index,
                running: link.header.flags.contains(LinkFlags::Running),
            }),
            _ => None,
        }
    }
}

fn push(bytes: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16, sequence: u32) {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let start = bytes.len();
    bytes.resize(start + message.buffer_len().next_multiple_of(4), 0);
    if let Some(place) = bytes.get_mut(start..) {
        message.serialize(place);
    }
}
