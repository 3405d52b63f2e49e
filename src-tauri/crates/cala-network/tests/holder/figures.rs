//! What a network costs: time to start, private memory.

use std::time::Instant;

use crate::fixture::{Net, can_run};

/// KiB that a process alone occupies: what it wrote. The pages of its program belong to the page cache, and to all who run
/// it.
fn own_kib(pid: i32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find(|line| line.starts_with("Anonymous:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_network_of_ten_containers_is_small() {
    if !can_run() {
        return;
    }
    let net = Net::new(&[("10.89.73.0/24", "10.89.73.1"), ("fd89:73::/64", "fd89:73::1")]);
    let start = Instant::now();
    let client = net.ensure();
    let started = start.elapsed();
    let container = net.make("first");
    let start = Instant::now();
    let first = client.attach(&container.attach(), std::os::fd::AsFd::as_fd(&container.namespace())).unwrap();
    let attached = start.elapsed();
    let pid = net.snapshot().pid;
    let alone = own_kib(pid);
    let mut further = Vec::new();
    let all: Vec<_> = (1..10)
        .map(|at| {
            let container = net.make(&format!("c{at}"));
            let client = net.ensure();
            let namespace = container.namespace();
            let start = Instant::now();
            let lease = client.attach(&container.attach(), std::os::fd::AsFd::as_fd(&namespace)).unwrap();
            further.push(start.elapsed());
            (container, lease)
        })
        .collect();
    let own = own_kib(pid);
    further.sort();
    eprintln!(
        "start {started:?}, first attach {attached:?}, further {:?} to {:?}; uplink {:?}; own memory {alone} KiB with one, {own} KiB with ten",
        further.first(),
        further.last(),
        first.attached().uplink_problem.clone().unwrap_or_else(|| net.snapshot().uplink)
    );
    assert!(own < 6 << 10, "{own} KiB");
    drop((first, all));
    net.wait_for_end();
}
