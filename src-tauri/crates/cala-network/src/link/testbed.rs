//! A world for tests: a user namespace whose network namespace stands for the host, with a world beyond it, networks and
//! containers. Nothing of the machine's own network is touched, whoever runs the tests.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::process::Command;
use std::time::{Duration, Instant};

use cala_spec::network::{Network, Subnet};
use cala_sys::clone::CloneFlags;
use cala_sys::netns;
use ipnet::IpNet;

use super::{Join, Link, SetUp, host_side, join, mac_of, mtu_of, set_up_network};

/// Set in the process that is inside.
const INSIDE: &str = "CALA_NETWORK_TEST_INSIDE";

/// How long an answer may take that is expected.
pub(crate) const SOON: Duration = Duration::from_secs(2);
/// How long to wait for what must not come.
pub(crate) const NEVER: Duration = Duration::from_millis(150);

/// Runs `body` as uid 0 of a fresh user namespace with a network namespace of its own, which the calling thread is in: the
/// test is run again there by its name.
pub(crate) fn in_user_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        sh("ip link set lo up");
        return body();
    }
    let maps: &[&str] = if rustix::process::getuid().is_root() { &[] } else { &["--map-auto"] };
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"])
        .args(maps)
        .arg("--")
        .arg(std::env::current_exe().expect("a test knows itself"))
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare (package util-linux) starts");
    assert!(status.success(), "{test} failed inside: {status}");
}

/// A fresh network namespace.
pub(crate) fn namespace() -> OwnedFd {
    let here = netns::current().expect("there is /proc");
    netns::run_in(here.as_fd(), || {
        cala_sys::namespace::unshare(CloneFlags::NEWNET)?;
        netns::current()
    })
    .and_then(|namespace| namespace)
    .expect("uid 0 of a user namespace makes network namespaces")
}

/// Runs a shell script in the calling thread's network namespace; what it printed.
pub(crate) fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).output().expect("there is a shell");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Runs something in a namespace.
pub(crate) fn inside<T: Send>(namespace: &OwnedFd, act: impl FnOnce() -> T + Send) -> T {
    netns::run_in(namespace.as_fd(), act).expect("uid 0 enters its own namespaces")
}

/// A network with its namespace.
pub(crate) struct Net {
    pub(crate) network: Network,
    pub(crate) namespace: OwnedFd,
    pub(crate) set_up: SetUp,
}

/// A container's namespace and how it joined.
pub(crate) struct Member {
    pub(crate) namespace: OwnedFd,
    pub(crate) join: Join,
}

/// A network's record; each subnet's gateway is its first address.
pub(crate) fn record(subnets: &[&str], internal: bool) -> Network {
    let subnets = subnets.iter().map(|text| {
        let subnet: IpNet = text.parse().expect("a subnet");
        let gateway = subnet.hosts().find(|address| *address != subnet.network()).expect("a host");
        Subnet { subnet, gateway, lease_range: None }
    });
    Network {
        id: "0".repeat(64),
        name: "test".to_owned(),
        driver: "bridge".to_owned(),
        created_ns: 0,
        subnets: subnets.collect(),
        internal,
        dns_enabled: true,
        dns_servers: Vec::new(),
        labels: Default::default(),
        options: Default::default(),
    }
}

impl Net {
    pub(crate) fn new(subnets: &[&str], internal: bool) -> Self {
        let network = record(subnets, internal);
        let namespace = namespace();
        let set_up = inside(&namespace, || set_up_network(&mut Link::open().expect("netlink"), &network))
            .expect("a network is set up");
        Self { network, namespace, set_up }
    }

    /// How the container with this number joins: it is also the last part of its addresses.
    pub(crate) fn plan(&self, number: u8) -> Join {
        let addresses: Vec<IpNet> = self.network.subnets.iter().map(|s| nth(s.subnet, number)).collect();
        let mac = addresses.iter().find_map(|net| match net.addr() {
            IpAddr::V4(address) => Some(mac_of(address)),
            IpAddr::V6(_) => None,
        });
        let gateways = self.network.subnets.iter().map(|s| s.gateway);
        Join {
            host_side: host_side(&format!("{number:064x}").chars().rev().collect::<String>(), 0),
            interface: "eth0".to_owned(),
            mac: mac.unwrap_or([2, 0, 0, 0, 0, number]),
            gateways: if self.network.internal { Vec::new() } else { gateways.collect() },
            addresses,
            mtu: mtu_of(&self.network),
        }
    }

    pub(crate) fn member(&self, number: u8) -> Member {
        let member = Member { namespace: namespace(), join: self.plan(number) };
        self.link(|link| join(link, member.namespace.as_fd(), &member.join)).expect("a container joins");
        member
    }

    /// Runs something with a link of the network's namespace, on a thread in it.
    pub(crate) fn link<T: Send>(&self, act: impl FnOnce(&mut Link) -> T + Send) -> T {
        inside(&self.namespace, || act(&mut Link::open().expect("netlink")))
    }
}

