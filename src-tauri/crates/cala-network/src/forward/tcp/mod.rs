//! TCP: one thread accepts, connects and carries small flows; flows that move much go to threads of their own.

mod accept;
mod connect;
mod flow;
mod listener;
mod workers;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use self::accept::Client;
pub(super) use self::flow::Flow;
use self::flow::{Progress, Tools};
use self::listener::Listener;
use self::workers::Workers;
use super::LocalAddresses;
use super::command::Command;
use super::pipes::Pipes;
use super::poller::{INBOX, Inbox, Poller};
use super::slots::Slots;

/// How long a container may take to answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How often deadlines and idle pipes are looked at, while there are any.
const SWEEP: Duration = Duration::from_secs(1);

/// How soon a listener that had to pause is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Tokens: `index << 2 | kind`.
const CLIENT: u64 = 0;
const SERVER: u64 = 1;
const LISTENER: u64 = 2;

/// One thread's connections.
struct Carrier {
    poller: Poller,
    inbox: Arc<Inbox<Command>>,
    local: LocalAddresses,
    listeners: Slots<Listener>,
    flows: Slots<Flow>,
    again: Vec<usize>,
    connecting: usize,
    /// Clients for whom no second descriptor was to be had.
    postponed: Vec<Client>,
    paused: bool,
    swept: Instant,
    resumed: Instant,
    tools: Tools,
    /// Where big flows go, if this is the thread that accepts.
    workers: Option<Workers>,
    /// Where the number of flows is told, if it is not.
    load: Arc<AtomicUsize>,
}

/// Carries connections until it is told to stop; the body of a thread.
///
/// # Errors
/// epoll_create1(2), epoll_wait(2).
pub(super) fn run(inbox: Arc<Inbox<Command>>, local: LocalAddresses) -> io::Result<()> {
    let pipes = Pipes::default();
    let workers = Workers::new(local.clone(), pipes.clone());
    let mut carrier = Carrier::new(inbox, local, pipes, Arc::default())?;
    carrier.tools.splices = false;
    carrier.workers = Some(workers);
    carrier.run()
}

/// The same for a thread that is given its connections.
fn work(
    inbox: Arc<Inbox<Command>>,
    local: LocalAddresses,
    pipes: Pipes,
    load: Arc<AtomicUsize>,
) -> io::Result<()> {
    Carrier::new(inbox, local, pipes, load)?.run()
}

