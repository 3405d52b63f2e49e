//! What clients ask.

use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use cala_holder::framing::Message;
use cala_holder::protocol::{Attach, Attached, Failure, PROTOCOL, Reply, Request, Snapshot};
use cala_spec::ErrorKind;

use super::control::{Holder, Notice};
use super::reach::Target;
use super::{failure, launcher, reach, way_out};
use crate::SMALL_STACK;

/// Questions of `Reach` at the same time; each is a thread.
const MAX_REACHING: usize = 8;

/// An answer with the descriptor beside it; `None` comes later.
type Answer = Option<(Reply, Option<Rc<OwnedFd>>)>;

impl Holder {
    pub(super) fn answer(&mut self, number: u64, message: Message) {
        let answer = match serde_json::from_slice::<Request>(&message.body) {
            Ok(request) => self.fulfil(number, request, message.fds),
            Err(error) => Err(failure::new(ErrorKind::InvalidArgument, "unknown_request", error.to_string())),
        };
        let Some(client) = self.client(number) else { return };
        match answer {
            Ok(Some((reply, fd))) => client.reply(&reply, fd),
            Ok(None) => client.waits = true,
            Err(failure) => client.reply(&Reply::Error(failure), None),
        }
    }

    fn fulfil(&mut self, number: u64, request: Request, fds: Vec<OwnedFd>) -> Result<Answer, Failure> {
        let greeted = self.client(number).is_some_and(|client| client.greeted);
        let done = |()| Some((Reply::Done, None));
        match request {
            Request::Hello { protocol, .. } => self.greet(number, protocol),
            _ if !greeted => Err(failure::invalid("the first message must be `hello`")),
            Request::Launch(_) => Err(failure::invalid("this holder has its network already")),
            Request::UserNamespace => Ok(Some((Reply::UserNamespace, Some(self.user_namespace.clone())))),
            Request::Attach(attach) => self.attach(number, *attach, fds),
            Request::Update(names) => self.members.rename(number, names).map(done),
            Request::Publish { port } => self.members.publish(number, port, fds).map(done),
            Request::Unpublish { port } => self.members.unpublish(number, &port).map(done),
            Request::Detach { ended } => {
                self.members.withdraw(number, ended);
                Ok(done(()))
            }
            Request::NameOf { address } => {
                Ok(Some((Reply::Named { name: self.members.name_of(address) }, None)))
            }
            Request::Resolve { name } => {
                Ok(Some((Reply::Resolved { addresses: self.members.resolve(&name) }, None)))
            }
            Request::Snapshot => Ok(Some((Reply::Snapshot(self.snapshot()), None))),
            Request::Reach { from, to, port, protocol, timeout_ms } => {
                let target = Target { to, port, protocol };
                self.reach(number, &from, target, Duration::from_millis(timeout_ms)).map(|()| None)
            }
            Request::Reload => self.reload().map(done),
        }
    }

    fn greet(&mut self, number: u64, protocol: u32) -> Result<Answer, Failure> {
        if protocol != PROTOCOL {
            return Err(failure::mismatch(protocol));
        }
        if let Some(client) = self.client(number) {
            client.greeted = true;
        }
        Ok(Some((hello(), None)))
    }

    fn attach(&mut self, number: u64, attach: Attach, fds: Vec<OwnedFd>) -> Result<Answer, Failure> {
        let namespace = fds.into_iter().next();
        let namespace =
            namespace.ok_or_else(|| failure::invalid("the container's network namespace is missing"))?;
        self.withdraw_dead(&attach.container);
        self.members.attach(number, attach, namespace)?;
        // The way out belongs to it: programs ask for it in their first millisecond.
        if self.way_out.is_settled() {
            return Ok(self.attached(number));
        }
        self.attaching.insert(number);
        Ok(None)
    }

    /// The lease of a container whose monitor is gone already ends before the next one's begins.
    fn withdraw_dead(&mut self, container: &str) {
        let Some(former) = self.members.client_of(container) else { return };
        if self.client(former).is_some_and(|client| client.is_hung_up()) {
            self.members.withdraw(former, true);
        }
    }

    fn attached(&self, number: u64) -> Answer {
        let status = self.members.status_of(number)?.clone();
        let attached = Attached { status, uplink_problem: self.way_out.problem() };
        Some((Reply::Attached(attached), Some(self.namespace.clone())))
    }

    /// Those who wait for the uplink are told what has become of it.
    pub(super) fn uplink_changed(&mut self, status: way_out::Status) {
        self.way_out = status;
        if !self.way_out.is_settled() {
            return;
        }
        while let Some(number) = self.attaching.pop_first() {
            if let Some((reply, fd)) = self.attached(number) {
                self.answer_late(number, &reply, fd);
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        let own = std::fs::read_link("/proc/self").ok();
        let pid = own.and_then(|path| path.to_str()?.parse().ok()).unwrap_or(0);
        Snapshot { pid, uplink: self.way_out.describe(), containers: self.members.list() }
    }

    fn reach(&mut self, number: u64, from: &str, target: Target, patience: Duration) -> Result<(), Failure> {
        let namespace = self.members.namespace_of(from)?;
        if self.reaching >= MAX_REACHING {
            let message = format!("{MAX_REACHING} attempts to connect are under way");
            return Err(failure::new(ErrorKind::Unavailable, "too_busy", message));
        }
        let notifier = self.notifier.clone();
        let thread = std::thread::Builder::new().name("reach".to_owned()).stack_size(SMALL_STACK);
        let started = thread.spawn(move || {
            notifier.send(Notice::Reached(number, reach::try_to(&namespace, target, patience)));
        });
        started.map_err(|error| failure::launch("start a thread", &error))?;
        self.reaching += 1;
        Ok(())
    }

    fn reload(&mut self) -> Result<(), Failure> {
        let network = launcher::read_record(&self.network_dir)?;
        self.members.reload(network);
        Ok(())
    }
}

/// The greeting of a holder.
pub(super) fn hello() -> Reply {
    Reply::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
}
