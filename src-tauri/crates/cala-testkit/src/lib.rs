//! Fixtures for the black-box suites: images made offline, a real registry on loopback and a scripted one, a private Cala.
//!
//! Each test owns its data root and run root; everything it made is gone when the fixture is dropped, and a fixture
//! that finds a process of its own left behind says so. What a machine cannot test is *counted*: [`require`] writes the
//! reason to the file of `CALA_TEST_SKIPS`, and `cargo xtask test` prints the list at the end.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "fixtures of tests"
)]

pub mod command;
pub mod host;
pub mod image;
pub mod registry;
pub mod require;
pub mod scripted;
pub mod tar;

pub use command::{Cala, Output};
pub use image::{Image, LayerBuilder};
pub use registry::Registry;
pub use scripted::ScriptedRegistry;

/// How often a test repeats what depends on chance or on the moment: as often as it says, or a multiple of that
/// (`CALA_TEST_FACTOR`, which `cargo xtask test --long` sets).
#[must_use]
pub fn rounds(usual: u32) -> u32 {
    let factor = std::env::var("CALA_TEST_FACTOR").ok().and_then(|text| text.parse::<u32>().ok());
    usual * factor.unwrap_or(1).max(1)
}
