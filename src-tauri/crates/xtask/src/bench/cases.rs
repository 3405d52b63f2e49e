//! What is measured: the table of the project's goals.

use std::cell::Cell;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use cala_testkit::Registry;
use cala_testkit::image::Image;

use super::files;
use super::images;
use super::load;
use super::measure::{Act, alone, compare, head, quiet};
use super::memory::{peaks, pids_named, private_kib};
use super::networks;
use super::programs::Bench;

/// Runs of cases that take seconds.
const FEW: usize = 3;

/// Containers that run while memory and lists are measured, and that have ended.
const RUNNING: usize = 50;
const STOPPED: usize = 500;

/// What the cases need, made for the first of them that does.
pub(super) struct Table {
    pub(super) bench: Bench,
    registry: Registry,
    /// A small image that both have.
    pub(super) image: String,
    running: Cell<bool>,
    stopped: Cell<bool>,
}

/// One part of the table.
type Case = fn(&Table, &str) -> Result<()>;

/// The cases by name, in the order in which they disturb each other least.
const CASES: [(&str, Case); 28] = [
    ("version", version),
    ("run", run_one),
    ("run-beside", run_beside),
    ("floor", floor),
    ("hundred", hundred),
    ("net-first", networks::first),
    ("net-used", networks::used),
    ("net-connect", networks::connect),
    ("net-memory", networks::memory),
    ("net-port", load::port),
    ("net-traffic", load::traffic),
    ("net-names", load::names),
    ("inspect", inspect),
    ("images", images_list),
    ("pull-large", pull_large),
    ("pull-many", pull_many),
    ("pull-again", pull_again),
    ("pull-memory", pull_memory),
    ("logs-write", logs_write),
    ("logs-attached", logs_attached),
    ("logs-read", logs_read),
    ("logs-tail", logs_tail),
    ("cp-in", files::cp_in),
    ("cp-out", files::cp_out),
    ("cp-large", files::cp_large),
    ("commit", files::commit),
    ("monitor", monitor),
    ("ps", ps),
];

/// Runs the cases whose name contains `only`.
pub(super) fn run(podman: &Path, runs: usize, only: Option<&str>) -> Result<()> {
    let wanted: Vec<_> =
        CASES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))).collect();
    if wanted.is_empty() {
        bail!("there is no such case: {}", CASES.map(|(name, _)| name).join(", "));
    }
    let bench = Bench::new(podman, runs)?;
    bench.introduce()?;
    let registry = Registry::start().context("docker-registry is not installed")?;
    let busybox = Image::busybox().context("busybox-static is not installed")?;
    let image = registry.push("bench/busybox", "1", &busybox);
    let table = Table { bench, registry, image, running: Cell::new(false), stopped: Cell::new(false) };
    let measured = table.measure(&wanted);
    // Whatever went wrong, nothing stays behind.
    let ended = table.bench.end();
    measured.and(ended)
}

impl Table {
    fn measure(&self, wanted: &[&(&str, Case)]) -> Result<()> {
        quiet(&mut self.bench.cala(["pull", &self.image]))?;
        quiet(&mut self.bench.podman(["pull", "--tls-verify=false", &self.image]))?;
        head();
        for (name, case) in wanted {
            case(self, name).with_context(|| format!("case `{name}`"))?;
        }
        Ok(())
    }

    /// The same words for both.
    pub(super) fn both(&self, name: &str, goal: &str, words: &[&str]) -> Result<()> {
        let words = || words.iter().copied();
        compare(
            name,
            self.bench.runs,
            goal,
            Act::new(|| quiet(&mut self.bench.cala(words()))),
            Act::new(|| quiet(&mut self.bench.podman(words()))),
        )
    }

    pub(super) fn each(&self, words: &[&str]) -> Result<()> {
        quiet(&mut self.bench.cala(words.iter().copied()))?;
        quiet(&mut self.bench.podman(words.iter().copied()))
    }

    pub(super) fn run_words(&self) -> [&str; 6] {
        ["run", "--rm", "--network", "none", &self.image, "true"]
    }

    fn start_running(&self) -> Result<()> {
        if self.running.replace(true) {
            return Ok(());
        }
        (0..RUNNING)
            .try_for_each(|_| self.each(&["run", "-d", "--network", "none", &self.image, "sleep", "100000"]))
    }

    fn make_stopped(&self) -> Result<()> {
        if self.stopped.replace(true) {
            return Ok(());
        }
        (0..STOPPED).try_for_each(|_| self.each(&["run", "--network", "none", &self.image, "true"]))
    }
}

