//! Out over real programs to a world in a namespace.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cala_sys::poll;
use rustix::net::{AddressFamily, SocketType};

use super::program::Kind;
use super::{HOST_LOOPBACK, Keeper, Status, UplinkError};
use crate::link::testbed::{
    Member, Net, SOON, echo, in_user_namespace, inside, ping, receive, sh, until, world,
};

const SUBNETS: [&str; 2] = ["10.89.0.0/24", "fd89::/64"];
const WORLD: [&str; 2] = ["203.0.113.1", "2001:db8:52::1"];

/// Turns the keeper until its status is so, as a host thread would.
fn turn_until(keeper: &mut Keeper, what: &str, is_so: impl Fn(&Status) -> bool) -> Duration {
    let start = Instant::now();
    while !is_so(keeper.status()) {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: it is {:?}", keeper.status());
        let limit = Instant::now() + Duration::from_millis(500);
        let fds = keeper.fds();
        let interests: Vec<_> =
            fds.iter().map(|fd| poll::Interest { fd: *fd, read: true, write: false, token: () }).collect();
        poll::wait(&interests, Some(keeper.deadline().map_or(limit, |at| at.min(limit))), &mut Vec::new())
            .expect("poll");
        keeper.turn();
    }
    start.elapsed()
}

fn is_ready(status: &Status) -> bool {
    matches!(status, Status::Ready { .. })
}

/// As [`in_user_namespace`], where users may make taps.
fn with_taps(test: &str, body: impl FnOnce()) {
    if std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_err() {
        return cala_testkit::require::skip("/dev/net/tun cannot be opened");
    }
    in_user_namespace(test, body);
}

fn ready(net: &Net, kinds: &'static [Kind]) -> Keeper {
    let mut keeper = Keeper::start_one_of(kinds, net.namespace.as_fd(), &net.network).expect("it starts");
    turn_until(&mut keeper, "an uplink", is_ready);
    keeper
}

/// The host answers to pings of its users, as systemd sets it.
fn allow_ping() {
    sh("echo 0 0 >/proc/sys/net/ipv4/ping_group_range");
}

/// A connection from this port of the container.
fn connect_from(member: &Member, port: u16, there: SocketAddr) -> TcpStream {
    member.inside(|| {
        let family = if there.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = rustix::net::socket(family, SocketType::STREAM, None).expect("a socket");
        let here: SocketAddr = SocketAddr::new(member.address(there.is_ipv6()), port);
        rustix::net::bind(&socket, &here).expect("the port is free");
        rustix::net::connect(&socket, &there).expect("the world answers");
        TcpStream::from(socket)
    })
}

/// Two containers speak with the world from the same port at once, by all protocols.
fn all_protocols(net: &Net, ipv6: bool) {
    use std::io::{Read as _, Write as _};
    let (one, two) = (net.member(2), net.member(3));
    let there: IpAddr = WORLD[usize::from(ipv6)].parse().expect("an address");
    let port = SocketAddr::new(there, 7);
    let sockets = [one.udp(5353), two.udp(5353)];
    let mut streams = [connect_from(&one, 5353, port), connect_from(&two, 5353, port)];
    for (socket, text) in sockets.iter().zip([b"one", b"two"]) {
        socket.send_to(text, port).expect("it is sent");
    }
    for (stream, text) in streams.iter_mut().zip([b"ONE", b"TWO"]) {
        stream.write_all(text).expect("it is sent");
    }
    for (socket, text) in sockets.iter().zip([b"one", b"two"]) {
        assert_eq!(receive(socket, SOON), Some((text.to_vec(), there)));
    }
    for (stream, text) in streams.iter_mut().zip([b"ONE", b"TWO"]) {
        let mut answer = [0; 3];
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        stream.read_exact(&mut answer).expect("the world answers");
        assert_eq!(answer, *text);
    }
    std::thread::scope(|scope| {
        let first = scope.spawn(|| one.inside(|| ping(there, 7, b"ping of one")));
        assert!(two.inside(|| ping(there, 7, b"ping of two")), "ping, ipv6 {ipv6}");
        assert!(first.join().expect("no panic"), "ping, ipv6 {ipv6}");
    });
    for member in [&one, &two] {
        net.link(|link| crate::link::leave(link, &member.join)).expect("it leaves");
    }
}

fn serve(place: &std::os::fd::OwnedFd) {
    for address in WORLD {
        echo(place, SocketAddr::new(address.parse().expect("an address"), 7));
    }
}

