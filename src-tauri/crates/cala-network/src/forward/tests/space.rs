//! The namespaces of a test.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use cala_spec::port::{PortMapping, Protocol};
use cala_sys::clone::CloneFlags;
use cala_sys::namespace;
use cala_sys::rlimit::{self, Resource};

use super::super::budget::Budget;
use super::super::{Forwarder, LocalAddresses, Target, spawn_within};
use crate::link::testbed::{self, Net};

const INSIDE: &str = "CALA_FORWARD_INSIDE";

/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the body of the test of this name in a user namespace.
pub(super) fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{}::{test}", module_path!().replace("::space", "").split_once("::").unwrap().1),
        ])
        .args(["--nocapture", "--include-ignored"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare(1)");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "the test was not found: {text}");
}

/// A network namespace.
#[derive(Debug)]
pub(super) struct Space(File);

impl Space {
    fn new() -> Self {
        let make = || {
            namespace::unshare(CloneFlags::NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap()
        };
        let space = Self(std::thread::spawn(make).join().unwrap());
        space.script("ip link set lo up");
        space
    }

    /// Runs something in a thread in there.
    pub(super) fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            namespace::join(&self.0, CloneFlags::NEWNET).unwrap();
            body()
        };
        std::thread::scope(|scope| scope.spawn(enter).join()).unwrap()
    }

    /// Runs a shell script in there.
    pub(super) fn script(&self, script: &str) {
        let output =
            self.run(|| Command::new("sh").args(["-ec", script]).stdin(Stdio::null()).output().unwrap());
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn connect(&self, to: &str) -> TcpStream {
        self.try_connect(to).unwrap_or_else(|error| panic!("{to}: {error}"))
    }

    pub(super) fn try_connect(&self, to: &str) -> std::io::Result<TcpStream> {
        let to: SocketAddr = to.parse().unwrap();
        let stream = self.run(|| TcpStream::connect_timeout(&to, PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Ok(stream)
    }

    pub(super) fn listen(&self, at: &str) -> TcpListener {
        self.run(|| TcpListener::bind(at)).unwrap()
    }

    pub(super) fn udp(&self, at: &str) -> UdpSocket {
        let socket = self.run(|| UdpSocket::bind(at)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Joins two by a veth pair.
    fn link(&self, name: &str, other: &Self, other_name: &str) {
        // Both ends are made at once: they may have the same name.
        let peer = format!("/proc/{}/fd/{}", std::process::id(), other.0.as_raw_fd());
        self.script(&format!(
            "ip link add name {name} type veth peer name {other_name} netns {peer}; ip link set {name} up"
        ));
        other.script(&format!("ip link set {other_name} up"));
    }
}

/// A host at 198.51.100.2 and 2001:db8:51::2, the world at 203.0.113.1 and 2001:db8:52::1, a network 10.89.0.0/24 and
/// fd89::/64 with containers.
pub(super) struct World {
    pub(super) host: Space,
    pub(super) world: Space,
    network: Net,
    pub(super) forwarder: Forwarder,
}

const HOST: &str = "
ip addr add 198.51.100.2/24 dev up0; ip addr add 198.51.100.22/24 dev up0; ip addr add 2001:db8:51::2/64 dev up0 nodad
ip route add default via 198.51.100.1; ip -6 route add default via 2001:db8:51::1";

const BEYOND: &str = "
ip addr add 198.51.100.1/24 dev up0; ip addr add 2001:db8:51::1/64 dev up0 nodad
ip addr add 203.0.113.1/32 dev lo; ip addr add 2001:db8:52::1/128 dev lo";

impl World {
    pub(super) fn new() -> Self {
        Self::with_descriptors(100_000)
    }

    /// A world whose forwarder keeps within a number of descriptors.
    pub(super) fn with_descriptors(descriptors: u64) -> Self {
        let (_, hard) = rlimit::get(Resource::Nofile).unwrap();
        rlimit::set(Resource::Nofile, hard, hard).unwrap();
        let (host, world) = (Space::new(), Space::new());
        let network = Net::new(&["10.89.0.0/24", "fd89::/64"], false);
        host.link("up0", &world, "up0");
        host.script(HOST);
        world.script(BEYOND);
        let local = LocalAddresses {
            gateways: vec!["10.89.0.1".parse().unwrap(), "fd89::1".parse().unwrap()],
            subnets: vec!["10.89.0.0/24".parse().unwrap(), "fd89::/64".parse().unwrap()],
        };
        let budget = Budget::with_descriptors(descriptors);
        let forwarder = testbed::inside(&network.namespace, || spawn_within(local, budget)).unwrap();
        Self { host, world, network, forwarder }
    }

    /// A container at 10.89.0.N and fd89::N.
    pub(super) fn container(&self, number: u8) -> Space {
        Space(self.network.member(number).namespace.into())
    }

    /// Publishes a port on every address of the host.
    pub(super) fn publish(&self, port: &PortMapping, container: u8) {
        let listeners = match port.protocol {
            Protocol::Tcp => self.tcp_listeners(port.host_port),
            Protocol::Udp => self.udp_listeners(port.host_port),
        };
        self.forwarder.publish(port, listeners, target(container)).unwrap();
    }

    /// Listeners on every address of the host.
    pub(super) fn tcp_listeners(&self, port: u16) -> Vec<OwnedFd> {
        let listen = |domain, address: IpAddr| -> OwnedFd {
            let socket = rustix::net::socket(domain, rustix::net::SocketType::STREAM, None).unwrap();
            rustix::net::sockopt::set_socket_reuseaddr(&socket, true).unwrap();
            if address.is_ipv6() {
                rustix::net::sockopt::set_ipv6_v6only(&socket, true).unwrap();
            }
            rustix::net::bind(&socket, &SocketAddr::new(address, port)).unwrap();
            rustix::net::listen(&socket, 4096).unwrap();
            socket
        };
        self.host.run(|| {
            vec![
                listen(rustix::net::AddressFamily::INET, "0.0.0.0".parse().unwrap()),
                listen(rustix::net::AddressFamily::INET6, "::".parse().unwrap()),
            ]
        })
    }

    fn udp_listeners(&self, port: u16) -> Vec<OwnedFd> {
        let bind = |domain, address: IpAddr| -> OwnedFd {
            let socket = rustix::net::socket(domain, rustix::net::SocketType::DGRAM, None).unwrap();
            if address.is_ipv6() {
                rustix::net::sockopt::set_ipv6_v6only(&socket, true).unwrap();
            }
            rustix::net::bind(&socket, &SocketAddr::new(address, port)).unwrap();
            socket
        };
        self.host.run(|| {
            vec![
                bind(rustix::net::AddressFamily::INET, "0.0.0.0".parse().unwrap()),
                bind(rustix::net::AddressFamily::INET6, "::".parse().unwrap()),
            ]
        })
    }
}

pub(super) fn target(container: u8) -> Target {
    let addresses = [format!("10.89.0.{container}"), format!("fd89::{container}")];
    Target {
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        keep_client: true,
    }
}

pub(super) fn port(host_port: u16, container_port: u16, protocol: Protocol) -> PortMapping {
    PortMapping { host_ip: None, host_port, container_port, protocol }
}

/// A server that says who has connected and then says everything back.
pub(super) fn echo(listener: TcpListener) {
    std::thread::spawn(move || {
        loop {
            let Ok((mut stream, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            };
            std::thread::Builder::new()
                .stack_size(128 << 10)
                .spawn(move || {
                    let peer = format!("{}\n", stream.peer_addr().unwrap());
                    let _ = stream.write_all(peer.as_bytes());
                    let mut buffer = vec![0; 64 << 10];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                })
                .unwrap();
        }
    });
}

/// The line that [`echo`] begins with.
pub(super) fn peer(stream: &mut TcpStream) -> SocketAddr {
    let mut line = String::new();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(byte[0].into());
    }
    line.parse().unwrap_or_else(|_| panic!("no address: {line:?}"))
}
