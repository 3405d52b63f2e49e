//! The program `cala-monitor`: the supervisor of one container.

use std::process::ExitCode;

fn main() -> ExitCode {
    cala_monitor::main()
}
