//! From the options of `network create` (podman-network-create(1)) to a network. Pure: what others hold, randomness and
//! the clock are passed in.
//!
//! [`check`] reads the wish and says every mistake that can be seen without looking at anything else. [`Draft::place`]
//! puts it beside what is there: the name and the subnets. Between the two the caller takes the lock under which
//! networks are made.

mod range;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use cala_spec::network::{DEFAULT_NETWORK, NetworkSpec, Subnet};
use cala_spec::{InvalidValue, Network};
use ipnet::IpNet;

use crate::NetworkError;
use crate::options;
use crate::subnets::{self, Taken};

/// Words of `--network` that are no names of networks.
const MODES: [&str; 9] =
    ["bridge", "container", "default", "host", "none", "ns", "pasta", "private", "slirp4netns"];

/// The subnet of the default network, when it is free.
const DEFAULT_SUBNET: &str = "10.88.0.0/16";

/// A wish that is well-formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The name that was asked for.
    pub name: Option<String>,
    subnets: Vec<Subnet>,
    /// Families of which a free subnet is wanted.
    want_v4: bool,
    want_v6: bool,
    internal: bool,
    dns_enabled: bool,
    dns_servers: Vec<IpAddr>,
    labels: BTreeMap<String, String>,
    options: BTreeMap<String, String>,
}

/// What is there already when a network is made.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Names and ids of networks.
    pub names: &'a BTreeSet<String>,
    /// Subnets of networks and of the host.
    pub taken: &'a [Taken],
    /// Random numbers, for IPv6.
    pub random: u64,
}

/// Reads what was asked for.
///
/// # Errors
/// A name, driver, subnet, gateway, range, option or resolver that does not fit, in Podman's words.
pub fn check(spec: &NetworkSpec) -> Result<Draft, NetworkError> {
    if let Some(name) = &spec.name {
        check_name(name)?;
    }
    check_driver(&spec.driver)?;
    check_ipam(&spec.ipam_driver)?;
    let subnets = given_subnets(spec)?;
    let has = |v4: bool| subnets.iter().any(|subnet| matches!(subnet.subnet, IpNet::V4(_)) == v4);
    let (has_v4, has_v6) = (has(true), has(false));
    let any = has_v4 || has_v6;
    if spec.labels.contains_key("") {
        return Err(InvalidValue::new("invalid_label", "a label has no name")
            .allowing("a label is KEY=VALUE")
            .into());
    }
    let options = options::check(&spec.options, has_v6 || spec.ipv6)?;
    if spec.internal && options.contains_key(options::HOST_LOOPBACK) {
        return Err(InvalidValue::new(
            "host_loopback_internal",
            "the host's loopback cannot be opened in an internal network: it has no way to the host",
        )
        .allowing("leave out --internal or host-loopback")
        .into());
    }
    Ok(Draft {
        name: spec.name.clone(),
        want_v4: !has_v4 && (!any || spec.ipv6),
        want_v6: !has_v6 && spec.ipv6,
        internal: spec.internal,
        dns_enabled: !spec.disable_dns,
        dns_servers: dns_servers(spec)?,
        labels: spec.labels.clone(),
        options,
        subnets,
    })
}

/// Adds and takes away resolvers, as `network update` does; none is there twice.
///
/// # Errors
/// A text that is no address.
pub fn change_dns(servers: &[IpAddr], add: &[String], drop: &[String]) -> Result<Vec<IpAddr>, InvalidValue> {
    let parse =
        |texts: &[String], what| texts.iter().map(|text| address(text, what)).collect::<Result<Vec<_>, _>>();
    let (add, drop) = (parse(add, "AddDNSServer")?, parse(drop, "RemoveDNSServer")?);
    Ok(distinct(servers.iter().chain(&add).filter(|server| !drop.contains(server)).copied()))
}

impl Draft {
    /// The network, with a name and subnets that are free.
    ///
    /// # Errors
    /// When the name or a subnet is taken, or no subnet is free.
    pub fn place(
        self,
        id: String,
        created_ns: i64,
        around: &Surroundings<'_>,
    ) -> Result<Network, NetworkError> {
        let name = match self.name {
            Some(name) if around.names.contains(&name) => return Err(NetworkError::NameInUse(name)),
            Some(name) => name,
            None => free_name(around.names),
        };
        if let Some((subnet, other)) = self
            .subnets
            .iter()
            .find_map(|subnet| Some((subnet.subnet, subnets::holder(subnet.subnet, around.taken)?)))
        {
            return Err(NetworkError::SubnetInUse { subnet, by: other.by.clone() });
        }
        let mut subnets = self.subnets;
        if self.want_v4 {
            let free = subnets::free_v4(around.taken).ok_or(NetworkError::PoolExhausted)?;
            subnets.push(subnets::with_first_gateway(free.into()));
        }
        if self.want_v6 {
            let mut random = around.random;
            let free = subnets::free_v6(around.taken, || {
                random = next_random(random);
                random
            });
            subnets.push(subnets::with_first_gateway(free.ok_or(NetworkError::PoolExhausted)?.into()));
        }
        Ok(Network {
            id,
            name,
            driver: "bridge".to_owned(),
            created_ns,
            subnets,
            internal: self.internal,
            dns_enabled: self.dns_enabled,
            dns_servers: self.dns_servers,
            labels: self.labels,
            options: self.options,
        })
    }
}

