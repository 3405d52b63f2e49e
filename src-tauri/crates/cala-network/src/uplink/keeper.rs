//! Keeps a network's uplink going: a state machine over four descriptors and a clock, never waiting.
//!
//! It is started when the host has a default route; is ready when its tap has appeared and is configured; is started again
//! when it has died, soon at first and then more seldom, by the other program in turn if there are two; and is exchanged when
//! the host has got a family of addresses that it does not serve.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use cala_spec::network::Network;
use ipnet::IpNet;

use super::program::{Kind, Running};
use super::tap::Tap;
use super::{Families, HostRoutes, UplinkError};
use crate::options;

/// How long a program may take to make its tap.
const START_LIMIT: Duration = Duration::from_secs(5);

/// One that ran this long was good: its end counts as the first again.
const GOOD: Duration = Duration::from_secs(10);

/// Before the second attempt, the third and so on; the last for all further.
const PAUSES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// How often to look whether a program was installed meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How the way out is now.
#[derive(Debug)]
pub enum Status {
    /// The network is internal: there is none and will be none.
    Internal,
    /// It was started and is not ready yet.
    Starting,
    /// There is one.
    Ready {
        /// `pasta` or `slirp4netns`.
        program: &'static str,
    },
    /// There is none now; the keeper goes on trying.
    Down(UplinkError),
}

/// A network's uplink and what it takes to keep it. Lives on the host thread: poll [`Keeper::fds`] until
/// [`Keeper::deadline`], then call [`Keeper::turn`].
#[derive(Debug)]
pub struct Keeper {
    status: Status,
    /// Absent for an internal network.
    work: Option<Work>,
}

#[derive(Debug)]
struct Work {
    kinds: &'static [Kind],
    /// Containers reach the host's 127.0.0.1 by an address.
    host_loopback: bool,
    namespace: OwnedFd,
    routes: HostRoutes,
    families: Families,
    tap: Tap,
    running: Option<Running>,
    /// Ends in a row that came too early.
    failures: usize,
    /// When to start, or to give up starting.
    at: Option<Instant>,
}

impl Keeper {
    /// Starts the uplink of the network with the namespace `n`. Returns before it is ready.
    ///
    /// # Errors
    /// [`UplinkError::Link`], [`UplinkError::Watch`]: no sockets. A missing program or route is a [`Status`].
    pub fn start(n: BorrowedFd<'_>, network: &Network) -> Result<Self, UplinkError> {
        Self::start_one_of(Kind::of(network), n, network)
    }

    /// As [`Keeper::start`], with these programs only.
    pub(super) fn start_one_of(
        kinds: &'static [Kind],
        n: BorrowedFd<'_>,
        network: &Network,
    ) -> Result<Self, UplinkError> {
        if network.internal {
            return Ok(Self { status: Status::Internal, work: None });
        }
        let ipv6 = network.subnets.iter().any(|subnet| matches!(subnet.subnet, IpNet::V6(_)));
        // Watched before it is asked: no change is missed.
        let mut routes = HostRoutes::open()?;
        let mut work = Work {
            kinds,
            host_loopback: options::opens_host_loopback(network),
            namespace: n.try_clone_to_owned().map_err(UplinkError::Watch)?,
            families: routes.families()?,
            routes,
            tap: Tap::open(n, ipv6)?,
            running: None,
            failures: 0,
            at: None,
        };
        let status = work.begin();
        Ok(Self { status, work: Some(work) })
    }

    /// What to poll for reading.
    #[must_use]
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let Some(work) = &self.work else { return Vec::new() };
        let mut fds = vec![work.routes.fd(), work.tap.fd()];
        fds.extend(work.running.as_ref().map(|running| running.pidfd().as_fd()));
        fds
    }

    /// When to call [`Keeper::turn`] even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.work.as_ref()?.at
    }

    /// Does what is to do now; never waits. Whether the status may have changed.
    pub fn turn(&mut self) -> bool {
        let Some(work) = &mut self.work else { return false };
        let starting = matches!(self.status, Status::Starting);
        match work.turn(starting) {
            Some(status) => {
                self.status = status;
                true
            }
            None => false,
        }
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Kills the program, as a fault.
    #[cfg(test)]
    pub(super) fn kill(&self) {
        let running = self.work.as_ref().and_then(|work| work.running.as_ref());
        running.expect("it runs").pidfd().send_signal(9).expect("it is ours");
    }

    /// Ends the program and waits for its end.
    pub fn end(self) {
        if let Some(running) = self.work.and_then(|work| work.running) {
            running.end();
        }
    }
}

