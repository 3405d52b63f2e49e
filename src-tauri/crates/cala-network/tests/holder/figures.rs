//! What a network costs: time to start, private memory.

use std::time::Instant;

use crate::fixture::{Net, can_run};

/// KiB of a process's private memory.
fn private_kib(pid: i32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
    lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
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
    let alone = private_kib(pid);
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
    let private = private_kib(pid);
    further.sort();
    eprintln!(
        "start {started:?}, first attach {attached:?}, further {:?} to {:?}; uplink {:?}; private {alone} KiB with one, {private} KiB with ten",
        further.first(),
        further.last(),
        first.attached().uplink_problem.clone().unwrap_or_else(|| net.snapshot().uplink)
    );
    assert!(private < 6 << 10, "{private} KiB");
    drop((first, all));
    net.wait_for_end();
}
