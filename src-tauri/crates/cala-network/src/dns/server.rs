//! The loop: questions come in, answers go out, nothing in between is waited for.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::HostSockets;
use super::clients::{Clients, Outcome};
use super::listen;
use super::peers::Peers;
use super::pending::{Asker, Waiting, Way};
use super::poller::{Happened, Poller, Token};
use super::question::{Authority, Question, Unreadable};
use super::table::Key;
use super::upstream::Upstream;
use super::wire;
use super::zone::{Finding, Zone};

/// Datagrams of one queue that are read before the next queue's turn.
const TURN: usize = 32;

/// Questions of one connection that are answered before the next one's turn.
const STREAM_TURN: usize = 16;

/// Connections accepted before others' turn.
const ACCEPT_TURN: usize = 32;

/// How long a listener rests when there is no descriptor left for a connection.
const REST: Duration = Duration::from_millis(100);

/// Bytes of the longest datagram that is read; what is longer is no question.
const DATAGRAM: usize = 4096;

/// What a name server needs.
pub(super) struct Setup {
    pub(super) listen: Vec<SocketAddr>,
    pub(super) zone: Arc<Zone>,
    pub(super) host: Box<dyn HostSockets>,
    pub(super) run_root: PathBuf,
    pub(super) resolv_conf: PathBuf,
    /// Where resolvers are asked.
    pub(super) port: u16,
}

pub(super) struct Server {
    pub(super) poller: Poller,
    pub(super) zone: Arc<Zone>,
    pub(super) authority: Authority,
    pub(super) clients: Clients,
    pub(super) waiting: Waiting,
    pub(super) upstream: Upstream,
    pub(super) peers: Peers,
    pub(super) now: Instant,
    /// Which of several addresses comes first in the next answer.
    pub(super) turn: usize,
    pub(super) buffer: Vec<u8>,
    datagrams: Vec<UdpSocket>,
    listeners: Vec<TcpListener>,
    /// Until when listeners rest.
    resting: Option<Instant>,
    /// Connections with questions left from their last turn.
    unfinished: Vec<Key>,
    _stop: Arc<OwnedFd>,
}

