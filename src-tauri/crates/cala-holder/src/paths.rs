//! Where the holder of a network is found below the run root R.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::protocol::SOCKET_NAME;

/// `R/networks`.
#[must_use]
pub fn networks(run_root: &Path) -> PathBuf {
    run_root.join("networks")
}

/// `R/networks/<id>`: what a holder keeps while it lives, and the last address it gave.
#[must_use]
pub fn directory(run_root: &Path, network: &str) -> PathBuf {
    networks(run_root).join(network)
}

/// `R/networks/<id>/sock`.
#[must_use]
pub fn socket(run_root: &Path, network: &str) -> PathBuf {
    directory(run_root, network).join(SOCKET_NAME)
}

/// `R/networks/<id>.lock`: held (flock(2)) while the network has a holder, or while one is being started.
#[must_use]
pub fn lock(run_root: &Path, network: &str) -> PathBuf {
    networks(run_root).join(format!("{network}.lock"))
}

/// Makes `R/networks` (0700) if it is missing.
///
/// # Errors
/// Those of mkdir(2) other than EEXIST.
pub fn prepare(run_root: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(networks(run_root))
}
