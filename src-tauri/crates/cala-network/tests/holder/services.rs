//! What a network does for its containers: names, published ports, the way out.

use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cala_holder::protocol::{Attach, Names};
use cala_spec::port::{PortMapping, Protocol};
use cala_sys::pidfd::PidFd;

use crate::fixture::{Box, Net, ask_from_host, can_run};

const BOTH: &[(&str, &str)] = &[("10.89.74.0/24", "10.89.74.1"), ("fd89:74::/64", "fd89:74::1")];

/// The host's address towards the world, which the tests' runner gives.
const OUTWARD: &str = "198.51.100.2";

/// A server that was started in the world: `CALA_TEST_WORLD="…/cala-netns-under-test peer serve tcp 203.0.113.1:7777"`.
const WORLD: &str = "203.0.113.1:7777";

fn look_up(container: &Box, name: &str) -> Result<String, String> {
    container.run(&["busybox", "nslookup", name, "10.89.74.1"])
}

#[test]
fn names_follow_what_containers_are_called() {
    if !can_run() {
        return;
    }
    let net = Net::new(BOTH);
    let (web, _web_lease) = net.join("web");
    let (db, mut lease) = net.join("db");
    for name in ["db", "DB", "db.dns.podman", &db.id[..12]] {
        let answer = look_up(&web, name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(answer.contains("10.89.74.3"), "{name}: {answer}");
        assert!(answer.contains("fd89:74::3"), "{name}: {answer}");
    }
    assert!(look_up(&web, "10.89.74.3").unwrap().contains("db"));
    assert!(look_up(&web, "store").is_err());
    let aliases = vec!["store".to_owned()];
    lease.update(&Names { name: "db".into(), aliases, also_in: Vec::new() }).unwrap();
    assert!(look_up(&web, "store").unwrap().contains("10.89.74.3"));
    let four: IpAddr = "10.89.74.3".parse().unwrap();
    assert!(net.connect().unwrap().resolve("store").unwrap().contains(&four));
    lease.detach(false).unwrap();
    assert!(look_up(&web, "db").is_err());
    assert!(net.connect().unwrap().resolve("store").unwrap().is_empty());
}

fn port(host_port: u16, protocol: Protocol) -> PortMapping {
    PortMapping { host_ip: None, host_port, container_port: 80, protocol }
}

#[test]
fn a_published_port_is_reached_from_the_host_and_withdrawn() {
    if !can_run() {
        return;
    }
    let net = Net::new(BOTH);
    let (web, mut lease) = net.join("web");
    let _tcp = web.serve("tcp", "0.0.0.0:80");
    let _udp = web.serve("udp", "0.0.0.0:80");
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let number = listener.local_addr().unwrap().port();
    let socket = UdpSocket::bind(("0.0.0.0", number)).unwrap();
    lease.publish(&port(number, Protocol::Tcp), &[listener.as_fd()]).unwrap();
    lease.publish(&port(number, Protocol::Udp), &[socket.as_fd()]).unwrap();
    for protocol in ["tcp", "udp"] {
        let loopback = format!("127.0.0.1:{number}");
        assert_eq!(ask_from_host(protocol, &loopback, "hello").unwrap(), "10.89.74.1 hello", "{protocol}");
        if cala_testkit::require::private_namespaces() {
            let outward = format!("{OUTWARD}:{number}");
            let seen = ask_from_host(protocol, &outward, "hello").unwrap();
            assert_eq!(seen, format!("{OUTWARD} hello"), "{protocol}");
        }
    }
    assert_eq!(net.snapshot().containers[0].ports.len(), 2);
    lease.unpublish(&port(number, Protocol::Tcp)).unwrap();
    drop(listener);
    assert!(ask_from_host("tcp", &format!("127.0.0.1:{number}"), "hello").is_err());
    assert_eq!(ask_from_host("udp", &format!("127.0.0.1:{number}"), "x").unwrap(), "10.89.74.1 x");
}

#[test]
fn ports_and_the_way_out_survive_a_killed_holder() {
    if !can_run() {
        return;
    }
    let net = Net::new(BOTH);
    let (web, mut lease) = net.join("web");
    let (db, db_lease) = net.join("db");
    let _tcp = web.serve("tcp", "0.0.0.0:80");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = listener.local_addr().unwrap().port();
    let at = format!("127.0.0.1:{number}");
    lease.publish(&port(number, Protocol::Tcp), &[listener.as_fd()]).unwrap();
    assert_eq!(ask_from_host("tcp", &at, "before").unwrap(), "10.89.74.1 before");
    let holder = PidFd::open(net.snapshot().pid).unwrap();
    holder.send_signal(9).unwrap();
    // One who comes meanwhile waits in the listener's queue.
    let meanwhile = std::thread::spawn({
        let at = at.clone();
        move || ask_from_host("tcp", &at, "meanwhile")
    });
    let start = Instant::now();
    let again = |container: &Box, lease: &cala_holder::Lease| {
        let status = &lease.attached().status;
        let attach = Attach {
            addresses: status.addresses.iter().map(|address| address.addr()).collect(),
            mac: Some(status.mac.clone()),
            adopt: true,
            ..container.attach()
        };
        net.ensure_with(lease).attach(&attach, container.namespace().as_fd()).unwrap()
    };
    let mut next = again(&web, &lease);
    next.publish(&port(number, Protocol::Tcp), &[listener.as_fd()]).unwrap();
    let took = start.elapsed();
    eprintln!("serves again after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(meanwhile.join().unwrap().unwrap(), "10.89.74.1 meanwhile");
    assert_eq!(ask_from_host("tcp", &at, "after").unwrap(), "10.89.74.1 after");
    let db_next = again(&db, &db_lease);
    assert!(look_up(&db, "web").unwrap().contains("10.89.74.2"));
    if cala_testkit::require::private_namespaces() && cala_testkit::require::program("pasta") {
        assert_eq!(next.attached().uplink_problem, None);
    }
    drop((lease, db_lease, next, db_next));
    net.wait_for_end();
}

#[test]
fn the_world_is_reached_and_sees_the_host() {
    if !can_run() {
        return;
    }
    if ask_from_host("tcp", WORLD, "hello").is_err() {
        cala_testkit::require::skip("no server in CALA_TEST_WORLD");
        return;
    }
    let net = Net::new(BOTH);
    let (a, lease) = net.join("a");
    assert_eq!(lease.attached().uplink_problem, None);
    assert_eq!(net.snapshot().uplink, "pasta");
    assert_eq!(a.ask("tcp", WORLD, "hello").unwrap(), format!("{OUTWARD} hello"));
    // Echo requests go out where the host lets its users send them, as systemd does.
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap();
    if !range.starts_with('1') {
        a.ping("203.0.113.1".parse().unwrap()).unwrap();
    }
    // A port of a container that a client in the world would use: the host's own address is reached through the uplink.
    let (b, mut b_lease) = net.join("b");
    let _server = b.serve("tcp", "0.0.0.0:80");
    let listener = TcpListener::bind((OUTWARD, 0)).unwrap();
    let number = listener.local_addr().unwrap().port();
    b_lease.publish(&port(number, Protocol::Tcp), &[listener.as_fd()]).unwrap();
    let seen = a.ask("tcp", &format!("{OUTWARD}:{number}"), "hairpin").unwrap();
    assert!(seen.ends_with(" hairpin"), "{seen}");
    // The host's loopback is not reached.
    let secret = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = secret.local_addr().unwrap().port();
    for host in ["127.0.0.1", "10.89.74.1", OUTWARD, "198.51.100.1"] {
        assert!(a.ask("tcp", &format!("{host}:{number}"), "x").is_err(), "{host}");
    }
    // An uplink that dies is replaced.
    let pasta = uplink_of(net.snapshot().pid);
    PidFd::open(pasta).unwrap().send_signal(9).unwrap();
    let start = Instant::now();
    while a.ask("tcp", WORLD, "again").is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "no uplink: {}", net.snapshot().uplink);
    }
    assert_ne!(uplink_of(net.snapshot().pid), pasta);
    drop((lease, b_lease));
    net.wait_for_end();
}

/// The child of the holder, whichever of its threads started it.
fn uplink_of(holder: i32) -> i32 {
    let tasks = std::fs::read_dir(format!("/proc/{holder}/task")).unwrap();
    let mut children = tasks.flatten().filter_map(|task| {
        let list = std::fs::read_to_string(task.path().join("children")).ok()?;
        list.split_whitespace().next()?.parse().ok()
    });
    children.next().expect("the holder has an uplink")
}
