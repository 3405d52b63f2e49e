//! `cala-oci`: create, start, state, kill and delete of a bundle, with the command line of other OCI runtimes.

use std::process::ExitCode;

/// Runs the program with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::from(125)
}
