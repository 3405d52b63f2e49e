//! `cargo xtask …`: the one door for set-up, run, test, check and bench.
//!
//! Two commands matter to a newcomer: `run` installs what is missing, builds and opens the window; `test` installs what
//! the tests need and passes them all. Continuous integration calls the same `test` and nothing else. Every step says
//! what it does before it does it, and a failure names the step and the remedy.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to a person at a terminal")]
#![allow(clippy::expect_used, reason = "a broken assumption ends the command with a sentence")]

mod bench;
mod browser;
mod check;
mod enter;
mod host;
mod long;
mod neighbour;
mod node;
mod packages;
mod run;
mod step;
mod test;

use clap::{Parser, Subcommand};

/// Builds, runs, tests and measures Cala.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Installs what is missing, builds and opens the window (without a display: serves it on loopback).
    Run(run::Options),
    /// Installs what the tests need and runs them all.
    Test(test::Options),
    /// Formatting, lints, types, messages, architecture.
    Check(check::Options),
    /// Measures Cala beside podman.
    Bench(bench::Options),
    /// Runs a command as an unprivileged user in private namespaces; the tests' runner.
    #[command(hide = true)]
    Enter(enter::Options),
    /// Runs the browser and window tests in the place where they are safe.
    #[command(hide = true)]
    Browser,
}

fn main() -> std::process::ExitCode {
    let result = match Arguments::parse().command {
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Check(options) => check::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Browser => browser::inside(),
        Task::Enter(options) => return enter::run(&options),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
