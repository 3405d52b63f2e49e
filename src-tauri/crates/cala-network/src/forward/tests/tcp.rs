//! TCP.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::time::{Duration, Instant};

use cala_spec::port::Protocol;
use cala_sys::rlimit::{self, Resource};

use super::super::Target;
use super::space::{PATIENCE, World, echo, inside, peer, port, target};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn reset_on_close(stream: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_of_the_lan_is_seen_with_its_own_address_and_port() {
    inside("tcp::a_client_of_the_lan_is_seen_with_its_own_address_and_port", || {
        let world = World::new();
        let container = world.container(2);
        echo(container.listen("[::]:80"));
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        let mut v4 = world.world.connect("198.51.100.2:8080");
        let seen = peer(&mut v4);
        assert_eq!(seen.ip().to_canonical(), ip("198.51.100.1"));
        assert_eq!(seen.port(), v4.local_addr().unwrap().port());
        let mut v6 = world.world.connect("[2001:db8:51::2]:8080");
        assert_eq!(peer(&mut v6), v6.local_addr().unwrap());
        for stream in [&mut v4, &mut v6] {
            stream.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"hello");
        }
    });
}

#[test]
fn clients_of_loopback_are_seen_as_the_gateway() {
    inside("tcp::clients_of_loopback_are_seen_as_the_gateway", || {
        let world = World::new();
        let container = world.container(2);
        echo(container.listen("0.0.0.0:80"));
        echo(container.listen("[::1]:80"));
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        assert_eq!(peer(&mut world.host.connect("127.0.0.1:8080")).ip(), ip("10.89.0.1"));
        // The service has no IPv6.
        assert_eq!(peer(&mut world.host.connect("[::1]:8080")).ip(), ip("10.89.0.1"));
        assert_eq!(peer(&mut world.world.connect("[2001:db8:51::2]:8080")).ip(), ip("10.89.0.1"));
        echo(container.listen("[fd89::2]:81"));
        world.publish(&port(8081, 81, Protocol::Tcp), 2);
        assert_eq!(peer(&mut world.host.connect("[::1]:8081")).ip(), ip("fd89::1"));
        assert_eq!(peer(&mut world.host.connect("127.0.0.1:8081")).ip(), ip("fd89::1"));
        // The host by its own outward address is a client like others.
        let mut own = world.host.connect("198.51.100.2:8080");
        assert_eq!(peer(&mut own), own.local_addr().unwrap());
    });
}

#[test]
fn a_half_closed_connection_still_answers() {
    inside("tcp::a_half_closed_connection_still_answers", || {
        let world = World::new();
        let container = world.container(2);
        let listener = container.listen("0.0.0.0:80");
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        let mut client = world.world.connect("198.51.100.2:8080");
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut question = String::new();
        server.read_to_string(&mut question).unwrap();
        assert_eq!(question, "question");
        std::thread::sleep(Duration::from_millis(50));
        server.write_all(b"answer").unwrap();
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "answer");
        eventually("the place is free", || world.forwarder.connections(&port(8080, 80, Protocol::Tcp)) == 0);
    });
}

