//! `cargo xtask enter CMD…`: runs a command as an unprivileged user in a world of its own.
//!
//! As root: makes the user `cala-test` when it is missing, enters private mount, pid, ipc, network and cgroup namespaces,
//! mounts a cgroup v2 tree delegated to the user, gives a fresh home and run-time folder and a small disk for tests that
//! fill one (`CALA_TEST_SMALL_DISK`), drops all privileges, and fails with 70 when the command left a process behind. As
//! any other user: a fresh home and run-time folder, and a delegated scope where the user's systemd gives one.
//!
//! Three stages, because namespaces are entered by executing `unshare` (unshare(1)): 0 outside, 1 inside all but the
//! cgroup namespace, 2 inside that too. Nothing outside the private namespaces is changed except the user account.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::io::Errno;
use rustix::process::{WaitOptions, wait};

use crate::step::{has, is_root};

/// The account that tests run as.
const USER: &str = "cala-test";
/// Where its homes are.
const BASE: &str = "/var/tmp/cala-test";
const CGROUP: &str = "/sys/fs/cgroup";
/// A disk that is soon full, in the private /dev/shm.
const SMALL_DISK: &str = "/dev/shm/cala-small-disk";
/// Its size: 64 MiB and 4096 files.
const SMALL_DISK_SIZE: &str = "size=64m,nr_inodes=4096";
/// Exit code for "the command left processes behind".
const LEFT_BEHIND: u8 = 70;

/// The host's network as tests see it: an uplink `up0` (198.51.100.2, 2001:db8:51::2) whose far end is the network
/// namespace "world" with the gateway (198.51.100.1, 2001:db8:51::1) and hosts beyond it (203.0.113.1, 2001:db8:52::1),
/// where a neighbour passes connections on ([`crate::neighbour`]).
/// `CALA_TEST_WORLD` is a command that root runs there.
const NETWORK: &str = r#"set -e
ip link set lo up
# As systemd sets it: whoever is here may send echo requests.
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range
# A test may be the host's name server.
echo 53 >/proc/sys/net/ipv4/ip_unprivileged_port_start
mkdir -p /run/netns
mount -t tmpfs -o mode=755 none /run/netns
ip netns add world
ip -n world link set lo up
ip -n world addr add 203.0.113.1/32 dev lo
ip -n world addr add 2001:db8:52::1/128 dev lo
ip link add up0 type veth peer name up0 netns world
ip addr add 198.51.100.2/24 dev up0
ip addr add 2001:db8:51::2/64 dev up0 nodad
ip link set up0 up
ip -n world addr add 198.51.100.1/24 dev up0
ip -n world addr add 2001:db8:51::1/64 dev up0 nodad
ip -n world link set up0 up
ip route add default via 198.51.100.1
ip -6 route add default via 2001:db8:51::1
if [ -n "${CALA_TEST_WORLD:-}" ]; then ip netns exec world sh -c "$CALA_TEST_WORLD" & fi
"#;

/// Options of `enter`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which stage this is.
    #[arg(long, default_value_t = 0, hide = true)]
    stage: u8,
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

/// Runs the stage.
pub(crate) fn run(options: &Options) -> ExitCode {
    let result = match options.stage {
        _ if !is_root() && options.stage == 0 => as_user(&options.command),
        0 => outside(&options.command),
        1 => inside(&options.command),
        _ => innermost(&options.command),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("enter: {error:#}");
            ExitCode::from(71)
        }
    }
}

/// An ordinary user: fresh folders, a delegated scope where there is one.
fn as_user(words: &[String]) -> Result<u8> {
    let work = temporary(Path::new("/var/tmp"))?;
    let run = work.join("run");
    std::fs::create_dir(&run)?;
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700))?;
    let real = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).unwrap_or_default();
    for name in ["bus", "systemd"] {
        if real.join(name).exists() {
            std::os::unix::fs::symlink(real.join(name), run.join(name))?;
        }
    }
    let scoped = has("systemd-run")
        && Command::new("systemctl")
            .args(["--user", "show-environment"])
            .output()
            .is_ok_and(|o| o.status.success());
    let mut command = if scoped {
        let mut scope = Command::new("systemd-run");
        scope.args(["--user", "--scope", "-q", "-p", "Delegate=yes", "--collect", "--"]).args(words);
        scope
    } else {
        let (program, rest) = words.split_first().context("no command")?;
        let mut command = Command::new(program);
        command.args(rest);
        command
    };
    for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(name);
    }
    let status = command
        .env("HOME", &work)
        .env("XDG_RUNTIME_DIR", &run)
        .status()
        .context("the command does not start")?;
    let _ = Command::new("unshare")
        .args(["--user", "--map-auto", "--map-root-user", "rm", "-rf"])
        .arg(&work)
        .stderr(Stdio::null())
        .status();
    Ok(code(status))
}

