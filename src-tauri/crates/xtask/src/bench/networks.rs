//! Networks beside podman's: starts, live changes, memory.

use anyhow::{Context as _, Result, ensure};

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

/// Containers of a network whose memory is measured.
const CONTAINERS: u64 = 10;

/// What a network costs beside the way out, and a container more, its port and its monitor included.
pub(super) fn memory(table: &Table, name: &str) -> Result<()> {
    let network = table.bench.fresh_name();
    quiet(&mut table.bench.cala(["network", "create", &network]))?;
    let names: Vec<String> = (0..CONTAINERS).map(|_| table.bench.fresh_name()).collect();
    for container in &names {
        let words = [
            "run",
            "-d",
            "--name",
            container,
            "--network",
            &network,
            "-p",
            "127.0.0.1::80",
            &table.image,
            "sleep",
            "100000",
        ];
        quiet(&mut table.bench.cala(words))?;
    }
    let (holder, all) = (private_of(&["cala:netns"]), private_of(&["cala:netns", "cala:monitor"]));
    ensure!(holder > 0, "no holder is there");
    println!("{:39} {holder} KiB private   < 6 MB", format!("{name}: holder, {CONTAINERS} containers"));
    let remove = |container: &String| quiet(&mut table.bench.cala(["rm", "-f", "-t", "0", container]));
    // Two stay: what a program alone maps of its file would count as its own.
    let (stay, go) = names.split_at_checked(2).context("there are containers")?;
    go.iter().try_for_each(remove)?;
    let few = private_of(&["cala:netns", "cala:monitor"]);
    println!(
        "{:39} {} KiB private   <= 400 KiB",
        format!("{name}: a container more, with a port"),
        all.saturating_sub(few) / u64::try_from(go.len())?.max(1)
    );
    stay.iter().try_for_each(remove)?;
    quiet(&mut table.bench.cala(["network", "rm", &network]))
}

fn private_of(programs: &[&str]) -> u64 {
    programs.iter().flat_map(|program| pids_named(program)).map(private_kib).sum()
}
