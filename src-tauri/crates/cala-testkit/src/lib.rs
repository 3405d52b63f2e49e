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
pub mod image;
pub mod registry;
pub mod require;
pub mod scripted;
pub mod tar;

pub use command::{Cala, Output};
pub use image::{Image, LayerBuilder};
pub use registry::Registry;
pub use scripted::ScriptedRegistry;
