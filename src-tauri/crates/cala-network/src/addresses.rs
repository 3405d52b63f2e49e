//! The host's interfaces and addresses, asked of the kernel by rtnetlink(7).

use std::collections::HashMap;
use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use rtnetlink::{Handle, RouteMessageBuilder};

use crate::NetworkError;

/// An interface of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The kernel's number for it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its addresses with the length of their prefix in bits.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// Lists the host's interfaces with their addresses. Needs a tokio runtime with I/O.
///
/// # Errors
/// When the netlink socket cannot be opened or the kernel does not answer.
pub async fn interfaces() -> Result<Vec<Interface>, NetworkError> {
    with_handle(async |handle| {
        let mut found = links(&handle).await?;
        for message in addresses(&handle).await? {
            let Some(address) = address_of(&message) else { continue };
            if let Some(interface) = found.iter_mut().find(|i| i.index == message.header.index) {
                interface.addresses.push((address, message.header.prefix_len));
            }
        }
        Ok(found)
    })
    .await
}

/// The address by which the host is reached from outside: that of the interface with the default route, IPv4 before
/// IPv6. `None` when there is no default route. Needs a tokio runtime with I/O.
///
/// # Errors
/// When the netlink socket cannot be opened or the kernel does not answer.
pub async fn outward_address() -> Result<Option<IpAddr>, NetworkError> {
    with_handle(async |handle| {
        let all = addresses(&handle).await?;
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let Some(index) = default_interface(&handle, family).await? else { continue };
            let found = all.iter().find(|message| {
                message.header.index == index
                    && message.header.family == family
                    && message.header.scope == AddressScope::Universe
            });
            if let Some(address) = found.and_then(address_of) {
                return Ok(Some(address));
            }
        }
        Ok(None)
    })
    .await
}

/// A range of addresses that the host reaches by a route or has itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSubnet {
    /// The range.
    pub subnet: IpNet,
    /// Name of the interface that it is behind; empty when the route has none.
    pub interface: String,
}

/// Lists the ranges that the host has routes to, of all tables, and those of its own addresses; default routes are among
/// them. Needs a tokio runtime with I/O.
///
/// # Errors
/// When the netlink socket cannot be opened or the kernel does not answer.
pub async fn host_subnets() -> Result<Vec<HostSubnet>, NetworkError> {
    with_handle(async |handle| {
        let names: HashMap<u32, String> =
            links(&handle).await?.into_iter().map(|link| (link.index, link.name)).collect();
        let name =
            |index: Option<u32>| index.and_then(|index| names.get(&index)).cloned().unwrap_or_default();
        let mut found = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            for route in routes(&handle, family).await? {
                if let Some(subnet) = destination(&route, family) {
                    found.push(HostSubnet { subnet, interface: name(outgoing(&route)) });
                }
            }
        }
        // An address without a route to its range (`noprefixroute`) counts too.
        for message in addresses(&handle).await? {
            let subnet = address_of(&message).and_then(|ip| IpNet::new(ip, message.header.prefix_len).ok());
            found.extend(subnet.map(|subnet| HostSubnet {
                subnet: subnet.trunc(),
                interface: name(Some(message.header.index)),
            }));
        }
        Ok(found)
    })
    .await
}

/// Where a route leads to, when packets for it go somewhere or are refused.
fn destination(route: &RouteMessage, family: AddressFamily) -> Option<IpNet> {
    let counts = matches!(
        route.header.kind,
        RouteType::Unicast
            | RouteType::Local
            | RouteType::BlackHole
            | RouteType::Unreachable
            | RouteType::Prohibit
    );
    let address = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        RouteAttribute::Destination(RouteAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    });
    let everywhere = match family {
        AddressFamily::Inet6 => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
        _ => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    };
    let subnet = IpNet::new(address.unwrap_or(everywhere), route.header.destination_prefix_length).ok()?;
    counts.then(|| subnet.trunc())
}

/// Opens a netlink socket for one question; the task that serves it ends with the handle.
async fn with_handle<T>(ask: impl AsyncFnOnce(Handle) -> Result<T, NetworkError>) -> Result<T, NetworkError> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(NetworkError::Socket)?;
    let serving = tokio::spawn(connection);
    let answer = ask(handle).await;
    serving.abort();
    answer
}

async fn links(handle: &Handle) -> Result<Vec<Interface>, NetworkError> {
    let listed: Vec<_> = handle
        .link()
        .get()
        .execute()
        .try_collect()
        .await
        .map_err(|source| NetworkError::List { what: "interfaces", source })?;
    Ok(listed
        .into_iter()
        .filter_map(|message| {
            let name = message.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            })?;
            Some(Interface { index: message.header.index, name, addresses: Vec::new() })
        })
        .collect())
}

async fn addresses(handle: &Handle) -> Result<Vec<AddressMessage>, NetworkError> {
    handle
        .address()
        .get()
        .execute()
        .try_collect()
        .await
        .map_err(|source| NetworkError::List { what: "addresses", source })
}

/// IFA_LOCAL where there is one: on a point-to-point link IFA_ADDRESS is the other end.
fn address_of(message: &AddressMessage) -> Option<IpAddr> {
    let pick = |local: bool| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(address) if local => Some(*address),
            AddressAttribute::Address(address) if !local => Some(*address),
            _ => None,
        })
    };
    pick(true).or_else(|| pick(false))
}

async fn default_interface(handle: &Handle, family: AddressFamily) -> Result<Option<u32>, NetworkError> {
    let routes = routes(handle, family).await?;
    Ok(routes.iter().filter(|route| is_default(route)).min_by_key(|route| metric(route)).and_then(outgoing))
}

async fn routes(handle: &Handle, family: AddressFamily) -> Result<Vec<RouteMessage>, NetworkError> {
    let question = match family {
        AddressFamily::Inet6 => RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        _ => RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
    };
    handle
        .route()
        .get(question)
        .execute()
        .try_collect()
        .await
        .map_err(|source| NetworkError::List { what: "routes", source })
}

fn is_default(route: &RouteMessage) -> bool {
    route.header.destination_prefix_length == 0
        && route.header.kind == RouteType::Unicast
        && outgoing(route).is_some()
}

fn metric(route: &RouteMessage) -> u32 {
    route
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            RouteAttribute::Priority(metric) => Some(*metric),
            _ => None,
        })
        .unwrap_or(0)
}

fn outgoing(route: &RouteMessage) -> Option<u32> {
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_hosts_own_ranges_are_found() {
        let found = host_subnets().await.expect("the kernel answers");
        let loopback: IpNet = "127.0.0.0/8".parse().expect("a range");
        let lo = found.iter().find(|range| range.subnet == loopback).expect("every machine has loopback");
        assert_eq!(lo.interface, "lo");
    }

    #[tokio::test]
    async fn the_kernel_lists_loopback() {
        let found = interfaces().await.expect("the kernel answers");
        let loopback = found.iter().find(|i| i.name == "lo").expect("every machine has loopback");
        assert!(loopback.index > 0);
        outward_address().await.expect("the kernel answers whether there is a default route or not");
    }
}
