//! Published ports, traffic and names of networks, beside podman's two ways to publish a port (rootlessport on a bridge,
//! pasta) and its name server.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::cases::Table;
use super::measure::{Act, compare, quiet};
use crate::step::{root, step};

/// Rounds: each is a fraction of a second.
const ROUNDS: usize = 7;
/// How often podman may try.
const TRIES: usize = 5;
/// Ports of this host for the servers.
const PORTS: [&str; 3] = ["127.0.0.1:18080", "127.0.0.1:18081", "127.0.0.1:18082"];
/// Where a container finds the program, and where the server in it listens.
const INSIDE: &str = "/load";
const LISTEN: &str = "0.0.0.0:80";

fn program() -> PathBuf {
    root().join("target/bench-load")
}

/// Makes the program (`programs/load.rs`) for containers and host alike: statically linked.
pub(super) fn build() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-o"]).arg(program());
    rustc.arg(root().join("src-tauri/crates/xtask/programs/load.rs"));
    step("build the program that makes load", "see the errors above", &mut rustc)
}

fn client<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<()> {
    quiet(Command::new(program()).args(words))
}

fn mount() -> String {
    format!("{}:{INSIDE}:ro", program().display())
}

/// A running server at a port: what runs it, its network, its port.
fn serve(table: &Table, podman: bool, network: &str, port: &str) -> Result<String> {
    let (name, mount, port) = (table.bench.fresh_name(), mount(), format!("{port}:80"));
    let words = [
        "run",
        "-d",
        "--name",
        &name,
        "--network",
        network,
        "-p",
        &port,
        "-v",
        &mount,
        &table.image,
        INSIDE,
        "server",
        LISTEN,
    ];
    quiet(&mut if podman { table.bench.podman(words) } else { table.bench.cala(words) })?;
    Ok(name)
}

/// A published port: much to the container and from it, many requests, many connections.
pub(super) fn port(table: &Table, name: &str) -> Result<()> {
    let network = table.bench.fresh_name();
    table.each(&["network", "create", &network])?;
    let ours = serve(table, false, &network, PORTS[0])?;
    let rivals = [
        ("rootlessport", serve(table, true, &network, PORTS[1])?),
        ("pasta", serve(table, true, "pasta", PORTS[2])?),
    ];
    let wishes: [(&str, &[&str], &str); 4] = [
        ("2 GB in", &["push", "2048"], "<= 0.83, cpu <= 0.8"),
        ("2 GB out", &["pull", "2048"], "<= 0.83, cpu <= 0.8"),
        ("20,000 requests", &["requests", "20000"], "<= 0.83"),
        ("2,000 connections", &["answers", "2000"], "<= 0.8"),
    ];
    for (what, wish, goal) in wishes {
        for ((rival, _), port) in rivals.iter().zip(&PORTS[1..]) {
            let act = |port: &'static str| Act::new(move || client([wish[0], port, wish[1]]));
            compare(&format!("{name}: {what}, {rival}"), ROUNDS, goal, act(PORTS[0]), act(port))?;
        }
    }
    let [(_, bridged), (_, by_pasta)] = rivals;
    quiet(&mut table.bench.cala(["rm", "-f", "-t", "0", &ours]))?;
    quiet(&mut table.bench.podman(["rm", "-f", "-t", "0", &bridged, &by_pasta]))?;
    table.each(&["network", "rm", &network])
}

/// Runs the program in a further container of each.
fn within(table: &Table, name: &str, goal: &str, network: [&str; 2], words: &[&str]) -> Result<()> {
    let mount = mount();
    let act = |podman: bool| {
        let mut all = vec![
            "run",
            "--rm",
            "--network",
            network[usize::from(podman)],
            "-v",
            &mount,
            &table.image,
            INSIDE,
        ];
        all.extend(words);
        Act::new(move || {
            let words = || all.iter().copied();
            if !podman {
                return quiet(&mut table.bench.cala(words()));
            }
            // Its pasta loses a connection now and then; that it has to be made again belongs to its time.
            let mut tries = (0..TRIES).map(|_| quiet(&mut table.bench.podman(words())));
            tries.find(Result::is_ok).context("podman's connection was lost each time")?
        })
    };
    compare(name, ROUNDS, goal, act(false), act(true))
}

/// From container to container, and from a container to the host through the way out.
pub(super) fn traffic(table: &Table, name: &str) -> Result<()> {
    let (network, server, mount) = (table.bench.fresh_name(), table.bench.fresh_name(), mount());
    table.each(&["network", "create", &network])?;
    let words = [
        "run",
        "-d",
        "--name",
        &server,
        "--network",
        &network,
        "-v",
        &mount,
        &table.image,
        INSIDE,
        "server",
        LISTEN,
    ];
    table.each(&words)?;
    let to = format!("{server}:80");
    let between = format!("{name}: 4 GB between containers");
    within(table, &between, "<= 1.0", [&network, &network], &["push", &to, "4096"])?;
    table.each(&["rm", "-f", "-t", "0", &server])?;
    table.each(&["network", "rm", &network])?;
    let mut host = Command::new(program()).args(["server", "0.0.0.0:18083"]).stdin(Stdio::null()).spawn()?;
    let out = "host.containers.internal:18083";
    let networks = ["podman", "pasta"];
    let wishes = [("1 GB from the host", "pull"), ("32 MB to the host", "push")];
    let measured = wishes.iter().zip(["1024", "32"]).try_for_each(|((what, wish), mb)| {
        within(table, &format!("{name}: {what}"), "<= 1.0", networks, &[wish, out, mb])
    });
    host.kill().and_then(|()| host.wait()).context("the server on the host does not end")?;
    measured
}

/// The name server: as fast as it goes, and how long an answer takes at 5,000 a second.
pub(super) fn names(table: &Table, name: &str) -> Result<()> {
    let (network, other) = (table.bench.fresh_name(), table.bench.fresh_name());
    table.each(&["network", "create", "--subnet", "10.190.7.0/24", &network])?;
    table.each(&["run", "-d", "--name", &other, "--network", &network, &table.image, "sleep", "100000"])?;
    let long = format!("{other}.dns.podman");
    let both = [network.as_str(), network.as_str()];
    let many = format!("{name}: 50,000 answers");
    within(table, &many, "cala <= 2500 ms", both, &["names", "10.190.7.1", &long, "50000"])?;
    let mount = mount();
    for podman in [false, true] {
        let words = [
            "run",
            "--rm",
            "--network",
            &network,
            "-v",
            &mount,
            &table.image,
            INSIDE,
            "pace",
            "10.190.7.1",
            &long,
            "20000",
            "5000",
        ];
        let mut command = if podman { table.bench.podman(words) } else { table.bench.cala(words) };
        let output = command.stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        let (median, late) = text.trim().split_once(' ').context("two numbers were expected")?;
        let (who, goal) = if podman { ("podman", "") } else { ("cala", "p99 < 2000 us") };
        println!(
            "{:39} median {median} us, p99 {late} us   {goal}",
            format!("{name}: 5,000 a second, {who}")
        );
    }
    table.each(&["rm", "-f", "-t", "0", &other])?;
    table.each(&["network", "rm", &network])
}
