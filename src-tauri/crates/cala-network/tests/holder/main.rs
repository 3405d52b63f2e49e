//! The holder of a network, started as it is in earnest, with processes in namespaces of their own as its containers.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod adoption;
mod figures;
mod fixture;
mod life;
mod refusals;
mod services;
