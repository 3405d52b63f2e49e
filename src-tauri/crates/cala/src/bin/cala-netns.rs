//! The program `cala-netns`: the holder of one network in use.

use std::process::ExitCode;

fn main() -> ExitCode {
    cala_network::holder::main()
}
