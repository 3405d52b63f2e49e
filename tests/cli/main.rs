//! The command line as a person or a script meets it: words, streams and exit codes, each exact.
//!
//! `CALA_TEST_PROGRAM=podman` runs what is marked as common with Podman against Podman itself: a row that Podman fails is
//! a wrong row.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs, reason = "tests")]

mod archives;
mod attached;
mod bad_input;
mod commits;
mod copies;
mod files;
mod formats;
mod help;
mod image_commands;
mod keys;
mod life;
mod life_input;
mod networks;
mod objects;
mod process;
mod pushes;
mod searches;
mod secrets;
mod starts;
mod systems;
mod volumes;

use cala_testkit::{Cala, Image, Output, Registry};

/// A private Cala without any image.
pub(crate) fn bare() -> Cala {
    Cala::new(env!("CARGO_BIN_EXE_cala"))
}

/// Whether another program than Cala is tested.
pub(crate) fn other_program() -> bool {
    std::env::var_os("CALA_TEST_PROGRAM").is_some()
}

/// What the tested program calls itself in its messages.
pub(crate) fn program() -> &'static str {
    if other_program() { "podman" } else { "cala" }
}

/// A private Cala with busybox under a short name of its own.
pub(crate) struct World {
    pub(crate) cala: Cala,
    pub(crate) registry: Registry,
    pub(crate) image: String,
}

/// The world, or a counted skip when this machine lacks what it takes.
pub(crate) fn world() -> Option<World> {
    let Some(registry) = Registry::start() else {
        cala_testkit::require::skip("docker-registry is not installed");
        return None;
    };
    let Some(busybox) = Image::busybox() else {
        cala_testkit::require::skip("busybox-static is not installed");
        return None;
    };
    let cala = bare();
    let image = registry.push("test/box", "1", &busybox);
    cala.run(["pull", "--quiet", "--tls-verify=false", &image]).success();
    Some(World { cala, registry, image })
}

impl World {
    /// `run OPTIONS --network none IMAGE WORDS`.
    pub(crate) fn container(&self, options: &[&str], words: &[&str]) -> Output {
        let mut args = vec!["run", "--network", "none"];
        // Podman's init is a package of its own.
        args.extend(options.iter().filter(|option| **option != "--init" || !other_program()));
        args.push(&self.image);
        args.extend_from_slice(words);
        self.cala.run(args)
    }

    /// A container in the background that ends by its stop signal; its id.
    #[track_caller]
    pub(crate) fn sleeper(&self, name: &str) -> String {
        self.container(&["-d", "--init", "--name", name], &["sleep", "1000"]).success().text().to_owned()
    }
}

/// Asserts the exit code and the first line on standard error, and that a hint or the help is pointed at when asked.
#[track_caller]
pub(crate) fn refused(output: &Output, code: i32, line: &str) {
    let first = output.stderr.lines().next().unwrap_or_default();
    assert_eq!((output.code, first), (code, line), "{output:?}");
}
