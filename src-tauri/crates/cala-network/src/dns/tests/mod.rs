//! Tests of the name server over loopback: clients with addresses of their own, resolvers and holders that say what a test
//! wants.

mod bench;
mod fairness;
mod fixture;
mod forwarding;
mod malformed;
mod names;
mod networks;
mod streams;

use std::time::Duration;

/// Waits until a file that was replaced is looked at again.
#[expect(clippy::disallowed_methods, reason = "the passing of time is what is waited for")]
fn let_time_pass() {
    std::thread::sleep(Duration::from_millis(150));
}
