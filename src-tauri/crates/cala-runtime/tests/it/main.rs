//! Real containers, as an ordinary user (or as root with the identity for a map).
//!
//! The runtime clones, so it runs in programs with one thread only. This program is its own helper: `it __run PLAN`
//! makes one container and ends as it does; the tests start that and look at output and exit status.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is its own test runner")]

mod bundle;
mod cases;
mod helper;
mod hostile;
mod runner;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("__run") => helper::run(args.get(2).expect("a plan")),
        Some("__oci") => cala_runtime::oci::run(args.into_iter().skip(2)),
        _ => runner::run(&args, &[cases::CASES, hostile::CASES].concat()),
    }
}
