//! `cargo xtask run`: from a fresh clone to the open window.

use anyhow::Result;

use crate::step::{cargo, command, root, step};
use crate::{node, packages};

/// Options of `run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Serve the window on loopback even when there is a display.
    #[arg(long)]
    serve: bool,
    /// Build without optimisation: sooner there, slower to use.
    #[arg(long)]
    debug: bool,
}

/// Installs, builds, opens.
pub(crate) fn run(options: &Options) -> Result<()> {
    let display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()));
    let window = display && !options.serve;
    if window {
        packages::ensure(&[packages::ENGINE, packages::WINDOW, node::packages()])?;
    } else {
        packages::ensure(&[packages::ENGINE, node::packages()])?;
    }
    node::install()?;
    node::build()?;
    build(options.debug, window)?;
    let folder = root().join("target").join(if options.debug { "debug" } else { "release" });
    println!("\nThe command line is {}", folder.join("cala").display());
    let mut program = command(folder.join("cala-desktop"));
    if window {
        return step("Cala", "look at the lines above", &mut program);
    }
    println!(
        "There is no display (or --serve was given): open the address below in a browser of this machine."
    );
    step("Cala on loopback", "look at the lines above", program.arg("--serve"))
}

fn build(debug: bool, window: bool) -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--package", "cala", "--bins", "--package", "cala-desktop"]);
    if !debug {
        cargo.arg("--release");
    }
    if !window {
        cargo.args(["--no-default-features"]);
    }
    step("build Cala", "is the Rust toolchain current (rustup update)?", &mut cargo)
}
