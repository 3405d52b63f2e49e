//! Wall time, CPU time and memory of whole commands; two programs in turn.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Wall and CPU time of one run.
#[derive(Debug, Clone, Copy)]
struct Sample {
    wall: Duration,
    cpu: Duration,
}

/// What is measured, and what has to be done before each run and is not.
pub(super) struct Act<'a> {
    before: Option<Step<'a>>,
    act: Step<'a>,
}

type Step<'a> = Box<dyn FnMut() -> Result<()> + 'a>;

impl<'a> Act<'a> {
    pub(super) fn new(act: impl FnMut() -> Result<()> + 'a) -> Self {
        Self { before: None, act: Box::new(act) }
    }

    /// With something to do before each run. What that left to write is on the disk when the run begins.
    pub(super) fn after(
        before: impl FnMut() -> Result<()> + 'a,
        act: impl FnMut() -> Result<()> + 'a,
    ) -> Self {
        Self { before: Some(Box::new(before)), act: Box::new(act) }
    }

    fn sample(&mut self) -> Result<Sample> {
        if let Some(before) = &mut self.before {
            before()?;
            quiet(&mut Command::new("sync"))?;
        }
        let (cpu, start) = (cpu_of_group(), Instant::now());
        (self.act)()?;
        let wall = start.elapsed();
        Ok(Sample { wall, cpu: cpu_of_group().saturating_sub(cpu) })
    }
}

/// CPU time of everything in our control group: monitors and clean-up processes are nobody's children.
fn cpu_of_group() -> Duration {
    let text = std::fs::read_to_string("/sys/fs/cgroup/cpu.stat").unwrap_or_default();
    let usec = text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok()).unwrap_or(0);
    Duration::from_micros(usec)
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
    mut cala: Act<'_>,
    mut podman: Act<'_>,
) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // One of each that is not counted: caches are then as warm for the one as for the other.
    cala.sample()?;
    podman.sample()?;
    for run in 0..runs {
        // Neither of them always comes after the other.
        if run % 2 == 0 {
            ours.push(cala.sample()?);
            theirs.push(podman.sample()?);
        } else {
            theirs.push(podman.sample()?);
            ours.push(cala.sample()?);
        }
    }
    let wall = |samples: &[Sample]| sorted(samples.iter().map(|sample| sample.wall));
    let cpu = |samples: &[Sample]| sorted(samples.iter().map(|sample| sample.cpu));
    line(name, "wall", &wall(&ours), &wall(&theirs), goal);
    line("", "cpu", &cpu(&ours), &cpu(&theirs), "");
    Ok(())
}

fn line(name: &str, what: &str, ours: &[f64], theirs: &[f64], goal: &str) {
    let (min, median) = (ours.first().copied().unwrap_or(0.0), middle(ours));
    let (their_min, their_median) = (theirs.first().copied().unwrap_or(0.0), middle(theirs));
    println!(
        "{name:34} {what:4} {min:9.1} {median:9.1}   {their_min:9.1} {their_median:9.1}   {:6.3} {:6.3}   {goal}",
        min / their_min,
        median / their_median,
    );
}

/// The head of the table.
pub(super) fn head() {
    println!(
        "{:34}      {:>9} {:>9}   {:>9} {:>9}   {:>6} {:>6}   goal",
        "milliseconds", "cala min", "median", "podman", "median", "min", "median"
    );
}

/// Prints a row without a counterpart.
pub(super) fn alone(name: &str, runs: usize, goal: &str, mut act: Act<'_>) -> Result<()> {
    let mut samples = Vec::new();
    act.sample()?;
    for _ in 0..runs {
        samples.push(act.sample()?);
    }
    let wall = sorted(samples.iter().map(|sample| sample.wall));
    let (min, median) = (wall.first().copied().unwrap_or(0.0), middle(&wall));
    println!(
        "{name:34} wall {min:9.1} {median:9.1}   {:>9} {:>9}   {:>6} {:>6}   {goal}",
        "-", "-", "-", "-"
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
