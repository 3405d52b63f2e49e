//! `cala-oci`: the OCI runtime as a command of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    cala_runtime::oci::main()
}
