//! Wall time, CPU time and memory of whole commands; two programs in turn.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Wall and CPU time of one run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    wall: Duration,
    cpu: Duration,
}

/// CPU time of everything in our control group: monitors and clean-up processes are nobody's children.
fn cpu_of_group() -> Duration {
    let text = std::fs::read_to_string("/sys/fs/cgroup/cpu.stat").unwrap_or_default();
    let usec = text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok()).unwrap_or(0);
    Duration::from_micros(usec)
}

/// Runs an act and measures it.
pub(super) fn sample(act: &mut dyn FnMut() -> Result<()>) -> Result<Sample> {
    let (cpu, start) = (cpu_of_group(), Instant::now());
    act()?;
    let wall = start.elapsed();
    Ok(Sample { wall, cpu: cpu_of_group().saturating_sub(cpu) })
}

/// Runs a command whose output is thrown away; fails with its words.
pub(super) fn quiet(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Runs both in turn and prints a row: minimum and median of each, and the ratios.
pub(super) fn compare(
    name: &str,
    runs: usize,
    goal: &str,
    mut cala: impl FnMut() -> Result<()>,
    mut podman: impl FnMut() -> Result<()>,
) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // One of each that is not counted: caches are then as warm for the one as for the other.
    cala()?;
    podman()?;
    for _ in 0..runs {
        ours.push(sample(&mut cala)?);
        theirs.push(sample(&mut podman)?);
    }
    row(name, &ours, &theirs, goal);
    Ok(())
}

/// Prints a row for samples taken elsewhere.
pub(super) fn row(name: &str, ours: &[Sample], theirs: &[Sample], goal: &str) {
    let wall = |samples: &[Sample]| sorted(samples.iter().map(|sample| sample.wall));
    let cpu = |samples: &[Sample]| sorted(samples.iter().map(|sample| sample.cpu));
    line(name, "wall", &wall(ours), &wall(theirs), goal);
    line("", "cpu", &cpu(ours), &cpu(theirs), "");
}

fn line(name: &str, what: &str, ours: &[f64], theirs: &[f64], goal: &str) {
    let (min, median) = (ours.first().copied().unwrap_or(0.0), middle(ours));
    let (their_min, their_median) = (theirs.first().copied().unwrap_or(0.0), middle(theirs));
    println!(
        "{name:34} {what:4} {min:9.1} {median:9.1}   {their_min:9.1} {their_median:9.1}   {:5.2} {:6.2}   {goal}",
        min / their_min,
        median / their_median,
    );
}

/// The head of the table.
pub(super) fn head() {
    println!(
        "{:34}      {:>9} {:>9}   {:>9} {:>9}   {:>5} {:>6}   goal",
        "milliseconds", "cala min", "median", "podman", "median", "min", "median"
    );
}

/// Prints a row without a counterpart.
pub(super) fn alone(name: &str, runs: usize, goal: &str, mut act: impl FnMut() -> Result<()>) -> Result<()> {
    let mut samples = Vec::new();
    act()?;
    for _ in 0..runs {
        samples.push(sample(&mut act)?);
    }
    let wall = sorted(samples.iter().map(|sample| sample.wall));
    println!(
        "{name:34} wall {:9.1} {:9.1}   {:>9} {:>9}   {:>5} {:>6}   {goal}",
        wall.first().copied().unwrap_or(0.0),
        middle(&wall),
        "-",
        "-",
        "-",
        "-"
    );
    Ok(())
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn middle(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Private memory of a process in KiB (proc_pid_smaps(5)).
pub(super) fn private_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with("Private_Clean:") || line.starts_with("Private_Dirty:"))
        .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .sum()
}

/// Pids whose name (comm) starts with this.
pub(super) fn pids_named(prefix: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.starts_with(prefix))
        })
        .collect()
}
