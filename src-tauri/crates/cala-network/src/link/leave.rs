//! How a container leaves a network: at once for whoever asks, although the kernel takes tens of milliseconds to free a
//! link (it waits until no processor can see it any more).

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use cala_sys::poll::{self, Interest};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::socket::{NO_BUFFER, NO_DEVICE, Request, messages};
use super::{Join, Link, LinkError};
use crate::SMALL_STACK;

/// RTMGRP_LINK.
const LINK_GROUP: u32 = 1;

/// Takes a container out of the network: what it may send from, and its link, which nobody sees any more on return. No error
/// when it is gone already.
///
/// # Errors
/// [`LinkError::Refused`], [`LinkError::Socket`].
pub fn leave(link: &mut Link, join: &Join) -> Result<(), LinkError> {
    let dismissed = dismiss(link, join);
    if let Some(found) = link.find(&join.host_side)? {
        remove(join, found.index)?;
    }
    dismissed
}

/// Takes back what a container may send from, at once; its link stays. For one that has ended: the kernel removes the link
/// with its namespace, without making anybody wait.
///
/// # Errors
/// [`LinkError::Refused`], [`LinkError::Socket`].
pub fn dismiss(link: &mut Link, join: &Join) -> Result<(), LinkError> {
    link.rules()?.dismiss(join)
}

/// Removes a link on a thread of its own, which waits for the kernel; we only wait for the word that it is gone.
fn remove(join: &Join, index: u32) -> Result<(), LinkError> {
    // Before it is asked for: no word is missed.
    let events = link_events().map_err(LinkError::Socket)?;
    let mut own = Link::without_rules()?;
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(join.host_side.clone()));
    let act = format!("remove the link {}", join.host_side);
    let request = Request::new(act, RouteNetlinkMessage::DelLink(message)).tolerate(&[NO_DEVICE]);
    let (ended, end) = io::pipe().map_err(LinkError::Socket)?;
    let thread = std::thread::Builder::new().name("unlink".to_owned()).stack_size(SMALL_STACK);
    let asked = move || {
        let _end = end;
        own.ask(vec![request])
    };
    let thread = thread.spawn(asked).map_err(LinkError::Socket)?;
    if is_gone_before(&events, &OwnedFd::from(ended), index).map_err(LinkError::Socket)? {
        return Ok(());
    }
    thread.join().unwrap_or_else(|_| Err(LinkError::Socket(io::ErrorKind::Other.into())))
}

/// A socket that hears of the links of the calling thread's network namespace; it never waits.
pub(crate) fn link_events() -> io::Result<Socket> {
    let mut events = Socket::new(NETLINK_ROUTE)?;
    events.bind(&SocketAddr::new(0, LINK_GROUP))?;
    events.set_non_blocking(true)?;
    Ok(events)
}

/// Whether the link's end is told before this descriptor is closed.
fn is_gone_before(events: &Socket, ended: &OwnedFd, index: u32) -> io::Result<bool> {
    let mut ready = Vec::new();
    loop {
        let of = |fd, token| Interest { fd, read: true, write: false, token };
        poll::wait(&[of(events.as_fd(), true), of(ended.as_fd(), false)], None, &mut ready)?;
        if ready.iter().any(|event| event.token) && tells_the_end(events, index)? {
            return Ok(true);
        }
        if ready.iter().any(|event| !event.token) {
            return Ok(false);
        }
    }
}

/// Whether the words that wait on a socket tell the end of a link.
fn tells_the_end(events: &Socket, index: u32) -> io::Result<bool> {
    let mut buffer = Vec::with_capacity(1 << 13);
    loop {
        buffer.clear();
        match events.recv(&mut buffer, 0) {
            Ok(_) if messages(&buffer).any(|(_, _, message)| is_end_of(message, index)) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // More happened than fitted: the end of the thread tells as well, only later.
            Err(error) if error.raw_os_error() == Some(NO_BUFFER) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The bridge's word that it has one port less looks the same, but for its family.
fn is_end_of(message: &[u8], index: u32) -> bool {
    match NetlinkMessage::deserialize(message).map(|message| message.payload) {
        Ok(NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link))) => {
            link.header.index == index && link.header.interface_family == AddressFamily::Unspec
        }
        _ => false,
    }
}
