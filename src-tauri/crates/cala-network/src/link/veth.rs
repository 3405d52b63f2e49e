//! A container's link: a veth pair with one end in the bridge and the other in the container (veth(4)).

use std::os::fd::{AsRawFd as _, BorrowedFd};

use cala_sys::netns;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::address::{add_address, set_up};
use super::route::{LOOPBACK, add_default};
use super::socket::Request;
use super::{BRIDGE, Join, Link, LinkError, biggest, leave, sysctl};

/// Bytes that a connection of a container with a way out may have sent without an answer (tcp(7), tcp_wmem). The other end
/// is never farther than this machine, so it needs no more; with the kernel's 4 MiB pasta is overrun as soon as the
/// host's receiver is slower than the container, and drops until the connection stands still for seconds. Measured,
/// 256 MiB from a container to its host: more than 10 s with 4 MiB, 0.1 to 0.8 s with this; between two containers it is
/// 40 instead of 70 Gbit/s.
const MOST_UNSENT: u64 = 512 << 10;

/// Joins a container to the network in whose namespace `link` was opened: makes the pair with the far end in the
/// container, gives that its MAC address, addresses and default routes, brings it and the container's loopback up.
///
/// The link of a former run of the container, which may still be on its way out, goes first.
///
/// # Errors
/// [`LinkError::Refused`] (the container has an interface with that name), [`LinkError::Enter`],
/// [`LinkError::Sysctl`]. What was made is gone then.
pub fn join(link: &mut Link, container_ns: BorrowedFd<'_>, join: &Join) -> Result<(), LinkError> {
    if link.find(&join.host_side)?.is_some() {
        leave(link, join)?;
    }
    make_pair(link, container_ns, join)?;
    bring_up(link, container_ns, join)
}

/// Takes over the link of a container that lives on from a former holder. If it is not there, because the network's
/// namespace is another now, the container's end goes first and all is made anew.
///
/// # Errors
/// As [`join`].
pub fn adopt(link: &mut Link, container_ns: BorrowedFd<'_>, join: &Join) -> Result<(), LinkError> {
    if link.find(&join.host_side)?.is_none() {
        let far = Join { host_side: join.interface.clone(), ..join.clone() };
        // There are no rules to remove in the container; what matters is told by what follows.
        let _ = netns::run_in(container_ns, || Link::open().and_then(|mut link| leave(&mut link, &far)));
        make_pair(link, container_ns, join)?;
    }
    bring_up(link, container_ns, join)
}

/// Lets the container send, and configures its end.
fn bring_up(link: &mut Link, container_ns: BorrowedFd<'_>, join: &Join) -> Result<(), LinkError> {
    let joined = link
        .rules()
        .and_then(|rules| rules.admit(join))
        .and_then(|()| netns::run_in(container_ns, || configure(join)).map_err(LinkError::Enter)?)
        .and_then(|()| link.wait_running(&join.host_side));
    if joined.is_err() {
        // What failed is what is told.
        let _ = leave(link, join);
    }
    joined
}

/// The pair is born where each end belongs: moving an end later waits for all processors (0.3 ms and more).
fn make_pair(link: &mut Link, container_ns: BorrowedFd<'_>, join: &Join) -> Result<(), LinkError> {
    let bridge = link.find(BRIDGE)?.map_or(0, |found| found.index);
    let mut far = LinkMessage::default();
    far.attributes = vec![
        LinkAttribute::IfName(join.interface.clone()),
        LinkAttribute::Address(join.mac.to_vec()),
        LinkAttribute::Mtu(join.mtu),
        LinkAttribute::NetNsFd(container_ns.as_raw_fd()),
    ];
    far.attributes.extend(biggest());
    let mut near = LinkMessage::default();
    near.header.flags = LinkFlags::Up;
    near.header.change_mask = LinkFlags::Up;
    near.attributes = vec![
        LinkAttribute::IfName(join.host_side.clone()),
        LinkAttribute::Mtu(join.mtu),
        LinkAttribute::Controller(bridge),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
        ]),
    ];
    near.attributes.extend(biggest());
    let act = format!("make the interface {} of the container", join.interface);
    let pair = Request::new(act, RouteNetlinkMessage::NewLink(near)).flags(NLM_F_CREATE | NLM_F_EXCL);
    link.ask(vec![pair, widen(bridge)])
}

/// A bridge takes no larger pieces than its ports do, so it learns of them after its first.
fn widen(bridge: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = bridge;
    message.attributes.extend(biggest());
    Request::new("let the bridge take large pieces", RouteNetlinkMessage::SetLink(message))
        .tolerate(&[INVALID])
}

/// EINVAL: the kernel's limit is lower.
const INVALID: i32 = 22;

/// On a thread that is in the container's namespace.
fn configure(join: &Join) -> Result<(), LinkError> {
    let conf = |name: &str| format!("ipv6/conf/{}/{name}", join.interface);
    let disabled = if join.has_ipv6() { "0" } else { "1" };
    let names = ["disable_ipv6", "accept_ra", "accept_dad", "accept_redirects"].map(conf);
    let settings: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip([disabled, "0", "0", "0"]).collect();
    sysctl::write(&settings)?;
    if !join.gateways.is_empty() {
        sysctl::lower_third("ipv4/tcp_wmem", MOST_UNSENT);
    }
    let mut link = Link::without_rules()?;
    let index = link.find(&join.interface)?.map_or(0, |found| found.index);
    let mut requests = vec![set_up("lo", LOOPBACK, None), set_up(&join.interface, index, None)];
    requests.extend(join.addresses.iter().map(|address| add_address(index, *address)));
    requests.extend(join.gateways.iter().map(|gateway| add_default(*gateway, None)));
    link.ask(requests)?;
    link.wait_running(&join.interface)
}
