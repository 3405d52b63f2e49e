//! `cargo xtask test`: everything, from a clean checkout on a fresh machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::host::Picture;
use crate::step::{cargo, has, root, step};
use crate::{browser, check, long, node, packages};

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Leave out formatting, lints and types.
    #[arg(long)]
    no_check: bool,
    /// Also the long scenarios with real software (about ten minutes more; as root).
    #[arg(long)]
    long: bool,
    /// Only the Rust tests whose name contains this; with --long only such long scenarios.
    filter: Option<String>,
}

/// Installs, checks, builds, tests, and names what could not be tested here.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::ensure(&[packages::ENGINE, packages::WINDOW, packages::TESTS, node::packages()])?;
    node::install()?;
    node::build()?;
    let skips = root().join("target/skipped-tests.tsv");
    let _ = std::fs::remove_file(&skips);
    std::fs::create_dir_all(root().join("target")).context("cannot make the target folder")?;
    std::fs::write(&skips, "").context("cannot write the list of skipped tests")?;
    open_to_all(&skips)?;
    if !options.no_check && options.filter.is_none() {
        check::checks()?;
    }
    let before = Picture::take();
    let passed = suites(options, &skips);
    // Also when something failed: what a test left may be the reason.
    let unchanged = before.compare_with_now();
    passed.and(unchanged)?;
    report(&skips)
}

fn suites(options: &Options, skips: &Path) -> Result<()> {
    if options.long && options.filter.is_some() {
        return build().and_then(|()| long::run(skips, options.filter.as_deref()));
    }
    rust(options, skips)?;
    if options.filter.is_some() {
        return Ok(());
    }
    if options.long {
        long::run(skips, None)?;
    } else {
        println!("\n=== not run: long scenarios with real software (cargo xtask test --long)");
    }
    step("unit tests of the window", "npm test, in ui/", node::npm().args(["test"]))?;
    browser::run(skips)
}

/// The unprivileged user of the tests writes into it too.
fn open_to_all(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666))
        .context("cannot open the list of skipped tests")
}

fn rust(options: &Options, skips: &Path) -> Result<()> {
    build()?;
    let nextest = has("cargo-nextest");
    let mut cargo = cargo();
    if nextest {
        cargo.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        cargo.args(["test", "--no-fail-fast"]);
    }
    cargo.args(["--workspace", "--exclude", "xtask"]).args(&options.filter);
    for (name, value) in runner(skips) {
        cargo.env(name, value);
    }
    step("tests of the engine and the command line", "run one again: cargo xtask test NAME", &mut cargo)
}

/// Programs and tests in one go, so that nothing is built twice.
fn build() -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--workspace", "--exclude", "xtask", "--bins", "--tests"]);
    step("build programs and tests", "see the errors above", &mut cargo)
}

/// The environment under which every test runs as an unprivileged user in private namespaces.
///
/// It is set here and never in `.cargo/config.toml`, because `cargo xtask` itself would then run under it.
pub(crate) fn runner(skips: &Path) -> Vec<(String, String)> {
    let target = format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase());
    vec![
        (target, format!("{} enter", xtask().display())),
        ("CALA_TEST_TREE".into(), root().display().to_string()),
        ("CALA_TEST_SKIPS".into(), skips.display().to_string()),
    ]
}

/// This program, as a copy: a build may replace the original while it runs, and has then deleted what the name said.
pub(crate) fn xtask() -> PathBuf {
    let copy = root().join("target/xtask-runner");
    let own = std::env::current_exe().unwrap_or_default();
    if own == copy {
        return copy;
    }
    let fresh = copy.with_extension(std::process::id().to_string());
    // The kernel still has the program of a deleted name. Renamed into place, because the copy may be running too.
    let copied = std::fs::copy("/proc/self/exe", &fresh).and_then(|_| std::fs::rename(&fresh, &copy));
    if copied.is_ok() { copy } else { own }
}

/// A command that runs as the tests' unprivileged user.
pub(crate) fn entered(skips: &Path) -> Command {
    let mut command = crate::step::command(xtask());
    command.arg("enter").envs(runner(skips));
    command
}

/// Names and counts what this machine could not test.
fn report(skips: &Path) -> Result<()> {
    let text = std::fs::read_to_string(skips).context("cannot read the list of skipped tests")?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    println!("\n=== not tested on this machine: {}", lines.len());
    for line in &lines {
        println!("  {}", line.replace('\t', ": "));
    }
    // A machine that lacks a package was set up wrongly: that is a failure, not a skip.
    if let Some(line) = lines.iter().find(|line| line.contains("is not installed")) {
        bail!("a test was skipped for want of a package that this command should have installed: {line}");
    }
    println!("\nEverything passed.");
    Ok(())
}
