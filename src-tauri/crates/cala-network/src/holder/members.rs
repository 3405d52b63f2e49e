//! The containers in the network: addresses, link, names and ports of each, from its attachment to its end.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use cala_holder::protocol::{self, Attach, Failure, Names};
use cala_spec::ErrorKind;
use cala_spec::network::{Network, NetworkStatus};
use cala_spec::port::PortMapping;
use ipnet::IpNet;

use super::failure;
use super::pool::{Pool, PoolError};
use crate::dns::{DnsHandle, Zone};
use crate::forward::{Forwarder, Target};
use crate::link::{self, Join, Link};
use crate::mac::Mac;

/// Bytes of the longest interface name (if_nametoindex(3)).
const MAX_INTERFACE: usize = 15;

/// A container in the network.
#[derive(Debug)]
struct Member {
    /// The connection that is its lease.
    client: u64,
    container: String,
    names: Names,
    status: NetworkStatus,
    /// Its link.
    join: Join,
    /// Its network namespace.
    namespace: OwnedFd,
    /// Its way out leads through this network.
    default_route: bool,
    ports: Vec<PortMapping>,
}

/// What serves them.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) link: Link,
    pub(super) zone: Arc<Zone>,
    pub(super) _names: DnsHandle,
    pub(super) forwarder: Forwarder,
}

/// All of them, and what they share.
#[derive(Debug)]
pub(super) struct Members {
    network: Network,
    serving: Serving,
    pools: Vec<Pool>,
    members: Vec<Member>,
    /// The last address that was given, of each pool.
    last: Vec<Option<IpAddr>>,
    last_path: PathBuf,
}

