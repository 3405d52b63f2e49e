//! The sockets that /proc/net lists, and whose they are (proc_net(5), proc_pid_fd(5)).

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use cala_spec::Protocol;

/// TCP_LISTEN of the kernel's include/net/tcp_states.h.
const LISTEN: u8 = 0x0a;

/// A socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    /// Its own address.
    pub(super) local: SocketAddr,
    /// It takes connections, or datagrams of anybody.
    pub(super) open: bool,
    /// Whose it is.
    pub(super) uid: u32,
    /// 0 for one that belongs to no process any more.
    pub(super) inode: u64,
}

/// The sockets of a protocol, IPv4 before IPv6. `net` is `/proc/net` or that of a process.
pub(super) fn of(net: &Path, protocol: Protocol) -> Vec<Socket> {
    let files = match protocol {
        Protocol::Tcp => ["tcp", "tcp6"],
        Protocol::Udp => ["udp", "udp6"],
    };
    // A kernel without IPv6 lacks the second file.
    let texts = files.iter().filter_map(|file| fs::read_to_string(net.join(file)).ok());
    texts.flat_map(|text| text.lines().filter_map(|line| parse(line, protocol)).collect::<Vec<_>>()).collect()
}

/// A line: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; the heading is none.
fn parse(line: &str, protocol: Protocol) -> Option<Socket> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let state = u8::from_str_radix(words.get(3)?, 16).ok()?;
    Some(Socket {
        local: address(words.get(1)?)?,
        open: protocol == Protocol::Udp || state == LISTEN,
        uid: words.get(7)?.parse().ok()?,
        inode: words.get(9)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: words of 32 bits in the machine's byte order, the port in the usual one.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| -> Option<[u8; 4]> {
        let digits = address.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The process of each of these sockets, of those that this user may look into; the one with the lowest pid of several.
pub(super) fn owners(inodes: &[u64]) -> BTreeMap<u64, i32> {
    let mut found = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<i32> = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    for pid in pids {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        for target in files.filter_map(|file| fs::read_link(file.path()).ok()) {
            let inode = target.to_str().and_then(socket_inode).filter(|inode| inodes.contains(inode));
            if let Some(inode) = inode {
                found.entry(inode).or_insert(pid);
            }
        }
        if found.len() == inodes.len() {
            break;
        }
    }
    found
}

/// `socket:[12345]`.
fn socket_inode(text: &str) -> Option<u64> {
    text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// File name of a process's program; what the process calls itself when that is not told.
pub(super) fn program(pid: i32) -> String {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let name = exe.as_ref().and_then(|path| path.file_name()?.to_str());
    match name {
        Some(name) => name.trim_end_matches(" (deleted)").to_owned(),
        None => fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned(),
    }
}

/// The process and its ancestors (proc_pid_stat(5), field 4).
pub(super) fn ancestry(pid: i32) -> impl Iterator<Item = i32> {
    std::iter::successors(Some(pid), |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_ascii_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
        assert_eq!(parse(heading, Protocol::Tcp), None);
        let line = format!(
            "   0: {:08X}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0",
            u32::from_ne_bytes([127, 0, 0, 1])
        );
        let socket = parse(&line, Protocol::Tcp).unwrap();
        let expected =
            Socket { local: "127.0.0.1:8080".parse().unwrap(), open: true, uid: 1000, inode: 4242 };
        assert_eq!(socket, expected);
        let connected = line.replace(" 0A ", " 01 ");
        assert!(!parse(&connected, Protocol::Tcp).unwrap().open);
        assert!(parse(&connected, Protocol::Udp).unwrap().open);
        let loopback = format!("{:08X}{:08X}{:08X}{:08X}:0050", 0, 0, 0, u32::from_ne_bytes([0, 0, 0, 1]));
        assert_eq!(address(&loopback), "[::1]:80".parse().ok());
        for none in ["", "7F:1", "0100007F", "0100007F:x", "010000é:1F90"] {
            assert_eq!(address(none), None, "{none}");
        }
    }

    #[test]
    fn a_socket_of_this_process_is_found_with_its_program() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let all = of(Path::new("/proc/net"), Protocol::Tcp);
        let found = all.iter().find(|socket| socket.local == local).expect("the kernel lists it");
        assert!(found.open);
        let pid = i32::try_from(std::process::id()).unwrap();
        assert_eq!(owners(&[found.inode]), BTreeMap::from([(found.inode, pid)]));
        assert!(!program(pid).is_empty());
        assert_eq!(ancestry(pid).next(), Some(pid));
        assert!(ancestry(pid).count() > 1);
    }

    #[test]
    fn only_sockets_have_an_inode() {
        assert_eq!(socket_inode("socket:[77]"), Some(77));
        assert_eq!(socket_inode("/dev/null"), None);
        assert_eq!(socket_inode("socket:[x]"), None);
    }
}
