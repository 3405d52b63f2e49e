//! The loop of a holder: who connects, who asks, who is gone, and when it is time to end.
//!
//! One thread, poll(2). Nothing in it waits for a client, the uplink or another holder: what takes long is done by a
//! thread of its own that comes back with a [`Notice`].
//!
//! The end: nobody has a lease and nobody asks. The socket's name goes first, then whoever has slipped in before is
//! looked for once more; if somebody has, the holder listens again and goes on. Whoever comes later finds no socket,
//! waits for the network's lock, and starts the next holder.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use cala_holder::framing::Broken;
use cala_holder::protocol::{Reach, Reply};
use cala_sys::poll::{self, Interest, Ready};

use super::connection::Connection;
use super::members::Members;
use super::wake::{Notifier, Wake};
use super::{failure, way_out};

/// How long no client is let in when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a network without containers is held: the next one often comes at once.
const LINGER: Duration = Duration::from_millis(100);

/// How long a client without a lease that says nothing keeps the holder alive.
const SILENCE: Duration = Duration::from_secs(60);

/// Clients at most; further ones wait to be let in.
const MAX_CLIENTS: usize = 4096;

/// What other threads tell the loop.
#[derive(Debug)]
pub(super) enum Notice {
    /// What has become of the uplink.
    Uplink(way_out::Status),
    /// The answer to a client's question.
    Reached(u64, Reach),
}

/// What a descriptor in the loop belongs to.
#[derive(Debug, Clone, Copy)]
enum Token {
    Listener,
    Wake,
    Client(u64),
}

/// The holder.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) members: Members,
    pub(super) clients: Vec<Connection>,
    /// Asks threads to come back with a notice.
    pub(super) notifier: Notifier<Notice>,
    /// U, for those who look for it.
    pub(super) user_namespace: Rc<OwnedFd>,
    /// N.
    pub(super) namespace: Rc<OwnedFd>,
    /// Where the network's record is.
    pub(super) network_dir: PathBuf,
    pub(super) way_out: way_out::Status,
    /// Clients whose containers have joined and who wait for the way out.
    pub(super) attaching: BTreeSet<u64>,
    /// Questions of `Reach` under way.
    pub(super) reaching: usize,
    socket: PathBuf,
    listener: UnixListener,
    wake: Wake,
    notices: Receiver<Notice>,
    next_number: u64,
    /// No descriptor was left for another client: when to try again.
    accept_again: Option<Instant>,
    /// Since when nobody needs this holder.
    idle: Option<Instant>,
}

/// The parts of a holder.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) members: Members,
    pub(super) notifier: Notifier<Notice>,
    pub(super) wake: Wake,
    pub(super) notices: Receiver<Notice>,
    pub(super) user_namespace: OwnedFd,
    pub(super) namespace: OwnedFd,
    pub(super) network_dir: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) listener: UnixListener,
}

