//! The program `cala-store`: unpacks and removes what belongs to ids of the user's range.

use std::process::ExitCode;

fn main() -> ExitCode {
    cala_store::helper::main()
}
