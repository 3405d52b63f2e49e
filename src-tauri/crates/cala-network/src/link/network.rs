//! The namespace of a network: bridge, addresses, forwarding, and what is closed in it.

use std::net::IpAddr;

use cala_spec::network::Network;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoBridge, InfoData, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::address::{EXISTS, add_address, set_up};
use super::route::{LOOPBACK, any, everything_is_local, marked_is_local, unreachable};
use super::socket::Request;
use super::{BRIDGE, Link, LinkError, mtu_of, sysctl};
use crate::mac::Mac;

/// What the kernel could do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetUp {
    /// Containers cannot send from addresses that are not theirs. Only a kernel without nf_tables for bridges lacks this.
    pub source_filter: bool,
}

/// Makes the calling thread's network namespace N, in which `link` was opened, the one of this network: loopback, bridge
/// with the gateways' addresses, forwarding, masquerade, the way back to transparent sockets. What is there already stays.
///
/// The option `isolate` needs nothing: two networks never share anything here.
///
/// # Errors
/// [`LinkError::Refused`], [`LinkError::Sysctl`], [`LinkError::Socket`].
pub fn set_up_network(link: &mut Link, network: &Network) -> Result<SetUp, LinkError> {
    let ipv6 = network.subnets.iter().any(|subnet| matches!(subnet.subnet, IpNet::V6(_)));
    // Before the bridge and the uplink's tap are made: they are born with these.
    sysctl::write(&defaults(network.internal, ipv6))?;
    make_bridge(link, network)?;
    let index = link.find(BRIDGE)?.map_or(0, |found| found.index);
    let mut requests = vec![set_up("lo", LOOPBACK, None), set_up(BRIDGE, index, None)];
    let gateways = network.subnets.iter();
    requests.extend(gateways.filter_map(|subnet| {
        let address = IpNet::new(subnet.gateway, subnet.subnet.prefix_len()).ok()?;
        Some(add_address(index, address))
    }));
    for family in [false, true].into_iter().filter(|family| !family || ipv6) {
        requests.push(marked_is_local(any(family)));
        requests.push(everything_is_local(any(family)));
    }
    requests.extend(closed(ipv6).into_iter().map(unreachable));
    link.ask(requests)?;
    let own: Vec<IpAddr> = network.subnets.iter().map(|subnet| subnet.gateway).collect();
    link.rules()?.set_up(network.internal, &own)
}

/// With a MAC address that is set: one of the kernel's choice would be that of some container's link and change when that
/// comes or goes, and until they asked again all others would send to nobody.
fn make_bridge(link: &mut Link, network: &Network) -> Result<(), LinkError> {
    let mut message = LinkMessage::default();
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message.attributes = vec![
        LinkAttribute::IfName(BRIDGE.to_owned()),
        LinkAttribute::Mtu(mtu_of(network)),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            // Without a querier snooping only loses multicast between containers, neighbour discovery above all.
            LinkInfo::Data(InfoData::Bridge(vec![InfoBridge::MulticastSnooping(false)])),
        ]),
    ];
    if let Some(subnet) = network.subnets.first() {
        message.attributes.push(LinkAttribute::Address(Mac::of(subnet.gateway).0.to_vec()));
    }
    let request = Request::new(format!("make the bridge {BRIDGE}"), RouteNetlinkMessage::NewLink(message))
        .flags(NLM_F_CREATE | NLM_F_EXCL)
        .tolerate(&[EXISTS]);
    link.ask(vec![request])
}

/// Settings of N. Most are the kernel's defaults, but a new namespace takes over the host's for IPv4.
fn defaults(internal: bool, ipv6: bool) -> Vec<(&'static str, &'static str)> {
    let forward = if internal { "0" } else { "1" };
    let mut settings = vec![
        ("ipv4/ip_forward", forward),
        // Nothing that comes from a container is for 127.0.0.1.
        ("ipv4/conf/all/route_localnet", "0"),
        ("ipv4/conf/default/route_localnet", "0"),
        // A source must be where its packet came from (the mark of transparent sockets does not count for this).
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "1"),
        ("ipv4/conf/all/src_valid_mark", "0"),
        // Tens of thousands of connections a minute from the gateway to one port of a container: every port that a user may
        // bind, and again as soon as it is free.
        ("ipv4/ip_local_port_range", "1024 65535"),
        ("ipv4/tcp_tw_reuse", "1"),
        ("ipv4/conf/all/accept_redirects", "0"),
        ("ipv4/conf/default/accept_redirects", "0"),
        ("ipv4/conf/all/send_redirects", "0"),
        ("ipv4/conf/default/send_redirects", "0"),
    ];
    if ipv6 {
        settings.extend([
            ("ipv6/conf/all/disable_ipv6", "0"),
            ("ipv6/conf/default/disable_ipv6", "0"),
            ("ipv6/conf/default/accept_ra", "0"),
            ("ipv6/conf/default/accept_dad", "0"),
            ("ipv6/conf/default/accept_redirects", "0"),
            // This sets it for all interfaces, and for those to come.
            ("ipv6/conf/all/forwarding", forward),
        ]);
    } else {
        settings.extend([("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1")]);
    }
    settings
}

/// Destinations that a container may not send to through the uplink, because a socket of the host that connects there
/// ends on the host itself: IPv4 in IPv6's clothes (`::ffff:127.0.0.1`), `::`, `::1`, 127.0.0.0/8 and 0.0.0.0.
fn closed(ipv6: bool) -> Vec<IpNet> {
    let mut nets = vec![
        IpNet::V4(Ipv4Net::new_assert([0, 0, 0, 0].into(), 8)),
        IpNet::V4(Ipv4Net::new_assert([127, 0, 0, 0].into(), 8)),
    ];
    if ipv6 {
        nets.push(IpNet::V6(Ipv6Net::new_assert([0_u16; 8].into(), 96)));
        nets.push(IpNet::V6(Ipv6Net::new_assert([0_u16, 0, 0, 0, 0, 0xffff, 0, 0].into(), 96)));
    }
    nets
}
