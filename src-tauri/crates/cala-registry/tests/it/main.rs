//! The client against a real registry (docker-registry) and against a server that lies, stalls and sends astray.
//!
//! Cases by number are those of the fault list: 34 stalls, 35 cuts, 36 lies, 37 redirects, 38 refusals, 39 resumes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod auth;
mod config;
mod cuts;
mod liar;
mod lies;
mod pushes;
mod real;
mod redirects;
mod support;
