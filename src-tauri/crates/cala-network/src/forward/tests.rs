//! Published ports through real network namespaces: a client beyond the host, the host, a network, containers.
//!
//! Each test runs itself once more as root of a user namespace of its own; there, namespaces are threads' (setns(2)).

mod space;
mod tcp;
mod udp;
