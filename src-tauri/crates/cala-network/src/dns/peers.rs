//! The holders of other networks, which know the names there: asked without waiting, each by one connection that is kept.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cala_holder::framing::{Inbox, encode};
use cala_holder::paths;
use cala_holder::protocol::{PROTOCOL, Reply, Request};
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::poller::{Poller, Token};
use super::table::{Key, Table};
use super::zone::Finding;

/// Questions that one holder has not answered yet; more are not put to it.
const MAX_ASKED: usize = 64;

/// Holders that are connected at once.
const MAX_PEERS: usize = 32;

/// How long a holder that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a connection without questions is kept.
const IDLE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Peer {
    network: String,
    stream: UnixStream,
    inbox: Inbox,
    out: Vec<u8>,
    /// Who waits for its next answers, in their order.
    asked: VecDeque<Key>,
    greeted: bool,
    used: Instant,
    writing: bool,
}

/// What a holder has said about a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) question: Key,
    /// What it has found, [`Finding::Missing`] if nothing; `None`: it has not answered.
    pub(super) finding: Option<Finding>,
}

/// Whether a question could be put to a holder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It will answer.
    Asked,
    /// There is none: the network has no containers now.
    Nobody,
    /// It does not answer.
    Silent,
}

#[derive(Debug)]
pub(super) struct Peers {
    run_root: PathBuf,
    table: Table<Peer>,
    by_network: HashMap<String, Key>,
    silent: HashMap<String, Instant>,
}

impl Peers {
    pub(super) fn new(run_root: PathBuf) -> Self {
        Self { run_root, table: Table::new(), by_network: HashMap::new(), silent: HashMap::new() }
    }

    /// Puts a question to the holder of a network.
    pub(super) fn ask(
        &mut self,
        poller: &Poller,
        network: &str,
        request: &Request,
        question: Key,
        now: Instant,
    ) -> Put {
        self.silent.retain(|_, since| now.saturating_duration_since(*since) < PAUSE);
        if self.silent.contains_key(network) {
            return Put::Silent;
        }
        let key = match self.by_network.get(network).copied() {
            Some(key) => key,
            None => match self.connect(poller, network, now) {
                Ok(key) => key,
                Err(error) if is_nobody(&error) => return Put::Nobody,
                Err(_) => return Put::Silent,
            },
        };
        let Some(peer) = self.table.get_mut(key).filter(|peer| peer.asked.len() < MAX_ASKED) else {
            return Put::Silent;
        };
        let Ok(bytes) = encode(request) else { return Put::Silent };
        peer.out.extend_from_slice(&bytes);
        peer.asked.push_back(question);
        peer.used = now;
        // An error is an end of the connection, which the poller tells too.
        let _ = peer.write(poller, key);
        Put::Asked
    }

    fn connect(&mut self, poller: &Poller, network: &str, now: Instant) -> io::Result<Key> {
        if self.table.len() >= MAX_PEERS {
            let unused = self.table.iter().filter(|(_, peer)| peer.asked.is_empty());
            let oldest = unused.min_by_key(|(_, peer)| peer.used).map(|(key, _)| key);
            self.close(oldest.ok_or(io::ErrorKind::ResourceBusy)?);
        }
        let stream = connect(&paths::socket(&self.run_root, network))?;
        let hello = Request::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() };
        let peer = Peer {
            network: network.to_owned(),
            stream,
            inbox: Inbox::default(),
            out: encode(&hello)?,
            asked: VecDeque::new(),
            greeted: false,
            used: now,
            writing: false,
        };
        let key = self.table.insert(peer);
        self.by_network.insert(network.to_owned(), key);
        let added =
            self.table.get_mut(key).map(|peer| poller.add(&peer.stream, Token::Peer(key), true, false));
        if let Some(Err(error)) = added {
            self.close(key);
            return Err(error);
        }
        Ok(key)
    }

    /// Reads and writes what can be; says which questions are settled by it.
    pub(super) fn look(&mut self, poller: &Poller, key: Key, buffer: &mut [u8]) -> Vec<Told> {
        let mut told = Vec::new();
        let Some(peer) = self.table.get_mut(key) else { return told };
        let alive = peer.write(poller, key).is_ok() && peer.read(buffer, &mut told);
        if !alive {
            told.extend(self.close(key));
        }
        told
    }

    /// A question has waited for too long: whoever still owes its answer is left alone for a while, and all who wait for the
    /// same holder are told.
    pub(super) fn give_up(&mut self, question: Key, now: Instant) -> Vec<Told> {
        let owing =
            |(key, peer): (Key, &Peer)| peer.asked.contains(&question).then(|| (key, peer.network.clone()));
        let owing: Vec<(Key, String)> = self.table.iter().filter_map(owing).collect();
        let mut told = Vec::new();
        for (key, network) in owing {
            self.silent.insert(network, now);
            told.extend(self.close(key));
        }
        told
    }

    /// Closes connections that were not used for long, when somebody looks anyway.
    pub(super) fn close_unused(&mut self, now: Instant) {
        let unused = |(key, peer): (Key, &Peer)| {
            (peer.asked.is_empty() && now.saturating_duration_since(peer.used) >= IDLE).then_some(key)
        };
        let unused: Vec<Key> = self.table.iter().filter_map(unused).collect();
        for key in unused {
            self.close(key);
        }
    }

    fn close(&mut self, key: Key) -> Vec<Told> {
        let Some(peer) = self.table.remove(key) else { return Vec::new() };
        self.by_network.remove(&peer.network);
        peer.asked.into_iter().map(|question| Told { question, finding: None }).collect()
    }
}

impl Peer {
    fn write(&mut self, poller: &Poller, key: Key) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) => drop(self.out.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        let writing = !self.out.is_empty();
        if writing != self.writing {
            self.writing = writing;
            poller.modify(&self.stream, Token::Peer(key), true, writing)?;
        }
        Ok(())
    }

    /// Whether the connection lives on.
    fn read(&mut self, buffer: &mut [u8], told: &mut Vec<Told>) -> bool {
        match cala_sys::scm::receive(&self.stream, buffer) {
            Ok((0, _)) => return false,
            // Descriptors are not part of any answer to us; they close here.
            Ok((count, _)) => {
                if self.inbox.push(buffer.get(..count).unwrap_or_default(), Vec::new()).is_err() {
                    return false;
                }
            }
            Err(error) => {
                return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            }
        }
        loop {
            match self.inbox.take() {
                Ok(Some(message)) if !self.take(&message.body, told) => return false,
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// One reply; whether it belongs to the protocol.
    fn take(&mut self, body: &[u8], told: &mut Vec<Told>) -> bool {
        let Ok(reply) = serde_json::from_slice::<Reply>(body) else { return false };
        if !self.greeted {
            self.greeted = matches!(reply, Reply::Hello { protocol: PROTOCOL, .. });
            return self.greeted;
        }
        let Some(question) = self.asked.pop_front() else { return false };
        let finding = match reply {
            Reply::Resolved { addresses } if addresses.is_empty() => Some(Finding::Missing),
            Reply::Resolved { addresses } => Some(Finding::Addresses(addresses)),
            Reply::Named { name } => Some(name.map_or(Finding::Missing, Finding::Pointer)),
            _ => None,
        };
        told.push(Told { question, finding });
        true
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Connects without ever waiting: a holder that does not accept is an error (EAGAIN).
fn connect(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A path below the run root may be longer than an address can be (unix(7)).
    let folder = rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    rustix::net::connect(&socket, &SocketAddrUnix::new(short)?)?;
    Ok(UnixStream::from(socket))
}
