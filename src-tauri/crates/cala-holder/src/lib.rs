//! What is said to the holder of a network (`cala-netns`), and how it is reached or started.
//!
//! The messages ([`protocol`]) and a blocking client for those who are small and single-threaded, monitors above all.
//! The holder's body is in cala-network.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod protocol;
