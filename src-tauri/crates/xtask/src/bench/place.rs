//! Where it is measured: a Debian 13 root on this machine's kernel, entered as an unprivileged user.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Options;
use crate::step::{root, step};
use crate::test::xtask;

/// The Debian 13 root; remove it and its mark to make it anew.
const ROOT: &str = "/var/tmp/cala-trixie";
/// What is installed in it.
const PACKAGES: &str = "podman,crun,passt,uidmap,netavark,aardvark-dns,nftables,iproute2,procps,ca-certificates,curl,skopeo,umoci,busybox-static,docker-registry,python3,util-linux";

/// Makes the root when it is missing, then measures in it.
pub(super) fn in_debian_13(runs: usize, only: Option<&str>) -> Result<()> {
    make_root()?;
    let tree = root();
    let script = format!(
        "set -e
mount --bind {ROOT} {ROOT}; cd {ROOT}
mount --rbind /dev dev; mount -t proc proc proc; mount -t sysfs sysfs sys
mount -t tmpfs -o mode=755 none run; mkdir -p run/lock; mount -t tmpfs -o mode=1777 none tmp
mkdir -p .{tree}; mount --bind {tree} .{tree}; mount -o remount,bind,ro .{tree}
pivot_root . mnt; umount -l /mnt; cd {tree}
exec \"$@\"",
        tree = tree.display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "--", "sh", "-c", &script, "sh"]);
    command.arg(xtask()).args(["enter", "--"]).arg(xtask()).args([
        "bench",
        "--inside",
        "--runs",
        &runs.to_string(),
    ]);
    if let Some(only) = only {
        command.args(["--only", only]);
    }
    command.env("CALA_TEST_TREE", &tree);
    step("measure", "see above; --podman PATH measures beside another podman", &mut command)
}

/// Measures beside a given podman, as whoever calls.
pub(super) fn here(options: &Options) -> Result<()> {
    let podman = options.podman.clone().unwrap_or_else(|| "podman".into());
    let mut command = Command::new(xtask());
    command.args(["enter", "--"]).arg(xtask()).args(["bench", "--inside", "--podman"]).arg(podman);
    command.args(["--runs", &options.runs.to_string()]).env("CALA_TEST_TREE", root());
    if let Some(only) = &options.only {
        command.args(["--only", only]);
    }
    step("measure", "is podman installed?", &mut command)
}

fn make_root() -> Result<()> {
    let mark = format!("{ROOT}.ok");
    if Path::new(&mark).exists() {
        return Ok(());
    }
    if Path::new(ROOT).exists() {
        std::fs::remove_dir_all(ROOT).with_context(|| format!("cannot remove the unfinished {ROOT}"))?;
    }
    let mut make = Command::new("mmdebstrap");
    make.args([
        "--variant=minbase",
        &format!("--include={PACKAGES}"),
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "trixie",
        ROOT,
    ]);
    step(
        "make a Debian 13 root with podman (about a minute, 350 MB)",
        "are Debian's packages reachable?",
        &mut make,
    )?;
    std::fs::write(&mark, "").context("cannot write the mark")?;
    ensure!(Path::new(ROOT).join("usr/bin/podman").exists(), "the root has no podman");
    Ok(())
}
