//! The monitor as the tests of this crate start it; what is shipped is package `cala`'s program of the same body.

use std::process::ExitCode;

fn main() -> ExitCode {
    cala_monitor::main()
}
