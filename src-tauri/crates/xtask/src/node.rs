//! The window's own build: Node.js, `npm ci`, Vite.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::step::{command, root, step};

/// The oldest Node.js that Vite runs on.
const OLDEST: (u32, u32) = (20, 19);

/// npm, in the folder of the window's source.
pub(crate) fn npm() -> Command {
    let mut npm = command("npm");
    npm.current_dir(root().join("ui"));
    npm
}

/// Installs the exact packages of the lock file, unless they are there.
pub(crate) fn install() -> Result<()> {
    check_version()?;
    let lock = root().join("ui/package-lock.json");
    let stamp = root().join("ui/node_modules/.package-lock.json");
    let fresh = |path: &PathBuf| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    if fresh(&stamp) >= fresh(&lock) && fresh(&stamp).is_some() {
        return Ok(());
    }
    step("npm ci", "is the npm registry reachable?", npm().args(["ci", "--no-audit", "--no-fund"]))
}

/// Builds the window's pages into `ui/dist`.
pub(crate) fn build() -> Result<()> {
    step("build the pages", "npm run build, in ui/", npm().args(["run", "build"]))
}

fn check_version() -> Result<()> {
    let remedy = "install Node.js 20.19 or newer (nodejs.org, or your distribution's package)";
    let Ok(output) = command("node").arg("--version").output() else {
        bail!("Node.js is not installed\nremedy: {remedy}");
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers =
        text.trim().trim_start_matches('v').split('.').map_while(|word| word.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < OLDEST {
        bail!("Node.js {} is too old\nremedy: {remedy}", text.trim());
    }
    Ok(())
}