impl Carrier {
    fn new(
        inbox: Arc<Inbox<Command>>,
        local: LocalAddresses,
        pipes: Pipes,
        load: Arc<AtomicUsize>,
    ) -> io::Result<Self> {
        let poller = Poller::new()?;
        inbox.register(&poller)?;
        Ok(Self {
            poller,
            inbox,
            local,
            listeners: Slots::default(),
            flows: Slots::default(),
            again: Vec::new(),
            connecting: 0,
            postponed: Vec::new(),
            paused: false,
            swept: Instant::now(),
            resumed: Instant::now(),
            tools: Tools { buffer: vec![0; flow::BUFFER].into(), pipes, splices: true },
            workers: None,
            load,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut happened = Vec::new();
        loop {
            let timeout = self.timeout();
            self.poller.wait(timeout, &mut happened)?;
            for &(token, flags) in &happened {
                if token != INBOX {
                    self.event(token, flags);
                } else if !self.obey() {
                    return Ok(());
                }
            }
            for index in std::mem::take(&mut self.again) {
                if let Some(flow) = self.flows.get_mut(index) {
                    flow.queued = false;
                    self.advance(index);
                }
            }
            self.sweep();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        if self.paused {
            return Some(PAUSE);
        }
        (self.connecting > 0 || self.tools.pipes.made() > 0).then_some(SWEEP)
    }

    fn obey(&mut self) -> bool {
        for command in self.inbox.take() {
            match command {
                Command::Publish { published, listeners, done } => {
                    let _ = done.send(self.publish(&published, listeners));
                }
                Command::Unpublish { port, done } => {
                    self.close_listeners(|published| published.port == port);
                    let _ = done.send(Ok(()));
                }
                Command::Forget { addresses, done } => {
                    self.forget(&addresses);
                    let _ = done.send(Ok(()));
                }
                Command::Adopt(flow) => self.adopt(*flow),
                Command::Stop => return false,
            }
        }
        true
    }

    fn forget(&mut self, addresses: &[IpAddr]) {
        self.close_listeners(|published| published.leads_to(addresses));
        self.postponed.retain(|client| !client.ways.iter().any(|way| addresses.contains(&way.to)));
        for index in self.flows.indices(|flow| addresses.contains(&flow.to)) {
            self.reset(index);
        }
        if let Some(workers) = &self.workers {
            workers.forget(addresses);
        }
    }

    /// Goes on with a flow of another thread.
    fn adopt(&mut self, flow: Flow) {
        let index = self.flows.insert(flow);
        if !self.watch(index, CLIENT) || !self.watch(index, SERVER) {
            self.reset(index);
        }
    }

    /// Gives a flow that moves much to another thread.
    fn hand_over(&mut self, index: usize) {
        let Some(mut flow) = self.flows.remove(index) else { return };
        self.poller.delete(&flow.client.socket);
        self.poller.delete(&flow.server.socket);
        flow.leave();
        let Some(workers) = &mut self.workers else { return };
        if let Err(flow) = workers.adopt(Box::new(flow)) {
            self.tools.splices = true;
            self.adopt(*flow);
        }
    }

    fn event(&mut self, token: u64, flags: EventFlags) {
        let index = usize::try_from(token >> 2).unwrap_or(usize::MAX);
        if token & 3 == LISTENER {
            return self.accept(index);
        }
        let Some(flow) = self.flows.get_mut(index) else { return };
        flow.note(token & 3 == CLIENT, flags);
        if flow.connecting.is_some() {
            let gone = flags.intersects(EventFlags::HUP | EventFlags::ERR);
            match token & 3 {
                CLIENT if gone => return self.reset(index),
                CLIENT => return,
                _ if !self.connected(index) => return,
                _ => {}
            }
        }
        self.advance(index);
    }

    fn watch(&mut self, index: usize, kind: u64) -> bool {
        let Some(flow) = self.flows.get_mut(index) else { return false };
        let side = if kind == CLIENT { &flow.client } else { &flow.server };
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        self.poller.add(&side.socket, (index as u64) << 2 | kind, flags).is_ok()
    }

    /// The container has answered, or not: then the next way is tried. Says whether there is a connection now.
    fn connected(&mut self, index: usize) -> bool {
        let Some(flow) = self.flows.get_mut(index) else { return false };
        let Some(connecting) = &mut flow.connecting else { return true };
        if matches!(rustix::net::sockopt::socket_error(&flow.server.socket), Ok(Ok(()))) {
            flow.connecting = None;
            self.connecting -= 1;
            return true;
        }
        let port = connecting.port;
        let Ok((server, to)) = accept::first_way(&mut connecting.rest, port) else {
            self.reset(index);
            return false;
        };
        self.poller.delete(&flow.server.socket);
        flow.replace_server(server, to);
        if !self.watch(index, SERVER) {
            self.reset(index);
        }
        false
    }

    fn advance(&mut self, index: usize) {
        let Some(flow) = self.flows.get_mut(index) else { return };
        match flow.advance(&mut self.tools) {
            Progress::Waiting | Progress::Again if flow.is_big() && !self.tools.splices => {
                self.hand_over(index)
            }
            Progress::Waiting => {}
            Progress::Again if flow.queued => {}
            Progress::Again => {
                flow.queued = true;
                self.again.push(index);
            }
            Progress::Ended => drop(self.remove(index)),
            Progress::Reset => self.reset(index),
        }
    }

    fn reset(&mut self, index: usize) {
        if let Some(flow) = self.remove(index) {
            flow.reset();
        }
    }

    /// Takes a flow out; its sockets leave epoll when they are closed.
    fn remove(&mut self, index: usize) -> Option<Flow> {
        let flow = self.flows.remove(index)?;
        if self.workers.is_none() {
            self.load.fetch_sub(1, Ordering::Relaxed);
        }
        if flow.connecting.is_some() {
            self.connecting -= 1;
        }
        Some(flow)
    }

    /// Looks at what has no event: pauses, deadlines, pipes of flows that rest.
    fn sweep(&mut self) {
        let now = Instant::now();
        if self.paused && now.duration_since(self.resumed) >= PAUSE {
            self.resumed = now;
            self.resume();
        }
        if now.duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        let late =
            |flow: &Flow| flow.connecting.as_ref().is_some_and(|connecting| connecting.deadline <= now);
        for index in self.flows.indices(late) {
            self.reset(index);
        }
        for index in self.flows.indices(Flow::is_big) {
            if let Some(flow) = self.flows.get_mut(index) {
                flow.release_idle_pipes();
            }
        }
        self.tools.pipes.trim();
    }
}
