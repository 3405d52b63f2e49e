//! The window in a real browser and in its real shell.
//!
//! Each test file of `tests/ui` gets a server of its own (a fresh data root, a fresh token in `CALA_UI_URL`) and a real
//! Chromium; each of `tests/window` gets the real program on a display without a screen, driven by WebKit's driver.
//! All of it runs as the unprivileged user of the tests, containers included.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::node;
use crate::step::{root, step};
use crate::test::{entered, xtask};

/// Goes to the place and runs both tiers there.
pub(crate) fn run(skips: &Path) -> Result<()> {
    step(
        "build the pages over the engine that is not there",
        "see above",
        node::npm().args(["run", "build:fake"]),
    )?;
    make_pictures_folder()?;
    let mut command = entered(skips);
    command.arg("--").arg(xtask()).arg("browser");
    step("the window in a browser and in its shell", "pictures are in target/ui", &mut command)
}

/// In the place already. `CALA_UI_TEST` names one file (a part of its name) to run alone.
pub(crate) fn inside() -> Result<()> {
    let mut failed = Vec::new();
    for file in tests("tests/ui")? {
        let home = fresh_home(&file)?;
        let mut server = Server::start(&home)?;
        let result = node_test(&file, &home).env("CALA_UI_URL", &server.address).status();
        server.stop();
        clean(&home);
        if !result.context("node does not start")?.success() {
            failed.push(file.display().to_string());
        }
    }
    for file in tests("tests/window")? {
        let home = fresh_home(&file)?;
        let result = node_test(&file, &home).status();
        clean(&home);
        if !result.context("node does not start")?.success() {
            failed.push(file.display().to_string());
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Where the tests keep their pictures; the unprivileged user writes them.
fn make_pictures_folder() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = pictures();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o1777))
        .with_context(|| format!("cannot open {}", folder.display()))
}

fn pictures() -> PathBuf {
    root().join("target/ui")
}

/// The test files of a folder; none at all is a mistake.
fn tests(folder: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root().join(folder)).with_context(|| format!("{folder} is not there"))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(".test."))
        .collect();
    files.sort();
    ensure!(!files.is_empty(), "{folder} holds no tests");
    if let Ok(only) = std::env::var("CALA_UI_TEST") {
        files.retain(|path| path.to_string_lossy().contains(&only));
    }
    Ok(files)
}

fn fresh_home(file: &Path) -> Result<PathBuf> {
    let base = std::env::var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
    let home = base.join(file.file_stem().unwrap_or_default());
    std::fs::create_dir_all(home.join("run"))?;
    Ok(home)
}

fn node_test(file: &Path, home: &Path) -> Command {
    println!("--- {}", file.display());
    let mut command = crate::step::command("node");
    command.args(["--test", "--test-reporter=spec"]).arg(file).current_dir(root().join("ui"));
    environment(&mut command, home);
    command
}

fn environment(command: &mut Command, home: &Path) {
    command
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("LANG", "C.UTF-8")
        .env("CALA_BIN", root().join("target/debug"))
        .env("CALA_CLI", root().join("target/debug/cala"))
        .env("CALA_PICTURES", pictures())
        .env_remove("DISPLAY");
}

/// Containers of a test that failed must not outlive it.
fn clean(home: &Path) {
    let mut command = Command::new(root().join("target/debug/cala"));
    environment(
        command.args(["rm", "-f", "-a", "-t", "0"]).stdout(Stdio::null()).stderr(Stdio::null()),
        home,
    );
    let _ = command.status();
    let remove =
        Command::new("unshare").args(["-U", "--map-auto", "--map-root-user", "rm", "-rf"]).arg(home).status();
    drop(remove);
}

/// `cala-desktop --serve` on a free port.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(home: &Path) -> Result<Self> {
        let mut command = Command::new(root().join("target/debug/cala-desktop"));
        environment(command.arg("--serve").stdout(Stdio::piped()), home);
        let mut process = command.spawn().context("cala-desktop does not start")?;
        let mut line = String::new();
        let out = process.stdout.take().context("no standard output")?;
        BufReader::new(out).read_line(&mut line)?;
        Ok(Self { process, address: line.trim().to_owned() })
    }

    fn stop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
