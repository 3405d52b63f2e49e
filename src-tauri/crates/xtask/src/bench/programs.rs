//! The two programs, and where they keep things.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::measure::quiet;
use super::memory::pids_named;
use crate::step::root;

/// The two programs and where they keep things.
#[derive(Debug)]
pub(super) struct Bench {
    cala: PathBuf,
    podman: PathBuf,
    home: PathBuf,
    /// Runs of each short case.
    pub(super) runs: usize,
    /// Roots made so far.
    roots: Cell<usize>,
    /// Containers named so far.
    names: Cell<usize>,
}

impl Bench {
    /// Configures podman fairly: a fresh home would give it its slow storage driver, and a journal that is not there.
    pub(super) fn new(podman: &Path, runs: usize) -> Result<Self> {
        let home = std::env::var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
        let folder = home.join(".config/containers");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("storage.conf"), "[storage]\ndriver = \"overlay\"\n")?;
        let configuration = "[containers]\nlog_driver = \"k8s-file\"\n\n\
            [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"crun\"\n";
        std::fs::write(folder.join("containers.conf"), configuration)
            .context("the home folder is not writable")?;
        let cala = root().join("target/release/cala");
        Ok(Self { cala, podman: podman.into(), home, runs, roots: Cell::new(0), names: Cell::new(0) })
    }

    pub(super) fn cala<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.cala);
        command.args(words).current_dir(&self.home);
        command
    }

    pub(super) fn podman<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(&self.podman);
        command.args(words).current_dir(&self.home);
        command
    }

    /// What is measured, and on what.
    pub(super) fn introduce(&self) -> Result<()> {
        for (program, words) in [(&self.cala, ["version"].as_slice()), (&self.podman, &["--version"])] {
            let output =
                Command::new(program).args(words).output().with_context(|| program.display().to_string())?;
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("kernel {}, {cores} cores\n", kernel.trim());
        Ok(())
    }

    /// A root that nothing was ever pulled into, and its options. It is removed with the home folder at the end and not
    /// between two runs: after a mass deletion ext4 makes files slowly for minutes.
    pub(super) fn fresh_root(&self) -> String {
        self.roots.set(self.roots.get() + 1);
        self.home.join(format!("root-{}", self.roots.get())).display().to_string()
    }

    /// A name that no container has yet.
    pub(super) fn fresh_name(&self) -> String {
        self.names.set(self.names.get() + 1);
        format!("bench-{}", self.names.get())
    }

    /// Ends everything that was started; what lies on the disk goes with the home folder.
    pub(super) fn end(&self) -> Result<()> {
        quiet(&mut self.cala(["stop", "--all", "--time", "0"]))?;
        quiet(&mut self.podman(["kill", "--all"]))?;
        // Each end is followed by a podman that cleans up.
        wait_for_none("conmon")?;
        let run = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).unwrap_or_default();
        if let Ok(pid) = std::fs::read_to_string(run.join("libpod/tmp/pause.pid")) {
            // It keeps podman's user namespace and ends by itself never.
            quiet(Command::new("kill").arg(pid.trim()))?;
        }
        wait_for_none("podman")
    }
}

/// Waits until no process has this name any more.
fn wait_for_none(name: &str) -> Result<()> {
    let start = Instant::now();
    while !pids_named(name).is_empty() {
        if start.elapsed() > Duration::from_secs(60) {
            bail!("processes named {name} do not end");
        }
        #[expect(clippy::disallowed_methods, reason = "they are nobody's children")]
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
