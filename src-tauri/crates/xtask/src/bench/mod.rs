//! `cargo xtask bench`: Cala beside podman in the same interleaved run, as ratios.
//!
//! Machines are shared and noisy, so single times mean little: both programs run in turn, and the minimum and the median
//! of each and their ratio are printed. As root everything runs in a Debian 13 root with podman 5.4 and crun (made on
//! first use, kept in /var/tmp); with `--podman PATH` beside that podman, as whoever calls.

mod cases;
mod files;
mod images;
mod load;
mod measure;
mod memory;
mod networks;
mod place;
mod programs;
mod window;

use std::path::PathBuf;

use anyhow::Result;

use crate::packages::{self, Package};
use crate::step::{cargo, is_root, step};

/// What only the benchmarks need.
const PACKAGES: &[Package] = &[("mmdebstrap", "makes the Debian 13 root with the podman to compare with")];

/// Options of `bench`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The podman to compare with; by default the one of a Debian 13 root (needs root).
    #[arg(long, value_name = "PATH")]
    podman: Option<PathBuf>,
    /// Runs of each short case.
    #[arg(long, default_value_t = 20)]
    runs: usize,
    /// Only the cases whose name contains this; their names stand in the table's first column. `window` is the last.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Already in the place where it is measured.
    #[arg(long, hide = true)]
    inside: bool,
}

/// Builds the release, goes to the place, measures, prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.inside {
        let podman = options.podman.clone().unwrap_or_else(|| "podman".into());
        return cases::run(&podman, options.runs, options.only.as_deref());
    }
    packages::ensure(&[packages::ENGINE])?;
    let mut build = cargo();
    build.args(["build", "--release", "--package", "cala", "--bins"]);
    step("build the release", "see the errors above", &mut build)?;
    load::build()?;
    let only = options.only.as_deref();
    if only != Some(window::NAME) {
        if options.podman.is_none() && is_root() {
            packages::ensure(&[PACKAGES])?;
            place::in_debian_13(options.runs, only)?;
        } else {
            place::here(options)?;
        }
    }
    if only.is_none_or(|only| only == window::NAME) { window::measure() } else { Ok(()) }
}