fn version(table: &Table, name: &str) -> Result<()> {
    compare(
        name,
        table.bench.runs,
        "cala <= 5 ms",
        Act::new(|| quiet(&mut table.bench.cala(["version"]))),
        Act::new(|| quiet(&mut table.bench.podman(["--version"]))),
    )
}

/// The road from the key press to `execve` and back, when nothing else runs.
fn run_one(table: &Table, name: &str) -> Result<()> {
    table.both(&format!("{name}: run --rm, net none, true"), "<= 0.20", &table.run_words())
}

/// The same while another container runs, whose user namespace is joined.
fn run_beside(table: &Table, name: &str) -> Result<()> {
    let other = table.bench.fresh_name();
    table.each(&["run", "-d", "--name", &other, "--network", "none", &table.image, "sleep", "100000"])?;
    table.both(&format!("{name}: while another runs"), "<= 0.20", &table.run_words())?;
    table.each(&["rm", "-f", "-t", "0", &other])
}

/// What the kernel alone needs for new namespaces and two small programs.
fn floor(table: &Table, name: &str) -> Result<()> {
    let words = ["--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"];
    let act = || {
        quiet(Command::new("unshare").args(words).args(["--fork", "--mount-proc", "/bin/busybox", "true"]))
    };
    alone(&format!("{name}: unshare, busybox true"), table.bench.runs, "the kernel's part", Act::new(act))
}

fn hundred(table: &Table, name: &str) -> Result<()> {
    let at_once = |podman: bool| -> Result<()> {
        let words = table.run_words();
        let start = |_| {
            let mut command = if podman { table.bench.podman(words) } else { table.bench.cala(words) };
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
        };
        let children = (0..100).map(start).collect::<Result<Vec<_>, _>>()?;
        for child in children {
            let output = child.wait_with_output()?;
            let words = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "one of a hundred failed: {words}");
        }
        Ok(())
    };
    compare(
        &format!("{name} of them at once"),
        FEW,
        "<= 0.20",
        Act::new(|| at_once(false)),
        Act::new(|| at_once(true)),
    )?;
    let left = table.bench.cala(["ps", "-aq"]).output()?;
    ensure!(left.stdout.is_empty(), "containers are left: {}", String::from_utf8_lossy(&left.stdout));
    Ok(())
}

fn inspect(table: &Table, name: &str) -> Result<()> {
    let container = table.bench.fresh_name();
    table.each(&["create", "--name", &container, "--network", "none", &table.image, "true"])?;
    table.both(name, "<= 0.3", &["inspect", &container])?;
    table.each(&["rm", &container])
}

fn images_list(table: &Table, name: &str) -> Result<()> {
    table.both(name, "<= 0.3", &["images"])
}

fn pull_large(table: &Table, name: &str) -> Result<()> {
    let image = images::large(&table.registry);
    pull(table, &format!("{name}: 200 MB in one layer"), &image, "<= 0.8")
}

fn pull_many(table: &Table, name: &str) -> Result<()> {
    let image = images::many(&table.registry);
    pull(table, &format!("{name}: 30 layers, 30,000 files"), &image, "<= 0.4")
}

/// Into a fresh root each time.
fn pull(table: &Table, name: &str, image: &str, goal: &str) -> Result<()> {
    let (ours, theirs) = (Cell::new(String::new()), Cell::new(String::new()));
    let prepare = |root: &Cell<String>, podman: bool| -> Result<()> {
        let fresh = table.bench.fresh_root();
        let words = ["--root", &fresh, "images"];
        quiet(&mut if podman { table.bench.podman(words) } else { table.bench.cala(words) })?;
        root.set(fresh);
        Ok(())
    };
    compare(
        name,
        FEW,
        goal,
        Act::after(
            || prepare(&ours, false),
            || quiet(&mut table.bench.cala(["--root", &ours.take(), "pull", image])),
        ),
        Act::after(
            || prepare(&theirs, true),
            || {
                let words = ["--root", &theirs.take(), "pull", "--tls-verify=false", image];
                quiet(&mut table.bench.podman(words))
            },
        ),
    )
}

fn pull_again(table: &Table, name: &str) -> Result<()> {
    let image = images::many(&table.registry);
    let (ours, theirs) = (["pull", &image], ["pull", "--tls-verify=false", &image]);
    compare(
        &format!("{name}: what is there"),
        table.bench.runs,
        "<= 0.3",
        Act::new(|| quiet(&mut table.bench.cala(ours))),
        Act::new(|| quiet(&mut table.bench.podman(theirs))),
    )
}

