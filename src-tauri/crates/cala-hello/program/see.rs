//! What a program inside a container can see of itself.

use std::fmt::Write as _;
use std::fs;

/// The host name as the container has it.
pub(crate) fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "?".into(), |name| name.trim().into())
}

/// How many processes are visible.
pub(crate) fn processes() -> usize {
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries.flatten().filter(|entry| entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit())).count()
}

/// Local addresses: IPv4 from the routing trie, IPv6 from if_inet6 (proc(5)).
pub(crate) fn addresses() -> Vec<String> {
    let mut found = Vec::new();
    let trie = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let mut last = "";
    for line in trie.lines() {
        if let Some(address) = line.trim().strip_prefix("|-- ") {
            last = address;
        } else if line.contains("/32 host LOCAL") && !found.iter().any(|known| known == last) {
            found.push(last.to_owned());
        }
    }
    for line in fs::read_to_string("/proc/net/if_inet6").unwrap_or_default().lines() {
        let digits = line.split_whitespace().next().unwrap_or_default();
        let groups: Vec<&str> = (0..8).filter_map(|n| digits.get(n * 4..n * 4 + 4)).collect();
        if let Ok(address) = groups.join(":").parse::<std::net::Ipv6Addr>() {
            found.push(address.to_string());
        }
    }
    found
}

/// Mounts as `place (type)`.
pub(crate) fn mounts() -> Vec<String> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
            Some(format!("{place} ({kind})"))
        })
        .collect()
}

/// Everything as plain text.
pub(crate) fn report() -> String {
    let mut text = format!("hostname: {}\npid: {}\nprocesses: {}\n", hostname(), std::process::id(), processes());
    for (name, value) in std::env::vars() {
        let _ = writeln!(text, "env: {name}={value}");
    }
    for address in addresses() {
        let _ = writeln!(text, "address: {address}");
    }
    for mount in mounts() {
        let _ = writeln!(text, "mount: {mount}");
    }
    text
}
