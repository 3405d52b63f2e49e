//! The command line: clap types, one file per command, tables, templates, exit codes. The only crate that prints.
//!
//! [`main`] reads the arguments as Podman does (`arguments`), lets clap make typed options of them (`app`), and runs
//! one command (`commands`), which calls the engine and shows what it answers. Errors become one line, hints and an exit
//! code in one place (`failure`).
//!
//! **Invariant: nothing is started before it is needed**: no runtime for a command that does not wait, no engine for
//! `version`. Deliberately absent: anything that touches a container by itself.

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::disallowed_methods,
        reason = "tests"
    )
)]

mod app;
mod arguments;
mod attach;
mod clock;
mod commands;
mod context;
mod failure;
mod help;
mod lean;
mod options;
mod output;
mod platform;
mod progress;
mod registry_options;
mod report;
mod table;
pub mod template;
mod yaml;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use failure::Failure;

pub use app::command;

/// Runs the command line of this process: what `cala` does.
#[must_use]
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| output::talk(defect(panic))));
    // What was broken by it ends with the process.
    std::panic::catch_unwind(checked_main).unwrap_or(ExitCode::from(125))
}

/// One line for a defect, or for a library that gives up where it cannot answer (no thread, no descriptor left).
fn defect(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place =
        panic.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
    format!("Error: internal error: {}{place}\n", text.unwrap_or("unknown").replace('\n', " "))
}

fn checked_main() -> ExitCode {
    match run(std::env::args_os().skip(1)) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::talk(failure.render());
            ExitCode::from(failure.code())
        }
    }
}

fn run(arguments: impl Iterator<Item = OsString>) -> Result<u8, Failure> {
    let arguments: Vec<OsString> = arguments.collect();
    let root = lean::command_for(&arguments);
    match arguments::read(&root, arguments)? {
        arguments::Asked::Help(names) => {
            output::data(help::render(&command(), &names)?)?;
            Ok(0)
        }
        arguments::Asked::Run { arguments, path } => app::run(root, arguments, &path),
    }
}

/// Writes a man page per command into a directory: `cala.1`, `cala-run.1`, ….
///
/// # Errors
/// When a file cannot be written.
pub fn man_pages(directory: &Path) -> std::io::Result<()> {
    clap_mangen::generate_to(command(), directory)
}