/// Stage 0: the user account, then the namespaces.
fn outside(words: &[String]) -> Result<u8> {
    account()?;
    let error = Command::new("unshare")
        .args([
            "-m",
            "-p",
            "-n",
            "-i",
            "--propagation",
            "private",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
            // Pid 1 of the namespace inherits every orphan; a shell that waits reaps them all.
            "sh",
            "-c",
            "\"$@\"; exit $?",
            "sh",
        ])
        .arg(std::env::current_exe()?)
        .args(["enter", "--stage", "1", "--"])
        .args(words)
        .exec();
    Err(error).context("unshare (package util-linux) does not start")
}

/// Makes the account; parallel tests do it once (flock(1) on a file of its own).
fn account() -> Result<()> {
    let script = format!(
        "id {USER} >/dev/null 2>&1 || useradd --create-home --home-dir {BASE} --shell /bin/bash {USER}; grep -q '^{USER}:' /etc/subuid"
    );
    let status = Command::new("flock").args(["/run/lock/cala-test-user", "sh", "-c", &script]).status()?;
    ensure!(
        status.success(),
        "the user {USER} has no range in /etc/subuid: run usermod --add-subuids 100000-165535 {USER}"
    );
    Ok(())
}

/// Stage 1: mounts, folders and the control group; waits for the command and looks for what it left.
fn inside(words: &[String]) -> Result<u8> {
    let group = make_group()?;
    sh(NETWORK)?;
    crate::neighbour::start("/run/netns/world")?;
    let (uid, gid) = ids()?;
    let run = PathBuf::from(format!("/run/user/{uid}"));
    for folder in [run.as_path(), Path::new(BASE)] {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::set_permissions(BASE, std::fs::Permissions::from_mode(0o755))?;
    mount(&[
        "-t",
        "tmpfs",
        "-o",
        &format!("mode=700,uid={uid},gid={gid}"),
        "none",
        &run.display().to_string(),
    ])?;
    mount(&["-t", "tmpfs", "-o", "mode=1777", "none", "/dev/shm"])?;
    give_tun()?;
    give_resolv_conf(uid, gid)?;
    std::fs::create_dir(SMALL_DISK)?;
    let small = format!("{SMALL_DISK_SIZE},mode=700,uid={uid},gid={gid}");
    mount(&["-t", "tmpfs", "-o", &small, "none", SMALL_DISK])?;
    let home = temporary(Path::new(BASE))?;
    chown(&home, Some(uid), Some(gid))?;
    show_tree()?;
    // The child enters its control group by itself, before it does anything that could be left behind.
    let enter_group = format!("echo 0 >{}/cgroup.procs && exec \"$@\"", group.display());
    let child = Command::new("sh")
        .args(["-c", &enter_group, "enter", "unshare", "-C", "-m", "--propagation", "private", "--"])
        .arg(std::env::current_exe()?)
        .args(["enter", "--stage", "2", "--"])
        .args(words)
        .env("HOME", &home)
        .env("CALA_TEST_SMALL_DISK", SMALL_DISK)
        .spawn()?;
    let code = reap_until(child.id())?;
    let left = left_behind(&group);
    let _ = std::fs::remove_dir_all(&home);
    let _ = sh(&format!("find {} -depth -type d -exec rmdir {{}} +", group.display()));
    Ok(if left && code == 0 { LEFT_BEHIND } else { code })
}

/// A device for taps that the user may open, as on any desktop; where the machine's own is root's only, that stays so.
fn give_tun() -> Result<()> {
    sh(
        "test ! -e /dev/net/tun || { mknod -m 666 /dev/shm/tun c 10 200 && mount --bind /dev/shm/tun /dev/net/tun; }",
    )
}

/// A resolv.conf(5) that tests may change, with what the machine's says.
fn give_resolv_conf(uid: u32, gid: u32) -> Result<()> {
    sh(&format!(
        "test ! -e /etc/resolv.conf || {{ cd /dev/shm && cp /etc/resolv.conf . && chown {uid}:{gid} resolv.conf &&
         mount --bind resolv.conf /etc/resolv.conf; }}"
    ))
}

/// Waits for the child; reaps whoever else became ours, as the namespace's first process must: every monitor does, whose
/// launcher ends before it.
fn reap_until(child: u32) -> Result<u8> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get().unsigned_abs() == child => {
                let signal = || 128 + status.terminating_signal().unwrap_or(0);
                return Ok(u8::try_from(status.exit_status().unwrap_or_else(signal)).unwrap_or(1));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => bail!("the command was lost: {error}"),
        }
    }
}