impl Holder {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            members: parts.members,
            clients: Vec::new(),
            notifier: parts.notifier,
            user_namespace: Rc::new(parts.user_namespace),
            namespace: Rc::new(parts.namespace),
            network_dir: parts.network_dir,
            way_out: way_out::Status::Starting,
            attaching: BTreeSet::new(),
            reaching: 0,
            socket: parts.socket,
            listener: parts.listener,
            wake: parts.wake,
            notices: parts.notices,
            next_number: 0,
            accept_again: None,
            idle: None,
        }
    }

    /// Lets a client in.
    pub(super) fn add(
        &mut self,
        stream: std::os::unix::net::UnixStream,
        greeted: bool,
    ) -> Option<&mut Connection> {
        let mut client = Connection::new(stream, self.next_number).ok()?;
        client.greeted = greeted;
        self.next_number += 1;
        self.clients.push(client);
        self.clients.last_mut()
    }

    /// Serves until nobody needs the network any more.
    ///
    /// # Errors
    /// Those of poll(2), which leave nothing that could be told to anybody.
    pub(super) fn serve(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        loop {
            poll::wait(&self.interests(), self.deadline(), &mut ready)?;
            for event in &ready {
                self.handle(*event);
            }
            self.advance(Instant::now());
            if self.is_over(Instant::now()) && self.close()? {
                return Ok(());
            }
        }
    }

    fn interests(&self) -> Vec<Interest<'_, Token>> {
        let mut list = Vec::with_capacity(2 + self.clients.len());
        list.push(Interest { fd: self.wake.as_fd(), read: true, write: false, token: Token::Wake });
        if self.accept_again.is_none() && self.clients.len() < MAX_CLIENTS {
            list.push(Interest {
                fd: self.listener.as_fd(),
                read: true,
                write: false,
                token: Token::Listener,
            });
        }
        list.extend(self.clients.iter().map(|client| Interest {
            fd: client.stream.as_fd(),
            read: client.wants_read(),
            write: client.wants_write(),
            token: Token::Client(client.number),
        }));
        list
    }

    fn handle(&mut self, event: Ready<Token>) {
        match event.token {
            Token::Listener => {
                self.accept();
            }
            Token::Wake => self.take_notices(),
            Token::Client(number) => self.serve_client(number, event),
        }
    }

    fn take_notices(&mut self) {
        self.wake.clear();
        while let Ok(notice) = self.notices.try_recv() {
            match notice {
                Notice::Uplink(status) => self.uplink_changed(status),
                Notice::Reached(number, reach) => {
                    self.reaching = self.reaching.saturating_sub(1);
                    self.answer_late(number, &Reply::Reach(reach), None);
                }
            }
        }
    }

    /// How many were let in.
    fn accept(&mut self) -> usize {
        let before = self.next_number;
        while self.clients.len() < MAX_CLIENTS {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let ours = rustix::process::getuid().as_raw();
                    if cala_sys::scm::peer_uid(&stream).is_ok_and(|uid| uid == ours) {
                        self.add(stream, false);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.accept_again = Instant::now().checked_add(ACCEPT_PAUSE);
                    break;
                }
            }
        }
        usize::try_from(self.next_number - before).unwrap_or(usize::MAX)
    }

    fn serve_client(&mut self, number: u64, event: Ready<Token>) {
        let Some(client) = self.client(number) else { return };
        if event.write {
            client.flush();
        }
        let read = if event.read {
            client.read()
        } else {
            client.gone |= event.hangup;
            Ok(())
        };
        let done = read.and_then(|()| self.take_requests(number));
        if let (Err(broken), Some(client)) = (done, self.client(number)) {
            refuse(client, broken);
        }
    }

    /// Answers what has come completely.
    pub(super) fn take_requests(&mut self, number: u64) -> Result<(), Broken> {
        while let Some(client) = self.client(number) {
            let Some(message) = client.next()? else { break };
            self.answer(number, message);
        }
        Ok(())
    }

    /// The answer to a request that has waited; then those behind it.
    pub(super) fn answer_late(&mut self, number: u64, reply: &Reply, fd: Option<Rc<OwnedFd>>) {
        let Some(client) = self.client(number) else { return };
        client.waits = false;
        client.reply(reply, fd);
        if let Err(broken) = self.take_requests(number)
            && let Some(client) = self.client(number)
        {
            refuse(client, broken);
        }
    }

    pub(super) fn client(&mut self, number: u64) -> Option<&mut Connection> {
        self.clients.iter_mut().find(|client| client.number == number)
    }

    /// What follows from time and from what has just been handled.
    fn advance(&mut self, now: Instant) {
        let (gone, stay): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.clients).into_iter().partition(Connection::is_finished);
        self.clients = stay;
        for client in gone {
            self.attaching.remove(&client.number);
            // A monitor that hangs up has ended, and its container with it.
            self.members.withdraw(client.number, true);
        }
        if self.accept_again.is_some_and(|again| now >= again) {
            self.accept_again = None;
        }
        let needed = self.clients.iter().any(|client| self.is_needed_by(client, now));
        self.idle = if needed { None } else { self.idle.or(Some(now)) };
    }

    fn is_needed_by(&self, client: &Connection, now: Instant) -> bool {
        client.waits || self.members.has(client.number) || now.duration_since(client.heard) < SILENCE
    }

    /// The next moment at which something is due without anybody's doing.
    fn deadline(&self) -> Option<Instant> {
        let linger = self.idle.map(|since| since + LINGER);
        // Only those without a lease can become silent; without any, nothing is due.
        let silence = self.clients.iter().filter(|client| !client.waits && !self.members.has(client.number));
        let silence = silence.map(|client| client.heard + SILENCE).min();
        [linger, self.accept_again, silence.filter(|_| self.members.is_empty())].into_iter().flatten().min()
    }

    fn is_over(&self, now: Instant) -> bool {
        self.idle.is_some_and(|since| now >= since + LINGER)
    }

    /// Takes the socket away. False when somebody had come before: the holder listens again and goes on.
    fn close(&mut self) -> io::Result<bool> {
        std::fs::remove_file(&self.socket).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        self.accept_again = None;
        if self.accept() == 0 {
            return Ok(true);
        }
        self.idle = None;
        self.listener = listen(&self.socket)?;
        Ok(false)
    }
}

fn refuse(client: &mut Connection, broken: Broken) {
    client.reply(&Reply::Error(failure::invalid(broken.to_string())), None);
    client.closing = true;
}

/// The socket, in a directory of its own. One that is left of a killed holder goes: we hold the lock.
pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let listener = match cala_sys::scm::listen(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            std::fs::remove_file(path)?;
            cala_sys::scm::listen(path)?
        }
        result => result?,
    };
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
