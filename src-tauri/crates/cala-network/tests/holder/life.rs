//! From the first container of a network to its last.

use cala_holder::HolderError;
use cala_holder::protocol::Reach;
use cala_spec::Protocol;
use std::os::fd::AsFd as _;
use std::time::Duration;

use crate::fixture::{Net, address, can_run};

const SUBNET: &[(&str, &str)] = &[("10.89.70.0/24", "10.89.70.1")];
const BOTH: &[(&str, &str)] = &[("10.89.70.0/24", "10.89.70.1"), ("fd89:70::/64", "fd89:70::1")];

#[test]
fn containers_reach_each_other_and_nothing_is_left_behind() {
    if !can_run() {
        return;
    }
    let net = Net::new(BOTH);
    let (web, web_lease) = net.join("web");
    let (db, db_lease) = net.join("db");
    let status = &db_lease.attached().status;
    assert_eq!(status.addresses[0].to_string(), "10.89.70.3/24");
    assert_eq!(status.addresses[1].to_string(), "fd89:70::3/64");
    assert_eq!(status.mac, "02:42:0a:59:46:03");
    assert_eq!(
        status.gateways,
        ["10.89.70.1".parse::<std::net::IpAddr>().unwrap(), "fd89:70::1".parse().unwrap()]
    );
    for to in &status.addresses {
        web.ping(to.addr()).unwrap();
    }
    web.ping("10.89.70.1".parse().unwrap()).unwrap();
    let _server = db.serve("tcp", "[::]:5432");
    assert_eq!(web.ask("tcp", "10.89.70.3:5432", "hello").unwrap(), "::ffff:10.89.70.2 hello");
    assert_eq!(web.ask("tcp", "[fd89:70::3]:5432", "hello").unwrap(), "fd89:70::2 hello");

    let snapshot = net.snapshot();
    let names: Vec<&str> = snapshot.containers.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["web", "db"]);
    assert!(std::path::Path::new(&format!("/proc/{}", snapshot.pid)).exists());
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", snapshot.pid)).unwrap();
    assert!(cmdline.starts_with(b"cala:netns\0shop\0"));
    assert_eq!(std::fs::read_to_string(format!("/proc/{}/comm", snapshot.pid)).unwrap(), "cala:netns shop\n");

    web_lease.detach(false).unwrap();
    assert!(web.ping(address(&db_lease)).is_err(), "it has left");
    assert_eq!(net.snapshot().containers.len(), 1);
    drop(db_lease);
    let process = cala_sys::pidfd::PidFd::open(snapshot.pid).unwrap();
    net.wait_for_end();
    let interest = [cala_sys::poll::Interest { fd: process.as_fd(), read: true, write: false, token: () }];
    let limit = std::time::Instant::now() + Duration::from_secs(5);
    let mut ready = Vec::new();
    cala_sys::poll::wait(&interest, Some(limit), &mut ready).unwrap();
    assert!(process.has_ended());
    assert!(matches!(net.connect(), Err(HolderError::NotRunning { .. })));
}

#[test]
fn an_address_is_used_again_as_late_as_possible_and_the_next_holder_goes_on() {
    if !can_run() {
        return;
    }
    let net = Net::new(SUBNET);
    let (a, lease) = net.join("a");
    assert_eq!(address(&lease).to_string(), "10.89.70.2");
    let (_b, b_lease) = net.join("b");
    lease.detach(false).unwrap();
    let lease = net.attach(&a).unwrap();
    assert_eq!(address(&lease).to_string(), "10.89.70.4");
    drop((lease, b_lease));
    net.wait_for_end();
    let (_c, lease) = net.join("c");
    assert_eq!(address(&lease).to_string(), "10.89.70.5");
    drop(lease);
    net.wait_for_end();
}

