//! Subnets with their gateway and the range that containers get addresses from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cala_spec::InvalidValue;
use cala_spec::network::Subnet;
use ipnet::IpNet;

use crate::subnets;

/// Host bits that a subnet needs: the gateway and a container beside the network's own address.
const MIN_HOST_BITS: u8 = 2;

/// Reads a subnet, its gateway and its range.
pub(super) fn subnet(
    text: &str,
    gateway: Option<&String>,
    range: Option<&String>,
) -> Result<Subnet, InvalidValue> {
    let subnet = cidr(text)?.trunc();
    check_kind(subnet)?;
    let gateway = match gateway {
        Some(text) => gateway_of(subnet, text)?,
        None => subnets::first(subnet),
    };
    let lease_range = range.map(|text| lease_range(subnet, text)).transpose()?;
    Ok(Subnet { subnet, gateway, lease_range })
}

fn cidr(text: &str) -> Result<IpNet, InvalidValue> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        InvalidValue::new("invalid_subnet", format!("invalid CIDR address: {shown}"))
            .allowing("a subnet is an address and a length, such as 10.90.0.0/24 or fd00:1234::/64")
    })
}

/// Addresses that no network can have.
fn check_kind(subnet: IpNet) -> Result<(), InvalidValue> {
    let refuse = |sentence: String| {
        Err(InvalidValue::new("unusable_subnet", sentence)
            .allowing("private ranges are 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and fd00::/8"))
    };
    let among = |ranges: &[&str]| {
        let mut ranges = ranges.iter().filter_map(|range| range.parse::<IpNet>().ok());
        ranges.any(|range| subnets::overlap(range, subnet))
    };
    // Every host has routes to these.
    if subnet.prefix_len() == 0 || among(&["127.0.0.0/8", "169.254.0.0/16", "fe80::/10"]) {
        return refuse(format!("subnet {subnet} is already used on the host or by another config"));
    }
    if among(&["0.0.0.0/8", "224.0.0.0/3", "::/8", "ff00::/8"]) {
        return refuse(format!("subnet {subnet} cannot be used: its addresses are multicast or reserved"));
    }
    if subnet.max_prefix_len() - subnet.prefix_len() < MIN_HOST_BITS {
        return refuse(format!("subnet {subnet} cannot be used: no room for a gateway and a container"));
    }
    Ok(())
}

fn gateway_of(subnet: IpNet, text: &str) -> Result<IpAddr, InvalidValue> {
    let wrong = |sentence: String| {
        InvalidValue::new("invalid_gateway", sentence)
            .allowing(format!("the gateway is an address of the subnet, such as {}", subnets::first(subnet)))
    };
    let gateway: IpAddr =
        text.parse().map_err(|_| wrong(format!("invalid string being converted to IP address: {text}")))?;
    if !subnet.contains(&gateway) {
        return Err(wrong(format!("gateway {gateway} not in subnet {subnet}")));
    }
    let broadcast = matches!(gateway, IpAddr::V4(_)) && gateway == subnet.broadcast();
    if gateway == subnet.network() || broadcast {
        let what = if broadcast { "broadcast" } else { "network's own" };
        return Err(wrong(format!("gateway {gateway} is the {what} address of subnet {subnet}")));
    }
    Ok(gateway)
}

/// `address/length` or `first-last`.
fn lease_range(subnet: IpNet, text: &str) -> Result<(IpAddr, IpAddr), InvalidValue> {
    let wrong = |sentence: String| {
        InvalidValue::new("invalid_ip_range", sentence)
            .allowing("a range is a part of the subnet: 10.90.0.128/25 or 10.90.0.10-10.90.0.20")
    };
    let (start, end) = match text.split_once('-') {
        Some((start, end)) => {
            let parse = |which: &str, text: &str| {
                text.parse::<IpAddr>()
                    .map_err(|_| wrong(format!("range {which} ip {text:?} is not a ip address")))
            };
            (parse("start", start)?, parse("end", end)?)
        }
        None => {
            let range = cidr(text)?.trunc();
            (subnets::first(range), range.broadcast())
        }
    };
    for (which, address) in [("start", start), ("end", end)] {
        if !subnet.contains(&address) {
            return Err(wrong(format!("lease range {which} ip {address} not in subnet {subnet}")));
        }
    }
    if start > end {
        return Err(wrong(format!("lease range start ip {start} is behind its end ip {end}")));
    }
    // The subnet's outermost addresses are nobody's.
    let end = match end {
        IpAddr::V4(last) if end == subnet.broadcast() => Ipv4Addr::from(u32::from(last) - 1).into(),
        other => other,
    };
    let start = if start == subnet.network() { next(start) } else { start };
    if start > end {
        return Err(wrong(format!("lease range {text} has no address for a container")));
    }
    Ok((start, end))
}

fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address).saturating_add(1)).into(),
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address).saturating_add(1)).into(),
    }
}