/// Stage 2: its own cgroup root, delegated to the user, then the user's identity.
fn innermost(words: &[String]) -> Result<u8> {
    let (uid, gid) = ids()?;
    sh(&format!("umount {CGROUP} && mount -t cgroup2 none {CGROUP}"))?;
    // Only the machine's real root lacks this file; it is never handed to anyone.
    ensure!(Path::new(CGROUP).join("cgroup.events").exists(), "this is the machine's own cgroup root");
    let login = Path::new(CGROUP).join("login");
    std::fs::create_dir(&login)?;
    std::fs::write(login.join("cgroup.procs"), "0")?;
    for folder in [Path::new(CGROUP), &login] {
        chown(folder, Some(uid), Some(gid))?;
        for file in ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"] {
            chown(folder.join(file), Some(uid), Some(gid))?;
        }
    }
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        &uid.to_string(),
        "--regid",
        &gid.to_string(),
        "--init-groups",
        "--inh-caps=-all",
        "--",
    ]);
    for name in [
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "DBUS_SESSION_BUS_ADDRESS",
        "CARGO_HOME",
        "RUSTUP_HOME",
    ] {
        command.env_remove(name);
    }
    let error = command
        .args(words)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env("USER", USER)
        .env("LOGNAME", USER)
        .env("CALA_TEST_PRIVATE", "1")
        .env("XDG_RUNTIME_DIR", format!("/run/user/{uid}"))
        .exec();
    Err(error).context("setpriv (package util-linux) does not start")
}

/// A control group of this run, below the one we are in.
fn make_group() -> Result<PathBuf> {
    mount(&["-t", "cgroup2", "none", CGROUP])?;
    let own = std::fs::read_to_string("/proc/self/cgroup")?;
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap_or("/")
        .trim_start_matches('/')
        .to_owned();
    let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    let group = Path::new(CGROUP).join(own).join(format!("cala-test-{}", random.trim()));
    std::fs::create_dir(&group).with_context(|| format!("cannot make {}", group.display()))?;
    Ok(group)
}

/// A checkout below a folder that the user may not enter is shown at the same path, alone, in this mount namespace.
fn show_tree() -> Result<()> {
    let here = std::env::current_dir()?;
    let tree = std::env::var_os("CALA_TEST_TREE").map_or_else(|| here.clone(), PathBuf::from);
    let (uid, gid) = ids()?;
    let readable = Command::new("setpriv")
        .args(["--reuid", &uid.to_string(), "--regid", &gid.to_string(), "--clear-groups", "test", "-r"])
        .arg(&tree)
        .status()?
        .success();
    if readable {
        return Ok(());
    }
    let top = tree
        .components()
        .nth(1)
        .map(|name| Path::new("/").join(name))
        .context("the checkout is the root folder")?;
    let (tree, top) = (tree.display(), top.display());
    sh(&format!(
        "mount --rbind '{tree}' /mnt && mount -t tmpfs -o mode=755 none '{top}' && mkdir -p '{tree}' && mount --move /mnt '{tree}'"
    ))?;
    std::env::set_current_dir(here).context("the checkout vanished")
}

/// Whether processes are left in the group after a moment; names and ends them.
fn left_behind(group: &Path) -> bool {
    let populated = || {
        std::fs::read_to_string(group.join("cgroup.events"))
            .is_ok_and(|events| events.contains("populated 1"))
    };
    let start = Instant::now();
    while populated() && start.elapsed() < Duration::from_secs(1) {
        reap();
        pause();
    }
    if !populated() {
        return false;
    }
    eprintln!("enter: the command left processes behind:");
    let _ = sh(&format!(
        "find {} -name cgroup.procs -exec cat {{}} + | sort -un | while read p; do tr '\\0' ' ' </proc/$p/cmdline >&2; echo >&2; done",
        group.display()
    ));
    let _ = std::fs::write(group.join("cgroup.kill"), "1");
    let start = Instant::now();
    while populated() && start.elapsed() < Duration::from_secs(5) {
        reap();
        pause();
    }
    true
}

/// Reaps those who have ended so far.
fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

/// The kernel offers no wait for an emptied group that is simpler than looking again.
fn pause() {
    #[expect(clippy::disallowed_methods, reason = "a test runner looks from outside")]
    std::thread::sleep(Duration::from_millis(20));
}

fn ids() -> Result<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.starts_with("cala-test:")).context("the user is not there")?;
    let mut fields = line.split(':').skip(2).map(str::parse);
    match (fields.next(), fields.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok((uid, gid)),
        _ => bail!("the user's line in /etc/passwd is malformed"),
    }
}

fn temporary(base: &Path) -> Result<PathBuf> {
    let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    let folder = base.join(format!("home.{}", random.trim()));
    std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn mount(arguments: &[&str]) -> Result<()> {
    let status = Command::new("mount").args(arguments).status()?;
    ensure!(status.success(), "mount {} failed", arguments.join(" "));
    Ok(())
}

fn sh(script: &str) -> Result<()> {
    let status = Command::new("sh").args(["-c", script]).status()?;
    ensure!(status.success(), "failed: {script}");
    Ok(())
}

fn code(status: std::process::ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    u8::try_from(code).unwrap_or(1)
}