fn pull_memory(table: &Table, name: &str) -> Result<()> {
    for (what, image) in
        [("200 MB", images::large(&table.registry)), ("30 layers", images::many(&table.registry))]
    {
        let ours = peaks(&mut table.bench.cala(["--root", &table.bench.fresh_root(), "pull", &image]))?;
        let words = ["--root", &table.bench.fresh_root(), "pull", "--tls-verify=false", &image];
        let theirs = peaks(&mut table.bench.podman(words))?;
        let shown = |peaks: std::collections::BTreeMap<String, u64>| {
            let all: Vec<String> = peaks.iter().map(|(name, mib)| format!("{name} {mib}")).collect();
            all.join(", ")
        };
        println!(
            "{:39} MiB at most: {}   beside: {}   < 60",
            format!("{name}: {what}"),
            shown(ours),
            shown(theirs)
        );
    }
    Ok(())
}

/// A million lines, 80 MB.
fn script(lines: u32) -> String {
    format!("yes {} | head -n {lines}", "x".repeat(79))
}

/// Options of ours so that nothing is rotated away, as podman rotates nothing.
const UNROTATED: [&str; 2] = ["--log-opt", "max-size=1g"];

fn write_lines(table: &Table, podman: bool, detach: bool, lines: u32, name: &str) -> Result<()> {
    let script = script(lines);
    let mut words = vec!["run", "--network", "none", "--name", name];
    words.extend(detach.then_some("-d"));
    if !podman {
        words.extend(UNROTATED);
    }
    words.extend([table.image.as_str(), "sh", "-c", &script]);
    let command = |words: &[&str]| {
        let words = words.iter().copied();
        if podman { table.bench.podman(words) } else { table.bench.cala(words) }
    };
    quiet(&mut command(&words))?;
    if detach { quiet(&mut command(&["wait", name])) } else { Ok(()) }
}

fn write_case(table: &Table, name: &str, detach: bool) -> Result<()> {
    let act = |podman| {
        Act::after(
            || Ok(()),
            move || write_lines(table, podman, detach, 1_000_000, &table.bench.fresh_name()),
        )
    };
    compare(name, FEW, "<= 0.8", act(false), act(true))
}

fn logs_write(table: &Table, name: &str) -> Result<()> {
    write_case(table, &format!("{name}: 1,000,000 lines, -d"), true)
}

fn logs_attached(table: &Table, name: &str) -> Result<()> {
    write_case(table, &format!("{name}: the same, attached"), false)
}

fn with_lines(table: &Table, lines: u32) -> Result<String> {
    let name = table.bench.fresh_name();
    write_lines(table, false, true, lines, &name)?;
    write_lines(table, true, true, lines, &name)?;
    Ok(name)
}

fn logs_read(table: &Table, name: &str) -> Result<()> {
    let container = with_lines(table, 1_000_000)?;
    let words = ["logs", &container];
    compare(
        &format!("{name}: 1,000,000 lines"),
        FEW,
        "<= 0.1",
        Act::new(|| quiet(&mut table.bench.cala(words))),
        Act::new(|| quiet(&mut table.bench.podman(words))),
    )
}

fn logs_tail(table: &Table, name: &str) -> Result<()> {
    let (long, short) = (with_lines(table, 1_000_000)?, with_lines(table, 1_000)?);
    table.both(&format!("{name}: --tail 10"), "<= 0.3", &["logs", "--tail", "10", &long])?;
    compare(
        &format!("{name}: cala, beside 1,000 lines"),
        table.bench.runs,
        "about 1",
        Act::new(|| quiet(&mut table.bench.cala(["logs", "--tail", "10", &long]))),
        Act::new(|| quiet(&mut table.bench.cala(["logs", "--tail", "10", &short]))),
    )
}

/// What a running container costs.
fn monitor(table: &Table, name: &str) -> Result<()> {
    table.start_running()?;
    for (comm, goal) in [("cala:monitor", "<= 300 KiB"), ("conmon", "")] {
        let sizes: Vec<u64> = pids_named(comm).into_iter().map(private_kib).collect();
        ensure!(sizes.len() >= RUNNING, "of {RUNNING} processes {comm} there are {}", sizes.len());
        let mean = sizes.iter().sum::<u64>().checked_div(u64::try_from(sizes.len())?).unwrap_or(0);
        let most = sizes.iter().max().copied().unwrap_or(0);
        println!(
            "{:39} {} processes, private KiB each: mean {mean}, most {most}   {goal}",
            format!("{name}: {comm}"),
            sizes.len()
        );
    }
    Ok(())
}

fn ps(table: &Table, name: &str) -> Result<()> {
    table.start_running()?;
    table.make_stopped()?;
    let goal = "<= 0.15, <= 20 ms";
    table.both(&format!("{name} -a: {STOPPED} stopped, {RUNNING} running"), goal, &["ps", "-a"])
}
