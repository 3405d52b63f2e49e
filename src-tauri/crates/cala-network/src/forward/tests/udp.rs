//! UDP.

use std::net::{SocketAddr, UdpSocket};

use cala_spec::port::Protocol;

use super::space::{World, inside, port};

/// Answers each datagram with who sent it.
fn answer(socket: UdpSocket) {
    socket.set_read_timeout(None).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let text = format!("{} {from}", String::from_utf8_lossy(&buffer[..count]));
            let _ = socket.send_to(text.as_bytes(), from);
        }
    });
}

/// Asks, and says who answered what.
fn ask(socket: &UdpSocket, to: &str, text: &str) -> (SocketAddr, String) {
    socket.send_to(text.as_bytes(), to).unwrap();
    let mut buffer = [0; 2048];
    let (count, from) = socket.recv_from(&mut buffer).unwrap_or_else(|error| panic!("{to}: {error}"));
    (from, String::from_utf8_lossy(&buffer[..count]).into_owned())
}

fn seen(answer: &str) -> SocketAddr {
    let seen: SocketAddr = answer.split_once(' ').unwrap().1.parse().unwrap();
    SocketAddr::new(seen.ip().to_canonical(), seen.port())
}

#[test]
fn a_client_keeps_its_address_and_is_answered_from_the_one_it_asked() {
    inside("udp::a_client_keeps_its_address_and_is_answered_from_the_one_it_asked", || {
        let world = World::new();
        let container = world.container(2);
        answer(container.udp("[::]:53"));
        world.publish(&port(5353, 53, Protocol::Udp), 2);
        let v4 = world.world.udp("198.51.100.1:0");
        for to in ["198.51.100.2:5353", "198.51.100.22:5353", "198.51.100.2:5353"] {
            let (from, text) = ask(&v4, to, to);
            assert_eq!(from.to_string(), to);
            assert!(text.starts_with(to));
        }
        let (_, text) = ask(&v4, "198.51.100.2:5353", "x");
        assert_eq!(seen(&text), v4.local_addr().unwrap());
        let v6 = world.world.udp("[2001:db8:52::1]:0");
        let (from, text) = ask(&v6, "[2001:db8:51::2]:5353", "x");
        assert_eq!(from.to_string(), "[2001:db8:51::2]:5353");
        assert_eq!(seen(&text), v6.local_addr().unwrap());
    });
}

#[test]
fn one_client_socket_may_use_two_ports_of_one_service() {
    inside("udp::one_client_socket_may_use_two_ports_of_one_service", || {
        let world = World::new();
        let container = world.container(2);
        answer(container.udp("0.0.0.0:53"));
        let (first, second) = (port(5353, 53, Protocol::Udp), port(5354, 53, Protocol::Udp));
        world.publish(&first, 2);
        world.publish(&second, 2);
        let client = world.world.udp("198.51.100.1:0");
        for _ in 0..3 {
            for to in ["198.51.100.2:5353", "198.51.100.2:5354"] {
                assert_eq!(ask(&client, to, "x").0.to_string(), to);
            }
        }
        assert_eq!((world.forwarder.connections(&first), world.forwarder.connections(&second)), (1, 1));
        world.forwarder.unpublish(&first);
        assert_eq!(world.forwarder.connections(&first), 0);
        assert_eq!(ask(&client, "198.51.100.2:5354", "x").0.port(), 5354);
    });
}

#[test]
fn a_service_of_one_family_is_asked_from_the_other() {
    inside("udp::a_service_of_one_family_is_asked_from_the_other", || {
        let world = World::new();
        let container = world.container(2);
        answer(container.udp("0.0.0.0:53"));
        world.publish(&port(5353, 53, Protocol::Udp), 2);
        let client = world.host.udp("[::1]:0");
        assert_eq!(seen(&ask(&client, "[::1]:5353", "x").1).ip().to_string(), "10.89.0.1");
        assert_eq!(ask(&client, "[::1]:5353", "again").0.to_string(), "[::1]:5353");
        let client = world.host.udp("127.0.0.1:0");
        assert_eq!(seen(&ask(&client, "127.0.0.1:5353", "x").1).ip().to_string(), "10.89.0.1");
    });
}

#[test]
fn a_service_that_was_not_there_yet_is_reached_later() {
    inside("udp::a_service_that_was_not_there_yet_is_reached_later", || {
        let world = World::new();
        let container = world.container(2);
        world.publish(&port(5353, 53, Protocol::Udp), 2);
        let client = world.world.udp("198.51.100.1:0");
        client.send_to(b"too early", "198.51.100.2:5353").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(100));
        answer(container.udp("[::]:53"));
        assert!(ask(&client, "198.51.100.2:5353", "now").1.starts_with("now"));
    });
}

#[test]
fn a_flood_of_clients_makes_place_for_new_ones() {
    inside("udp::a_flood_of_clients_makes_place_for_new_ones", || {
        let world = World::with_descriptors(1024);
        let container = world.container(2);
        answer(container.udp("0.0.0.0:53"));
        world.publish(&port(5353, 53, Protocol::Udp), 2);
        for number in 0..1000_u16 {
            let client = world.world.udp("198.51.100.1:0");
            let text = number.to_string();
            assert!(ask(&client, "198.51.100.2:5353", &text).1.starts_with(&text));
        }
        assert!(world.forwarder.connections(&port(5353, 53, Protocol::Udp)) <= 256);
    });
}
