//! The tap in the network's namespace, which the program makes and we configure.

use std::os::fd::{AsFd as _, BorrowedFd};

use cala_sys::netns;
use netlink_sys::Socket;

use super::host_routes::drain;
use super::program::Kind;
use super::{Families, UplinkError};
use crate::link::{DEFAULT_MTU, Link, LinkError, UPLINK, requests};

/// The interface [`UPLINK`] in N, seen from the host thread: its sockets were opened in N and stay there.
#[derive(Debug)]
pub(super) struct Tap {
    events: Socket,
    link: Link,
    /// The network has a subnet of IPv6.
    ipv6: bool,
}

impl Tap {
    pub(super) fn open(n: BorrowedFd<'_>, ipv6: bool) -> Result<Self, UplinkError> {
        let opened = netns::run_in(n, || Ok((requests::link_events()?, Link::without_rules())));
        let (events, link) = opened.and_then(|opened| opened).map_err(LinkError::Enter)?;
        Ok(Self { events, link: link?, ipv6 })
    }

    /// Readable when an interface of N came, went or changed.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    pub(super) fn take_events(&mut self) -> bool {
        drain(&self.events)
    }

    /// Gives the tap its addresses and routes and brings it up. `false` when it is not there yet or carries nothing yet:
    /// the next event is the time to try again.
    pub(super) fn configure(&mut self, kind: Kind, families: Families) -> Result<bool, UplinkError> {
        let Some(tap) = self.link.find(UPLINK)? else { return Ok(false) };
        let mut asked = vec![requests::set_up(UPLINK, tap.index, Some(DEFAULT_MTU))];
        for ipv6 in self.families_of(kind) {
            asked.push(requests::add_address(tap.index, kind.ends(ipv6).address));
        }
        self.link.ask(asked)?;
        // Before the kernel's link watch has seen it, what is sent is lost; an event tells of that too.
        Ok(self.route(kind, families)? && self.link.find(UPLINK)?.is_some_and(|tap| tap.running))
    }

    /// Default routes as the host has them, so that what cannot be reached fails at once. `false` without a tap.
    pub(super) fn route(&mut self, kind: Kind, families: Families) -> Result<bool, UplinkError> {
        let Some(tap) = self.link.find(UPLINK)? else { return Ok(false) };
        let mut asked = Vec::new();
        for ipv6 in self.families_of(kind) {
            let change = if families.has(ipv6) { requests::add_default } else { requests::remove_default };
            asked.push(change(kind.ends(ipv6).gateway, Some(tap.index)));
        }
        self.link.ask(asked)?;
        Ok(true)
    }

    /// Whether IPv6, for each family that the network and the program both have.
    fn families_of(&self, kind: Kind) -> impl Iterator<Item = bool> + use<> {
        let both = self.ipv6 && kind.serves(true);
        [false, true].into_iter().filter(move |ipv6| !ipv6 || both)
    }
}
