//! Requests for addresses and links, in the words of ip-address(8) and ip-link(8).

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::socket::Request;

/// EEXIST.
pub(crate) const EXISTS: i32 = 17;

pub(crate) fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// `ip address replace ADDRESS dev INDEX nodad`: usable at once, because nobody else can have it.
pub(crate) fn add_address(index: u32, address: IpNet) -> Request {
    let mut message = AddressMessage::default();
    message.header.family = family(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.scope = AddressScope::Universe;
    message.header.index = index;
    message.attributes =
        vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    match address {
        IpNet::V4(net) => message.attributes.push(AddressAttribute::Broadcast(net.broadcast())),
        IpNet::V6(_) => {
            message.header.flags = AddressHeaderFlags::Nodad;
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
    }
    Request::new(format!("give an interface the address {address}"), RouteNetlinkMessage::NewAddress(message))
        .flags(NLM_F_CREATE | NLM_F_REPLACE)
        .tolerate(&[EXISTS])
}

/// `ip link set INDEX up mtu MTU`.
pub(crate) fn set_up(name: &str, index: u32, mtu: Option<u32>) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    Request::new(format!("bring up the interface {name}"), RouteNetlinkMessage::SetLink(message))
}
