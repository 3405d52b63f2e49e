//! The window in a real browser and in its real shell.

use std::path::Path;

use anyhow::Result;

/// Runs both tiers.
pub(crate) fn run(_skips: &Path) -> Result<()> {
    Ok(())
}
