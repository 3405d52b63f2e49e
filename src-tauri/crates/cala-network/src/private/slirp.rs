//! The options of `--network slirp4netns:KEY=VALUE,…` (podman-run(1)).

use ipnet::{IpNet, Ipv4Net};

use super::{Ends, IPV4, Private, invalid, refused};
use crate::NetworkError;
use crate::options::parse_mtu;

const ALLOWED: &str = "options are mtu, cidr, allow_host_loopback, enable_ipv6=false and port_handler";

/// The interface in the container, as slirp4netns calls it.
const INTERFACE: &str = "tap0";

pub(super) fn read(options: &[String]) -> Result<Private, NetworkError> {
    let (mut subnet, mut mtu, mut host_loopback) = (IpNet::V4(IPV4), None, false);
    for option in options {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let bad = || invalid(format!("invalid value {value:?} of {key} of slirp4netns"), ALLOWED);
        match (key, value) {
            ("mtu", _) => mtu = parse_mtu(value, false)?,
            ("cidr", _) => subnet = value.parse::<Ipv4Net>().map_err(|_| bad())?.trunc().into(),
            ("allow_host_loopback", _) => host_loopback = truth(value).ok_or_else(bad)?,
            ("enable_ipv6", _) => {
                if truth(value).ok_or_else(bad)? {
                    let instead = "IPv6 of slirp4netns is experimental: use --network pasta for it";
                    return Err(refused("slirp4netns", "enable_ipv6=true", instead));
                }
            }
            // Ports keep the client's address, whoever is to forward them.
            ("port_handler", "rootlesskit" | "slirp4netns") => {}
            ("port_handler", _) => return Err(bad().into()),
            ("outbound_addr" | "outbound_addr6", _) => {
                let instead = "leave it out: packets go out as the host's own programs send them";
                return Err(refused("slirp4netns", key, instead));
            }
            _ => {
                let text = format!("unknown option of slirp4netns: {key}");
                return Err(invalid(text, ALLOWED).into());
            }
        }
    }
    let ends = Ends::of(subnet).ok_or_else(|| {
        invalid(
            format!("cidr {subnet} is too small"),
            "a cidr is a subnet of at most 25 bits, such as 10.0.2.0/24",
        )
    })?;
    Ok(Private {
        program: "slirp4netns",
        ends: vec![ends],
        mtu,
        host_loopback,
        interface: Some(INTERFACE.to_owned()),
        mac: None,
    })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
