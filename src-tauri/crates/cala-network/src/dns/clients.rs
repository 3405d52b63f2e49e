//! Clients' connections (RFC 7766): bounded in number, in bytes and in time, none waited for.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant};

use super::fairness::Shares;
use super::poller::{Poller, Token};
use super::table::{Key, Table};
use super::wire;

/// Connections in all.
const MAX_CONNECTIONS: usize = 256;

/// Connections of one client.
const MAX_OF_ONE: usize = 64;

/// Questions of one connection that wait for an answer from elsewhere.
const MAX_WAITING: usize = 32;

/// Bytes of the longest question: far more than a name and options take.
const MAX_QUESTION: usize = 4096;

/// Bytes of answers that a client may leave unread before its questions are no longer read.
const MAX_UNREAD: usize = 128 << 10;

/// How long a connection may do nothing.
pub(super) const IDLE: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    address: IpAddr,
    inbox: Vec<u8>,
    out: Vec<u8>,
    waiting: usize,
    /// When a whole question came or answers went.
    active: Instant,
    /// Nothing more comes.
    ended: bool,
    /// What the poller waits for now.
    polled: (bool, bool),
}

/// What is to be done after a look at a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Open,
    Closed,
}

#[derive(Debug)]
pub(super) struct Clients {
    table: Table<Connection>,
    shares: Shares,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self { table: Table::new(), shares: Shares::default() }
    }

    /// Takes a connection in. When there are too many, the one that was idle for longest goes: of the same client, or of the
    /// client with the most.
    pub(super) fn add(
        &mut self,
        poller: &Poller,
        stream: TcpStream,
        address: IpAddr,
        now: Instant,
    ) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        // Answers are whole messages; none waits for the next.
        stream.set_nodelay(true)?;
        if self.shares.of(address) >= MAX_OF_ONE {
            self.close_idlest_of(address);
        } else if self.table.len() >= MAX_CONNECTIONS {
            let Some(richest) = self.shares.who_gives_way(address) else { return Ok(()) };
            self.close_idlest_of(richest);
        }
        let connection = Connection {
            stream,
            address,
            inbox: Vec::new(),
            out: Vec::new(),
            waiting: 0,
            active: now,
            ended: false,
            polled: (true, false),
        };
        let key = self.table.insert(connection);
        self.shares.add(address);
        let added =
            self.table.get_mut(key).map(|entry| poller.add(&entry.stream, Token::Client(key), true, false));
        if let Some(Err(error)) = added {
            self.close(key);
            return Err(error);
        }
        Ok(())
    }

    fn close_idlest_of(&mut self, address: IpAddr) {
        let own = self.table.iter().filter(|(_, connection)| connection.address == address);
        if let Some(key) = own.min_by_key(|(_, connection)| connection.active).map(|(key, _)| key) {
            self.close(key);
        }
    }

    /// Closes the connection that was idle for longest, whoever has it: descriptors are short.
    pub(super) fn close_idlest(&mut self) -> bool {
        let idlest = self.table.iter().min_by_key(|(_, connection)| connection.active).map(|(key, _)| key);
        idlest.inspect(|key| self.close(*key)).is_some()
    }

    /// Closes a connection; its answers, if any still come, go nowhere.
    pub(super) fn close(&mut self, key: Key) {
        if let Some(connection) = self.table.remove(key) {
            self.shares.release(connection.address);
        }
    }

    /// Reads what there is, once.
    pub(super) fn read(&mut self, key: Key, buffer: &mut [u8]) -> Outcome {
        let Some(connection) = self.table.get_mut(key) else { return Outcome::Open };
        match connection.stream.read(buffer) {
            Ok(0) => connection.ended = true,
            Ok(count) => connection.inbox.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if is_passing(&error) => {}
            Err(_) => return Outcome::Closed,
        }
        Outcome::Open
    }

    /// Takes the next whole question of a connection, as far as it may ask more now.
    pub(super) fn next_question(&mut self, key: Key, now: Instant) -> Option<(IpAddr, Vec<u8>)> {
        let connection = self.table.get_mut(key).filter(|connection| connection.may_ask())?;
        let (message, end) = wire::first_message(&connection.inbox)?;
        let message = message.to_vec();
        connection.inbox.drain(..end);
        if connection.inbox.is_empty() {
            connection.inbox = Vec::new();
        }
        connection.active = now;
        Some((connection.address, message))
    }

    /// Notes that a question waits for an answer from elsewhere, or waits no more.
    pub(super) fn set_waiting(&mut self, key: Key, begins: bool) {
        if let Some(connection) = self.table.get_mut(key) {
            connection.waiting =
                if begins { connection.waiting + 1 } else { connection.waiting.saturating_sub(1) };
        }
    }

    /// Lays an answer in.
    pub(super) fn answer(&mut self, key: Key, message: &[u8]) {
        if let Some(connection) = self.table.get_mut(key) {
            connection.out.extend_from_slice(&wire::with_length(message));
        }
    }

    /// Writes what can be written, and waits for what is to come next.
    pub(super) fn settle(&mut self, poller: &Poller, key: Key, now: Instant) -> Outcome {
        let Some(connection) = self.table.get_mut(key) else { return Outcome::Open };
        if connection.write(now).is_err() || connection.is_done() {
            return Outcome::Closed;
        }
        let wanted = (connection.may_ask() && !connection.ended, !connection.out.is_empty());
        if wanted != connection.polled {
            connection.polled = wanted;
            if poller.modify(&connection.stream, Token::Client(key), wanted.0, wanted.1).is_err() {
                return Outcome::Closed;
            }
        }
        Outcome::Open
    }

    /// Whether a connection has whole questions that it may ask now.
    pub(super) fn has_more(&mut self, key: Key) -> bool {
        let connection = self.table.get_mut(key).filter(|connection| connection.may_ask());
        connection.is_some_and(|connection| wire::first_message(&connection.inbox).is_some())
    }

    /// When the next connection will have been idle for too long.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.table.iter().map(|(_, connection)| connection.active + IDLE).min()
    }

    /// Closes those that have been.
    pub(super) fn close_idle(&mut self, now: Instant) {
        let idle = |(key, connection): (Key, &Connection)| {
            (now.saturating_duration_since(connection.active) >= IDLE).then_some(key)
        };
        let idle: Vec<Key> = self.table.iter().filter_map(idle).collect();
        for key in idle {
            self.close(key);
        }
    }
}

impl Connection {
    fn may_ask(&self) -> bool {
        self.waiting < MAX_WAITING && self.out.len() < MAX_UNREAD
    }

    /// Whether it may be closed: nothing more comes and nothing is owed, or what comes is no question.
    fn is_done(&self) -> bool {
        let whole = wire::first_message(&self.inbox).is_some();
        let too_long = !whole
            && self
                .inbox
                .first_chunk()
                .is_some_and(|length| usize::from(u16::from_be_bytes(*length)) > MAX_QUESTION);
        too_long || (self.ended && !whole && self.waiting == 0 && self.out.is_empty())
    }

    fn write(&mut self, now: Instant) -> io::Result<()> {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(count) => {
                    self.out.drain(..count);
                    self.active = now;
                }
                Err(error) if is_passing(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        self.out = Vec::new();
        Ok(())
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