impl Members {
    /// `last_path` is the file that keeps the last addresses that were given.
    pub(super) fn new(network: Network, serving: Serving, last_path: PathBuf) -> Self {
        let pools: Vec<Pool> = network.subnets.iter().map(Pool::new).collect();
        let kept = std::fs::read_to_string(&last_path).unwrap_or_default();
        let kept: Vec<IpAddr> = kept.lines().filter_map(|line| line.parse().ok()).collect();
        let last = pools.iter().map(|pool| kept.iter().copied().find(|last| pool.is_of(*last))).collect();
        Self { network, serving, pools, members: Vec::new(), last, last_path }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether this client's connection is a lease.
    pub(super) fn has(&self, client: u64) -> bool {
        self.members.iter().any(|member| member.client == client)
    }

    /// Which client has the lease of a container.
    pub(super) fn client_of(&self, container: &str) -> Option<u64> {
        self.members.iter().find(|member| member.container == container).map(|member| member.client)
    }

    /// The network namespace of a container.
    pub(super) fn namespace_of(&self, container: &str) -> Result<OwnedFd, Failure> {
        let member = self.members.iter().find(|member| member.container == container);
        let member = member.ok_or_else(|| {
            failure::new(
                ErrorKind::NotFound,
                "not_in_network",
                format!("container {container} is not in network {}", self.network.name),
            )
        })?;
        member.namespace.try_clone().map_err(|error| failure::launch("copy a descriptor", &error))
    }

    /// What a client's container has here.
    pub(super) fn status_of(&self, client: u64) -> Option<&NetworkStatus> {
        self.members.iter().find(|member| member.client == client).map(|member| &member.status)
    }

    /// Joins a container.
    pub(super) fn attach(&mut self, client: u64, attach: Attach, namespace: OwnedFd) -> Result<(), Failure> {
        check(&attach)?;
        if self.has(client) || self.client_of(&attach.container).is_some() {
            return Err(self.already_attached(&attach.container));
        }
        let addresses = self.choose(&attach.addresses)?;
        let mac = self.mac(attach.mac.as_deref(), &addresses)?;
        let join = self.join_of(&attach, mac, &addresses);
        let connect = if attach.adopt { link::adopt } else { link::join };
        let connected = connect(&mut self.serving.link, namespace.as_fd(), &join);
        connected.map_err(|error| failure::of(&error))?;
        self.remember(&addresses);
        let status = self.status(&attach, mac, &addresses);
        let member = Member {
            client,
            container: attach.container,
            names: attach.names,
            status,
            join,
            namespace,
            default_route: attach.default_route,
            ports: Vec::new(),
        };
        self.publish_names(&member);
        self.members.push(member);
        Ok(())
    }

    fn join_of(&self, attach: &Attach, mac: Mac, addresses: &[IpNet]) -> Join {
        let gateways = if attach.default_route { self.gateways() } else { Vec::new() };
        Join {
            host_side: self.host_side(&attach.container),
            interface: attach.interface.clone(),
            mac: mac.0,
            addresses: addresses.to_vec(),
            gateways,
            mtu: link::mtu_of(&self.network),
        }
    }

    /// A name that no other link has; ids of the same beginning are as good as none.
    fn host_side(&self, container: &str) -> String {
        let used = |name: &String| self.members.iter().any(|member| member.join.host_side == *name);
        let names = (0..=u8::MAX).map(|index| link::host_side(container, index));
        names.into_iter().find(|name| !used(name)).unwrap_or_else(|| link::host_side(container, 0))
    }

    fn status(&self, attach: &Attach, mac: Mac, addresses: &[IpNet]) -> NetworkStatus {
        let answers = self.network.dns_enabled || !self.network.internal;
        let dns = self.network.subnets.iter().filter(|_| answers).map(|subnet| subnet.gateway);
        NetworkStatus {
            network: self.network.id.clone(),
            interface: attach.interface.clone(),
            mac: mac.to_string(),
            addresses: addresses.to_vec(),
            gateways: self.gateways(),
            dns: dns.collect(),
            aliases: attach.names.aliases.clone(),
        }
    }

    /// Those by which there is a way out.
    fn gateways(&self) -> Vec<IpAddr> {
        if self.network.internal {
            return Vec::new();
        }
        self.network.subnets.iter().map(|subnet| subnet.gateway).collect()
    }

    /// An address of each subnet.
    fn choose(&self, wanted: &[IpAddr]) -> Result<Vec<IpNet>, Failure> {
        for address in wanted {
            if !self.pools.iter().any(|pool| pool.is_of(*address)) {
                return Err(self.no_address(*address, &PoolError::Unusable));
            }
        }
        let taken = self.taken();
        let choose = |(pool, last): (&Pool, &Option<IpAddr>)| {
            let address = match wanted.iter().find(|address| pool.is_of(**address)) {
                Some(fixed) => pool.fixed(*fixed, &taken).map_err(|error| self.no_address(*fixed, &error))?,
                None => {
                    let chosen = pool.next(*last, &taken);
                    chosen.map_err(|error| self.no_address(pool.subnet().network(), &error))?
                }
            };
            Ok(pool.with_prefix(address))
        };
        self.pools.iter().zip(&self.last).map(choose).collect()
    }

    fn taken(&self) -> BTreeSet<IpAddr> {
        let all = self.members.iter().flat_map(|member| &member.status.addresses);
        all.map(IpNet::addr).collect()
    }

    fn no_address(&self, address: IpAddr, error: &PoolError) -> Failure {
        let name = &self.network.name;
        match error {
            PoolError::Unusable => failure::new(
                ErrorKind::InvalidArgument,
                "address_outside_subnet",
                format!("requested static ip {address} not in any subnet on network {name}"),
            ),
            PoolError::Taken => {
                let holder = self
                    .members
                    .iter()
                    .find(|member| member.status.addresses.iter().any(|taken| taken.addr() == address));
                let holder = holder.map_or_else(
                    || "the network itself, as its gateway".to_owned(),
                    |member| format!("container {}", member.names.name),
                );
                failure::new(
                    ErrorKind::Conflict,
                    "address_taken",
                    format!("requested ip address {address} is already allocated to {holder}"),
                )
            }
            PoolError::Exhausted(first, last) => failure::hint(
                failure::new(
                    ErrorKind::Unavailable,
                    "pool_exhausted",
                    format!("failed to find free IP in range: {first} - {last} of network {name}"),
                ),
                "stop containers of this network, or use one with a larger --subnet or --ip-range (cala network create)",
            ),
        }
    }

    fn already_attached(&self, container: &str) -> Failure {
        let message = format!("container {container} is already connected to network {}", self.network.name);
        failure::new(ErrorKind::Conflict, "already_attached", message)
    }

    fn mac(&self, wanted: Option<&str>, addresses: &[IpNet]) -> Result<Mac, Failure> {
        let Some(wanted) = wanted else {
            let first = addresses.first().map_or(IpAddr::from([0; 4]), IpNet::addr);
            return Ok(Mac::of(first));
        };
        let mac: Mac = wanted.parse().map_err(|()| {
            let message = format!("invalid MAC address {wanted}: six pairs of hex digits, not a group's");
            failure::new(ErrorKind::InvalidArgument, "invalid_mac_address", message)
        })?;
        let text = mac.to_string();
        if let Some(member) = self.members.iter().find(|member| member.status.mac == text) {
            let message =
                format!("requested MAC address {text} is already used by container {}", member.names.name);
            return Err(failure::new(ErrorKind::Conflict, "mac_address_taken", message));
        }
        if self.network.subnets.first().is_some_and(|subnet| Mac::of(subnet.gateway) == mac) {
            let message = format!("requested MAC address {text} is the gateway's");
            return Err(failure::new(ErrorKind::Conflict, "mac_address_taken", message));
        }
        Ok(mac)
    }

    /// Keeps what was given, so that the next one goes on after it, also in the next holder.
    fn remember(&mut self, addresses: &[IpNet]) {
        for (last, address) in self.last.iter_mut().zip(addresses) {
            *last = Some(address.addr());
        }
        let text: String = self.last.iter().flatten().map(|address| format!("{address}\n")).collect();
        // Without it an address is only used again sooner.
        let _ = std::fs::write(&self.last_path, text);
    }

    /// Ends a client's lease: names, ports, link. Nothing happens for one that has none. The link of a container that has
    /// ended goes with its namespace.
    pub(super) fn withdraw(&mut self, client: u64, ended: bool) {
        let Some(index) = self.members.iter().position(|member| member.client == client) else { return };
        let member = self.members.swap_remove(index);
        self.serving.zone.remove(&member.container);
        let addresses: Vec<IpAddr> = member.status.addresses.iter().map(IpNet::addr).collect();
        self.serving.forwarder.forget(&addresses);
        let take_out = if ended { link::dismiss } else { link::leave };
        // What cannot be taken back binds nobody: the next link of this name brings its own.
        let _ = take_out(&mut self.serving.link, &member.join);
    }

    fn member(&mut self, client: u64) -> Result<&mut Member, Failure> {
        let member = self.members.iter_mut().find(|member| member.client == client);
        member.ok_or_else(|| {
            failure::new(ErrorKind::Conflict, "not_attached", "this connection has attached no container")
        })
    }

    /// Publishes a port of a client's container.
    pub(super) fn publish(
        &mut self,
        client: u64,
        port: PortMapping,
        listeners: Vec<OwnedFd>,
    ) -> Result<(), Failure> {
        let internal = self.network.internal;
        let name = self.network.name.clone();
        let member = self.member(client)?;
        if internal {
            let message = format!("network {name} is internal: no port can be published through it");
            return Err(failure::hint(
                failure::new(ErrorKind::Conflict, "network_internal", message),
                "connect the container to another network as well (cala network connect)",
            ));
        }
        let addresses = member.status.addresses.iter().map(IpNet::addr).collect();
        let target = Target { addresses, keep_client: member.default_route };
        let published = self.serving.forwarder.publish(&port, listeners, target);
        published.map_err(|error| {
            failure::new(ErrorKind::Internal, "publish_failed", format!("cannot publish {port}: {error}"))
        })?;
        let member = self.member(client)?;
        if !member.ports.contains(&port) {
            member.ports.push(port);
        }
        Ok(())
    }

    /// Withdraws a port of a client's container.
    pub(super) fn unpublish(&mut self, client: u64, port: &PortMapping) -> Result<(), Failure> {
        let member = self.member(client)?;
        let before = member.ports.len();
        member.ports.retain(|published| published != port);
        // Only its own: somebody else's port of the same number stays.
        if member.ports.len() < before {
            self.serving.forwarder.unpublish(port);
        }
        Ok(())
    }

    /// Gives a client's container other names.
    pub(super) fn rename(&mut self, client: u64, names: Names) -> Result<(), Failure> {
        check_names(&names)?;
        let member = self.member(client)?;
        member.status.aliases.clone_from(&names.aliases);
        member.names = names;
        if let Some(member) = self.members.iter().find(|member| member.client == client) {
            self.publish_names(member);
        }
        Ok(())
    }

    fn publish_names(&self, member: &Member) {
        let addresses = member.status.addresses.iter().map(IpNet::addr).collect();
        self.serving.zone.set(&member.container, &member.names, addresses);
    }

    /// The addresses of a name here.
    pub(super) fn resolve(&self, name: &str) -> Vec<IpAddr> {
        self.serving.zone.resolve(name)
    }

    /// The name of whoever has an address here.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<String> {
        self.serving.zone.name_of(address)
    }

