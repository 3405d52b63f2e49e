//! The command line: clap types, one file per command, tables, templates, exit codes. The only crate that prints.

#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")
)]

pub mod template;
