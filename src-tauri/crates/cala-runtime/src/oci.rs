//! `cala-oci`: create, start, state, kill and delete of a bundle, with the command line of other OCI runtimes.

use std::process::ExitCode;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    run(std::env::args().skip(1))
}

/// Runs the program with these arguments, the first is the command.
#[must_use]
pub fn run(_args: impl Iterator<Item = String>) -> ExitCode {
    ExitCode::from(125)
}
