//! The names of a network's containers: what a question is answered with from here, and what is done with the rest.
//!
//! Shared between the holder's control loop, which changes it, and the name server's thread, which asks it for every
//! question: a change is visible to the next question. Pure apart from the lock.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cala_holder::protocol::Names;
use cala_spec::network::{DNS_DOMAIN, Network};
use ipnet::IpNet;

use super::name::QuestionName;
use crate::options;
use crate::uplink::HOST_LOOPBACK;

/// Digits of a container's id by which it is found too.
const SHORT_ID: usize = 12;

/// The names of a network.
#[derive(Debug)]
pub struct Zone {
    tables: RwLock<Tables>,
}

/// How many of what the network's record says matter here.
#[derive(Debug, Clone, Default)]
struct Rules {
    /// Names of containers are answered.
    enabled: bool,
    /// Nothing is forwarded.
    internal: bool,
    /// The name of the host means its loopback.
    host_loopback: bool,
    /// Who is asked instead of the host's resolvers.
    servers: Vec<IpAddr>,
    subnets: Vec<IpNet>,
}

#[derive(Debug, Default)]
struct Tables {
    rules: Rules,
    containers: HashMap<String, Entry>,
    /// Lower-case name → addresses of all containers that have it.
    names: HashMap<String, Vec<IpAddr>>,
    /// Address → id of its container.
    addresses: HashMap<IpAddr, String>,
}

#[derive(Debug)]
struct Entry {
    /// All lower case, without repetition; the first is the container's name.
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    also_in: Vec<String>,
}

/// What is to be done about a name that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It exists and has these addresses.
    Addresses(Vec<IpAddr>),
    /// An address of ours, and this name.
    Pointer(String),
    /// It exists, but has nothing of what was asked for, whatever that was.
    Empty,
    /// It belongs to us and there is no such name.
    Missing,
    /// The host; whoever knows its addresses answers.
    Host,
    /// Others answer it.
    Elsewhere,
    /// Others would answer it, but nothing leaves this network.
    Refused,
}

impl Zone {
    /// The zone of a network without containers.
    #[must_use]
    pub fn new(network: &Network) -> Self {
        Self { tables: RwLock::new(Tables { rules: Rules::of(network), ..Tables::default() }) }
    }

    /// Takes over what the network's record says now: whether names are answered, who is asked for others.
    pub fn reload(&self, network: &Network) {
        self.write().rules = Rules::of(network);
    }

    /// Sets the names and addresses of a container, in place of those that it had.
    pub fn set(&self, container: &str, names: &Names, addresses: Vec<IpAddr>) {
        let mut tables = self.write();
        tables.remove(container);
        tables.insert(container, names, addresses);
    }

    /// Forgets a container.
    pub fn remove(&self, container: &str) {
        self.write().remove(container);
    }

    /// The addresses of a name, in no particular order; empty when no container here has it or names are not answered.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let tables = self.read();
        tables.find(&normal(name)).map(<[IpAddr]>::to_vec).unwrap_or_default()
    }

    /// The name of the container that has an address here; `None` too when names are not answered.
    #[must_use]
    pub fn name_of(&self, address: IpAddr) -> Option<String> {
        self.read().name_of(address).map(str::to_owned)
    }

    /// Who is asked instead of the host's resolvers.
    pub(super) fn servers(&self) -> Vec<IpAddr> {
        self.read().rules.servers.clone()
    }

    /// What is known here about a name.
    pub(super) fn find(&self, name: &QuestionName) -> Finding {
        self.read().finding(name)
    }

    /// The other networks of the container that has this address.
    pub(super) fn also_in(&self, client: IpAddr) -> Vec<String> {
        let tables = self.read();
        let container = tables.addresses.get(&client).and_then(|id| tables.containers.get(id));
        container.map(|entry| entry.also_in.clone()).unwrap_or_default()
    }

    // A writer that panicked has left tables that are at worst incomplete; names must go on.
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    fn of(network: &Network) -> Self {
        Self {
            enabled: network.dns_enabled,
            internal: network.internal,
            host_loopback: options::opens_host_loopback(network),
            servers: network.dns_servers.clone(),
            subnets: network.subnets.iter().map(|subnet| subnet.subnet).collect(),
        }
    }
}

impl Tables {
    fn insert(&mut self, container: &str, names: &Names, addresses: Vec<IpAddr>) {
        let short_id = container.get(..SHORT_ID).unwrap_or(container);
        let all = std::iter::once(names.name.as_str())
            .chain(names.aliases.iter().map(String::as_str))
            .chain(std::iter::once(short_id));
        let mut unique: Vec<String> = Vec::new();
        for name in all.map(normal).filter(|name| !name.is_empty()) {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        for name in &unique {
            self.names.entry(name.clone()).or_default().extend_from_slice(&addresses);
        }
        for address in &addresses {
            self.addresses.insert(*address, container.to_owned());
        }
        let also_in = names.also_in.clone();
        self.containers.insert(container.to_owned(), Entry { names: unique, addresses, also_in });
    }

    fn remove(&mut self, container: &str) {
        let Some(entry) = self.containers.remove(container) else { return };
        for name in &entry.names {
            if let Some(addresses) = self.names.get_mut(name) {
                addresses.retain(|address| !entry.addresses.contains(address));
                if addresses.is_empty() {
                    self.names.remove(name);
                }
            }
        }
        for address in &entry.addresses {
            self.addresses.remove(address);
        }
    }

    /// A name as it is, or without our domain.
    fn find(&self, name: &str) -> Option<&[IpAddr]> {
        if !self.rules.enabled {
            return None;
        }
        let found = self
            .names
            .get(name)
            .or_else(|| self.names.get(name.strip_suffix(DNS_DOMAIN)?.strip_suffix('.')?));
        found.map(Vec::as_slice)
    }

    fn finding(&self, name: &QuestionName) -> Finding {
        if let Some(loopback) = name.localhost() {
            return Finding::Addresses(loopback);
        }
        if name.is_host() {
            return match (self.rules.internal, self.rules.host_loopback) {
                (true, _) => Finding::Missing,
                (_, true) => Finding::Addresses(vec![HOST_LOOPBACK.into()]),
                _ => Finding::Host,
            };
        }
        if let Some(addresses) = self.find(name.text()) {
            return Finding::Addresses(addresses.to_vec());
        }
        if let Some(address) = name.reverse() {
            return self.pointer(address);
        }
        match (name.is_apex(), name.is_own()) {
            (true, _) => Finding::Empty,
            (false, true) => Finding::Missing,
            (false, false) => self.elsewhere(),
        }
    }

    fn name_of(&self, address: IpAddr) -> Option<&str> {
        let entry = self.containers.get(self.addresses.get(&address)?)?;
        entry.names.first().filter(|_| self.rules.enabled).map(String::as_str)
    }

    fn pointer(&self, address: IpAddr) -> Finding {
        match self.name_of(address) {
            Some(name) => Finding::Pointer(name.to_owned()),
            None if self.rules.subnets.iter().any(|subnet| subnet.contains(&address)) => Finding::Missing,
            None => self.elsewhere(),
        }
    }

    fn elsewhere(&self) -> Finding {
        if self.rules.internal { Finding::Refused } else { Finding::Elsewhere }
    }
}

/// A name as it is compared: lower case, without the final dot.
fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
