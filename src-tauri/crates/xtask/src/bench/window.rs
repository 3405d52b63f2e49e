//! The real window: how soon it is there, how soon it shows what changed, what it holds in memory.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::step::{cargo, root, step};
use crate::{node, packages, test};

/// The case's name for `--only`.
pub(super) const NAME: &str = "window";

/// Builds the window's release and has `tests/window/bench.mjs` measure it: no podman has a window to compare with.
pub(super) fn measure() -> Result<()> {
    packages::ensure(&[packages::WINDOW, packages::TESTS, node::packages()])?;
    node::install()?;
    node::build()?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", "cala-desktop", "--package", "cala", "--bins"]);
    step("build the release of the window", "see the errors above", &mut build)?;
    println!("\n=== measure the window");
    let skips = root().join("target/bench-skips.tsv");
    let mut command = test::entered(&skips);
    command.args(["--", "node", "tests/window/bench.mjs"]).env("CALA_BIN", root().join("target/release"));
    let output = command.stderr(Stdio::inherit()).output().context("cannot start the measurement")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the window could not be measured ({}): {text}", output.status);
    let line = text.lines().rfind(|line| line.starts_with('{')).context("no figures were printed")?;
    print(&serde_json::from_str(line).context("the figures are no JSON")?);
    Ok(())
}

fn print(figures: &Value) {
    let number = |path: &str| figures.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let (containers, lines) = (number("/containers"), number("/log_lines"));
    let rows = [
        (
            format!("window: list of {containers}, from a cold start"),
            number("/start_ms/median"),
            "ms",
            "<= 1500",
        ),
        ("window: a change is visible after".into(), number("/change_visible_ms"), "ms", "<= 100"),
        (format!("window: {lines} lines shown"), number("/log_shown_ms"), "ms", "< 1000"),
        ("window: memory of all its processes".into(), number("/memory_mib/idle"), "MiB", "<= 250"),
        (format!("window: the same with {lines} lines"), number("/memory_mib/with_log"), "MiB", "bounded"),
    ];
    for (name, value, unit, goal) in rows {
        println!("{name:44} {value:6} {unit:3}   {goal}");
    }
}
