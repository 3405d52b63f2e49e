//! The program `cala-store` at work: layers, hostile and benign, as an ordinary user's store gets them.
//!
//! Every test drives the real program (`examples/cala-store.rs` is the same) in a scratch store with a canary beside it, and ends
//! with the canary unchanged. They run as any user; with a subordinate id range they test owners too.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, reason = "tests")]

mod archive;
mod attributes;
mod hostile;
mod installing;
mod place;
mod volume;
