//! Networks beside podman's: starts, live changes, memory.

use anyhow::{Result, ensure};

use super::cases::Table;
use super::measure::{Act, compare, quiet};
use super::memory::{pids_named, private_kib};

/// The first container of a network, its way out included; podman's default is a pasta of its own.
pub(super) fn first(table: &Table, name: &str) -> Result<()> {
    table.both(
        &format!("{name}: run --rm, default network"),
        "<= 0.4",
        &["run", "--rm", &table.image, "true"],
    )
}

/// A container with a published port in a network that another one is in.
pub(super) fn used(table: &Table, name: &str) -> Result<()> {
    let (other, network) = (table.bench.fresh_name(), table.bench.fresh_name());
    table.each(&["network", "create", &network])?;
    table.each(&["run", "-d", "--name", &other, "--network", &network, &table.image, "sleep", "100000"])?;
    let words =
        ["run", "--rm", "--network", network.as_str(), "-p", "127.0.0.1::80", table.image.as_str(), "true"];
    table.both(&format!("{name}: network in use, -p"), "<= 0.10", &words)?;
    compare(
        &format!("{name}: cala, beside --network none"),
        table.bench.runs,
        "<= 1.4",
        Act::new(|| quiet(&mut table.bench.cala(words))),
        Act::new(|| quiet(&mut table.bench.cala(table.run_words()))),
    )?;
    table.each(&["rm", "-f", "-t", "0", &other])?;
    table.each(&["network", "rm", &network])
}

/// Connecting a running container to a network and disconnecting it.
pub(super) fn connect(table: &Table, name: &str) -> Result<()> {
    let (container, first, second) =
        (table.bench.fresh_name(), table.bench.fresh_name(), table.bench.fresh_name());
    for network in [&first, &second] {
        table.each(&["network", "create", network])?;
    }
    table.each(&["run", "-d", "--name", &container, "--network", &first, &table.image, "sleep", "100000"])?;
    let act = |podman: bool| -> Result<()> {
        for verb in ["connect", "disconnect"] {
            let words = ["network", verb, second.as_str(), container.as_str()];
            quiet(&mut if podman { table.bench.podman(words) } else { table.bench.cala(words) })?;
        }
        Ok(())
    };
    compare(
        &format!("{name} and disconnect, both"),
        table.bench.runs,
        "<= 40 ms",
        Act::new(|| act(false)),
        Act::new(|| act(true)),
    )?;
    table.each(&["rm", "-f", "-t", "0", &container])?;
    table.each(&["network", "rm", &first, &second])
}

/// What a network with ten containers costs beside their monitors and the way out.
pub(super) fn memory(table: &Table, name: &str) -> Result<()> {
    let network = table.bench.fresh_name();
    quiet(&mut table.bench.cala(["network", "create", &network]))?;
    let names: Vec<String> = (0..10).map(|_| table.bench.fresh_name()).collect();
    for container in &names {
        let words =
            ["run", "-d", "--name", container, "--network", &network, &table.image, "sleep", "100000"];
        quiet(&mut table.bench.cala(words))?;
    }
    let sizes: Vec<u64> = pids_named("cala:netns").into_iter().map(private_kib).collect();
    ensure!(!sizes.is_empty(), "no holder is there");
    println!(
        "{:39} {} KiB private   < 6 MB",
        format!("{name}: holder, 10 containers"),
        sizes.iter().sum::<u64>()
    );
    for container in &names {
        quiet(&mut table.bench.cala(["rm", "-f", "-t", "0", container]))?;
    }
    quiet(&mut table.bench.cala(["network", "rm", &network]))
}