impl Server {
    /// Opens everything in the calling thread's network namespace.
    pub(super) fn new(setup: Setup, stop: Arc<OwnedFd>) -> io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&stop, Token::Stop, true, false)?;
        let (mut datagrams, mut listeners) = (Vec::new(), Vec::new());
        for address in setup.listen {
            datagrams.extend(listen::datagrams(address)?);
            listeners.push(listen::connections(address)?);
        }
        for (number, socket) in datagrams.iter().enumerate() {
            poller.add(socket, Token::Datagrams(number), true, false)?;
        }
        for (number, listener) in listeners.iter().enumerate() {
            poller.add(listener, Token::Listener(number), true, false)?;
        }
        Ok(Self {
            poller,
            zone: setup.zone,
            authority: Authority::new(),
            clients: Clients::new(),
            waiting: Waiting::new(),
            upstream: Upstream::new(setup.host, setup.resolv_conf, setup.port),
            peers: Peers::new(setup.run_root),
            now: Instant::now(),
            turn: 0,
            buffer: vec![0; wire::LONGEST],
            datagrams,
            listeners,
            resting: None,
            unfinished: Vec::new(),
            _stop: stop,
        })
    }

    /// Serves until the handle is dropped.
    ///
    /// # Errors
    /// Those of epoll_wait(2), which do not happen.
    pub(super) fn serve(&mut self) -> io::Result<()> {
        let mut happened = Vec::new();
        loop {
            let timeout = self.timeout();
            self.poller.wait(timeout, &mut happened)?;
            self.now = Instant::now();
            for event in &happened {
                if event.token == Token::Stop {
                    return Ok(());
                }
                self.handle(*event);
            }
            for key in std::mem::take(&mut self.unfinished) {
                self.answer_connection(key);
            }
            self.look_at_the_clock();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.unfinished.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.waiting.next_deadline(), self.clients.next_deadline(), self.resting];
        let next = deadlines.into_iter().flatten().min()?;
        // A millisecond more, so that the deadline has passed when the loop looks.
        Some(next.saturating_duration_since(Instant::now()) + Duration::from_millis(1))
    }

    fn handle(&mut self, event: Happened) {
        match event.token {
            Token::Stop => {}
            Token::Datagrams(number) => self.read_datagrams(number),
            Token::Listener(number) => self.accept(number),
            Token::Client(key) => {
                let open = !event.read || self.clients.read(key, &mut self.buffer) == Outcome::Open;
                if open { self.answer_connection(key) } else { self.clients.close(key) }
            }
            Token::Pending(key) => self.look_at_pending(key),
            Token::Peer(key) => {
                let told = self.peers.look(&self.poller, key, &mut self.buffer);
                self.take_told(told);
            }
        }
    }

    fn read_datagrams(&mut self, number: usize) {
        let mut buffer = [0; DATAGRAM];
        for _ in 0..TURN {
            let Some(socket) = self.datagrams.get(number) else { return };
            // An error is "nothing there", or an ICMP message about an answer that nobody waited for.
            let Ok((count, from)) = socket.recv_from(&mut buffer) else { return };
            let asker =
                Asker { address: from.ip().to_canonical(), way: Way::Datagram { socket: number, to: from } };
            self.take_question(asker, buffer.get(..count).unwrap_or_default());
        }
    }

    fn accept(&mut self, number: usize) {
        for _ in 0..ACCEPT_TURN {
            let Some(listener) = self.listeners.get(number) else { return };
            match listener.accept() {
                Ok((stream, from)) => {
                    // A connection that cannot be served is closed.
                    let _ = self.clients.add(&self.poller, stream, from.ip().to_canonical(), self.now);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    let short = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
                    let short = matches!(short, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE));
                    // Others are of connections that have ended before they were accepted.
                    if short && !self.clients.close_idlest() {
                        return self.rest();
                    }
                }
            }
        }
    }

    /// Listeners rest, so that connections that cannot be accepted do not keep the loop busy.
    fn rest(&mut self) {
        for listener in &self.listeners {
            self.poller.forget(listener);
        }
        self.resting = Some(self.now + REST);
    }

    fn look_at_the_clock(&mut self) {
        for key in self.waiting.late(self.now) {
            self.is_late(key);
        }
        if self.clients.next_deadline().is_some_and(|at| at <= self.now) {
            self.clients.close_idle(self.now);
        }
        if self.resting.is_some_and(|until| until <= self.now) {
            self.resting = None;
            for (number, listener) in self.listeners.iter().enumerate() {
                // One that cannot be waited for now is tried again.
                if self.poller.add(listener, Token::Listener(number), true, false).is_err() {
                    self.resting = Some(self.now + REST);
                }
            }
        }
    }

    /// Answers the questions of a connection, for one turn.
    fn answer_connection(&mut self, key: Key) {
        for _ in 0..STREAM_TURN {
            let Some((address, message)) = self.clients.next_question(key, self.now) else { break };
            self.take_question(Asker { address, way: Way::Connection(key) }, &message);
        }
        if self.clients.settle(&self.poller, key, self.now) == Outcome::Closed {
            self.clients.close(key);
        } else if self.clients.has_more(key) {
            self.come_back_to(key);
        }
    }

    /// Looks at a connection again when all others have had their turn.
    pub(super) fn come_back_to(&mut self, key: Key) {
        if !self.unfinished.contains(&key) {
            self.unfinished.push(key);
        }
    }

    /// A message of a client.
    fn take_question(&mut self, asker: Asker, message: &[u8]) {
        let question = match Question::read(message) {
            Ok(question) => question,
            Err(Unreadable::Ignored) => return,
            Err(Unreadable::Answered(answer)) => return self.send(asker, &answer),
        };
        let finding = match self.zone.find(&question.name) {
            Finding::Host => host(self.upstream.host_addresses(self.now)),
            found => found,
        };
        match finding {
            Finding::Missing | Finding::Elsewhere | Finding::Refused => {
                self.ask_others(asker, question, message, finding);
            }
            _ => self.answer(asker, &question, &finding),
        }
    }

    /// Answers by what was found here.
    pub(super) fn answer(&mut self, asker: Asker, question: &Question, finding: &Finding) {
        self.turn = self.turn.wrapping_add(1);
        let answer = question.answer(finding, &self.authority, self.turn);
        self.deliver(asker, question, &answer);
    }

    /// Sends an answer, cut if it is too long for the way it goes.
    pub(super) fn deliver(&mut self, asker: Asker, question: &Question, answer: &[u8]) {
        let cut = matches!(asker.way, Way::Datagram { .. }) && answer.len() > question.udp_size();
        if cut {
            self.send(asker, &wire::cut(answer, question.has_edns()));
        } else {
            self.send(asker, answer);
        }
    }

    fn send(&mut self, asker: Asker, answer: &[u8]) {
        if answer.is_empty() {
            return;
        }
        match asker.way {
            Way::Datagram { socket, to } => {
                // One that cannot be sent now is lost, as datagrams are.
                let _ = self.datagrams.get(socket).map(|socket| socket.send_to(answer, to));
            }
            Way::Connection(key) => self.clients.answer(key, answer),
        }
    }
}

fn host(addresses: Vec<IpAddr>) -> Finding {
    if addresses.is_empty() { Finding::Empty } else { Finding::Addresses(addresses) }
}