#[test]
fn the_link_of_one_that_has_ended_is_in_nobodys_way() {
    if !can_run() {
        return;
    }
    let net = Net::new(SUBNET);
    let (_other, other_lease) = net.join("other");
    let (container, lease) = net.join("db");
    // Its namespace is still there, as that of a container that ends: so is its link, but it reaches nobody any more.
    lease.detach(true).unwrap();
    assert_eq!(net.snapshot().containers.len(), 1);
    assert!(container.ping(address(&other_lease)).is_err(), "it has left");
    // Its next run comes before the kernel has taken the link away.
    let next = net.make("db").known_as(&container);
    let lease = net.attach(&next).unwrap();
    next.ping(address(&other_lease)).unwrap();
    drop((lease, other_lease));
    net.wait_for_end();
}

#[test]
fn many_at_once_end_at_one_holder_whenever_it_ends() {
    if !can_run() {
        return;
    }
    let net = Net::new(SUBNET);
    for _ in 0..5 {
        let pids: Vec<i32> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| (net.ensure(), net.snapshot().pid))).collect();
            let clients: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            clients.iter().map(|(_, pid)| *pid).collect()
        });
        assert!(pids.iter().all(|pid| *pid == pids[0] && *pid > 0), "{pids:?}");
    }
    // Clients that come just while it ends find it, or the next.
    std::thread::scope(|scope| {
        for offset in 0..4 {
            let net = &net;
            scope.spawn(move || {
                for step in 0..12_u64 {
                    drop(net.ensure().snapshot().unwrap());
                    let pause = Duration::from_millis(94 + (step + offset) % 12);
                    let _ = cala_sys::poll::wait::<()>(
                        &[],
                        Some(std::time::Instant::now() + pause),
                        &mut Vec::new(),
                    );
                }
            });
        }
    });
    net.wait_for_end();
}

#[test]
fn a_container_that_is_killed_leaves_the_network() {
    if !can_run() {
        return;
    }
    let net = Net::new(SUBNET);
    let (a, _a_lease) = net.join("a");
    let (b, b_lease) = net.join("b");
    let to = address(&b_lease);
    // The monitor's connection is closed by the kernel, whatever ended it.
    drop(b_lease);
    drop(b);
    let mut client = net.connect().unwrap();
    assert_eq!(client.snapshot().unwrap().containers.len(), 1);
    assert!(a.ping(to).is_err());
}

#[test]
fn what_a_container_can_reach_is_tried_for_real() {
    if !can_run() {
        return;
    }
    let net = Net::new(BOTH);
    let (web, _web_lease) = net.join("web");
    let (db, db_lease) = net.join("db");
    let _server = db.serve("tcp", "0.0.0.0:5432");
    let mut client = net.connect().unwrap();
    let limit = Duration::from_secs(2);
    let [four, six] = [0, 1].map(|at| db_lease.attached().status.addresses[at].addr());
    assert_eq!(client.reach(&web.id, four, Some(5432), Protocol::Tcp, limit).unwrap(), Reach::Answered);
    assert_eq!(client.reach(&web.id, four, Some(5433), Protocol::Tcp, limit).unwrap(), Reach::Refused);
    assert_eq!(client.reach(&web.id, four, None, Protocol::Tcp, limit).unwrap(), Reach::Answered);
    assert_eq!(client.reach(&web.id, six, None, Protocol::Tcp, limit).unwrap(), Reach::Answered);
    let _names = db.serve("udp", "0.0.0.0:5300");
    assert_eq!(client.reach(&web.id, four, Some(5300), Protocol::Udp, limit).unwrap(), Reach::Answered);
    assert_eq!(client.reach(&web.id, four, Some(5301), Protocol::Udp, limit).unwrap(), Reach::Refused);
    let nobody = "10.89.70.99".parse().unwrap();
    let silent = client.reach(&web.id, nobody, None, Protocol::Tcp, Duration::from_millis(300)).unwrap();
    assert!(matches!(silent, Reach::Silent | Reach::Unreachable), "{silent:?}");
    let short = Duration::from_millis(300);
    let silent = client.reach(&web.id, nobody, Some(53), Protocol::Udp, short).unwrap();
    assert!(matches!(silent, Reach::Silent | Reach::Unreachable), "{silent:?}");
    let stranger = client.reach(&"f".repeat(64), four, None, Protocol::Tcp, limit).unwrap_err();
    assert_eq!(cala_spec::Classify::code(&stranger), "not_in_network");
}