#[test]
fn containers_reach_the_world_from_equal_ports() {
    with_taps("uplink::tests::containers_reach_the_world_from_equal_ports", || {
        allow_ping();
        let world = world();
        serve(&world);
        let net = Net::new(&SUBNETS, false);
        let keeper = ready(&net, &[Kind::Pasta]);
        all_protocols(&net, false);
        all_protocols(&net, true);
        keeper.end();
        until("the end of the tap", || {
            inside(&net.namespace, || sh("ip -o link | grep -c ' up: ' || :")).trim() == "0"
        });
    });
}

#[test]
fn slirp4netns_is_the_other_way() {
    if Kind::Slirp.path().is_none() {
        return cala_testkit::require::skip("slirp4netns is not installed");
    }
    with_taps("uplink::tests::slirp4netns_is_the_other_way", || {
        let world = world();
        serve(&world);
        let net = Net::new(&SUBNETS, false);
        let keeper = ready(&net, &[Kind::Slirp]);
        allow_ping();
        let one = net.member(2);
        let there = SocketAddr::new(WORLD[0].parse().expect("an address"), 7);
        assert!(one.reaches(there));
        let socket = one.udp(0);
        socket.send_to(b"x", there).expect("it is sent");
        assert!(receive(&socket, SOON).is_some());
        closed(&net);
        keeper.end();
    });
}

/// Tries the host's loopback by all names that it may have for a container.
fn closed(net: &Net) {
    let host = cala_sys::netns::current().expect("there is /proc");
    for address in ["127.0.0.1:4000", "[::1]:4000"] {
        echo(&host, address.parse().expect("an address"));
    }
    echo(&host, "198.51.100.2:4001".parse().expect("an address"));
    let one = net.member(9);
    assert!(one.reaches("198.51.100.2:4001".parse().expect("an address")), "the host's own address is open");
    let mut names = vec![
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "198.51.100.1",
        "198.51.100.2",
        "192.0.0.2",
        "192.0.0.100",
        "10.0.2.2",
    ];
    names.extend([
        "192.0.0.1",
        "10.89.0.1",
        "169.254.1.1",
        "::1",
        "2001:db8:51::1",
        "2001:db8:51::2",
        "fd00::2",
        "fd89::1",
    ]);
    for name in names {
        let there = SocketAddr::new(name.parse().expect("an address"), 4000);
        assert!(!one.reaches(there), "{there}");
        let socket = one.udp(0);
        if socket.send_to(b"x", there).is_ok() {
            assert_eq!(receive(&socket, Duration::from_millis(50)), None, "{there}");
        }
    }
    // A packet that no well-meaning kernel sends: IPv4's loopback written as IPv6, and such.
    for name in ["::ffff:127.0.0.1", "::7f00:1", "::", "::2"] {
        let way =
            inside(&net.namespace, || sh(&format!("ip -6 route get {name} from fd89::9 iif br0 2>&1 || :")));
        assert!(!way.contains("dev up"), "{name}: {way}");
    }
    net.link(|link| crate::link::leave(link, &one.join)).expect("it leaves");
}

#[test]
fn the_hosts_loopback_is_closed() {
    with_taps("uplink::tests::the_hosts_loopback_is_closed", || {
        let _world = world();
        let net = Net::new(&SUBNETS, false);
        let keeper = ready(&net, &[Kind::Pasta]);
        closed(&net);
        keeper.end();
    });
}

/// The host's 127.0.0.1, and nothing else of it, at the far side's address.
fn opened(net: &mut Net, kinds: &'static [Kind]) {
    net.network.options.insert("host_loopback".to_owned(), "true".to_owned());
    let keeper = ready(net, kinds);
    let host = cala_sys::netns::current().expect("there is /proc");
    for address in ["127.0.0.1:4000", "[::1]:4000"] {
        echo(&host, address.parse().expect("an address"));
    }
    let one = net.member(9);
    let there = SocketAddr::new(HOST_LOOPBACK.into(), 4000);
    assert!(one.reaches(there), "{there}");
    let socket = one.udp(0);
    socket.send_to(b"x", there).expect("it is sent");
    assert!(receive(&socket, SOON).is_some(), "UDP to {there}");
    for name in ["198.51.100.1", "10.89.0.1", "2001:db8:51::1", "fd89::1"] {
        let there = SocketAddr::new(name.parse().expect("an address"), 4000);
        assert!(!one.reaches(there), "{there}");
    }
    keeper.end();
}

