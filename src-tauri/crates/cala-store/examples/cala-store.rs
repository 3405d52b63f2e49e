//! The program `cala-store` for this room's own tests: the real one is built by the package `cala`, which stands above.

use std::process::ExitCode;

fn main() -> ExitCode {
    cala_store::helper::main()
}
