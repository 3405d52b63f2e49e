//! Published ports through real network namespaces: a client beyond the host, the host, a network, containers.
//!
//! Each test runs itself once more as root of a user namespace of its own; there, namespaces are threads' (setns(2)).

#![allow(clippy::disallowed_methods, reason = "what sockets of other threads do has no event")]

mod space;
mod tcp;
mod udp;
