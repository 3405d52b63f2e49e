//! `cargo xtask bench`: Cala beside podman in the same interleaved run.

use anyhow::Result;

/// Options of `bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

/// Measures and prints.
pub(crate) fn run(_options: &Options) -> Result<()> {
    Ok(())
}
