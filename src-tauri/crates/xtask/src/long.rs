//! `cargo xtask test --long`: scenarios with real software from Debian's packages, and what depends on the moment (kills,
//! races) many times more.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::packages::{self, Package};
use crate::step::{cargo, root, step};
use crate::test::runner;

/// What only these need.
const PACKAGES: &[Package] = &[("mmdebstrap", "makes the layer with PostgreSQL, Redis, nginx and Python")];

/// What is in the layer.
const SOFTWARE: &str =
    "postgresql-15,redis-server,nginx-light,python3-minimal,python3-psycopg2,python3-redis";

/// How many times more often than usually.
const FACTOR: &str = "20";

/// What nobody reads in a container.
const LEFT_OUT: [&str; 3] = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

/// Makes the layer when it is missing, then runs the tests of `tests/long` whose name contains `filter`; without one also
/// what depends on the moment.
pub(crate) fn run(skips: &Path, filter: Option<&str>) -> Result<()> {
    packages::ensure(&[PACKAGES])?;
    let layer = layer()?;
    let mut cargo = cargo();
    // One after the other: each takes what the machine has.
    cargo.args(["test", "--package", "cala", "--test", "long", "--", "--ignored", "--nocapture"]);
    cargo.arg("--test-threads=1").args(filter);
    cargo.envs(runner(skips)).env("CALA_LONG_LAYER", layer);
    step("long scenarios", "run one again: cargo xtask test --long NAME", &mut cargo)?;
    if filter.is_some() {
        return Ok(());
    }
    step("kills and races, many times", "the round is in the message", &mut often(skips))
}

/// The tests that repeat something ([`cala_testkit::rounds`]).
fn often(skips: &Path) -> Command {
    let mut cargo = cargo();
    cargo.args(["test", "--package", "cala", "--test", "faults", "--test", "kernel", "--"]);
    cargo.args(["kill", "race", "at_any_moment", "by_force", "swapped", "caught_inside", "may_meet"]);
    cargo.arg("--test-threads=2").envs(runner(skips)).env("CALA_TEST_FACTOR", FACTOR);
    cargo
}

/// The tar; another list of software makes another.
fn layer() -> Result<PathBuf> {
    let mut list = DefaultHasher::new();
    (SOFTWARE, LEFT_OUT).hash(&mut list);
    let path = root().join(format!("target/long/debian-12-{:016x}.tar", list.finish()));
    if path.exists() {
        return Ok(path);
    }
    std::fs::create_dir_all(root().join("target/long")).context("cannot make the folder of the layer")?;
    let unfinished = path.with_extension("unfinished.tar");
    let mut make = Command::new("mmdebstrap");
    make.args(["--variant=minbase", &format!("--include={SOFTWARE}")]);
    make.args(LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}"))).arg("bookworm").arg(&unfinished);
    step(
        "make a layer with real software (a minute, 470 MB)",
        "are Debian's packages reachable?",
        &mut make,
    )?;
    std::fs::rename(&unfinished, &path).context("cannot keep the layer")?;
    Ok(path)
}