    /// Takes over what may change while a network is in use: resolvers, labels, name.
    pub(super) fn reload(&mut self, network: Network) {
        self.serving.zone.reload(&network);
        self.network = Network { subnets: self.network.subnets.clone(), ..network };
    }

    /// The containers, for a snapshot.
    pub(super) fn list(&self) -> Vec<protocol::Member> {
        let open =
            |member: &Member| member.ports.iter().map(|port| self.serving.forwarder.connections(port)).sum();
        let list = self.members.iter().map(|member| protocol::Member {
            container: member.container.clone(),
            name: member.names.name.clone(),
            status: member.status.clone(),
            ports: member.ports.clone(),
            connections: open(member),
        });
        list.collect()
    }
}

/// What the kernel or the name server would choke on.
fn check(attach: &Attach) -> Result<(), Failure> {
    let id = &attach.container;
    if id.len() < 12 || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(failure::invalid("the container's id is none"));
    }
    let interface = &attach.interface;
    let whole = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b':';
    if interface.is_empty()
        || interface.len() > MAX_INTERFACE
        || matches!(interface.as_str(), "." | ".." | "lo")
        || !interface.bytes().all(whole)
    {
        return Err(failure::invalid(format!("`{interface}` cannot be the name of an interface")));
    }
    check_names(&attach.names)
}

fn check_names(names: &Names) -> Result<(), Failure> {
    let long = |name: &&String| name.len() > 253;
    if let Some(name) = names.aliases.iter().chain([&names.name]).find(long) {
        return Err(failure::invalid(format!("a name of {} bytes", name.len())));
    }
    let is_id = |id: &String| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !names.also_in.iter().all(is_id) {
        return Err(failure::invalid("the id of another network is none"));
    }
    Ok(())
}
