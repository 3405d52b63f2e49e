//! The window's own build: Node.js, `npm ci`, Vite.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::packages::{self, Package};
use crate::step::{command, has, root, step};

/// The oldest Node.js that Vite runs on.
const OLDEST: (u32, u32) = (20, 19);

/// What is fetched where the system's is older, and where to: `step::command` looks there first.
const PACKAGE: &str = "node@22";
const FOLDER: &str = "target/node";

/// npm, in the folder of the window's source.
pub(crate) fn npm() -> Command {
    let mut npm = command("npm");
    npm.current_dir(root().join("ui"));
    npm
}

/// Debian's packages, where there is no Node.js at all.
pub(crate) fn packages() -> &'static [Package] {
    if version().is_none() || !has("npm") { packages::NODE } else { &[] }
}

/// Installs the exact packages of the lock file, unless they are there.
pub(crate) fn install() -> Result<()> {
    ensure_node()?;
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

/// Node.js as it is found; when that is too old the one of the npm package `node`, in `target/node`.
fn ensure_node() -> Result<()> {
    if version() >= Some(OLDEST) {
        return Ok(());
    }
    let folder = root().join(FOLDER);
    std::fs::create_dir_all(&folder).context("cannot make the target folder")?;
    let mut install = command("npm");
    install.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(&folder).arg(PACKAGE);
    let remedy = "install Node.js 20.19 or newer (nodejs.org, or your distribution's package)";
    step("fetch a current Node.js (the system's is too old)", remedy, &mut install)?;
    ensure!(version() >= Some(OLDEST), "Node.js is still too old\nremedy: {remedy}");
    Ok(())
}

fn version() -> Option<(u32, u32)> {
    let output = command("node").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map_while(|word| word.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}