/// The network that is there from the start. Where the host uses its subnet it gets another.
///
/// # Errors
/// When no subnet is free.
pub fn default_network(id: String, created_ns: i64, taken: &[Taken]) -> Result<Network, NetworkError> {
    let usual: Option<IpNet> = DEFAULT_SUBNET.parse().ok();
    let usual = usual.filter(|subnet| subnets::holder(*subnet, taken).is_none());
    let subnet = match usual {
        Some(subnet) => subnet,
        None => subnets::free_v4(taken).ok_or(NetworkError::PoolExhausted)?.into(),
    };
    Ok(Network {
        id,
        name: DEFAULT_NETWORK.to_owned(),
        driver: "bridge".to_owned(),
        created_ns,
        subnets: vec![subnets::with_first_gateway(subnet)],
        internal: false,
        dns_enabled: false,
        dns_servers: Vec::new(),
        labels: BTreeMap::new(),
        options: BTreeMap::new(),
    })
}

/// Xorshift: what follows the kernel's number need only differ from it.
fn next_random(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

fn free_name(taken: &BTreeSet<String>) -> String {
    (1u32..).map(|number| format!("podman{number}")).find(|name| !taken.contains(name)).unwrap_or_default()
}

fn check_name(name: &str) -> Result<(), InvalidValue> {
    if MODES.contains(&name) {
        return Err(InvalidValue::new(
            "invalid_network_name",
            format!(
                "cannot create network with name \"{name}\" because it conflicts with a valid network mode"
            ),
        )
        .allowing("choose another name: this word has a meaning of its own in `--network`"));
    }
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let rule = match (first && rest, name.len()) {
        (true, ..=255) => return Ok(()),
        (true, _) => "names have at most 255 characters",
        (false, _) => "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
    };
    let shown: String = name.chars().take(80).collect();
    Err(InvalidValue::new(
        "invalid_network_name",
        format!("network name {shown} invalid: {rule}: invalid argument"),
    )
    .allowing("a name begins with a letter or digit and goes on with letters, digits, `_`, `.` and `-`"))
}

fn check_driver(driver: &str) -> Result<(), NetworkError> {
    match driver {
        "" | "bridge" => Ok(()),
        "macvlan" | "ipvlan" => Err(NetworkError::NotSupported {
            what: format!("network driver \"{driver}\""),
            instead:
                "it needs root in the host's own network; use the driver `bridge` and publish ports, or \
                      `--network host`"
                    .to_owned(),
        }),
        other => Err(InvalidValue::new(
            "unknown_network_driver",
            format!("failed to find driver or plugin \"{other}\""),
        )
        .allowing("the driver is `bridge`")
        .into()),
    }
}

fn check_ipam(driver: &str) -> Result<(), NetworkError> {
    match driver {
        "" | "host-local" => Ok(()),
        "none" | "dhcp" => Err(NetworkError::NotSupported {
            what: format!("ipam driver \"{driver}\""),
            instead: "addresses are given by Cala (`host-local`); `--ip` at a container chooses one"
                .to_owned(),
        }),
        other => {
            Err(InvalidValue::new("unknown_ipam_driver", format!("unsupported ipam driver \"{other}\""))
                .allowing("the ipam driver is `host-local`")
                .into())
        }
    }
}

fn given_subnets(spec: &NetworkSpec) -> Result<Vec<Subnet>, InvalidValue> {
    let given = |texts: &[String]| texts.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>();
    let (gateways, ranges) = (given(&spec.gateways), given(&spec.ip_ranges));
    let limit = |what: &str, count: usize| match spec.subnets.len() {
        0 if count > 0 => {
            Err(InvalidValue::new("missing_subnet", "cannot set gateway or range without subnet")
                .allowing("say the subnet too, such as --subnet 10.90.0.0/24"))
        }
        subnets if count > subnets => {
            Err(InvalidValue::new("missing_subnet", format!("cannot set more {what} than subnets"))
                .allowing("gateways and ranges belong to the subnets in their order"))
        }
        _ => Ok(()),
    };
    limit("gateways", gateways.len())?;
    limit("ranges", ranges.len())?;
    let subnets = spec
        .subnets
        .iter()
        .enumerate()
        .map(|(index, text)| range::subnet(text, gateways.get(index), ranges.get(index)))
        .collect::<Result<Vec<Subnet>, _>>()?;
    let families = subnets.iter().filter(|subnet| matches!(subnet.subnet, IpNet::V4(_))).count();
    if families > 1 || subnets.len() - families > 1 {
        return Err(InvalidValue::new(
            "too_many_subnets",
            "a network has at most one IPv4 subnet and one IPv6 subnet",
        )
        .allowing("make a second network: a container can be in several"));
    }
    Ok(subnets)
}

fn dns_servers(spec: &NetworkSpec) -> Result<Vec<IpAddr>, InvalidValue> {
    let given = spec.dns_servers.iter().filter(|text| !text.is_empty());
    let servers = given.map(|text| address(text, "NetworkDNSServers")).collect::<Result<Vec<_>, _>>()?;
    if spec.disable_dns && !servers.is_empty() {
        return Err(InvalidValue::new(
            "dns_disabled",
            "cannot set NetworkDNSServers if DNS is not enabled for the network: invalid argument",
        )
        .allowing("leave out --dns or --disable-dns"));
    }
    Ok(distinct(servers.into_iter()))
}

fn address(text: &str, what: &str) -> Result<IpAddr, InvalidValue> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        InvalidValue::new(
            "invalid_address",
            format!("unable to parse ip {shown} specified in {what}: invalid argument"),
        )
        .allowing("a resolver is an IPv4 or IPv6 address, such as 9.9.9.9")
    })
}

fn distinct(servers: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    servers.fold(Vec::new(), |mut all, server| {
        if !all.contains(&server) {
            all.push(server);
        }
        all
    })
}

#[cfg(test)]
mod tests;