impl Work {
    /// The next status, if it is another.
    fn turn(&mut self, starting: bool) -> Option<Status> {
        if self.running.as_ref().is_some_and(|running| running.pidfd().has_ended()) {
            return self.died();
        }
        if self.routes.take_events()
            && let Some(status) = self.look_at_routes()
        {
            return Some(status);
        }
        if self.tap.take_events() && starting {
            return self.try_ready();
        }
        if self.at.is_some_and(|at| at <= Instant::now()) {
            return Some(self.time_is_over());
        }
        None
    }

    /// Starts a program, if there is one and a route.
    fn begin(&mut self) -> Status {
        self.at = None;
        if self.families.is_none() {
            // The next route event says when.
            return Status::Down(UplinkError::NoRoute);
        }
        let Some(kind) = self.choose() else {
            self.at = Some(Instant::now() + LOOK_AGAIN);
            return Status::Down(UplinkError::none_of(self.kinds));
        };
        match Running::start(kind, self.namespace.as_fd(), self.families, self.host_loopback) {
            Ok(running) => {
                self.running = Some(running);
                self.at = Some(Instant::now() + START_LIMIT);
                Status::Starting
            }
            Err(error) => self.failed(error),
        }
    }

    /// pasta, unless only the other is there; in turn after failures.
    fn choose(&self) -> Option<Kind> {
        let there: Vec<Kind> = self.kinds.iter().copied().filter(|kind| kind.path().is_some()).collect();
        // One early end happens (a program killed by hand): the second attempt is with the same.
        there.get(self.failures.saturating_sub(1) % there.len().max(1)).copied()
    }

    /// Something did not work: tries again later.
    fn failed(&mut self, error: UplinkError) -> Status {
        let pause = PAUSES.get(self.failures).or(PAUSES.last()).copied().unwrap_or_default();
        self.failures += 1;
        self.at = Some(Instant::now() + pause);
        Status::Down(error)
    }

    fn died(&mut self) -> Option<Status> {
        let running = self.running.take()?;
        if running.since.elapsed() > GOOD {
            self.failures = 0;
        }
        let status = self.failed(running.ended());
        // The first time at once.
        Some(if self.failures == 1 { self.begin() } else { status })
    }

    /// Its tap may be there now.
    fn try_ready(&mut self) -> Option<Status> {
        let running = self.running.as_ref()?;
        let program = running.kind.name();
        match self.tap.configure(running.kind, self.families) {
            Ok(false) => None,
            Ok(true) => {
                self.at = None;
                Some(Status::Ready { program })
            }
            Err(error) => Some(self.give_up(error)),
        }
    }

    fn give_up(&mut self, error: UplinkError) -> Status {
        if let Some(running) = self.running.take() {
            running.end();
        }
        self.failed(error)
    }

    fn time_is_over(&mut self) -> Status {
        match &self.running {
            None => self.begin(),
            Some(running) => {
                let late = UplinkError::Late { program: running.kind.name(), seconds: START_LIMIT.as_secs() };
                self.give_up(late)
            }
        }
    }

    /// The host's routes have changed.
    fn look_at_routes(&mut self) -> Option<Status> {
        let before = self.families;
        self.families = self.routes.families().ok()?;
        if self.families == before {
            return None;
        }
        let Some(running) = &self.running else {
            self.failures = 0;
            return Some(self.begin());
        };
        if running.families.covers(self.families) {
            // Open connections live on. A tap that is not there yet gets its routes when it comes.
            let _ = self.tap.route(running.kind, self.families);
            return None;
        }
        if let Some(running) = self.running.take() {
            running.end();
        }
        self.failures = 0;
        Some(self.begin())
    }
}
