//! The store's objects as their users see them: on a real file system, with real processes that are really killed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "tests; children report by their standard output"
)]

mod blobs;
mod containers;
mod crashes;
mod damage;
mod events;
mod fixture;
mod images;
mod networks;
mod renaming;
mod root;
mod secrets;
mod settling;
mod volumes;
