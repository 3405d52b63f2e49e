//! Real containers under a real monitor, from outside: run as an unprivileged user in private namespaces.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests look from outside and have no event to wait for"
)]

mod attach;
mod exec;
mod fixture;
mod life;
mod logs;
mod supervision;
