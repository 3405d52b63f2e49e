//! What happens when things go wrong: the machine lacks something, the disk is full, the registry lies, somebody kills.
//!
//! Everything through the real `cala`, as an unprivileged user. The promise: the next command works without repair,
//! nothing half-made is visible, and nothing stays behind for longer than the next command.

#![allow(
    clippy::cast_possible_truncation,
    clippy::type_complexity,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests"
)]

mod checks;
mod corrupt;
mod damage;
mod disk;
mod environment;
mod kills;
mod limits;
mod parallel;
mod registry;
mod resume;
mod support;
mod volume_kills;
