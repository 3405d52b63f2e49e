//! Safe wrappers of system calls, a module per man page.
//!
//! The only room with `unsafe`: each block does one thing and argues why it holds. `rustix` and `nix` do what they can;
//! what is here they do not offer, or not in the form that a single-threaded supervisor of containers needs (clone3 into
//! fresh namespaces, the new mount API with one layer per call, OFD locks, descriptors across sockets).
//!
//! Wrappers return `io::Result` or `OwnedFd`, take `BorrowedFd` and typed flags. Nothing here knows what a container is.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod capability;
pub mod clone;
pub mod credentials;
pub mod durable;
pub mod exec;
pub mod file;
pub mod flock;
pub mod heap;
pub mod interface;
pub mod ip;
pub mod memfd;
pub mod mount;
pub mod namespace;
pub mod netns;
pub mod ofd_lock;
pub mod openat2;
pub mod pidfd;
pub mod poll;
pub mod prctl;
pub mod pty;
pub mod remove_tree;
pub mod reuseport;
pub mod rlimit;
pub mod scm;
pub mod seccomp;
pub mod signal;
pub mod spawn;
pub mod xattr;
