//! The host's default routes, and word when they change (rtnetlink(7)).

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAttribute, RouteHeader, RouteMessage, RouteType};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::UplinkError;
use crate::link::Link;
use crate::link::requests::NO_BUFFER;

/// RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE.
const ROUTE_GROUPS: u32 = 0x40 | 0x400;

/// Which families of addresses lead out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Families {
    /// There is an IPv4 default route.
    pub ipv4: bool,
    /// There is an IPv6 default route.
    pub ipv6: bool,
}

impl Families {
    /// Nothing leads out.
    #[must_use]
    pub fn is_none(self) -> bool {
        !self.ipv4 && !self.ipv6
    }

    /// Whether this family leads out.
    #[must_use]
    pub fn has(self, ipv6: bool) -> bool {
        if ipv6 { self.ipv6 } else { self.ipv4 }
    }

    /// Whether all that lead out by `other` do so by this.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        (self.ipv4 || !other.ipv4) && (self.ipv6 || !other.ipv6)
    }
}

/// Watches the routes of the network namespace in which it was opened.
#[derive(Debug)]
pub struct HostRoutes {
    events: Socket,
    link: Link,
}

impl HostRoutes {
    /// Begins to watch the calling thread's namespace.
    ///
    /// # Errors
    /// [`UplinkError::Watch`].
    pub fn open() -> Result<Self, UplinkError> {
        let mut events = Socket::new(NETLINK_ROUTE).map_err(UplinkError::Watch)?;
        events.bind(&SocketAddr::new(0, ROUTE_GROUPS)).map_err(UplinkError::Watch)?;
        events.set_non_blocking(true).map_err(UplinkError::Watch)?;
        Ok(Self { events, link: Link::without_rules()? })
    }

    /// Readable when routes have changed.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Takes the events that are there; whether there were any. Lost ones (ENOBUFS) count.
    pub fn take_events(&mut self) -> bool {
        drain(&self.events)
    }

    /// Which families have a default route now.
    ///
    /// # Errors
    /// [`UplinkError::Link`].
    pub fn families(&mut self) -> Result<Families, UplinkError> {
        let mut families = Families::default();
        for answer in self.link.list(RouteNetlinkMessage::GetRoute(RouteMessage::default()))? {
            if let RouteNetlinkMessage::NewRoute(route) = answer
                && leads_out(&route)
            {
                match route.header.address_family {
                    netlink_packet_route::AddressFamily::Inet => families.ipv4 = true,
                    netlink_packet_route::AddressFamily::Inet6 => families.ipv6 = true,
                    _ => {}
                }
            }
        }
        Ok(families)
    }
}

/// Takes all messages that wait on a non-blocking socket; whether there were any.
pub(super) fn drain(socket: &Socket) -> bool {
    let mut any = false;
    let mut buffer = Vec::with_capacity(1 << 13);
    loop {
        buffer.clear();
        match socket.recv(&mut buffer, 0) {
            Ok(_) => any = true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return any,
            // Lost messages: more happened than fitted.
            Err(error) if error.raw_os_error() == Some(NO_BUFFER) => any = true,
            Err(_) => return any,
        }
    }
}

fn leads_out(route: &RouteMessage) -> bool {
    let main = route.header.table == RouteHeader::RT_TABLE_MAIN;
    let whole = route.header.destination_prefix_length == 0;
    let device = route
        .attributes
        .iter()
        .any(|attribute| matches!(attribute, RouteAttribute::Oif(_) | RouteAttribute::MultiPath(_)));
    main && whole && device && route.header.kind == RouteType::Unicast
}
