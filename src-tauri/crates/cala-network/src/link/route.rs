//! Routes and rules, in the words of ip-route(8) and ip-rule(8).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;

use cala_sys::netns;
use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::address::{EXISTS, family};
use super::socket::Request;
use super::{Link, LinkError, TRANSPARENT_MARK, TRANSPARENT_TABLE};

/// ESRCH: there is no such route.
const NO_ROUTE: i32 = 3;

/// Number of the loopback interface in every network namespace.
pub(crate) const LOOPBACK: u32 = 1;

fn message(family: AddressFamily, kind: RouteType) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family;
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.kind = kind;
    message
}

/// `default via GATEWAY [dev INDEX onlink]`.
fn default_route(gateway: IpAddr, index: Option<u32>) -> RouteMessage {
    let mut message = message(family(gateway), RouteType::Unicast);
    message.header.scope = RouteScope::Universe;
    message.attributes.push(RouteAttribute::Gateway(gateway.into()));
    if let Some(index) = index {
        message.header.flags = RouteFlags::Onlink;
        message.attributes.push(RouteAttribute::Oif(index));
    }
    message
}

pub(crate) fn add_default(gateway: IpAddr, index: Option<u32>) -> Request {
    let message = RouteNetlinkMessage::NewRoute(default_route(gateway, index));
    Request::new(format!("add the default route via {gateway}"), message).flags(NLM_F_CREATE | NLM_F_REPLACE)
}

pub(crate) fn remove_default(gateway: IpAddr, index: Option<u32>) -> Request {
    let message = RouteNetlinkMessage::DelRoute(default_route(gateway, index));
    Request::new(format!("remove the default route via {gateway}"), message).tolerate(&[NO_ROUTE])
}

/// `unreachable NET`.
pub(super) fn unreachable(net: IpNet) -> Request {
    let mut message = message(family(net.addr()), RouteType::Unreachable);
    message.header.destination_prefix_length = net.prefix_len();
    message.attributes.push(RouteAttribute::Destination(net.addr().into()));
    Request::new(format!("close {net}"), RouteNetlinkMessage::NewRoute(message))
        .flags(NLM_F_CREATE | NLM_F_EXCL)
        .tolerate(&[EXISTS])
}

/// `local default dev lo table 100`: there, every address is our own.
pub(super) fn everything_is_local(any: IpAddr) -> Request {
    let mut message = message(family(any), RouteType::Local);
    message.header.table = u8::try_from(TRANSPARENT_TABLE).unwrap_or(u8::MAX);
    message.header.scope = RouteScope::Host;
    message.attributes.push(RouteAttribute::Oif(LOOPBACK));
    Request::new("add the route of transparent sockets", RouteNetlinkMessage::NewRoute(message))
        .flags(NLM_F_CREATE | NLM_F_EXCL)
        .tolerate(&[EXISTS])
}

/// `fwmark 1 lookup 100`.
pub(super) fn marked_is_local(any: IpAddr) -> Request {
    let mut message = RuleMessage::default();
    message.header.family = family(any);
    message.header.action = RuleAction::ToTable;
    message.header.table = u8::try_from(TRANSPARENT_TABLE).unwrap_or(u8::MAX);
    message.attributes = vec![
        RuleAttribute::FwMark(TRANSPARENT_MARK),
        RuleAttribute::FwMask(u32::MAX),
        RuleAttribute::Priority(TRANSPARENT_TABLE),
    ];
    Request::new("add the rule of transparent sockets", RouteNetlinkMessage::NewRule(message))
        .flags(NLM_F_CREATE | NLM_F_EXCL)
        .tolerate(&[EXISTS])
}

/// The address that stands for all of a family.
pub(crate) fn any(ipv6: bool) -> IpAddr {
    if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

/// Gives a container that runs these default routes, at most one of each family.
///
/// # Errors
/// [`LinkError::Enter`], [`LinkError::Refused`] when a gateway is on no network of the container.
pub fn add_default_routes(container_ns: BorrowedFd<'_>, gateways: &[IpAddr]) -> Result<(), LinkError> {
    change_default_routes(container_ns, gateways, add_default)
}

/// Takes these default routes from a container that runs. No error when they are gone.
///
/// # Errors
/// [`LinkError::Enter`], [`LinkError::Refused`].
pub fn remove_default_routes(container_ns: BorrowedFd<'_>, gateways: &[IpAddr]) -> Result<(), LinkError> {
    change_default_routes(container_ns, gateways, remove_default)
}

fn change_default_routes(
    container_ns: BorrowedFd<'_>,
    gateways: &[IpAddr],
    change: fn(IpAddr, Option<u32>) -> Request,
) -> Result<(), LinkError> {
    let requests: Vec<Request> = gateways.iter().map(|gateway| change(*gateway, None)).collect();
    if requests.is_empty() {
        return Ok(());
    }
    netns::run_in(container_ns, || Link::without_rules()?.ask(requests)).map_err(LinkError::Enter)?
}
