//! Many networks, and many connections that say nothing.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use cala_testkit::Cala;
use cala_testkit::host::get;

const HELLO: &str = "cala/hello";
const NETWORKS: usize = 50;
const SILENT: usize = 10_000;
/// Descriptors of a holder that are none of a connection, at most.
const ITS_OWN: usize = 200;

/// KiB of all processes of which the name begins so: private memory (proc_pid_smaps(5)).
fn private_kib(name: &str) -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ours = processes.filter(|process| {
        let comm = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        comm.starts_with(name)
    });
    let of = |text: String| -> u64 {
        let lines = text.lines().filter(|line| line.starts_with("Private_"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    };
    ours.map(|process| of(std::fs::read_to_string(process.path().join("smaps_rollup")).unwrap_or_default()))
        .sum()
}

#[test]
#[ignore = "minutes: cargo xtask test --long"]
fn fifty_networks_with_two_containers_each() {
    let cala = Cala::new(env!("CARGO_BIN_EXE_cala"));
    for number in 0..NETWORKS {
        let network = format!("n{number}");
        cala.run(["network", "create", &network]).success();
        for name in ["a", "b"] {
            let container = format!("{name}{number}");
            cala.run(["run", "-d", "--name", &container, "--network", &network, HELLO, "serve", "80"])
                .success();
        }
    }
    for number in 0..NETWORKS {
        let (from, to) = (format!("a{number}"), format!("b{number}:80"));
        cala.run(["exec", &from, "/hello", "ask", &to]).success();
        let stranger = format!("b{}:80", (number + 1) % NETWORKS);
        assert_ne!(cala.run(["exec", &from, "/hello", "ask", &stranger]).code, 0, "{number}");
    }
    let (holders, monitors) = (private_kib("cala:netns"), private_kib("cala:monitor"));
    println!("{NETWORKS} networks: holders {holders} KiB private, {} monitors {monitors} KiB", 2 * NETWORKS);
    assert!(holders > 0 && holders < 6144 * NETWORKS as u64, "{holders} KiB");
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
    for number in 0..NETWORKS {
        cala.run(["network", "rm", &format!("n{number}")]).success();
    }
    assert_eq!(cala.run(["network", "ls", "-q"]).success().stdout.lines().count(), 1);
    let start = Instant::now();
    while private_kib("cala:netns") > 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "holders are left");
        wait();
    }
}

fn wait() {
    #[expect(clippy::disallowed_methods, reason = "a test looks from outside")]
    std::thread::sleep(Duration::from_millis(50));
}

fn place(cala: &Cala, name: &str) -> SocketAddr {
    let shown = cala.run(["port", name]).success();
    let port = shown.text().rsplit_once(':').expect("a port").1.parse().unwrap();
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn answers(address: SocketAddr) -> bool {
    get(address).contains("200 OK")
}

/// Descriptors of the holder of a network.
fn descriptors(network: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut holders = processes.filter(|process| {
        let comm = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        comm.trim_end() == format!("cala:netns {network}")
    });
    let holder = holders.next().expect("the network has a holder");
    std::fs::read_dir(holder.path().join("fd")).map_or(0, Iterator::count)
}

#[test]
#[ignore = "a minute: cargo xtask test --long"]
fn ten_thousand_silent_connections_are_bounded_and_others_served() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let all = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all).expect("up to the hard limit");
    let cala = Cala::new(env!("CARGO_BIN_EXE_cala"));
    cala.run(["network", "create", "one"]).success();
    for name in ["flooded", "other"] {
        let args =
            ["run", "-d", "--name", name, "--network", "one", "-p", "127.0.0.1::80", HELLO, "serve", "80"];
        cala.run(args).success();
    }
    let (flooded, other) = (place(&cala, "flooded"), place(&cala, "other"));
    let mut silent = Vec::new();
    for number in 0..SILENT {
        match TcpStream::connect_timeout(&flooded, Duration::from_millis(200)) {
            Ok(stream) => silent.push(stream),
            // The listener's queue is full: no more are let in.
            Err(_) => break,
        }
        if number % 1000 == 0 {
            assert!(answers(other), "another container is served while {number} are silent");
        }
    }
    assert!(answers(other), "another container is served while {} are silent", silent.len());
    let open = descriptors("one");
    // One container has half of the places at most, and the other half is free for others (`cala-network`, budget.rs).
    let most = usize::try_from(limit.maximum.expect("the tests have a limit").min(131_072)).unwrap() / 2;
    let memory = private_kib("cala:netns");
    println!("{} connections, {open} descriptors of {most}, {memory} KiB", silent.len());
    assert!(silent.len() > 4000 && open < most + ITS_OWN, "{} {open} {most}", silent.len());
    assert!(memory < 32 << 10, "{memory} KiB");
    drop(silent);
    let start = Instant::now();
    while !answers(flooded) || descriptors("one") > ITS_OWN {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it does not recover: {} open",
            descriptors("one")
        );
        wait();
    }
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
    cala.run(["network", "rm", "one"]).success();
}
