//! From which address to which one a client's connection goes on.

use std::net::{IpAddr, SocketAddr};

use super::{LocalAddresses, Target};

/// One way to the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    /// The container's address.
    pub(super) to: IpAddr,
    /// The client's own address and port, if the container may see it; `None`: the gateway's, which the kernel chooses.
    pub(super) from: Option<SocketAddr>,
}

/// The ways to try, in this order: the client's own family first, because then its address can be kept; the other one
/// for services that listen on one family only.
pub(super) fn routes(client: SocketAddr, target: &Target, local: &LocalAddresses) -> Vec<Route> {
    let client = SocketAddr::new(client.ip().to_canonical(), client.port());
    let of_family = |ipv6: bool| target.addresses.iter().copied().find(|address| address.is_ipv6() == ipv6);
    let keep = target.keep_client && can_be_answered(client.ip(), target, local);
    let own = of_family(client.is_ipv6()).map(|to| Route { to, from: keep.then_some(client) });
    let other = of_family(!client.is_ipv6()).map(|to| Route { to, from: None });
    own.into_iter().chain(other).collect()
}

/// Whether the container's answers to this address come back to us: not those to itself, nor those to its own network,
/// which do not pass the gateway, nor those to addresses that mean something else there.
fn can_be_answered(client: IpAddr, target: &Target, local: &LocalAddresses) -> bool {
    let special =
        client.is_loopback() || client.is_unspecified() || client.is_multicast() || is_link_local(client);
    let ours = local.gateways.contains(&client) || target.addresses.contains(&client);
    !special && !ours && !local.subnets.iter().any(|subnet| subnet.contains(&client))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> LocalAddresses {
        LocalAddresses {
            gateways: vec!["10.89.0.1".parse().unwrap(), "fd89::1".parse().unwrap()],
            subnets: vec!["10.89.0.0/24".parse().unwrap(), "fd89::/64".parse().unwrap()],
        }
    }

    fn ways(client: &str, addresses: &[&str], keep_client: bool) -> Vec<(String, Option<String>)> {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let target = Target { addresses, keep_client };
        let all = routes(client.parse().unwrap(), &target, &local());
        all.iter().map(|way| (way.to.to_string(), way.from.map(|from| from.to_string()))).collect()
    }

    fn way(to: &str, from: Option<&str>) -> (String, Option<String>) {
        (to.to_owned(), from.map(str::to_owned))
    }

    const BOTH: &[&str] = &["10.89.0.2", "fd89::2"];

    #[test]
    fn a_client_of_the_lan_keeps_its_address() {
        let kept = way("10.89.0.2", Some("203.0.113.1:999"));
        assert_eq!(ways("203.0.113.1:999", BOTH, true), [kept.clone(), way("fd89::2", None)]);
        assert_eq!(ways("[::ffff:203.0.113.1]:999", &["10.89.0.2"], true), [kept]);
        let kept = way("fd89::2", Some("[2001:db8::1]:999"));
        assert_eq!(ways("[2001:db8::1]:999", BOTH, true), [kept, way("10.89.0.2", None)]);
    }

    #[test]
    fn clients_that_could_not_be_answered_appear_as_the_gateway() {
        for client in ["127.0.0.1:1", "169.254.3.4:1", "10.89.0.7:1", "10.89.0.1:1"] {
            assert_eq!(ways(client, &["10.89.0.2"], true), [way("10.89.0.2", None)], "{client}");
        }
        for client in ["[::1]:1", "[fe80::1]:1", "[fd89::9]:1"] {
            assert_eq!(ways(client, &["fd89::2"], true), [way("fd89::2", None)], "{client}");
        }
        assert_eq!(ways("203.0.113.1:9", &["10.89.0.2"], false), [way("10.89.0.2", None)]);
    }

    #[test]
    fn a_service_of_one_family_is_reached_from_the_other() {
        assert_eq!(ways("[::1]:1", &["10.89.0.2"], true), [way("10.89.0.2", None)]);
        assert_eq!(ways("203.0.113.1:9", &["fd89::2"], true), [way("fd89::2", None)]);
    }
}
