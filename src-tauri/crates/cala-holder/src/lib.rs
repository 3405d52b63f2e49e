//! What is said to the holder of a network (`cala-netns`), and how it is reached or started.
//!
//! The messages ([`protocol`]), their way over a socket ([`framing`]) and a blocking client ([`client`]) for those who
//! are small and single-threaded, monitors above all. The holder's body is in cala-network.
//!
//! One network has at most one holder: whoever holds the lock of [`paths::lock`] may start it, and hands the lock over.
//! Start reading at [`protocol`], then [`HolderClient::ensure`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod client;
pub mod error;
pub mod framing;
mod lease;
pub mod paths;
pub mod protocol;
mod spawner;

pub use client::HolderClient;
pub use error::HolderError;
pub use lease::Lease;
