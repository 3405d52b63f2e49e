//! The three files by which a container knows its own name and those of others: hosts(5), hostname(5), resolv.conf(5).
//!
//! Pure: the host's own files are passed in as text.

use std::fmt::Write as _;
use std::net::IpAddr;

/// Lines every hosts file has, whatever the host's says.
const LOOPBACK: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// Names under which a container finds its host.
const HOST_NAMES: &str = "host.containers.internal host.docker.internal";

/// /etc/hosts of a container with loopback only: itself, by host name and by container name.
#[must_use]
pub fn hosts_of_loopback(hostname: &str, name: &str) -> String {
    let mut text = LOOPBACK.to_owned();
    push_own(&mut text, hostname, name);
    text
}

/// /etc/hosts of a container in networks: the added lines, and the host under its usual names. Its own addresses are added
/// once it has them.
#[must_use]
pub fn hosts_of_networks(added: &[(Vec<String>, IpAddr)], host: Option<IpAddr>) -> String {
    let mut text = LOOPBACK.to_owned();
    for (names, address) in added {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address}\t{}", names.join(" "));
    }
    if let Some(host) = host {
        let _ = writeln!(text, "{host}\t{HOST_NAMES}");
    }
    text
}

/// /etc/resolv.conf of a container in networks. Without servers of its own those of its networks are added later.
#[must_use]
pub fn resolv_conf_of_networks(servers: &[IpAddr], search: &[String], options: &[String]) -> String {
    let mut text = String::new();
    if !search.is_empty() {
        let _ = writeln!(text, "search {}", search.join(" "));
    }
    if !options.is_empty() {
        let _ = writeln!(text, "options {}", options.join(" "));
    }
    for server in servers {
        let _ = writeln!(text, "nameserver {server}");
    }
    text
}

/// /etc/hosts of a container in the host's network: the host's own lines, the host under its usual names, itself.
///
/// `host` is the host's /etc/hosts, `address` the host's outward address; without one the host's names are left out.
#[must_use]
pub fn hosts_of_host(host: &str, address: Option<IpAddr>, hostname: &str, name: &str) -> String {
    let mut text: String = host
        .lines()
        .filter(|line| !line.split_whitespace().any(|word| HOST_NAMES.split(' ').any(|known| known == word)))
        .fold(String::with_capacity(host.len() + 128), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        });
    if let Some(address) = address {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address}\t{HOST_NAMES}");
    }
    push_own(&mut text, hostname, name);
    text
}

fn push_own(text: &mut String, hostname: &str, name: &str) {
    let known =
        text.lines().any(|line| !line.starts_with('#') && line.split_whitespace().any(|w| w == hostname));
    let line = match (known, hostname == name) {
        (true, true) => return,
        (true, false) => format!("127.0.0.1\t{name}"),
        (false, true) => format!("127.0.0.1\t{hostname}"),
        (false, false) => format!("127.0.0.1\t{hostname} {name}"),
    };
    text.push_str(&line);
    text.push('\n');
}

/// /etc/hostname.
#[must_use]
pub fn hostname(hostname: &str) -> String {
    format!("{hostname}\n")
}

/// /etc/resolv.conf of a container with loopback only: no server, so that a look-up fails at once instead of waiting.
#[must_use]
pub fn resolv_conf_of_loopback() -> String {
    "# This container has loopback only: there is no name server.\n".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_only_knows_itself_by_both_names() {
        assert_eq!(
            hosts_of_loopback("0123456789ab", "calm_reef"),
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t0123456789ab calm_reef\n"
        );
        assert!(hosts_of_loopback("web", "web").ends_with("\n127.0.0.1\tweb\n"));
    }

    #[test]
    fn in_the_hosts_network_the_hosts_lines_come_first_and_its_names_once() {
        let host = "127.0.0.1 localhost vm\n10.0.0.9 host.docker.internal\n";
        let text = hosts_of_host(host, "198.51.100.2".parse().ok(), "vm", "web");
        assert_eq!(
            text,
            "127.0.0.1 localhost vm\n198.51.100.2\thost.containers.internal host.docker.internal\n127.0.0.1\tweb\n"
        );
        assert!(!hosts_of_host(host, None, "vm", "web").contains("internal"));
    }
}
