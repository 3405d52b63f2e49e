//! The host's interfaces and addresses, asked of the kernel by rtnetlink(7).

use std::net::IpAddr;

use futures_util::TryStreamExt as _;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::route::{RouteAttribute, RouteMessage, RouteType};
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
    let question = match family {
        AddressFamily::Inet6 => RouteMessageBuilder::<std::net::Ipv6Addr>::new().build(),
        _ => RouteMessageBuilder::<std::net::Ipv4Addr>::new().build(),
    };
    let routes: Vec<RouteMessage> = handle
        .route()
        .get(question)
        .execute()
        .try_collect()
        .await
        .map_err(|source| NetworkError::List { what: "routes", source })?;
    Ok(routes.iter().filter(|route| is_default(route)).min_by_key(|route| metric(route)).and_then(outgoing))
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
    async fn the_kernel_lists_loopback() {
        let found = interfaces().await.expect("the kernel answers");
        let loopback = found.iter().find(|i| i.name == "lo").expect("every machine has loopback");
        assert!(loopback.index > 0);
        outward_address().await.expect("the kernel answers whether there is a default route or not");
    }
}