#[test]
fn the_hosts_loopback_is_opened_by_an_option_only() {
    with_taps("uplink::tests::the_hosts_loopback_is_opened_by_an_option_only", || {
        let _world = world();
        opened(&mut Net::new(&SUBNETS, false), &[Kind::Pasta]);
    });
}

#[test]
fn slirp4netns_opens_the_hosts_loopback_too() {
    if Kind::Slirp.path().is_none() {
        return cala_testkit::require::skip("slirp4netns is not installed");
    }
    with_taps("uplink::tests::slirp4netns_opens_the_hosts_loopback_too", || {
        let _world = world();
        opened(&mut Net::new(&SUBNETS, false), &[Kind::Slirp]);
    });
}

#[test]
fn one_that_was_killed_is_started_again() {
    with_taps("uplink::tests::one_that_was_killed_is_started_again", || {
        let world = world();
        serve(&world);
        let net = Net::new(&SUBNETS, false);
        let one = net.member(2);
        let mut keeper = ready(&net, &[Kind::Pasta]);
        let there = SocketAddr::new(WORLD[0].parse().expect("an address"), 7);
        for _ in 0..2 {
            // A first connection sometimes gets no answer just after another pasta (of 2023) has begun.
            until("the world", || one.reaches(there));
            keeper.kill();
            turn_until(&mut keeper, "notice", |status| !is_ready(status));
            let time = turn_until(&mut keeper, "another", is_ready);
            assert!(time < Duration::from_secs(1), "{time:?}");
        }
        until("the world", || one.reaches(there));
        keeper.end();
    });
}

#[test]
fn without_a_route_it_waits_for_one() {
    with_taps("uplink::tests::without_a_route_it_waits_for_one", || {
        let world = world();
        serve(&world);
        sh("ip route del default; ip -6 route del default");
        let net = Net::new(&SUBNETS, false);
        let one = net.member(2);
        let mut keeper = Keeper::start(net.namespace.as_fd(), &net.network).expect("no route is no error");
        assert!(matches!(keeper.status(), Status::Down(UplinkError::NoRoute)), "{:?}", keeper.status());
        assert_eq!(keeper.deadline(), None, "it sleeps");
        // IPv4 first, as a laptop gets them.
        sh("ip route add default via 198.51.100.1");
        turn_until(&mut keeper, "an uplink", is_ready);
        let there = |at: usize| SocketAddr::new(WORLD[at].parse().expect("an address"), 7);
        assert!(one.reaches(there(0)));
        assert!(!one.reaches(there(1)));
        let way = inside(&net.namespace, || sh("ip -6 route show default"));
        assert_eq!(way, "", "what has no way is refused, not lost");
        sh("ip -6 route add default via 2001:db8:51::1");
        until("IPv6", || {
            keeper.turn();
            is_ready(keeper.status()) && one.reaches(there(1))
        });
        assert!(one.reaches(there(0)));
        // It goes and comes back without another program; connections by IPv4 live on.
        let mut stream = connect_from(&one, 7000, there(0));
        sh("ip -6 route del default");
        until("the loss of IPv6", || {
            keeper.turn();
            inside(&net.namespace, || sh("ip -6 route show default")).is_empty()
        });
        sh("ip -6 route add default via 2001:db8:51::1");
        until("IPv6", || {
            keeper.turn();
            one.reaches(there(1))
        });
        std::io::Write::write_all(&mut stream, b"still").expect("it lives");
        std::io::Read::read_exact(&mut stream, &mut [0; 5]).expect("it lives");
        keeper.end();
    });
}

#[test]
fn without_a_program_it_says_what_to_install() {
    in_user_namespace("uplink::tests::without_a_program_it_says_what_to_install", || {
        use cala_spec::Classify as _;
        let _world = world();
        let net = Net::new(&SUBNETS, false);
        let keeper = Keeper::start_one_of(&[], net.namespace.as_fd(), &net.network).expect("no error");
        let Status::Down(error) = keeper.status() else { panic!("{:?}", keeper.status()) };
        assert!(error.hints().iter().any(|hint| hint.contains("package passt")), "{error:?}");
        assert!(keeper.deadline().is_some(), "it looks again");
    });
}

#[test]
fn an_internal_network_has_none() {
    in_user_namespace("uplink::tests::an_internal_network_has_none", || {
        let _world = world();
        let net = Net::new(&SUBNETS, true);
        let keeper = Keeper::start(net.namespace.as_fd(), &net.network).expect("no error");
        assert!(matches!(keeper.status(), Status::Internal));
        assert!(keeper.fds().is_empty());
    });
}
