//! A holder that dies: the network outlives it.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cala_holder::protocol::Attach;
use cala_holder::{HolderClient, Lease};
use cala_sys::pidfd::PidFd;

use crate::fixture::{Box, Net, address, can_run};

const SUBNET: &[(&str, &str)] = &[("10.89.71.0/24", "10.89.71.1")];

fn kill_holder(net: &Net, lease: &Lease) {
    let holder = PidFd::open(net.snapshot().pid).unwrap();
    holder.send_signal(9).unwrap();
    // This is how a monitor learns of it.
    let interest = [cala_sys::poll::Interest { fd: lease.as_fd(), read: true, write: false, token: () }];
    let mut ready = Vec::new();
    let limit = Instant::now() + Duration::from_secs(5);
    cala_sys::poll::wait(&interest, Some(limit), &mut ready).unwrap();
    assert!(ready.iter().any(|event| event.read));
}

fn again(container: &Box, lease: &Lease) -> Attach {
    let status = &lease.attached().status;
    Attach {
        addresses: status.addresses.iter().map(|address| address.addr()).collect(),
        mac: Some(status.mac.clone()),
        adopt: true,
        ..container.attach()
    }
}

fn adopt(client: HolderClient, container: &Box, lease: &Lease) -> Lease {
    client.attach(&again(container, lease), container.namespace().as_fd()).unwrap()
}

#[test]
fn the_next_holder_takes_over_what_is_there() {
    if !can_run() {
        return;
    }
    let net = Net::new(SUBNET);
    let (a, a_lease) = net.join("a");
    let (b, b_lease) = net.join("b");
    let _server = b.serve("tcp", "0.0.0.0:80");
    kill_holder(&net, &a_lease);
    // The kernel's part of the network needs no holder.
    a.ping(address(&b_lease)).unwrap();
    let start = Instant::now();
    let (a_next, b_next) = std::thread::scope(|scope| {
        // Both monitors notice at once; one starts the holder, the other finds it.
        let a_next = scope.spawn(|| adopt(net.ensure_with(&a_lease), &a, &a_lease));
        let b_next = scope.spawn(|| adopt(net.ensure_with(&b_lease), &b, &b_lease));
        (a_next.join().unwrap(), b_next.join().unwrap())
    });
    eprintln!("adopted after {:?}", start.elapsed());
    assert_eq!(a_next.attached().status, a_lease.attached().status);
    assert_eq!(net.snapshot().containers.len(), 2);
    assert_eq!(a.ask("tcp", &format!("{}:80", address(&b_next)), "x").unwrap(), "10.89.71.2 x");
    // A newcomer gets none of their addresses.
    let (c, c_lease) = net.join("c");
    assert_eq!(address(&c_lease).to_string(), "10.89.71.4");
    c.ping(address(&b_next)).unwrap();
    drop((a_lease, b_lease));
    a_next.detach(false).unwrap();
    assert!(c.ping("10.89.71.2".parse().unwrap()).is_err());
    drop((b_next, c_lease));
    net.wait_for_end();
}

#[test]
fn a_network_whose_namespace_was_lost_is_made_anew() {
    if !can_run() {
        return;
    }
    let net = Net::new(SUBNET);
    let (a, a_lease) = net.join("a");
    let (b, b_lease) = net.join("b");
    let _monitor = net.busy_monitor();
    kill_holder(&net, &a_lease);
    // Somebody who has no descriptor of the namespace was faster than the monitors.
    drop(net.ensure());
    let a_next = adopt(net.ensure(), &a, &a_lease);
    let b_next = adopt(net.ensure(), &b, &b_lease);
    assert_eq!(address(&a_next), address(&a_lease));
    a.ping(address(&b_next)).unwrap();
    a.ping("10.89.71.1".parse().unwrap()).unwrap();
    drop((a_next, b_next));
    net.wait_for_end();
}
