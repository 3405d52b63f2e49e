//! Addresses, names and files of a container's network; the holder of a network.
//!
//! Pure parts decide ([`mode`]: which network was asked for; [`private`]: one of a container's own; [`create`], [`options`] and [`subnets`]: what a new one is; [`files`]: what /etc/hosts, /etc/hostname and
//! /etc/resolv.conf say), [`addresses`] looks at the machine by rtnetlink. [`holder`] is the process of a network in use, `cala-netns`; it consists of
//! [`link`] (bridge and interfaces), [`uplink`] (the way out), [`dns`] (names) and [`forward`] (published ports).
//! Deliberately absent: images, what runs in a container, and any change of the host's own network.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod addresses;
pub mod create;
pub mod dns;
mod error;
pub mod files;
pub mod forward;
pub mod holder;
pub mod link;
mod mac;
pub mod mode;
pub mod options;
pub mod private;
pub mod subnets;
pub mod uplink;

pub use error::NetworkError;

/// Bytes of the stack of a thread that does little.
const SMALL_STACK: usize = 128 << 10;
