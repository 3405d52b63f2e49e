//! Real containers, started by the real programs as an unprivileged user, looked at from inside and from outside.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs, reason = "tests")]

mod dns;
mod faults;
mod files;
mod hostile;
mod images;
mod inside;
mod isolation;
mod life;
mod lifecycle;
mod look;
mod mounts;
mod names;
mod networks;
mod pause;
mod private;
mod reach;
mod restart;
mod secrets;
mod volume_archives;
mod volumes;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command};

use cala_testkit::{Cala, Image, Output, Registry};

/// A private Cala with the busybox image pulled from a registry of its own.
pub(crate) struct World {
    pub(crate) cala: Cala,
    pub(crate) registry: Registry,
    pub(crate) image: String,
}

/// The world, or a counted skip when this machine lacks what it takes.
pub(crate) fn world() -> Option<World> {
    world_of(env!("CARGO_BIN_EXE_cala"))
}

/// A world of another copy of the programs.
pub(crate) fn world_of(program: &str) -> Option<World> {
    let Some(registry) = Registry::start() else {
        cala_testkit::require::skip("docker-registry is not installed");
        return None;
    };
    let Some(busybox) = Image::busybox() else {
        cala_testkit::require::skip("busybox-static is not installed");
        return None;
    };
    let cala = Cala::new(program);
    let image = registry.push("test/busybox", "1", &busybox);
    cala.run(["pull", "--quiet", &image]).success();
    Some(World { cala, registry, image })
}

/// The embedded image: a small web server that tells who asks.
pub(crate) const HELLO: &str = "cala/hello";

/// The world, if containers can have a way out here.
pub(crate) fn networked() -> Option<World> {
    if !cala_testkit::require::program("pasta") {
        cala_testkit::require::skip("passt is not installed");
        return None;
    }
    world()
}

/// The world on a host whose settings and neighbours are the tests' own.
pub(crate) fn networked_host() -> Option<World> {
    if !cala_testkit::require::private_namespaces() {
        cala_testkit::require::skip("only root can give tests a host of their own");
        return None;
    }
    networked()
}

/// Takes care that containers get no control group: none takes processes any more. False where the groups are not the
/// test's own.
pub(crate) fn nothing_delegated() -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let top = std::path::Path::new("/sys/fs/cgroup");
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let Some(own) = own.filter(|_| cala_testkit::require::private_namespaces()) else { return false };
    for dir in top.join(own).ancestors().take_while(|dir| dir.starts_with(top)) {
        let closed = std::fs::Permissions::from_mode(0o444);
        let _ = std::fs::set_permissions(dir.join("cgroup.procs"), closed);
    }
    true
}

/// Starts the embedded image's web server in the background.
#[track_caller]
pub(crate) fn serve(cala: &Cala, name: &str, options: &[&str], port: &str) {
    let mut args = vec!["run", "-d", "--name", name];
    args.extend_from_slice(options);
    args.extend_from_slice(&[HELLO, "serve", port]);
    cala.run(args).success();
}

/// One field of `inspect`.
#[track_caller]
pub(crate) fn field(cala: &Cala, name: &str, template: &str) -> String {
    cala.run(["inspect", name, "--format", template]).success().text().to_owned()
}

/// The IPv4 address of a container in a network.
#[track_caller]
pub(crate) fn address_in(cala: &Cala, name: &str, network: &str) -> String {
    field(cala, name, &format!("{{{{(index .NetworkSettings.Networks {network:?}).IPAddress}}}}"))
}

/// This program in a container's network, there to run one of its own tests that is ignored otherwise.
pub(crate) fn in_network(cala: &Cala, name: &str, test: &str) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["-t", &field(cala, name, "{{.State.Pid}}"), "-U", "-n", "--preserve-credentials", "--"])
        .arg(std::env::current_exe().expect("it runs"))
        .args(["--exact", test, "--ignored", "--nocapture"]);
    command
}

/// Waits until a child has printed a word.
#[track_caller]
pub(crate) fn wait_for(child: &mut Child, word: &str) {
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains(word)), "{word}");
}

impl World {
    /// `cala run --rm --network none IMAGE WORDS…`.
    pub(crate) fn run_rm(&self, options: &[&str], words: &[&str]) -> Output {
        let mut args = vec!["run", "--rm", "--network", "none"];
        args.extend_from_slice(options);
        args.push(&self.image);
        args.extend_from_slice(words);
        self.cala.run(args)
    }

    /// What a shell line prints inside a fresh container.
    #[track_caller]
    pub(crate) fn sh(&self, options: &[&str], script: &str) -> String {
        self.run_rm(options, &["sh", "-c", script]).success().text().to_owned()
    }

    /// Starts `sleep` in the background under a name and returns the id.
    #[track_caller]
    pub(crate) fn sleeper(&self, name: &str) -> String {
        let args = ["run", "-d", "--network", "none", "--init", "--name", name, &self.image, "sleep", "1000"];
        self.cala.run(args).success().text().to_owned()
    }

    /// One field of `inspect`.
    #[track_caller]
    pub(crate) fn inspect(&self, name: &str, format: &str) -> String {
        self.cala.run(["inspect", "--format", format, name]).success().text().to_owned()
    }
}