#[test]
fn a_reset_is_passed_on_after_what_was_said_before() {
    inside("tcp::a_reset_is_passed_on_after_what_was_said_before", || {
        let world = World::new();
        let container = world.container(2);
        let listener = container.listen("0.0.0.0:80");
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        let pair = || {
            let client = world.world.connect("198.51.100.2:8080");
            let (server, _) = listener.accept().unwrap();
            server.set_read_timeout(Some(PATIENCE)).unwrap();
            (client, server)
        };
        for from_client in [true, false] {
            let (client, server) = pair();
            let (mut from, mut to) = if from_client { (client, server) } else { (server, client) };
            from.write_all(b"last words").unwrap();
            let mut words = [0; 10];
            to.read_exact(&mut words).unwrap();
            reset_on_close(&from);
            drop(from);
            assert_eq!(to.read(&mut words).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
        // A peer that closes without having read resets whoever goes on writing.
        let (mut client, server) = pair();
        client.write_all(b"unread").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        drop(server);
        let mut rest = Vec::new();
        assert_eq!(client.read_to_end(&mut rest).unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_port_where_nothing_listens_resets_the_client() {
    inside("tcp::a_port_where_nothing_listens_resets_the_client", || {
        let world = World::new();
        let _container = world.container(2);
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        for (space, address) in [(&world.world, "198.51.100.2:8080"), (&world.host, "[::1]:8080")] {
            // So soon that even connect may tell.
            let outcome = space.try_connect(address).and_then(|mut client| client.read(&mut [0]));
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
    });
}

/// Writes as much as goes.
fn fill(stream: &mut TcpStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let (chunk, mut written, mut idle) = (vec![7; 64 << 10], 0, 0);
    while idle < 20 {
        match stream.write(&chunk) {
            Ok(count) => (written, idle) = (written + count, 0),
            Err(_) => {
                idle += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
    stream.set_nonblocking(false).unwrap();
    written
}

#[test]
fn a_reader_that_does_not_read_holds_the_writer_and_nothing_is_lost() {
    inside("tcp::a_reader_that_does_not_read_holds_the_writer_and_nothing_is_lost", || {
        let world = World::new();
        let container = world.container(2);
        let listener = container.listen("0.0.0.0:80");
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        for downwards in [false, true] {
            let client = world.world.connect("198.51.100.2:8080");
            let (server, _) = listener.accept().unwrap();
            let (mut from, mut to) = if downwards { (server, client) } else { (client, server) };
            let written = fill(&mut from);
            assert!(written < 64 << 20, "{written} bytes are on their way");
            let reader = std::thread::spawn(move || {
                let mut all = Vec::new();
                to.read_to_end(&mut all).unwrap();
                all
            });
            let tail: Vec<u8> = (0..32_u32 << 20).map(|i| (i % 251) as u8).collect();
            from.write_all(&tail).unwrap();
            from.shutdown(Shutdown::Write).unwrap();
            let all = reader.join().unwrap();
            assert_eq!(all.len(), written + tail.len());
            assert!(all[written..] == tail[..]);
        }
    });
}

#[test]
fn thousands_of_connections_are_carried_at_once() {
    inside("tcp::thousands_of_connections_are_carried_at_once", || {
        let (_, hard) = rlimit::get(Resource::Nofile).unwrap();
        let many = usize::try_from(hard.min(16_000) / 6).unwrap();
        let world = World::new();
        let container = world.container(2);
        // Whoever is let in by a cookie counts only when it says something, which nobody does here before all are in.
        container.script("echo 0 >/proc/sys/net/ipv4/tcp_syncookies");
        let listener = container.listen("0.0.0.0:80");
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        let accept = std::thread::spawn(move || {
            (0..many).map(|_| listener.accept().unwrap().0).collect::<Vec<TcpStream>>()
        });
        let to = "198.51.100.2:8080";
        let mut clients: Vec<TcpStream> =
            world.host.run(|| (0..many).map(|_| TcpStream::connect(to).unwrap()).collect());
        let mut servers = accept.join().unwrap();
        assert_eq!(world.forwarder.connections(&port(8080, 80, Protocol::Tcp)) as usize, many);
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&number.to_le_bytes()).unwrap();
        }
        let mut sum = 0;
        for server in &mut servers {
            let mut number = [0; 8];
            server.read_exact(&mut number).unwrap();
            sum += usize::from_le_bytes(number);
        }
        assert_eq!(sum, many * (many - 1) / 2);
        drop(clients);
        drop(servers);
        eventually("all places are free", || {
            world.forwarder.connections(&port(8080, 80, Protocol::Tcp)) == 0
        });
    });
}

#[test]
fn a_flood_of_silent_clients_does_not_starve_another_container() {
    inside("tcp::a_flood_of_silent_clients_does_not_starve_another_container", || {
        let world = World::with_descriptors(2048);
        let (flooded, other) = (world.container(2), world.container(3));
        let _silent = flooded.listen("0.0.0.0:80");
        echo(other.listen("0.0.0.0:80"));
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        world.publish(&port(8081, 80, Protocol::Tcp), 3);
        let flood: Vec<TcpStream> = world.world.run(|| {
            let to = "198.51.100.2:8080".parse().unwrap();
            let connect = |_| TcpStream::connect_timeout(&to, Duration::from_millis(200)).ok();
            (0..10_000).map_while(connect).collect()
        });
        // The listener's queue in the kernel takes 4096 more.
        assert!(flood.len() > 4096, "{}", flood.len());
        let held = world.forwarder.connections(&port(8080, 80, Protocol::Tcp));
        assert!((256..=512).contains(&held), "{held}");
        let start = Instant::now();
        let mut client = world.world.connect("198.51.100.2:8081");
        client.write_all(b"x").unwrap();
        peer(&mut client);
        client.read_exact(&mut [0]).unwrap();
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        flood.iter().for_each(reset_on_close);
        drop(flood);
        eventually("the flood is over", || world.forwarder.connections(&port(8080, 80, Protocol::Tcp)) < 10);
    });
}

#[test]
fn ports_are_moved_and_withdrawn_beneath_open_connections() {
    inside("tcp::ports_are_moved_and_withdrawn_beneath_open_connections", || {
        let world = World::new();
        let container = world.container(2);
        echo(container.listen("0.0.0.0:80"));
        let (old, new) = (port(8080, 80, Protocol::Tcp), port(9090, 80, Protocol::Tcp));
        world.publish(&old, 2);
        let mut open = world.world.connect("198.51.100.2:8080");
        peer(&mut open);
        world.publish(&new, 2);
        world.forwarder.unpublish(&old);
        let mut moved = world.world.connect("198.51.100.2:9090");
        peer(&mut moved);
        assert_eq!(
            world.world.try_connect("198.51.100.2:8080").unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        assert_eq!((world.forwarder.connections(&old), world.forwarder.connections(&new)), (1, 1));
        for stream in [&mut open, &mut moved] {
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        }
        // The same port again, beside its open connection.
        world.publish(&old, 2);
        peer(&mut world.world.connect("198.51.100.2:8080"));
        world.forwarder.unpublish(&port(1, 1, Protocol::Tcp));
    });
}

#[test]
fn a_container_that_is_gone_resets_its_clients() {
    inside("tcp::a_container_that_is_gone_resets_its_clients", || {
        let world = World::new();
        let (container, other) = (world.container(2), world.container(3));
        echo(container.listen("0.0.0.0:80"));
        echo(other.listen("0.0.0.0:80"));
        world.publish(&port(8080, 80, Protocol::Tcp), 2);
        world.publish(&port(8081, 80, Protocol::Tcp), 3);
        let mut client = world.world.connect("198.51.100.2:8080");
        let mut stays = world.world.connect("198.51.100.2:8081");
        peer(&mut client);
        peer(&mut stays);
        world.forwarder.forget(&target(2).addresses);
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(
            world.world.try_connect("198.51.100.2:8080").unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        stays.write_all(b"x").unwrap();
        stays.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn a_forwarder_without_descriptors_waits_and_goes_on() {
    inside("tcp::a_forwarder_without_descriptors_waits_and_goes_on", || {
        let world = World::new();
        let container = world.container(2);
        echo(container.listen("0.0.0.0:80"));
        let port = port(8080, 80, Protocol::Tcp);
        world.publish(&port, 2);
        // They wait in the kernel's queue of a listener that nobody serves yet.
        let listeners = world.tcp_listeners(9090);
        let mut clients: Vec<TcpStream> = (0..20).map(|_| world.world.connect("198.51.100.2:9090")).collect();
        let (soft, hard) = rlimit::get(Resource::Nofile).unwrap();
        let open = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
        rlimit::set(Resource::Nofile, open + 4, hard).unwrap();
        world.forwarder.publish(&super::space::port(9090, 80, Protocol::Tcp), listeners, target(2)).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        rlimit::set(Resource::Nofile, soft, hard).unwrap();
        let served = clients.iter_mut().filter_map(|client| client.read(&mut [0]).ok()).count();
        assert_eq!(served, clients.len());
        peer(&mut world.world.connect("198.51.100.2:9090"));
    });
}

#[test]
fn a_container_without_a_route_back_sees_the_gateway() {
    inside("tcp::a_container_without_a_route_back_sees_the_gateway", || {
        let world = World::new();
        let container = world.container(2);
        container.script("ip route del default; ip -6 route del default");
        echo(container.listen("0.0.0.0:80"));
        let listeners = world.tcp_listeners(8080);
        let target = Target { keep_client: false, ..target(2) };
        world.forwarder.publish(&port(8080, 80, Protocol::Tcp), listeners, target).unwrap();
        assert_eq!(peer(&mut world.world.connect("198.51.100.2:8080")).ip(), ip("10.89.0.1"));
    });
}
