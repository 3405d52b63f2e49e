//! Long scenarios with real software from Debian's packages. `cargo xtask test --long` makes the layer that they need and
//! runs them; without it they are only compiled.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod scale;
mod shop;
mod software;
