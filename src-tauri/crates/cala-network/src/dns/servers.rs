//! The resolvers that are asked for the names of others: those of the network, or those of the host's resolv.conf(5).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Servers that are used at most.
const MAX_SERVERS: usize = 4;

/// How long the file is trusted without a look at it.
const TRUST: Duration = Duration::from_millis(100);

/// How long a server that did not answer is asked after all others.
const LAST: Duration = Duration::from_secs(20);

/// What tells one version of a file from the next.
type Stamp = (u64, u64, i64, i64, u64);

#[derive(Debug)]
pub(super) struct Servers {
    path: PathBuf,
    port: u16,
    looked: Option<Instant>,
    stamp: Option<Stamp>,
    of_host: Vec<SocketAddr>,
    silent: Vec<(SocketAddr, Instant)>,
}

impl Servers {
    /// `port` is where servers are asked.
    pub(super) fn new(path: PathBuf, port: u16) -> Self {
        let of_host = vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)];
        Self { path, port, looked: None, stamp: None, of_host, silent: Vec::new() }
    }

    /// Whom to ask, in this order; `own` are the network's. Those that were silent lately come last.
    pub(super) fn order(&mut self, own: &[IpAddr], now: Instant) -> Vec<SocketAddr> {
        let mut servers = if own.is_empty() {
            self.look(now);
            self.of_host.clone()
        } else {
            own.iter().take(MAX_SERVERS).map(|address| SocketAddr::new(*address, self.port)).collect()
        };
        self.silent.retain(|(_, since)| now.saturating_duration_since(*since) < LAST);
        servers.sort_by_key(|server| self.silent.iter().any(|(silent, _)| silent == server));
        servers
    }

    pub(super) fn was_silent(&mut self, server: SocketAddr, now: Instant) {
        self.has_answered(server);
        self.silent.push((server, now));
        if self.silent.len() > 2 * MAX_SERVERS {
            self.silent.remove(0);
        }
    }

    pub(super) fn has_answered(&mut self, server: SocketAddr) {
        self.silent.retain(|(silent, _)| *silent != server);
    }

    fn look(&mut self, now: Instant) {
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < TRUST) {
            return;
        }
        self.looked = Some(now);
        let stamp = stamp(&self.path);
        if stamp == self.stamp {
            return;
        }
        // A file that is just being replaced is looked for again; until then the old servers are the best guess.
        let Ok(text) = fs::read_to_string(&self.path) else { return };
        self.stamp = stamp;
        self.silent.clear();
        self.of_host = parse(&text, self.port, interface_index);
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.mtime(), file.mtime_nsec(), file.size()))
}

/// The `nameserver` lines of a resolv.conf(5); without any it is the machine itself, as for the C library. `interface` knows
/// the index of an interface by its name.
fn parse(text: &str, port: u16, interface: impl Fn(&str) -> Option<u32>) -> Vec<SocketAddr> {
    let mut servers = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        let server = words.next().and_then(|word| address(word, port, &interface));
        servers.extend(server.filter(|server| !servers.contains(server)));
    }
    servers.truncate(MAX_SERVERS);
    if servers.is_empty() {
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    servers
}

fn address(word: &str, port: u16, interface: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    if let Ok(address) = word.parse() {
        return Some(SocketAddr::new(address, port));
    }
    let (address, scope) = word.split_once('%')?;
    let scope = scope.parse().ok().or_else(|| interface(scope))?;
    Some(SocketAddrV6::new(address.parse().ok()?, port, 0, scope).into())
}

/// The index of an interface of the host. if_nametoindex(3) would look in the network's namespace; the files of sysfs are
/// those of the namespace in which it was mounted.
fn interface_index(name: &str) -> Option<u32> {
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    fs::read_to_string(Path::new("/sys/class/net").join(name).join("ifindex")).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_the_c_library_reads_it() {
        let text = "# comment\nsearch example.org\nnameserver 192.0.2.1 # first\nnameserver\t2001:db8::1\n\
                    nameserver fe80::1%lan0\nnameserver fe80::2%7\nnameserver nonsense\nnameserver 192.0.2.1\noptions edns0\n";
        let found = parse(text, 53, |name| (name == "lan0").then_some(3));
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%3]:53", "[fe80::2%7]:53"];
        assert_eq!(found, expected.map(|server| server.parse().unwrap()));
        assert_eq!(parse("", 53, |_| None), ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn a_replaced_file_is_read_again_and_a_silent_server_comes_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        fs::write(&path, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n").unwrap();
        let (first, second): (SocketAddr, SocketAddr) =
            ("192.0.2.1:53".parse().unwrap(), "192.0.2.2:53".parse().unwrap());
        let mut servers = Servers::new(path.clone(), 53);
        let start = Instant::now();
        assert_eq!(servers.order(&[], start), [first, second]);
        servers.was_silent(first, start);
        assert_eq!(servers.order(&[], start), [second, first]);
        assert_eq!(servers.order(&[], start + LAST), [first, second]);
        let new = folder.path().join("new");
        fs::write(&new, "nameserver 192.0.2.3\n").unwrap();
        fs::rename(&new, &path).unwrap();
        assert_eq!(servers.order(&[], start + LAST), [first, second], "looked at a moment ago");
        assert_eq!(servers.order(&[], start + LAST + TRUST), ["192.0.2.3:53".parse().unwrap()]);
        fs::remove_file(&path).unwrap();
        assert_eq!(servers.order(&[], start + LAST + 2 * TRUST), ["192.0.2.3:53".parse().unwrap()]);
        let own: IpAddr = "192.0.2.9".parse().unwrap();
        assert_eq!(servers.order(&[own], start), [SocketAddr::new(own, 53)]);
    }
}
