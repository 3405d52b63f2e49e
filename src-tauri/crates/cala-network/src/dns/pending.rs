//! Questions that somebody else was asked, until they are answered or their time is over.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::fairness::Shares;
use super::question::Question;
use super::table::{Key, Table};
use super::upstream::{Sent, Stream};
use super::wire;
use super::zone::Finding;

/// Questions that wait at once: each has a descriptor.
const MAX_PENDING: usize = 256;

/// How long one resolver is waited for: while there are others, and when they have all been asked.
const FIRST_LIMIT: Duration = Duration::from_millis(1200);
const LATER_LIMIT: Duration = Duration::from_millis(1600);

/// Times that resolvers are asked for one question: with these limits it is over before the client's 5 s (resolv.conf(5)).
const MAX_ATTEMPTS: usize = 3;

/// How long an answer over TCP is waited for.
const TCP_LIMIT: Duration = Duration::from_millis(2500);

/// How long the holders of other networks are waited for.
const PEERS_LIMIT: Duration = Duration::from_millis(400);

/// Where an answer goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// By this socket of ours, as a datagram.
    Datagram { socket: usize, to: SocketAddr },
    /// By this connection.
    Connection(Key),
}

/// Who asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub(super) address: IpAddr,
    pub(super) way: Way,
}

/// Who is being asked.
#[derive(Debug)]
pub(super) enum Stage {
    /// So many holders of other networks.
    Peers(usize),
    Datagram(Sent),
    Stream(Stream),
    /// Nobody.
    Idle,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) asker: Asker,
    pub(super) question: Question,
    pub(super) message: Vec<u8>,
    /// What it comes to when other networks do not know the name.
    pub(super) otherwise: Finding,
    pub(super) stage: Stage,
    /// One of those asked has not answered, so it is not certain that the name is unknown.
    pub(super) unsure: bool,
    deadline: Instant,
    servers: Vec<SocketAddr>,
    attempts: usize,
    /// The best that was heard so far.
    pub(super) fallback: Option<Vec<u8>>,
}

impl Pending {
    pub(super) fn new(
        asker: Asker,
        question: Question,
        message: &[u8],
        otherwise: Finding,
        now: Instant,
    ) -> Self {
        Self {
            asker,
            question,
            message: message.to_vec(),
            otherwise,
            stage: Stage::Idle,
            unsure: false,
            deadline: now + PEERS_LIMIT,
            servers: Vec::new(),
            attempts: 0,
            fallback: None,
        }
    }

    pub(super) fn set_servers(&mut self, servers: Vec<SocketAddr>) {
        self.servers = servers;
    }

    /// Whom to ask next.
    pub(super) fn next_server(&mut self) -> Option<SocketAddr> {
        if self.attempts >= MAX_ATTEMPTS.max(self.servers.len()) {
            return None;
        }
        let index = self.attempts.checked_rem(self.servers.len())?;
        self.attempts += 1;
        self.servers.get(index).copied()
    }

    /// Does not ask this server again for the same question: it has answered that it cannot.
    pub(super) fn strike(&mut self, server: SocketAddr) {
        if let Some(index) = self.servers.iter().position(|known| *known == server) {
            self.servers.remove(index);
            // Those before it have been asked.
            self.attempts = self.attempts.saturating_sub(1);
        }
    }

    fn limit(&self) -> Duration {
        match self.stage {
            Stage::Stream(_) => TCP_LIMIT,
            Stage::Peers(_) => PEERS_LIMIT,
            _ if self.attempts <= self.servers.len() && self.servers.len() > 1 => FIRST_LIMIT,
            _ => LATER_LIMIT,
        }
    }
}

/// The table of them.
#[derive(Debug)]
pub(super) struct Waiting {
    table: Table<Pending>,
    shares: Shares,
    /// No deadline is before this.
    next: Option<Instant>,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self { table: Table::new(), shares: Shares::default(), next: None }
    }

    /// Takes a question in. When there are too many, one of the client with the most goes, which may be this one.
    pub(super) fn insert(&mut self, pending: Pending) -> (Option<Key>, Option<Pending>) {
        let client = pending.asker.address;
        let mut evicted = None;
        if self.table.len() >= MAX_PENDING {
            let Some(richest) = self.shares.who_gives_way(client) else { return (None, Some(pending)) };
            let oldest = self.table.iter().filter(|(_, entry)| entry.asker.address == richest);
            let oldest = oldest.min_by_key(|(_, entry)| entry.deadline).map(|(key, _)| key);
            evicted = oldest.and_then(|key| self.remove(key));
        }
        self.note(pending.deadline);
        self.shares.add(client);
        (Some(self.table.insert(pending)), evicted)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Pending> {
        self.table.get_mut(key)
    }

    /// Sets who is asked from now on, and until when.
    pub(super) fn set_stage(&mut self, key: Key, stage: Stage, now: Instant) {
        let Some(pending) = self.table.get_mut(key) else { return };
        pending.stage = stage;
        pending.deadline = now + pending.limit();
        let deadline = pending.deadline;
        self.note(deadline);
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Pending> {
        let pending = self.table.remove(key)?;
        self.shares.release(pending.asker.address);
        Some(pending)
    }

    /// When to look for those that are late, if there is any.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Those whose time is over.
    pub(super) fn late(&mut self, now: Instant) -> Vec<Key> {
        if self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        let late = self.table.iter().filter(|(_, entry)| entry.deadline <= now).map(|(key, _)| key).collect();
        self.next = self.table.iter().map(|(_, entry)| entry.deadline).filter(|at| *at > now).min();
        late
    }

    fn note(&mut self, deadline: Instant) {
        self.next = Some(self.next.map_or(deadline, |next| next.min(deadline)));
    }
}

/// Whether an answer of another server would be worth more than this one.
pub(super) fn is_poor(answer: &[u8]) -> bool {
    wire::is_failure(answer)
}
