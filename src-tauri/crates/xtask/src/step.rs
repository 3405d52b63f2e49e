//! Steps: each says what it does, how long it took, and what to do when it fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// A command that runs in the workspace's root. A Node.js that was fetched comes before the system's.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    let fetched = root().join("target/node/node_modules/node/bin");
    if fetched.is_dir() {
        let mut path = fetched.into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
    }
    command
}

/// Cargo, as it was called. It builds into `target`, where everything here looks, whatever the user has set elsewhere.
pub(crate) fn cargo() -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.env("CARGO_TARGET_DIR", root().join("target"));
    cargo
}

/// Runs a command as a named step. `remedy` is what a person can do when it fails.
pub(crate) fn step(name: &str, remedy: &str, command: &mut Command) -> Result<()> {
    let start = Instant::now();
    println!("\n=== {name}");
    let status = command
        .status()
        .with_context(|| format!("step `{name}`: cannot start {command:?}\nremedy: {remedy}"))?;
    println!("=== {name}: {:.0} s", start.elapsed().as_secs_f64());
    if !status.success() {
        bail!("step `{name}` failed ({status}): {command:?}\nremedy: {remedy}");
    }
    Ok(())
}

/// Whether a program is on the PATH.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