fn nth(subnet: IpNet, number: u8) -> IpNet {
    let address = match subnet.network() {
        IpAddr::V4(address) => IpAddr::V4((u32::from(address) + u32::from(number)).into()),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) + u128::from(number)).into()),
    };
    IpNet::new(address, subnet.prefix_len()).expect("a prefix length")
}

impl Member {
    pub(crate) fn address(&self, ipv6: bool) -> IpAddr {
        let mut addresses = self.join.addresses.iter().map(IpNet::addr);
        addresses.find(|address| address.is_ipv6() == ipv6).expect("an address of the family")
    }

    /// Runs something in the container.
    pub(crate) fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        inside(&self.namespace, act)
    }

    pub(crate) fn sh(&self, script: &str) -> String {
        self.inside(|| sh(script))
    }

    /// A socket of the container.
    pub(crate) fn udp(&self, port: u16) -> UdpSocket {
        self.inside(|| UdpSocket::bind(("::", port)).or_else(|_| UdpSocket::bind(("0.0.0.0", port))))
            .expect("a port is free")
    }

    /// Whether a TCP connection from here to there is made and answered.
    pub(crate) fn reaches(&self, there: SocketAddr) -> bool {
        let connected = self.inside(|| TcpStream::connect_timeout(&there, NEVER * 4));
        connected.is_ok_and(|mut stream| {
            stream.set_read_timeout(Some(SOON)).expect("a limit");
            let mut answer = [0; 4];
            stream.write_all(b"ping").is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"ping"
        })
    }
}

/// Answers every TCP connection and every datagram to this address with what came, from now on.
pub(crate) fn echo(namespace: &OwnedFd, address: SocketAddr) {
    let (listener, socket) = inside(namespace, || {
        (TcpListener::bind(address).expect("free"), UdpSocket::bind(address).expect("free"))
    });
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut other = stream.try_clone().expect("a descriptor");
                let _ = std::io::copy(&mut stream, &mut other);
            });
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 1 << 16];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    });
}

/// What a socket receives within a time.
pub(crate) fn receive(socket: &UdpSocket, limit: Duration) -> Option<(Vec<u8>, IpAddr)> {
    socket.set_read_timeout(Some(limit)).expect("a limit");
    let mut buffer = [0; 1 << 16];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    Some((buffer[..length].to_vec(), from.ip().to_canonical()))
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        #[expect(clippy::disallowed_methods, reason = "a test looks from outside")]
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A host and a world, in the calling thread's namespace and one beyond: 198.51.100.2 and 2001:db8:51::2 here, their
/// gateways .1 and ::1 there, and the hosts 203.0.113.1 and 2001:db8:52::1.
pub(crate) fn world() -> OwnedFd {
    let world = namespace();
    // This very descriptor, as a child sees it in an outer /proc.
    let fd = world.as_raw_fd();
    let here = std::fs::read_link("/proc/self").expect("there is /proc");
    let here = here.display();
    sh(&format!(
        "ip link add up0 type veth peer name up0 netns /proc/{here}/fd/{fd}
         ip addr add 198.51.100.2/24 dev up0; ip addr add 2001:db8:51::2/64 dev up0 nodad; ip link set up0 up"
    ));
    inside(&world, || {
        sh("ip link set lo up; ip addr add 203.0.113.1/32 dev lo; ip addr add 2001:db8:52::1/128 dev lo
            ip addr add 198.51.100.1/24 dev up0; ip addr add 2001:db8:51::1/64 dev up0 nodad; ip link set up0 up")
    });
    sh("ip route add default via 198.51.100.1; ip -6 route add default via 2001:db8:51::1");
    // A link may lose its first packets; older pastas reset a connection whose first packet is sent again.
    for address in ["203.0.113.1", "2001:db8:52::1"] {
        until("the world", || ping(address.parse().expect("an address"), 1, b"are you there"));
    }
    world
}

/// Sends an echo request with this number and text; whether it was answered (ICMP, ICMPv6).
pub(crate) fn ping(there: IpAddr, number: u8, text: &[u8]) -> bool {
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, sockopt};
    let (family, protocol, request, header) = match there {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8, 20),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128, 0),
    };
    let raw = rustix::net::socket(family, SocketType::RAW, Some(protocol)).expect("uid 0 has raw sockets");
    sockopt::set_socket_timeout(&raw, sockopt::Timeout::Recv, Some(SOON)).expect("a limit");
    let mut message = vec![request, 0, 0, 0, 0, number, 0, 1];
    message.extend(text);
    if there.is_ipv4() {
        let sum = checksum(&message).to_be_bytes();
        message[2..4].copy_from_slice(&sum);
    }
    if rustix::net::sendto(&raw, &message, SendFlags::empty(), &SocketAddr::new(there, 0)).is_err() {
        return false;
    }
    let mut buffer = [0; 2048];
    while let Ok((length, _)) = rustix::net::recv(&raw, &mut buffer[..], RecvFlags::empty()) {
        let answer = buffer.get(header..length).unwrap_or_default();
        if matches!(answer.first(), Some(0 | 129)) && answer.get(8..) == Some(text) {
            return true;
        }
    }
    false
}

/// The checksum of RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}
